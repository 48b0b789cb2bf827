"""`python -m sample_service [--port N]`: the greet service alone."""

from __future__ import annotations

import argparse
import signal
import sys
from typing import Final

from sample_service import DEFAULT_PORT, port_number

_ENDING: Final = (signal.SIGINT, signal.SIGTERM)


def main() -> int:
    """Serve until asked to end; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m sample_service", description="Serves greet on localhost.")
    parser.add_argument("--port", type=port_number, default=DEFAULT_PORT, help="default %(default)s; 0 for a free one")
    port = parser.parse_args().port
    # Blocked before gRPC is loaded and starts its threads: a signal is waited for, and never interrupts anything.
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    from sample_service.server import PortError, run  # noqa: PLC0415

    try:
        run(port, lambda: signal.sigwait(_ENDING))
    except PortError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
