"""How much came when: frames, bytes and calls in buckets of time.

Accumulates, and is bounded: buckets double their width whenever there would be more than `BUCKETS` of them. Frames
that are no longer in the store have been counted for good.
"""

from __future__ import annotations

from array import array
from typing import Final

from inspector.model.frame import FRAME_HEADER
from inspector.store.change import Change
from inspector.store.store import Store

BUCKETS: Final = 2_000
_NARROWEST: Final = 0.001
"""Seconds."""


class Timeline:
    """The counts of one capture from its first frame on; a frame with an earlier time counts in the first bucket."""

    def __init__(self, store: Store) -> None:
        """Begin with what the store holds."""
        self.start: float | None = None
        """The time of the first bucket; None while there is none."""
        self.width = _NARROWEST
        """Seconds of a bucket."""
        self.frames: array[int] = array("Q")
        self.octets: array[int] = array("Q")
        """Of HTTP/2 frames, their headers included."""
        self.calls: array[int] = array("Q")
        """Calls that began."""
        self._store = store
        self._end = store.frames.first
        self.update(store.everything())

    def update(self, change: Change) -> None:
        """Follow the store by one change."""
        start, end = max(self._end, self._store.frames.first), len(self._store.frames)
        self._end = end
        for frame in self._store.frames[start:end]:
            bucket = self._bucket(frame.time)
            self.frames[bucket] += 1
            self.octets[bucket] += frame.length + FRAME_HEADER
        for key in change.calls:
            call = self._store.calls.get(key)
            if call is not None and call.opened is not None and start <= call.opened < end:
                self.calls[self._bucket(call.started)] += 1

    def _bucket(self, time: float) -> int:
        if self.start is None:
            self.start = time
        index = int((time - self.start) / self.width)
        if index < 0:
            return 0
        while index >= BUCKETS:
            self._widen()
            index = int((time - self.start) / self.width)
        if index >= len(self.frames):
            more = bytes(8 * (index + 1 - len(self.frames)))
            for counts in (self.frames, self.octets, self.calls):
                counts.frombytes(more)
        return index

    def _widen(self) -> None:
        self.width *= 2
        self.frames, self.octets, self.calls = map(_halved, (self.frames, self.octets, self.calls))


def _halved(counts: array[int]) -> array[int]:
    if len(counts) % 2:
        counts.append(0)
    return array("Q", map(int.__add__, counts[::2], counts[1::2]))
