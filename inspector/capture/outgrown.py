"""How a program of Wireshark's is doing: the memory it holds, which grows with a capture, and whether it was stopped.

Owns the looking and the sentence. The tshark that fills the store makes way for another in time (`session.relay`);
those that read all of a capture for one look cannot, and are ended.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

import psutil

from inspector.errors import TsharkError

_LOOK_SECONDS: Final = 0.5
_MB: Final = 1 << 20


def memory_of(pid: int) -> int:
    """Bytes that a process holds; 0 where there is none."""
    with contextlib.suppress(psutil.Error):
        return int(psutil.Process(pid).memory_info().rss)
    return 0


def is_stopped(pid: int) -> bool:
    """Tell whether a signal has stopped a process, which SIGCONT lets go on."""
    with contextlib.suppress(psutil.Error):
        return psutil.Process(pid).status() in (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP)
    return False


async def outgrown(pid: int, most: float) -> None:
    """Return when a process holds more than `most` bytes."""
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        if memory_of(pid) > most:
            return


def too_large(name: str, most: float) -> TsharkError:
    """That a program was ended for it."""
    return TsharkError(
        f"{name} was ended: to read so large a capture it takes more than its {most / _MB:,.0f} MB of memory.",
        "Allow more by --memory, or save a part of the capture (Ctrl+S) and open that.",
    )
