"""A capture far larger than the memory that it may take: what is held at most, and by tshark for a tenth of it."""

from __future__ import annotations

import asyncio
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from pathlib import Path
from typing import Final

import psutil

from tests.bench.throughput import start_fields
from tests.bench.traffic import ended

LIMIT: Final = "512M"
_LOOK_SECONDS: Final = 0.2


class Peaks:
    """The most memory that a program and its tsharks were seen to hold, in MB."""

    def __init__(self) -> None:
        self.own = self.tshark = 0

    @property
    def together(self) -> int:
        """Both, though perhaps not at one moment."""
        return self.own + self.tshark

    async def watch(self, process: Process) -> None:
        """Look until it ends."""
        root = psutil.Process(process.pid)
        while process.returncode is None:
            try:
                self.own = max(self.own, root.memory_info().rss >> 20)
                tsharks = [each for each in root.children(recursive=True) if each.name() == "tshark"]
                self.tshark = max(self.tshark, sum(each.memory_info().rss for each in tsharks) >> 20)
            except psutil.Error:
                pass
            await asyncio.sleep(_LOOK_SECONDS)


async def print_days(huge: Path, packets: int, tenth: Path, port: int) -> None:
    """Measure `calls` over the huge capture, within a limit, and one tshark over a tenth of it."""
    alone = await _tshark_alone(tenth, port)
    started = time.perf_counter()
    command = (sys.executable, "-m", "inspector", "calls", str(huge), "--memory", LIMIT)
    process = await asyncio.create_subprocess_exec(*command, stdin=DEVNULL, stdout=PIPE)
    peaks, calls = Peaks(), 0
    watching = asyncio.create_task(peaks.watch(process))
    try:
        assert process.stdout is not None
        async for _line in process.stdout:
            calls += 1
    finally:
        await ended(process)
        watching.cancel()
    seconds = time.perf_counter() - started
    print(f"`calls` over {packets:,} packets with --memory {LIMIT}, and what is held at most:")
    print(f"  {'calls printed':<42} {calls - 1:9,}   in {seconds:.0f} s, {packets / seconds:,.0f} packets/s")
    print(f"  {'grpc-inspector':<42} {peaks.own:6,} MB")
    print(f"  {'its tshark':<42} {peaks.tshark:6,} MB")
    print(f"  {'together':<42} {peaks.together:6,} MB   (at most {LIMIT})")
    print(f"  {'tshark alone, over a tenth of it':<42} {alone:6,} MB", flush=True)


async def _tshark_alone(capture: Path, port: int) -> int:
    process = await start_fields(capture, port)
    peaks = Peaks()
    watching = asyncio.create_task(peaks.watch(process))
    await process.wait()
    watching.cancel()
    return peaks.own
