"""Work that takes longer than a key may wait: done a slice at a time, with a look at the keyboard in between."""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic
from typing import Final

from inspector.turns import give_way

SLICE: Final = 0.004
"""Seconds of work before others have their turns."""


def begin(work: Iterator[object]) -> bool:
    """Do a first slice; True when that was all."""
    until = monotonic() + SLICE
    return all(monotonic() <= until for _ in work)


async def go_on(work: Iterator[object]) -> None:
    """Do the rest."""
    is_more = not begin(work)
    while is_more:
        await give_way()
        is_more = not begin(work)
