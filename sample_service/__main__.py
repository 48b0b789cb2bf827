"""`python -m sample_service [--port N]`: run the greet service."""

from __future__ import annotations

import argparse
import signal
import sys
from typing import Final

from sample_service import DEFAULT_PORT, port_number

_ENDING: Final = (signal.SIGINT, signal.SIGTERM)


def main() -> int:
    """Serve until a signal ends it; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m sample_service", description="Run the greet service on localhost.")
    parser.add_argument(
        "--port", type=port_number, default=DEFAULT_PORT, help="%(default)s by default; 0 for any free port"
    )
    port = parser.parse_args().port
    # Block signals before gRPC starts its threads, which inherit that: only sigwait below receives them.
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
