"""The memory limit, the garbage collector's settings, and the eviction of the oldest frames."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil

from inspector.scheduling import yield_to_ui
from inspector.store.store import Change, Store

_MB: Final = 1 << 20
_LEAST_USUAL: Final = 512 * _MB
_MOST_USUAL: Final = 8 << 30
_SHARE_USUAL: Final = 3
_OWN: Final = 100 * _MB
"""What this program takes before it has seen a frame."""
_LEAST_KEPT: Final = 32 * _MB
_LIMITS: Final = (
    (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")),
    (
        Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
        Path("/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ),
)
"""What a container may take, and what it has taken."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Sizes in bytes."""

    limit: int
    """Of all together."""
    tshark: int
    """What one tshark may hold before another takes over; and what another may that looks at all packets beside it."""
    store: int
    """What the frames may take that are kept, with all that belongs to them."""

    @classmethod
    def of(cls, limit: int) -> Memory:
        """The shares of a limit."""
        return cls(limit, limit // 2, max(limit // 2 - _OWN, _LEAST_KEPT))


def usual_memory() -> Memory:
    """A third of what is free now, here or in this container: at least 512 MB, at most 8 GB."""
    free = min([psutil.virtual_memory().available, *_free_in_container()])
    return Memory.of(min(max(free // _SHARE_USUAL, _LEAST_USUAL), _MOST_USUAL))


def _free_in_container() -> list[int]:
    found = []
    for limit, used in _LIMITS:
        try:
            found.append(int(limit.read_text()) - int(used.read_text()))
        except (OSError, ValueError):  # none, or `max`
            continue
    return found


_OLDEST: Final = 2
"""The generation whose collection is a look at everything."""
_MANY: Final = 5_000
"""Frames from which on a look at all of them takes long: with them all that the program itself is made of."""


class CollectorTuning:
    """What is done for one capture; all captures share the collector."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._is_at_work = False

    def learn(self) -> None:
        """More has come."""
        if not self._is_at_work and len(self._store.frames) >= _MANY:
            self._is_at_work = True
            gc.callbacks.append(_set_aside)
            gc.freeze()  # the first look at everything would be the longest of all

    def end(self) -> None:
        """The capture is closed: nothing more is set aside for it."""
        if self._is_at_work:
            self._is_at_work = False
            gc.callbacks.remove(_set_aside)

    def release(self) -> None:
        """All may be looked at again, and go, where no other capture needs that it is not."""
        if _set_aside not in gc.callbacks:
            gc.unfreeze()


def _set_aside(phase: str, told: dict[str, Any]) -> None:  # Any: numbers by their names, as the collector has it
    if phase == "stop" and told["generation"] == _OLDEST:
        gc.freeze()


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
        await yield_to_ui()
        is_more = work()
