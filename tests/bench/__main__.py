"""`python -m tests.bench`: prints every figure."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from tests.bench.days import print_days
from tests.bench.latency import print_latency
from tests.bench.recording import count, record, repeat
from tests.bench.throughput import print_throughput

_COPIES = 6
"""Of a recording of some 60,000 packets."""
_DAYS = 3_000_000
"""Packets, far more than fit into the memory that is allowed for them."""


def main() -> None:
    """Make real traffic, and measure over it."""
    with tempfile.TemporaryDirectory() as folder:
        recorded, large = Path(folder, "recorded.pcap"), Path(folder, "large.pcap")
        asyncio.run(print_latency())
        port = asyncio.run(record(recorded))
        repeat(recorded, _COPIES, port, large)
        asyncio.run(print_throughput(large, port))
        large.unlink()
        packets = count(recorded)
        huge, tenth = Path(folder, "huge.pcap"), Path(folder, "tenth.pcap")
        copies = -(-_DAYS // packets // 10)
        repeat(recorded, 10 * copies, port, huge)
        repeat(recorded, copies, port, tenth)
        asyncio.run(print_days(huge, 10 * copies * packets, tenth, port))


if __name__ == "__main__":
    main()
