"""One run of tshark behind a capture that may still grow, which prints lines of text for people.

Beside `tshark_run`, which makes values of all that is decoded. What the lines say is for whoever takes them; they come
in batches, whole, with the loop left to others after each.
"""

from __future__ import annotations

import asyncio
import math
import os
from asyncio import StreamReader
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final

from inspector.processes import end_unread, has_outgrown, make_pipe, spawn, too_large, write_all
from inspector.scheduling import yield_to_ui
from inspector.tshark.binary import Tshark, TsharkDied, about_capture, environment

_CHUNK: Final = 1 << 15
"""Bytes of output between two looks at the keyboard: some thousand packet numbers, or a hundred lines."""
_LONGEST_LINE: Final = 1 << 22
"""Bytes; what is longer is no line that tshark means."""
_KEPT_WORDS: Final = 20


class TsharkLines:
    """One tshark process; make one for each run."""

    def __init__(self, tshark: Tshark, arguments: Sequence[str], most: float = math.inf) -> None:
        """`most` is how many bytes of memory it may hold."""
        self._most = most
        self._command = (tshark.path, *arguments)
        self._words: deque[str] = deque(maxlen=_KEPT_WORDS)
        self.fed = 0
        """Bytes of the capture that tshark has taken."""

    async def read(self, capture: AsyncIterator[bytes], on_lines: Callable[[list[bytes]], object]) -> str:
        """Read until the capture ends; returns what tshark found wrong with the capture, "" for nothing.

        Raises:
            TsharkDied: it ended before the capture did, or refused an option.
            TsharkError: it took too much memory; what it printed until then was given.
            OSError: it cannot be run at all.
        """
        reading, writing = make_pipe()
        os.set_blocking(writing, False)
        try:
            process = await spawn(*self._command, stdin=reading, stdout=PIPE, env=environment(), yields=True)
        except BaseException:
            os.close(writing)
            raise
        finally:
            os.close(reading)
        feeding = asyncio.create_task(self._feed(capture, writing))
        listening = asyncio.create_task(self._listen(process))
        watching = asyncio.create_task(self._watch(process))
        try:
            await self._take(process, on_lines)
            status = await process.wait()
            await listening
            if watching.done():
                raise too_large("tshark", self._most)
            return await self._judge(status, feeding)
        finally:
            feeding.cancel()
            watching.cancel()
            await asyncio.wait({feeding, watching})
            await end_unread(process)
            await asyncio.wait({listening})

    async def _judge(self, status: int, feeding: asyncio.Task[None]) -> str:
        """What is wrong with the capture, or that it is tshark that ended."""
        said = "\n".join(self._words)
        amiss = about_capture(said)
        if status and not amiss:
            raise TsharkDied(status, said)
        done, _ = await asyncio.wait({feeding}, timeout=1)
        if not status and not done:
            raise TsharkDied(status, said)
        if done and not feeding.cancelled() and (error := feeding.exception()) is not None:
            raise error
        return amiss if status else ""

    async def _feed(self, capture: AsyncIterator[bytes], writing: int) -> None:
        try:
            async for data in capture:
                await write_all(writing, data)
                self.fed += len(data)
        except BrokenPipeError:
            return  # tshark is gone, which whoever reads its output notices
        finally:
            os.close(writing)

    async def _take(self, process: Process, on_lines: Callable[[list[bytes]], object]) -> None:
        rest = b""
        while output := await _stream(process.stdout).read(_CHUNK):
            whole, newline, rest = (rest + output).rpartition(b"\n")
            if newline:
                on_lines(whole.split(b"\n"))
            elif len(rest) > _LONGEST_LINE:
                rest = b""
            await yield_to_ui()

    async def _watch(self, process: Process) -> None:
        await has_outgrown(process.pid, self._most)
        process.kill()

    async def _listen(self, process: Process) -> None:
        stderr = _stream(process.stderr)
        while data := await stream_line(stderr):
            self._words.append(data)


async def stream_line(stream: StreamReader) -> str:
    """The next line that a program says, with its end; a part of one that is too long, and "" at the end."""
    try:
        return (await stream.readline()).decode(errors="replace")
    except ValueError:  # asyncio's bound of 64 KiB; the stream goes on behind it
        return "…\n"


def _stream(stream: StreamReader | None) -> StreamReader:
    assert stream is not None, "the program was started with pipes"  # noqa: S101 - for the type alone
    return stream
