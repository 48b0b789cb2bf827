"""A large file: ours to the store, against one `tshark -T fields` pass with the same fields."""

from __future__ import annotations

import asyncio
import statistics
import time
from asyncio.subprocess import DEVNULL, Process
from pathlib import Path
from typing import NamedTuple

import psutil

from inspector.session import FileSource, Session
from inspector.store.store import Change
from inspector.tshark.binary import Decoding, environment, find_tshark
from inspector.tshark.fields import FIELDS

ROUNDS = 3


class Reading(NamedTuple):
    """One pass of ours."""

    seconds: float
    first: float
    """Seconds until the first frames were in the store."""
    packets: int
    frames: int
    memory: int
    """Bytes of our process that the store took."""


async def print_throughput(capture: Path, port: int) -> None:
    """Measure both in turns, over the same file."""
    ours, theirs = [], []
    for _ in range(ROUNDS):
        theirs.append(await _tshark_fields(capture, port))
        ours.append(await read(capture))
    frames, first = ours[0].frames, ours[0]
    print(f"A capture of {first.packets:,} packets, {frames:,} frames; median of {ROUNDS} rounds in turns:")
    middles = statistics.median(theirs), statistics.median(each.seconds for each in ours)
    for name, seconds in zip(("tshark -T fields, same fields", "grpc-inspector, to the store"), middles, strict=True):
        print(f"  {name:<42} {seconds:6.2f} s   {frames / seconds:9,.0f} frames/s")
    print(f"  {'ratio':<42} {middles[1] / middles[0]:6.2f}     (at most 1.3)")
    print(f"  {'first frames after':<42} {statistics.median(each.first for each in ours):6.2f} s   (at most 1)")
    print(f"  {'memory of our process':<42} {first.memory / frames:6.0f} bytes a frame   (at most 600)", flush=True)


async def start_fields(capture: Path, port: int, *more: str) -> Process:
    """A tshark at work over a file, with the fields that ours prints."""
    command = [find_tshark().path, "-n", "-r", str(capture), "-T", "fields", "-d", f"tcp.port=={port},http2", *more]
    for name in FIELDS.values():
        command += ["-e", name]
    return await asyncio.create_subprocess_exec(
        *command, stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL, env=environment()
    )


async def _tshark_fields(capture: Path, port: int) -> float:
    more = ("-o", "gui.max_tree_depth:100000", "--disable-protocol", "grpc", "--disable-protocol", "protobuf")
    started = time.perf_counter()
    process = await start_fields(capture, port, *more)
    await process.wait()
    return time.perf_counter() - started


async def read(capture: Path) -> Reading:
    """Read a file to its end."""
    session, memory = Session(FileSource(capture), Decoding()), psutil.Process().memory_info
    first: list[float] = []

    def note(change: Change) -> None:
        if not first and change.end_frame:
            first.append(time.perf_counter() - started)

    session.on_change = note
    before, started = memory().rss, time.perf_counter()
    try:
        await session.run()
        seconds, store = time.perf_counter() - started, session.store
        return Reading(seconds, first[0], store.packets, len(store.frames), memory().rss - before)
    finally:
        await session.close()
