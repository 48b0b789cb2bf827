"""One pass of a filter over the store, many frames at a time, with what it finds of calls on the way.

Asks the parts of the filter that can be asked of many frames at once so, and the others of each frame that is left.
Owns which calls it came by and which of the former parts they match, so that nobody need look through their frames
once more.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import filterfalse

from inspector.store.filter import Filter
from inspector.store.filter_match import ManyTest
from inspector.store.store import Store
from inspector.store.stretch import Key, Stretch


class _Part:
    """A part of the filter that is asked of many at once."""

    def __init__(self, test: ManyTest, *, negated: bool) -> None:
        self.negated = negated
        self.calls: set[Key] = set()
        """Those that match it, or a frame of which does."""
        self._test = test

    def look(self, store: Store, stretch: Stretch) -> set[int]:
        """The positions of the frames that match it, or whose call does."""
        frames, calls = self._test.frames(store, stretch), self._test.calls(stretch)
        # Also of frames that other parts do not let through: their calls may match.
        self.calls |= calls
        self.calls |= stretch.calls_of(frames)
        return frames.union(stretch.of_calls(calls))


class Sweep:
    """What a filter lets through, and what it found."""

    def __init__(self, filter_: Filter) -> None:
        self._parts = {
            index: _Part(term.probe.many, negated=term.negated)
            for index, term in enumerate(filter_.terms)
            if term.probe.many is not None
        }
        rest = tuple(term for index, term in enumerate(filter_.terms) if index not in self._parts)
        self._rest = Filter(filter_.text, rest)
        self._seen: set[Key] = set()

    def matching(self, store: Store, start: int, end: int) -> Iterable[int]:
        """The positions from `start` up to, not including, `end` of frames that match, in order."""
        left: Iterable[int] = range(max(start, store.frames.first), end)
        if self._parts:
            stretch = Stretch.of(store, start, end)
            self._seen |= stretch.calls.keys()
            for part in self._parts.values():
                found = part.look(store, stretch)
                left = (filterfalse if part.negated else filter)(found.__contains__, left)
        return filter(self._rest.tester(store), left) if self._rest.terms else left

    def found(self, index: int, key: Key) -> bool | None:
        """Whether a call matches a part of the filter, by the index of the part; None where the sweep cannot tell."""
        part = self._parts.get(index)
        return None if part is None or key not in self._seen else key in part.calls

    @property
    def is_judge(self) -> bool:
        """True when all parts of the filter are asked of many at once."""
        return not self._rest.terms

    def judged(self, keys: Iterable[Key]) -> tuple[set[Key], set[Key]]:
        """Those of the calls of which the sweep knows whether they match all of the filter, and those that do."""
        known = self._seen.intersection(keys) if self.is_judge else set()
        matching = set(known)
        for part in self._parts.values():
            matching = matching - part.calls if part.negated else matching & part.calls
        return known, matching
