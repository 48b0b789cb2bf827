"""Keeps a tshark that prints lines running behind the recording, beside the one that fills the store.

Owns the restarts: one that died begins again at the start of the recording, and whoever takes the lines passes over
those that it has. One that must decode otherwise begins again, and what it said is forgotten.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import NamedTuple

from inspector.capture.spool import Recording
from inspector.processes import RestartLimiter
from inspector.scheduling import wait_until_done
from inspector.tshark.binary import Tshark, TsharkDied
from inspector.tshark.lines import TsharkLines


async def _anywhere(_offset: int) -> None:
    """Nobody has to wait."""


class Bounds(NamedTuple):
    """What those may do who read a recording beside the one that fills the store."""

    memory: float = math.inf
    """Bytes that each of their programs may hold."""
    reach: Callable[[int], Awaitable[None]] = _anywhere
    """Waits before an offset while reading is stopped there."""


class RestartingReader:
    """One such tshark; make one for each purpose."""

    def __init__(
        self, tshark: Tshark, recording: Recording, arguments: Callable[[], Sequence[str]], bounds: Bounds
    ) -> None:
        self._bounds = bounds
        self._tshark = tshark
        self._recording = recording
        self._arguments = arguments
        self._restart = asyncio.Event()
        self._run: TsharkLines | None = None

    @property
    def fed(self) -> int:
        """Bytes of the recording that the present tshark has taken."""
        return self._run.fed if self._run else 0

    def restart(self) -> None:
        """Begin again with other arguments."""
        self._restart.set()

    async def run(self, take: Callable[[list[bytes]], object], clear: Callable[[], object]) -> None:
        """Read to the recording's end.

        `take` is given lines, some of which may have come before; `clear` is called when all of them are about to
        come anew, and may say something else.

        Raises:
            TsharkError: tshark cannot do it, takes too much memory for it, or keeps dying.
        """
        patience, clock = RestartLimiter(), asyncio.get_running_loop().time

        while True:
            self._restart.clear()
            patience.note_start(clock())
            try:
                if await self._until_restart(take):
                    return
                clear()
            except TsharkDied as death:
                if not self._tshark.give_up(death.said) and patience.exhausted(clock()):
                    raise death.once_too_often() from death
            except OSError as error:
                raise self._tshark.cannot_run(error) from error

    async def _until_restart(self, take: Callable[[list[bytes]], object]) -> bool:
        """One run of tshark; False when it was broken off."""
        run = self._run = TsharkLines(self._tshark, self._arguments(), self._bounds.memory)
        reading = asyncio.create_task(run.read(self._within_reach(), take))
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
