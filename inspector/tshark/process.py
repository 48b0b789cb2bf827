"""Runs tshark on a capture that may still grow, and passes on the lines that it prints.

`TsharkProcess` is one run. `RestartingReader` repeats runs until one has read a recording to its end.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from inspector.capture.spool import Recording
from inspector.processes import (
    RestartLimiter,
    has_outgrown,
    is_stopped,
    make_pipe,
    memory_of,
    too_large,
    write_all,
)
from inspector.scheduling import wait_until_done
from inspector.tshark.binary import Tshark, TsharkDied, capture_complaint

if TYPE_CHECKING:
    from inspector.tshark.pyshark_adapter import PipeEnd

_FEED_END_SECONDS: Final = 1.0
"""For the feeding task to notice that tshark has ended."""


class TsharkProcess:
    """One run of tshark: the bytes of a capture go in, lines come out in batches, all on one event loop."""

    def __init__(
        self, tshark: Tshark, arguments: Sequence[str], *, in_background: bool = True, max_memory: float = math.inf
    ) -> None:
        """Prepare one run.

        Args:
            tshark: The program.
            arguments: Its options. They include `-r -` where it reads the capture.
            in_background: Whether it runs at a lower priority than the tshark that fills the store.
            max_memory: Bytes of memory beyond which it is ended.
        """
        self._tshark = tshark
        self._arguments = arguments
        self._in_background = in_background
        self._max_memory = max_memory
        self._process: Process | None = None
        self.fed = 0
        """Bytes of the capture that were written to tshark."""

    async def read(self, capture: AsyncIterator[bytes], on_lines: Callable[[list[bytes]], object]) -> str:
        """Feed a capture to tshark until it ends, and return tshark's complaint about the capture, "" for none.

        Raises:
            TsharkDied: tshark ended before the capture, or refused an option.
            TsharkError: It cannot be run, or needs more than `max_memory`. Lines printed until then were passed on.
        """
        try:
            return await self._read(capture, on_lines)
        except OSError as error:
            raise self._tshark.cannot_run(error) from error

    @property
    def memory(self) -> int:
        """Bytes of memory that tshark holds; 0 when it is not running."""
        return 0 if self._process is None else memory_of(self._process.pid)

    @property
    def stopped(self) -> int:
        """The process id of tshark while SIGSTOP holds it; else 0."""
        return self._process.pid if self._process is not None and is_stopped(self._process.pid) else 0

    async def _read(self, capture: AsyncIterator[bytes], on_lines: Callable[[list[bytes]], object]) -> str:
        from inspector.tshark.pyshark_adapter import LineCapture  # noqa: PLC0415 - loads pyshark: after the first paint

        reading, writing = make_pipe()
        os.set_blocking(writing, False)
        with os.fdopen(reading, "rb", buffering=0) as output, os.fdopen(writing, "wb", buffering=0) as input_:
            run = LineCapture((self._tshark.path, *self._arguments), output, in_background=self._in_background)
            feeding = asyncio.create_task(self._feed(capture, input_))
            watching: asyncio.Task[None] | None = None
            try:
                process = self._process = await run.start()
                if self._max_memory < math.inf:
                    watching = asyncio.create_task(self._kill_when_too_large(process))
                await run.read_lines(process, on_lines)
                status, stderr = await process.wait(), await run.read_stderr()
                if watching is not None and watching.done():
                    raise too_large("tshark", self._max_memory)
                return await _outcome(status, stderr, feeding)
            finally:
                beside = {feeding} if watching is None else {feeding, watching}
                for task in beside:
                    task.cancel()
                await asyncio.wait(beside)
                await run.close_async()
                self._process = None

    async def _feed(self, capture: AsyncIterator[bytes], pipe: PipeEnd) -> None:
        try:
            async for data in capture:
                await write_all(pipe.fileno(), data)
                self.fed += len(data)
        except BrokenPipeError:
            return  # tshark has ended, which the end of its output shows
        finally:
            pipe.close()

    async def _kill_when_too_large(self, process: Process) -> None:
        await has_outgrown(process.pid, self._max_memory)
        process.kill()


async def _outcome(status: int, stderr: str, feeding: asyncio.Task[None]) -> str:
    """Return tshark's complaint about the capture; raise TsharkDied, or the error with which feeding failed."""
    if feeding.done() and (error := feeding.exception()) is not None:
        raise error
    complaint = capture_complaint(stderr)
    if status:
        if not complaint:
            raise TsharkDied(status, stderr)
        return complaint
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(asyncio.shield(feeding), _FEED_END_SECONDS)
    if not feeding.done():
        raise TsharkDied(status, stderr)
    return ""


async def _no_wait(_offset: int) -> None:
    """Reading is never paused."""


class Bounds(NamedTuple):
    """Limits for those who read a recording beside the tshark that fills the store."""

    memory: float = math.inf
    """Bytes that each of their programs may hold."""
    reach: Callable[[int], Awaitable[None]] = _no_wait
    """Waits, before an offset, while decoding is paused there."""


class RestartingReader:
    """Runs of a tshark that prints lines, over one recording.

    A tshark that died, or whose arguments are to change, starts again at the beginning of the recording.
    """

    def __init__(
        self, tshark: Tshark, recording: Recording, arguments: Callable[[], Sequence[str]], bounds: Bounds
    ) -> None:
        self._bounds = bounds
        self._tshark = tshark
        self._recording = recording
        self._arguments = arguments
        self._restart = asyncio.Event()
        self._process: TsharkProcess | None = None

    @property
    def fed(self) -> int:
        """Bytes of the recording that were written to the current tshark."""
        return self._process.fed if self._process else 0

    def restart(self) -> None:
        """Start again, as `arguments` now returns others."""
        self._restart.set()

    async def run(self, take: Callable[[list[bytes]], object], clear: Callable[[], object]) -> None:
        """Read to the recording's end.

        `take` receives lines; after a death some are repeated. `clear` is called when the arguments have changed, and
        with them possibly every line.

        Raises:
            TsharkError: tshark cannot do it, needs too much memory, or keeps dying.
        """
        limiter, clock = RestartLimiter(), asyncio.get_running_loop().time
        while True:
            self._restart.clear()
            limiter.note_start(clock())
            try:
                if await self._read_until_restart(take):
                    return
                clear()
            except TsharkDied as death:
                if not self._tshark.leave_out(death.stderr) and limiter.exhausted(clock()):
                    raise death.repeated_death() from death

    async def _read_until_restart(self, take: Callable[[list[bytes]], object]) -> bool:
        """Run tshark once; return False when `restart` interrupted it."""
        process = self._process = TsharkProcess(self._tshark, self._arguments(), max_memory=self._bounds.memory)
        reading = asyncio.create_task(process.read(self._within_reach(), take))
        restarting = asyncio.create_task(self._restart.wait())
        try:
            await asyncio.wait({reading, restarting}, return_when=asyncio.FIRST_COMPLETED)
            if self._restart.is_set():
                return False
            await reading
            return True
        finally:
            for task in (reading, restarting):
                task.cancel()
            await wait_until_done({reading, restarting})

    async def _within_reach(self) -> AsyncIterator[bytes]:
        reached = 0
        async for data in self._recording.read_from(0):
            await self._bounds.reach(reached)
            reached += len(data)
            yield data
