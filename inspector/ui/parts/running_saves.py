"""Files that are being written behind the screen: announced, stopped on request, and waited for at the end.

Owns the tasks. What is written, and that nothing half-written is left of one that ends early, is the business of those
who write.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Final

from inspector.ui.parts.stage import Stage
from inspector.ui.screens.question import PartingDialog, QuestionDialog

_SOON: Final = 1.0
"""Seconds after which somebody wonders whether anything happens."""
_TITLE: Final = "Saving"


class _Stop(StrEnum):
    GO_ON = "Go on writing"
    STOP = "Stop: nothing of it is kept"


class _Leave(StrEnum):
    WAIT = "Wait until it is written, then leave"
    LEAVE = "Leave now: nothing of it is kept"
    STAY = "Stay"


def not_saved(name: str) -> str:
    """Return what there is to say of a file that was left."""
    return f"{name} was not saved: it was still being written, and nothing of it is left."


class RunningSaves:
    """The files that are being written."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._running: dict[asyncio.Task[None], str] = {}
        """By task: the name of the file."""
        self._leave: Callable[[], object] | None = None
        """What is done once all are written."""

    @property
    def names(self) -> tuple[str, ...]:
        """The files that are not whole yet."""
        return tuple(self._running.values())

    def begin(self, name: str, write: Awaitable[str], then: Callable[[], object]) -> None:
        """Write a file; `write` gives a sentence. Goes on with `then` once it is written."""
        task = self._stage.work(self._write(name, write, then))
        self._running[task] = name
        task.add_done_callback(self._end)

    def ask_stop(self) -> bool:
        """Ask whether to stop what is being written; False when nothing is."""
        if not self._running:
            return False
        self._stage.ask(QuestionDialog(_TITLE, self._words, _Stop), self._decide_stop)
        return True

    def part(self, leave: Callable[[], object]) -> None:
        """Leave at once, or when all is written, or not at all: as somebody decides while something is written."""
        if not self._running:
            leave()
            return

        def decide(answer: _Leave) -> None:
            if answer is _Leave.WAIT and self._running:
                self._leave = leave
                self._stage.say(f"{self._words} When that is done, this is left.")
            elif answer is not _Leave.STAY:
                self._stop()
                leave()

        self._stage.ask(PartingDialog(_TITLE, self._words, _Leave), decide)

    async def _write(self, name: str, write: Awaitable[str], then: Callable[[], object]) -> None:
        still = f"{name} is being written; everything can be used meanwhile. Esc in the list stops it."
        telling = asyncio.get_running_loop().call_later(_SOON, self._stage.say, still)
        try:
            self._stage.say(await write)
        except BaseException:
            self._leave = None  # what is said of it must be seen
            raise
        finally:
            telling.cancel()
        then()

    def _end(self, task: asyncio.Task[None]) -> None:
        self._running.pop(task, None)
        if self._leave is not None and not self._running:
            leave, self._leave = self._leave, None
            leave()

    def _decide_stop(self, answer: _Stop) -> None:
        if answer is _Stop.STOP:
            self._stop()

    def _stop(self) -> None:
        for task, name in tuple(self._running.items()):
            if task.cancel():
                self._stage.say(not_saved(name))
        self._running.clear()
        self._leave = None

    @property
    def _words(self) -> str:
        first, *others = self._running.values()
        return f"{len(others) + 1} files are being written." if others else f"{first} is being written."
