"""Keeps Python's garbage collector from looking at every frame again and again: of a million that takes half a second.

Of a capture with many frames, what there is when they have become many is set aside, and later what has lived through
a look at everything; it is not looked at any more, so each look is at what came since. Frames, calls and connections
that leave the store need no collector, as nothing in them leads back to where it began; all else is looked at again
when the capture has been closed and its store is empty.
"""

from __future__ import annotations

import gc
from typing import Any, Final

from inspector.store.store import Store

_OLDEST: Final = 2
"""The generation whose collection is a look at everything."""
_MANY: Final = 5_000
"""Frames from which on a look at all of them takes long: with them all that the program itself is made of."""


class Garbage:
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
