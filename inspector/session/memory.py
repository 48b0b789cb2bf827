"""The memory limit, the garbage collector's settings, and the eviction of the oldest frames."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil

from inspector.scheduling import run_in_slices
from inspector.store.store import Change, Store

_MB: Final = 1 << 20
_MIN_DEFAULT: Final = 512 * _MB
_MAX_DEFAULT: Final = 8 << 30
_OWN: Final = 100 * _MB
"""What this program holds before its first frame."""
_MIN_STORE: Final = 32 * _MB
_CGROUP_FILES: Final = (
    (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")),
    (
        Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
        Path("/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ),
)
"""The memory limit of a container and its usage, in cgroups v2 and v1."""


@dataclass(frozen=True, slots=True)
class Memory:
    """The memory limit and its shares, in bytes."""

    limit: int
    """For everything together, tshark included."""
    tshark: int
    """For one tshark, before another takes over; and for a second one that reads all packets beside it."""
    store: int
    """For the frames in the store, with all that belongs to them."""

    @classmethod
    def of(cls, limit: int) -> Memory:
        """Divide a limit into shares."""
        return cls(limit, limit // 2, max(limit // 2 - _OWN, _MIN_STORE))


def usual_memory() -> Memory:
    """Return a third of the free memory of this machine or container: at least 512 MB, at most 8 GB."""
    free = min([psutil.virtual_memory().available, *_free_in_container()])
    return Memory.of(min(max(free // 3, _MIN_DEFAULT), _MAX_DEFAULT))


def _free_in_container() -> list[int]:
    found = []
    for limit, used in _CGROUP_FILES:
        try:
            found.append(int(limit.read_text()) - int(used.read_text()))
        except (OSError, ValueError):  # there is none, or it is `max`
            continue
    return found


_OLDEST_GENERATION: Final = 2
_MIN_FRAMES: Final = 5_000
"""With fewer frames, a full collection examines little besides the program itself."""


class CollectorTuning:
    """Keeps Python's collector from examining the frames of one capture over and over.

    With a large capture, a full collection took 100 ms every few seconds. Frames are not garbage while they are kept,
    so `gc.freeze` hides from the collector all objects that have survived a full collection. All captures share the
    collector.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._is_active = False

    def update(self) -> None:
        """Begin once the store is large enough."""
        if not self._is_active and len(self._store.frames) >= _MIN_FRAMES:
            self._is_active = True
            gc.callbacks.append(_freeze_survivors)
            gc.freeze()  # the first full collection would be the longest of all

    def end(self) -> None:
        """Stop: the capture is closed."""
        if self._is_active:
            self._is_active = False
            gc.callbacks.remove(_freeze_survivors)

    def release(self) -> None:
        """Let the collector examine all objects again, unless another capture needs them frozen."""
        if _freeze_survivors not in gc.callbacks:
            gc.unfreeze()


def _freeze_survivors(phase: str, info: dict[str, Any]) -> None:
    if phase == "stop" and info["generation"] == _OLDEST_GENERATION:
        gc.freeze()


_GRACE_SECONDS: Final = 1.0
"""How long evicted frames can still be read by those who have not processed the change."""
_FRAMES_PER_STEP: Final = 1_024


class Retention:
    """Evicts the oldest frames of one store to keep it within its share of the memory."""

    def __init__(self, store: Store, share: float, on_change: Callable[[Change], None]) -> None:
        """`share` is in bytes."""
        self._store = store
        self._share = share
        self._on_change = on_change

    async def run(self) -> None:
        """Watch the store until cancelled."""
        while True:
            await run_in_slices(self._evict())
            await asyncio.sleep(_GRACE_SECONDS)
            await run_in_slices(self._free())

    async def release(self) -> None:
        """Free all frames, without reporting a change: for a store that nobody reads any more."""
        await run_in_slices(self._drop_all())

    def _evict(self) -> Iterator[None]:
        store = self._store
        while store.weight > self._share:
            excess = (store.weight - self._share) / store.weight
            count = min(int(store.frames.kept * excess) + 1, _FRAMES_PER_STEP, store.frames.kept - 1)
            if count <= 0:
                return
            self._on_change(store.evicting(count))
            self._on_change(store.evict(count))
            yield

    def _free(self) -> Iterator[None]:
        while self._store.release(_FRAMES_PER_STEP):
            yield

    def _drop_all(self) -> Iterator[None]:
        while self._store.frames:
            self._store.evict(_FRAMES_PER_STEP)
            self._store.release(_FRAMES_PER_STEP)
            yield
