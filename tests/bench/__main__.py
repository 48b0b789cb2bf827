"""`python -m tests.bench [PART…]`: prints the figures of the parts that are named, of all without a name."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Final, TypeAlias

from tests.bench.browsing import print_browsing
from tests.bench.burst import print_burst
from tests.bench.days import print_days
from tests.bench.latency import print_latency
from tests.bench.others import print_others
from tests.bench.recording import Recording, record
from tests.bench.throughput import print_throughput

_LARGE: Final = 300_000
_MILLION: Final = 730_000
"""Packets, of a million frames."""
_DAYS: Final = 3_000_000
"""Packets, far more than fit into the memory that is allowed for them."""

_Part: TypeAlias = Callable[[Recording], Coroutine[None, None, None]]


async def _latency(_recording: Recording) -> None:
    await print_latency()


async def _throughput(recording: Recording) -> None:
    with recording.repeated(_LARGE) as large:
        await print_throughput(large, recording.port)


async def _browsing(recording: Recording) -> None:
    with recording.repeated(_MILLION) as million:
        await print_browsing(million)


async def _burst(_recording: Recording) -> None:
    await print_burst()


async def _days(recording: Recording) -> None:
    with recording.repeated(_DAYS) as huge, recording.repeated(_DAYS // 10) as tenth:
        await print_days(huge, recording.repeated_packets(_DAYS), tenth, recording.port)


_PARTS: Final[dict[str, _Part]] = {
    "latency": _latency,
    "throughput": _throughput,
    "others": print_others,
    "browsing": _browsing,
    "burst": _burst,
    "days": _days,
}


def main() -> None:
    """Make real traffic, and measure over it."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(_PARTS)}; all without one")
    chosen = parser.parse_args().parts or list(_PARTS)
    if unknown := set(chosen) - _PARTS.keys():
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory() as folder:
        recording = asyncio.run(record(Path(folder, "recorded.pcap")))
        for name in chosen:
            asyncio.run(_PARTS[name](recording))


if __name__ == "__main__":
    main()
