"""The greet service that comes with the program: something to send a first call to, and its client.

Knows nothing of the inspector. `python -m sample_service` serves, `python -m sample_service.client` calls.
"""

from __future__ import annotations

import os
from typing import Final

DEFAULT_PORT: Final = 37564
PORT_TAKEN: Final = "is taken: another program listens there"
"""What the service says of its port before it ends; the inspector, which starts it, looks for these words."""

# The C core of gRPC reads this when it is loaded. Its own log lines would stand beside our one-line errors.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
