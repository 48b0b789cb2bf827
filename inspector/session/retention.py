"""Lets the oldest frames leave the store when it takes more memory than it may.

Works beside the decoding, a slice at a time, so that neither it nor the screen waits. What leaves is told before it
does, for those who have not looked at it yet, and when it has left; a moment later its memory is free.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from inspector.store.change import Change
from inspector.store.store import Store
from inspector.turns import give_way

_PAUSE: Final = 1.0
"""Seconds for which what has left can still be read by who has not heard of it."""
_SLICE: Final = 4_096
"""Frames between two turns of the event loop: some milliseconds."""


class Retention:
    """Keeps one store within its share."""

    def __init__(self, store: Store, share: float, on_change: Callable[[Change], None]) -> None:
        """`share` is in bytes."""
        self._store = store
        self._share = share
        self._on_change = on_change

    async def run(self) -> None:
        """Look after the store until cancelled."""
        while True:
            await _in_slices(self._drop)
            await asyncio.sleep(_PAUSE)
            await _in_slices(self._free)

    async def release(self) -> None:
        """Let all of it go, of which nobody is told: for a store that nobody looks at any more."""
        await _in_slices(self._let_go)

    def _let_go(self) -> bool:
        self._store.drop(_SLICE)
        self._store.free(_SLICE)
        return bool(self._store.frames)

    def _free(self) -> bool:
        return self._store.free(_SLICE)

    def _drop(self) -> bool:
        """Let a slice go, where there is too much; True when there may be more."""
        store = self._store
        if store.weight <= self._share:
            return False
        excess = (store.weight - self._share) / store.weight
        count = min(int(store.frames.kept * excess) + 1, _SLICE, store.frames.kept - 1)
        if count > 0:
            self._on_change(store.leaving_with(count))
            self._on_change(store.drop(count))
        return count > 0


async def _in_slices(work: Callable[[], bool]) -> None:
    """Do a work that says whether there is more of it, leaving the loop to others in between."""
    is_more = work()
    while is_more:
        await give_way()
        is_more = work()
