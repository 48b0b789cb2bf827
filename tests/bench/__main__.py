"""`python -m tests.bench`: prints every figure."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from tests.bench.latency import print_latency
from tests.bench.throughput import print_throughput


def main() -> None:
    """Make real greet traffic, and measure over it."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(print_latency())
        asyncio.run(print_throughput(Path(folder)))


if __name__ == "__main__":
    main()
