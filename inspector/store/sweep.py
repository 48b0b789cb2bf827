"""One pass of a filter over the store, many frames at a time, with what it finds of calls on the way.

Asks the parts of the filter that can be asked of many frames at once so, and the others of each frame that is left.
Calls are asked before their frames, once and again when they have changed. Owns which of them match the former parts,
so that nobody need look through their frames once more.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import filterfalse

from inspector.model.call import Call
from inspector.store.filter import Filter
from inspector.store.filter_match import ManyTest
from inspector.store.store import Store
from inspector.store.stretch import Key, Stretch


class _Part:
    """A part of the filter that is asked of many at once."""

    def __init__(self, test: ManyTest, *, negated: bool) -> None:
        self.negated = negated
        self._test = test
        self._by_themselves: set[Key] = set()
        """Calls that match it by what is known of them as a whole."""
        self._by_frames: set[Key] = set()
        """Calls a frame of which matches it."""

    def ask(self, calls: list[Call]) -> None:
        """Ask calls, perhaps not for the first time."""
        self._by_themselves.difference_update([call.key for call in calls])
        self._by_themselves |= self._test.calls(calls)

    def look(self, store: Store, stretch: Stretch) -> set[int]:
        """The positions of the frames that match it, or whose call does by itself."""
        frames = self._test.frames(store, stretch)
        # Also of frames that other parts do not let through: their calls may match.
        self._by_frames |= stretch.calls_of(frames)
        return frames.union(stretch.of_calls(self._by_themselves))

    def has(self, key: Key) -> bool:
        """True for a call that matches it."""
        return key in self._by_themselves or key in self._by_frames

    def among(self, keys: set[Key]) -> set[Key]:
        """Those of some calls that match it."""
        return (keys & self._by_themselves) | (keys & self._by_frames)

    def strike(self, gone: Collection[Key]) -> None:
        """Forget calls."""
        self._by_themselves.difference_update(gone)
        self._by_frames.difference_update(gone)


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
        self._asked: set[Key] = set()
        self._due: list[Key] | None = None
        """Calls that are to be asked before the next frames; None for all that there are by then."""

    def ask(self, store: Store, most: int | None = None) -> bool:
        """Ask so many calls, or all that are due; True when others are left, which are asked with the next frames."""
        if self._due is None:
            self._due = list(store.calls) if self._parts else []
        asked, self._due = self._due[:most], [] if most is None else self._due[most:]
        calls = [store.calls[key] for key in asked if key in store.calls]
        for part in self._parts.values():
            part.ask(calls)
        self._asked.update(asked)
        return bool(self._due)

    def ask_again(self, keys: Iterable[Key]) -> None:
        """These calls are new, or more is known of them than before."""
        if self._parts and self._due is not None:
            self._due += keys

    def strike(self, gone: Collection[Key]) -> None:
        """Forget calls that are not kept any more."""
        self._asked.difference_update(gone)
        for part in self._parts.values():
            part.strike(gone)

    def matching(self, store: Store, start: int, end: int) -> Iterable[int]:
        """The positions from `start` up to, not including, `end` of frames that match, in order."""
        left: Iterable[int] = range(max(start, store.frames.first), end)
        if self._parts:
            self.ask(store)
            stretch = Stretch.of(store, start, end)
            for part in self._parts.values():
                found = part.look(store, stretch)
                left = (filterfalse if part.negated else filter)(found.__contains__, left)
        return filter(self._rest.tester(store), left) if self._rest.terms else left

    def found(self, index: int, key: Key) -> bool | None:
        """Whether a call matches a part of the filter, by the index of the part; None where the sweep cannot tell."""
        part = self._parts.get(index)
        return None if part is None or key not in self._asked else part.has(key)

    @property
    def is_judge(self) -> bool:
        """True when all parts of the filter are asked of many at once."""
        return not self._rest.terms

    def judged(self, keys: Iterable[Key]) -> tuple[set[Key], set[Key]]:
        """Those of the calls of which the sweep knows whether they match all of the filter, and those that do."""
        known = self._asked.intersection(keys) if self.is_judge else set()
        matching = set(known)
        for part in self._parts.values():
            found = part.among(matching)
            matching = matching - found if part.negated else found
        return known, matching
