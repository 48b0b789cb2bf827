"""Totals of methods, distributions of durations, and traffic over time."""

from __future__ import annotations

from array import array
from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import ceil, floor, log
from typing import Final, NamedTuple

from inspector.model.call import Call, CallState, StreamKey
from inspector.model.frame import FRAME_HEADER
from inspector.store.store import Change, Store

MAX_EXACT: Final = 10_000
"""Durations of one method that are stored exactly: 80 kB."""
_ERROR: Final = 0.01
_GROWTH: Final = (1 + _ERROR) / (1 - _ERROR)
"""The ratio of one bucket to the next; all durations of a bucket are within `_ERROR` of its middle."""
_SHORTEST: Final = 1e-7
"""Seconds; no capture has a finer clock."""


class Durations:
    """A distribution of durations in seconds, none of them negative."""

    def __init__(self) -> None:
        self.count = 0
        self._exact: array[float] | None = array("d")
        self._buckets: dict[int, int] = {}

    @property
    def is_exact(self) -> bool:
        """True while every duration is stored."""
        return self._exact is not None

    def add(self, seconds: float) -> None:
        """Add a duration."""
        self.count += 1
        bucket = _bucket(seconds)
        self._buckets[bucket] = self._buckets.get(bucket, 0) + 1
        if self._exact is not None:
            insort(self._exact, seconds)
            if self.count > MAX_EXACT:
                self._exact = None

    def remove(self, seconds: float) -> None:
        """Remove a duration that was added."""
        self.count -= 1
        bucket = _bucket(seconds)
        self._buckets[bucket] -= 1
        if not self._buckets[bucket]:
            del self._buckets[bucket]
        if self._exact is not None:
            del self._exact[bisect_left(self._exact, seconds)]

    def percentiles(self, *shares: float) -> list[float]:
        """Return the durations at these quantiles, which ascend from 0 to 1; empty without durations.

        Interpolates between two durations as `statistics.quantiles` does with `method="inclusive"`.
        """
        if not self.count:
            return []
        ranks = [share * (self.count - 1) for share in shares]
        values = self._values_at([each for rank in ranks for each in (floor(rank), ceil(rank))])
        pairs = zip(ranks, values[::2], values[1::2], strict=True)
        return [low + (high - low) * (rank - floor(rank)) for rank, low, high in pairs]

    def counts(self, edges: Sequence[float]) -> list[int]:
        """Return how many durations lie between each two neighbouring edges, the lower edge included."""
        if self._exact is not None:
            below = [bisect_left(self._exact, edge) for edge in edges]
            return [high - low for low, high in pairwise(below)]
        counts = [0] * (len(edges) + 1)
        for bucket, count in self._buckets.items():
            counts[bisect_left(edges, _middle(bucket))] += count
        return counts[1:-1]

    def _values_at(self, ranks: Sequence[int]) -> list[float]:
        """Return the durations at ascending ranks."""
        if self._exact is not None:
            return [self._exact[rank] for rank in ranks]
        found, seen, middle = [], 0, 0.0
        rest = iter(sorted(self._buckets.items()))
        for rank in ranks:
            while seen <= rank:
                bucket, count = next(rest)
                seen, middle = seen + count, _middle(bucket)
            found.append(middle)
        return found


def _bucket(seconds: float) -> int:
    return ceil(log(max(seconds, _SHORTEST)) / log(_GROWTH))


def _middle(bucket: int) -> float:
    return 2 * _GROWTH**bucket / (_GROWTH + 1)


UNKNOWN: Final = "(unknown)"
"""The name under which calls without a known method count; no path looks like this."""


@dataclass(slots=True)
class MethodTotal:
    """The totals of one method."""

    calls: int = 0
    errors: int = 0
    requests: int = 0
    responses: int = 0
    request_bytes: int = 0
    """DATA bytes, as in `Call`."""
    response_bytes: int = 0
    durations: Durations = field(default_factory=Durations)
    """Of the calls that have ended."""

    @property
    def open(self) -> int:
        """How many calls are still open."""
        return self.calls - self.durations.count

    @property
    def error_rate(self) -> float | None:
        """The share of errors among the ended calls, from 0 to 1; None without any."""
        return self.errors / self.durations.count if self.durations.count else None


class _Contribution(NamedTuple):
    """What one call contributes to the totals of its method."""

    method: str
    duration: float | None
    is_error: bool
    requests: int
    responses: int
    request_bytes: int
    response_bytes: int

    @classmethod
    def of(cls, call: Call) -> _Contribution:
        return cls(
            call.method or UNKNOWN,
            call.duration,
            call.duration is not None and is_error(call),
            len(call.requests),
            len(call.responses),
            call.request_bytes,
            call.response_bytes,
        )


def is_error(call: Call) -> bool:
    """Return True for a status other than OK or, without a status, for a reset, broken or HTTP error."""
    if call.status is not None:
        return call.status.code != 0
    return call.state in (CallState.CANCELLED, CallState.BROKEN) or (call.http_status or 0) >= 400


class MethodTotals:
    """The totals of each method, kept up to date; a method without calls disappears."""

    def __init__(self, store: Store) -> None:
        """Begin with the calls of the store."""
        self._store = store
        self._contributions: dict[StreamKey, _Contribution] = {}
        self.methods: dict[str, MethodTotal] = {}
        """By path, in the order of the first call."""
        self.revision = 0
        """The number of changes so far."""
        self.update(store.everything())

    def update(self, change: Change) -> None:
        """Apply one change of the store."""
        for key in change.evicted:
            self._contributions.pop(key, None)
        for key in change.calls:
            call, before = self._store.calls.get(key), self._contributions.get(key)
            if call is not None and (contribution := _Contribution.of(call)) != before:
                self._contributions[key] = contribution
                self._add(contribution, 1)
                if before is not None:
                    self._add(before, -1)
                self.revision += 1

    def _add(self, contribution: _Contribution, sign: int) -> None:
        """Add a contribution, or subtract it where `sign` is -1."""
        total = self.methods.setdefault(contribution.method, MethodTotal())
        total.calls += sign
        total.errors += sign * contribution.is_error
        total.requests += sign * contribution.requests
        total.responses += sign * contribution.responses
        total.request_bytes += sign * contribution.request_bytes
        total.response_bytes += sign * contribution.response_bytes
        if contribution.duration is not None:
            (total.durations.add if sign > 0 else total.durations.remove)(contribution.duration)
        if not total.calls:
            del self.methods[contribution.method]


MAX_BUCKETS: Final = 2_000
_NARROWEST: Final = 0.001
"""Seconds."""


class Timeline:
    """Counts over time, from the first frame on; a frame with an earlier time counts in the first bucket."""

    def __init__(self, store: Store) -> None:
        """Begin with the frames of the store."""
        self.start: float | None = None
        """The time of the first bucket; None without any."""
        self.width = _NARROWEST
        """Seconds per bucket; doubled whenever the buckets run out."""
        self.frames: array[int] = array("Q")
        self.octets: array[int] = array("Q")
        """Of HTTP/2 frames, with their headers."""
        self.calls: array[int] = array("Q")
        """Calls that began in each bucket."""
        self._store = store
        self._end = store.frames.first
        self.update(store.everything())

    def update(self, change: Change) -> None:
        """Apply one change of the store."""
        start, end = max(self._end, self._store.frames.first), len(self._store.frames)
        self._end = end
        for frame in self._store.frames[start:end]:
            bucket = self._bucket(frame.time)
            self.frames[bucket] += 1
            self.octets[bucket] += frame.length + FRAME_HEADER
        for key in change.calls:
            call = self._store.calls.get(key)
            if call is not None and call.first_position is not None and start <= call.first_position < end:
                self.calls[self._bucket(call.started)] += 1

    def _bucket(self, time: float) -> int:
        if self.start is None:
            self.start = time
        index = int((time - self.start) / self.width)
        if index < 0:
            return 0
        while index >= MAX_BUCKETS:
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
