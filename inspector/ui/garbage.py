"""Keeps Python's garbage collector from looking at every frame again and again: of a million that takes half a second.

What has lived through a look at everything is set aside, and not looked at any more; so each look is at what came
since. All is looked at again from time to time where frames leave the store, and when a capture is closed, so that
nothing is held for ever.
"""

from __future__ import annotations

import gc
from typing import Any, Final

from inspector.store.store import Store

_OLDEST: Final = 2
"""The generation whose collection is a look at everything."""
_LEFT: Final = 500_000
"""Frames that left the store since all was looked at."""


class Garbage:
    """What is done for one capture; all captures share the collector."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._gone = 0
        if _set_aside not in gc.callbacks:
            gc.callbacks.append(_set_aside)

    def learn(self) -> None:
        """More has come, or left."""
        frames = self._store.frames
        if frames.first - self._gone >= _LEFT:
            self._gone = frames.first
            self.release()

    @staticmethod
    def release() -> None:
        """Let everything be looked at again, once."""
        gc.unfreeze()


def _set_aside(phase: str, told: dict[str, Any]) -> None:  # Any: numbers by their names, as the collector has it
    if phase == "stop" and told["generation"] == _OLDEST:
        gc.freeze()
