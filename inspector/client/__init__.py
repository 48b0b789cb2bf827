"""The way to the service: gRPC channels, the greet service as a child, schemas from reflection and .proto files.

Everything that loads gRPC is in here, so this is the one place that silences its C core: it would write its own
log lines across the screen.
"""

from __future__ import annotations

import os

os.environ["GRPC_VERBOSITY"] = "NONE"
