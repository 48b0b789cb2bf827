"""Running several things at once until all are done, or one fails."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


async def together(*works: Coroutine[Any, Any, None]) -> None:
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
        await ended(set(tasks))


async def ended(tasks: set[asyncio.Task[Any]]) -> None:
    """Wait until all tasks are over, also when cancelled meanwhile: what they started is ended by then."""
    was_cancelled = False
    while pending := {task for task in tasks if not task.done()}:
        try:
            await asyncio.wait(pending)
        except asyncio.CancelledError:
            was_cancelled = True
    if was_cancelled:
        raise asyncio.CancelledError
