"""The client: gRPC channels, calls, TLS, reflection, protoc, the sample service and the history of requests.

Only this package loads grpc. It silences the log of gRPC's C core, which would be written across the screen.
"""

from __future__ import annotations

import os

os.environ["GRPC_VERBOSITY"] = "NONE"
