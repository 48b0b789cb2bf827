"""Scheduling on the event loop: long work runs in slices that yield to keys, and coroutines run concurrently."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from time import monotonic
from typing import Any, Final

_LOOP_TURNS: Final = 10
_LOOP_TURNS_WHILE_TYPING: Final = 60
"""A key passes through many tasks before it is drawn, each in a turn of the loop of its own."""
_KEY_SECONDS: Final = 0.1
"""How long after a key the user waits for its effect, and may press the next one."""


class Keyboard:
    """Records whether the user waits for the effect of a key, which is then drawn before other work continues."""

    def __init__(self) -> None:
        self._until = 0.0

    def note(self) -> None:
        """Record that a key was pressed, or the mouse used."""
        self._until = monotonic() + _KEY_SECONDS

    @property
    def is_in_use(self) -> bool:
        """True for a tenth of a second after that."""
        return monotonic() < self._until


KEYBOARD: Final = Keyboard()


async def yield_to_ui() -> None:
    """Let the other tasks of the loop run.

    Long work must call this now and then even if it awaits: reading data that is buffered already does not suspend.
    """
    for turn in range(_LOOP_TURNS_WHILE_TYPING):
        if turn >= _LOOP_TURNS and not KEYBOARD.is_in_use:
            break
        await asyncio.sleep(0)


SLICE_SECONDS: Final = 0.004
"""The length of a slice: a key waits for it at most."""


def run_slice(work: Iterator[object]) -> bool:
    """Run the steps of `work` for `SLICE_SECONDS`; return True when none are left."""
    until = monotonic() + SLICE_SECONDS
    return all(monotonic() <= until for _ in work)


async def run_in_slices(work: Iterator[object]) -> None:
    """Run the steps of `work`, such as the `yield`s of a generator, in slices between which other tasks run."""
    is_more = not run_slice(work)
    while is_more:
        await yield_to_ui()
        is_more = not run_slice(work)


async def run_concurrently(*coroutines: Coroutine[Any, Any, None]) -> None:
    """Run coroutines concurrently; the first error cancels the others and is raised.

    A task group would wrap it in an ExceptionGroup.
    """
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            if not task.cancelling():  # `gather` has cancelled it already: twice would interrupt its clean-up
                task.cancel()
        await wait_until_done(set(tasks))


async def wait_until_done(tasks: set[asyncio.Task[Any]]) -> None:
    """Wait until all tasks are done, even if cancelled meanwhile, so that what they started is ended."""
    was_cancelled = False
    while pending := {task for task in tasks if not task.done()}:
        try:
            await asyncio.wait(pending)
        except asyncio.CancelledError:
            was_cancelled = True
    if was_cancelled:
        raise asyncio.CancelledError
