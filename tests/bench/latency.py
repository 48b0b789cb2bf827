"""From the reply in the client's hands to its DATA frame on standard output: ours, and tshark's own."""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from asyncio import StreamReader
from asyncio.subprocess import DEVNULL, PIPE

from tests.bench.traffic import Client, ended, greet_service

CALLS = 40
PAUSE = 0.1
"""Seconds between calls: a person's pace, at which nothing is hidden by what comes next."""


async def print_latency() -> None:
    """Measure both in one run, over the same kind of calls, one program after the other."""
    print(f"Reply received by the client → its DATA frame printed, {CALLS} calls {PAUSE:g} s apart, milliseconds:")
    async with greet_service() as port:
        for engine in ("tcpdump", "dumpcap"):
            ours = (sys.executable, "-m", "inspector", "frames", f"127.0.0.1:{port}", "--json", "--engine", engine)
            _print(f"grpc-inspector frames --json ({engine})", await _measure(port, (*ours, "--no-reflection")))
        decode = ("-d", f"tcp.port=={port},http2", "-T", "fields", "-e", "http2.data.data")
        _print("tshark -i lo -l", await _measure(port, ("tshark", "-i", "lo", "-l", *decode)))


async def _measure(port: int, command: tuple[str, ...]) -> list[float]:
    """Start a program that prints frames, send calls, and see when each reply's bytes are in its output."""
    process = await asyncio.create_subprocess_exec(*command, stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL)
    assert process.stdout is not None
    client = Client(port)
    try:
        await _until_live(client, process.stdout)
        return [await _one(client, process.stdout, number) for number in range(CALLS)]
    finally:
        await client.close()
        await ended(process)


async def _one(client: Client, output: StreamReader, number: int) -> float:
    name = f"call-{number:04}"
    await client.greet(name)
    received = time.perf_counter()
    wanted = f"Hello, {name}".encode().hex().encode()
    while wanted not in await output.readline():
        pass
    printed = time.perf_counter()
    await asyncio.sleep(PAUSE)
    return (printed - received) * 1000


async def _until_live(client: Client, output: StreamReader) -> None:
    """Call until something is printed, then until all of it is; SystemExit where the program ends instead."""
    first = asyncio.create_task(output.readline())
    while not first.done():
        await client.greet("warming up")
        await asyncio.wait({first}, timeout=0.3)
    if not first.result():
        raise SystemExit("The program that is measured ended at once: `grpc-inspector doctor` may tell why.")
    quiet = False
    while not quiet:
        try:
            await asyncio.wait_for(output.readline(), 1.5)
        except TimeoutError:
            quiet = True


def _print(name: str, figures: list[float]) -> None:
    low, middle, high = min(figures), statistics.median(figures), max(figures)
    print(f"  {name:<42} median {middle:7.2f}   min {low:7.2f}   max {high:7.2f}", flush=True)
