"""The sample greet service, for a first call. It does not depend on the inspector.

`python -m sample_service` runs the service, and `python -m sample_service.client` calls it.
"""

from __future__ import annotations

import os
from argparse import ArgumentTypeError
from typing import Final

DEFAULT_PORT: Final = 37564
PORT_TAKEN: Final = "is taken: another program listens there"
"""Part of the error about the port; the inspector, which starts the service, recognizes it."""

# Read by gRPC's C core when it is loaded: its log lines would surround our one-line errors.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")


def port_number(text: str) -> int:
    """Parse a TCP port, or 0 for any free port. Raises ArgumentTypeError."""
    if not (text.isascii() and text.isdigit() and int(text) < 1 << 16):
        raise ArgumentTypeError(f"{text!r} is not a TCP port: it must be from 1 to 65535")
    return int(text)
