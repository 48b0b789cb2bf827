"""Keeps Python's garbage collector from looking at every frame again and again: of a million that takes half a second.

What has grown old is set aside: first what is garbage is collected, then the rest is not looked at any more. It is
again from time to time where frames leave the store, and when a capture is closed, so that nothing is held for ever.
"""

from __future__ import annotations

import gc
from typing import Final

from inspector.store.store import Store

_SET_ASIDE: Final = 4_000
"""Frames, whose objects are looked at within some milliseconds."""
_LEFT: Final = 500_000
"""Frames that left the store since all was looked at."""


class Garbage:
    """What is done for one capture; all captures share the collector."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seen = 0
        self._gone = 0

    def learn(self) -> None:
        """More has come, or left."""
        frames = self._store.frames
        if frames.first - self._gone >= _LEFT:
            self._gone = frames.first
            self.release()
        if len(frames) - self._seen >= _SET_ASIDE:
            self._seen = len(frames)
            gc.collect()
            gc.freeze()

    @staticmethod
    def release() -> None:
        """Let everything be looked at again."""
        gc.unfreeze()
