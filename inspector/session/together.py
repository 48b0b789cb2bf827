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
            task.cancel()
        await asyncio.wait(tasks)
