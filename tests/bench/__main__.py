"""`python -m tests.bench`: prints every figure."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from tests.bench.latency import print_latency
from tests.bench.recording import record, repeat
from tests.bench.throughput import print_throughput

_COPIES = 6
"""Of a recording of some 60,000 packets."""


def main() -> None:
    """Make real traffic, and measure over it."""
    with tempfile.TemporaryDirectory() as folder:
        recorded, large = Path(folder, "recorded.pcap"), Path(folder, "large.pcap")
        asyncio.run(print_latency())
        port = asyncio.run(record(recorded))
        repeat(recorded, _COPIES, port, large)
        asyncio.run(print_throughput(large, port))


if __name__ == "__main__":
    main()
