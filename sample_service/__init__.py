"""The greet service that comes with the program: something to send a first call to, and its client.

Knows nothing of the inspector. `python -m sample_service` serves, `python -m sample_service.client` calls.
"""

from __future__ import annotations

import os
from argparse import ArgumentTypeError
from typing import Final

DEFAULT_PORT: Final = 37564
PORT_TAKEN: Final = "is taken: another program listens there"
"""What the service says of its port before it ends; the inspector, which starts it, looks for these words."""

# The C core of gRPC reads this when it is loaded. Its own log lines would stand beside our one-line errors.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")


def port_number(text: str) -> int:
    """A TCP port from the command line, 0 for any free one; an error of argparse's for anything else."""
    if not (text.isascii() and text.isdigit() and int(text) < 1 << 16):
        raise ArgumentTypeError(f"{text!r} is no TCP port: they go from 1 to 65535")
    return int(text)
