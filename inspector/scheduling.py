"""Slices of work on the event loop: long work yields to keys, and tasks run side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from time import monotonic
from typing import Any, Final

_LOOP_TURNS, _LOOP_TURNS_WHILE_TYPING = 10, 60
"""Of the loop: a key goes through many hands before it is drawn, one at each turn."""
_KEY_SECONDS: Final = 0.1
"""Seconds: whoever pressed a key waits for what comes of it, and may press the next one."""


class Keyboard:
    """Whether somebody waits for what comes of a key: then it is drawn before other work goes on."""

    def __init__(self) -> None:
        self._until = 0.0

    def note(self) -> None:
        """A key was pressed, or the mouse was used."""
        self._until = monotonic() + _KEY_SECONDS

    @property
    def is_in_use(self) -> bool:
        """True for a moment after that."""
        return monotonic() < self._until


KEYBOARD: Final = Keyboard()


async def yield_to_ui() -> None:
    """Let the loop's other tasks have their turns: to read what is buffered already does not suspend."""
    for turn in range(_LOOP_TURNS_WHILE_TYPING):
        if turn >= _LOOP_TURNS and not KEYBOARD.is_in_use:
            break
        await asyncio.sleep(0)


SLICE_SECONDS: Final = 0.004
"""Seconds of work before others have their turns."""


def run_slice(work: Iterator[object]) -> bool:
    """Do a first slice; True when that was all."""
    until = monotonic() + SLICE_SECONDS
    return all(monotonic() <= until for _ in work)


async def run_in_slices(work: Iterator[object]) -> None:
    """Do the rest."""
    is_more = not run_slice(work)
    while is_more:
        await yield_to_ui()
        is_more = not run_slice(work)


async def run_concurrently(*works: Coroutine[Any, Any, None]) -> None:
    """Run them at the same time; the first that fails ends the others, and its error is raised as it is.

    A task group would wrap the error in a group, which nobody here wants to take apart.
    """
    tasks = [asyncio.create_task(work) for work in works]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            if not task.cancelling():  # by `gather`, when this itself was cancelled: twice would break off their ends
                task.cancel()
        await wait_until_done(set(tasks))


async def wait_until_done(tasks: set[asyncio.Task[Any]]) -> None:
    """Wait until all tasks are over, also when cancelled meanwhile: what they started is ended by then."""
    was_cancelled = False
    while pending := {task for task in tasks if not task.done()}:
        try:
            await asyncio.wait(pending)
        except asyncio.CancelledError:
            was_cancelled = True
    if was_cancelled:
        raise asyncio.CancelledError
