"""What others need for the same capture, used as they say themselves: pyshark, and termshark where it is found."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import shutil
import signal
import struct
import sys
import termios
import time
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path
from typing import Final

from tests.bench.recording import Recording
from tests.bench.throughput import read

_PACKETS: Final = 2_000
_PYSHARK: Final = """
import sys, pyshark
path, port = sys.argv[1:]
with pyshark.FileCapture(path, decode_as={f"tcp.port=={port}": "http2"}) as capture:
    print(sum(1 for packet in capture))
"""
_ROW: Final = b"TCP"
"""In every capture of ours the first row of a list says that."""


async def print_others(recording: Recording) -> None:
    """Measure each, one behind the other."""
    small = recording.capture.with_name("small.pcap")
    recording.cut(_PACKETS, small)
    print(f"The first {_PACKETS:,} packets of a capture, all of them read:")
    seconds = (await read(small)).seconds
    print(f"  {'grpc-inspector, to the store':<42} {_PACKETS / seconds:9,.0f} packets/s")
    seconds, packets = await _pyshark(small, recording.port)
    print(f"  {'pyshark.FileCapture, as its readme has it':<42} {packets / seconds:9,.0f} packets/s", flush=True)
    small.unlink()
    ours = await read(recording.capture)
    print(f"A capture of {recording.packets:,} packets, until there is something to see:")
    print(f"  {'grpc-inspector, frames in the store':<42} {ours.first:9.2f} s")
    if termshark := shutil.which("termshark"):
        print(f"  {'termshark -r, its first rows':<42} {_termshark(termshark, recording.capture):9.2f} s", flush=True)
    else:
        print("  termshark is not installed here", flush=True)


async def _pyshark(capture: Path, port: int) -> tuple[float, int]:
    started = time.perf_counter()
    argv = (sys.executable, "-c", _PYSHARK, str(capture), str(port))
    process = await asyncio.create_subprocess_exec(*argv, stdin=DEVNULL, stdout=PIPE)
    said, _ = await process.communicate()
    return time.perf_counter() - started, int(said)


def _termshark(path: str, capture: Path) -> float:
    """Seconds until it has drawn a row, on a terminal of its own."""
    started = time.perf_counter()
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(path, [path, "-r", str(capture)], {**os.environ, "TERM": "xterm-256color"})
    try:
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 48, 160, 0, 0))
        while _ROW not in os.read(terminal, 1 << 16):
            pass
        return time.perf_counter() - started
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)
