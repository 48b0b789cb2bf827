"""Frames a second from a file: ours to the store, against one `tshark -T fields` pass with the same fields."""

from __future__ import annotations

import asyncio
import statistics
import time
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path

from inspector.capture.fields import FIELDS
from inspector.capture.tshark import Decoding, environment, find_tshark
from inspector.session import FileSource, Session
from tests.bench.traffic import Client, ended, greet_service

CALLS = 12_000
CONNECTIONS = 3
ROUNDS = 3


async def print_throughput(folder: Path) -> None:
    """Measure both in turns, over the same file of more than 20,000 packets."""
    capture = folder / "greet.pcap"
    port = await _record(capture)
    ours, theirs = [], []
    packets = frames = 0
    for _ in range(ROUNDS):
        theirs.append(await _tshark_fields(capture, port))
        started = time.perf_counter()
        packets, frames = await _read(capture)
        ours.append(time.perf_counter() - started)
    print(f"A capture of {packets:,} packets, {frames:,} frames; median of {ROUNDS} rounds in turns:")
    for name, seconds in (("tshark -T fields, same fields", theirs), ("grpc-inspector, to the store", ours)):
        middle = statistics.median(seconds)
        print(f"  {name:<42} {middle:6.2f} s   {frames / middle:9,.0f} frames/s", flush=True)
    print(f"  {'ratio':<42} {statistics.median(ours) / statistics.median(theirs):6.2f}")


async def _record(capture: Path) -> int:
    async with greet_service() as port:
        argv = (
            "tcpdump",
            "-i",
            "lo",
            "-s",
            "0",
            "-B",
            "65536",
            "-U",
            "-Z",
            "root",
            "-w",
            str(capture),
            f"tcp port {port}",
        )
        tcpdump = await asyncio.create_subprocess_exec(*argv, stdin=DEVNULL, stderr=PIPE)
        assert tcpdump.stderr is not None
        while b"listening on" not in await tcpdump.stderr.readline():
            pass
        clients = [Client(port) for _ in range(CONNECTIONS)]
        await asyncio.gather(*(client.greet_often(CALLS // CONNECTIONS) for client in clients))
        for client in clients:
            await client.close()
        await ended(tcpdump)
        return port


async def _tshark_fields(capture: Path, port: int) -> float:
    command = [find_tshark().path, "-n", "-r", str(capture), "-T", "fields", "-d", f"tcp.port=={port},http2"]
    command += ["-o", "gui.max_tree_depth:100000", "--disable-protocol", "grpc", "--disable-protocol", "protobuf"]
    for name in FIELDS.values():
        command += ["-e", name]
    started = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *command, stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL, env=environment()
    )
    await process.wait()
    return time.perf_counter() - started


async def _read(capture: Path) -> tuple[int, int]:
    session = Session(FileSource(capture), Decoding())
    try:
        await session.run()
    finally:
        await session.close()
    return session.store.packets, len(session.store.frames)
