"""How long calls took, as a distribution: percentiles and counts of a range, at any moment, for any number of calls.

Exact up to `EXACT` durations, each of which is kept. Beyond that only counts in buckets that grow by 2 % are kept, so
that a percentile is within 1 % of the exact one and memory is bounded. What was added can be taken out again.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, insort
from collections.abc import Sequence
from itertools import pairwise
from math import ceil, floor, log
from typing import Final

EXACT: Final = 10_000
"""Durations of a method that are kept as they are: 80 kB."""
_ERROR: Final = 0.01
_GROWTH: Final = (1 + _ERROR) / (1 - _ERROR)
"""From one bucket to the next; a bucket's middle is within `_ERROR` of all that is in it."""
_SHORTEST: Final = 1e-7
"""Seconds; a capture tells no shorter times apart."""


class Durations:
    """Durations in seconds, none below 0."""

    def __init__(self) -> None:
        self.count = 0
        self._kept: array[float] | None = array("d")
        self._buckets: dict[int, int] = {}

    @property
    def is_exact(self) -> bool:
        """True while every duration is kept."""
        return self._kept is not None

    def add(self, seconds: float) -> None:
        """Take one in."""
        self.count += 1
        bucket = _bucket(seconds)
        self._buckets[bucket] = self._buckets.get(bucket, 0) + 1
        if self._kept is not None:
            insort(self._kept, seconds)
            if self.count > EXACT:
                self._kept = None

    def remove(self, seconds: float) -> None:
        """Take out one that was added."""
        self.count -= 1
        bucket = _bucket(seconds)
        self._buckets[bucket] -= 1
        if not self._buckets[bucket]:
            del self._buckets[bucket]
        if self._kept is not None:
            del self._kept[bisect_left(self._kept, seconds)]

    def percentiles(self, *shares: float) -> list[float]:
        """The durations below which these shares of all lie, from 0 to 1 and ascending; none where there are none.

        Between two durations by their distance, as `statistics.quantiles` does with `method="inclusive"`.
        """
        if not self.count:
            return []
        ranks = [share * (self.count - 1) for share in shares]
        values = self._at([each for rank in ranks for each in (floor(rank), ceil(rank))])
        pairs = zip(ranks, values[::2], values[1::2], strict=True)
        return [low + (high - low) * (rank - floor(rank)) for rank, low, high in pairs]

    def counts(self, edges: Sequence[float]) -> list[int]:
        """How many lie in each range between two of these edges, the lower one included."""
        if self._kept is not None:
            below = [bisect_left(self._kept, edge) for edge in edges]
            return [high - low for low, high in pairwise(below)]
        counts = [0] * (len(edges) + 1)
        for bucket, count in self._buckets.items():
            counts[bisect_left(edges, _middle(bucket))] += count
        return counts[1:-1]

    def _at(self, ranks: Sequence[int]) -> list[float]:
        """The durations at these ranks, which ascend."""
        if self._kept is not None:
            return [self._kept[rank] for rank in ranks]
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
