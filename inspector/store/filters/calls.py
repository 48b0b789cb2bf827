"""The calls that match a filter, of those examined so far, in the order in which they started."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Collection, Iterable
from itertools import count, takewhile

from inspector.model.call import Call, CallState, StreamKey
from inspector.store.filters.filter import BulkMatcher, Filter
from inspector.store.filters.frames import Facts, SelectionChange, news
from inspector.store.filters.match import FrameTest
from inspector.store.filters.words import Key
from inspector.store.store import Change, Store


class CallPositions:
    """Numbers of calls. The store's own order is that of their start; what goes from it is to be struck off."""

    def __init__(self, calls: dict[StreamKey, Call]) -> None:
        self.count = 0
        """How many calls were numbered, which is the number of the next one."""
        self._calls = calls
        self._numbers: dict[StreamKey, int] = {}

    def learn(self) -> None:
        """Number those that came since."""
        known, calls = self._numbers, self._calls
        new = list(takewhile(lambda key: key not in known, reversed(calls)) if known else reversed(calls))
        known.update(zip(reversed(new), count(self.count), strict=False))
        self.count += len(new)

    def number(self, key: StreamKey, default: int = 0) -> int:
        """The number of a call, or something else for one that has none."""
        return self._numbers.get(key, default)

    def since(self, number: int) -> Collection[StreamKey]:
        """The calls that have this number or a later one, in their order."""
        if not number:
            return self._numbers.keys()
        found = list(takewhile(lambda key: self._numbers[key] >= number, reversed(self._numbers)))
        found.reverse()
        return found

    def strike(self, gone: Iterable[StreamKey]) -> None:
        """Forget calls that are not kept any more."""
        for key in gone:
            self._numbers.pop(key, None)


class _Answers:
    """What the frames of one call have said so far, a truth for each part of the filter."""

    __slots__ = ("facts", "hits")

    def __init__(self, parts: int) -> None:
        self.hits = [False] * parts
        self.facts: Facts | None = None


class MatchedCalls:
    """Keys of calls that match, in the order in which the calls started."""

    def __init__(self, store: Store, roll: CallPositions, filter_: Filter, sweep: BulkMatcher | None = None) -> None:
        """`roll` numbers the store's calls; `sweep` goes over all frames of now before the first call is asked."""
        self.filter = filter_
        self.keys: list[StreamKey] = []
        self._store = store
        self._unasked: deque[StreamKey] = deque()
        self._roll = roll
        self._enrolled = 0
        """How many of the roll's calls were told of, those that are gone included."""
        self._answers: dict[StreamKey, _Answers] = {}
        self._sweep = sweep
        self._touched: set[StreamKey] = set()
        """Calls of which the sweep may not know all."""

    def row_from(self, key: StreamKey) -> int:
        """How many matching calls started before a call; 0 for one that was never told of."""
        number = self._roll.number
        return bisect_left(self.keys, number(key), key=number)

    def holds(self, key: StreamKey) -> bool:
        """True when a call is among those that match."""
        row = self.row_from(key)
        return row < len(self.keys) and self.keys[row] == key

    def advance(self, frames: int | None = None) -> SelectionChange:
        """Ask more calls, with so many frames together and one call at least; all of them without a number."""
        self._enrol()
        before, keys = len(self.keys), self._take(frames)
        known, matching = self._judged(keys)
        self.keys += [key for key in keys if (key in matching if key in known else self._matches(key))]
        if not self._unasked:
            self._sweep = None
            self._touched.clear()
        return SelectionChange(before, before, len(self.keys))

    def _take(self, frames: int | None) -> list[StreamKey]:
        """The next calls to ask: so many where the sweep judges them, else those with so many frames together."""
        calls, is_judged = self._store.calls, self._sweep is not None and self._sweep.is_judge
        keys: list[StreamKey] = []
        size = 0
        while self._unasked and (frames is None or size < frames):
            key = self._unasked.popleft()
            if (call := calls.get(key)) is not None:
                keys.append(key)
                size += 1 if is_judged else call.frames.kept + 1
        return keys

    def revise(self, change: Change) -> SelectionChange:
        """Ask again those of the asked calls that the change names."""
        if change.rewritten:
            self._answers.clear()
            self._sweep = None
        if self._sweep is not None:
            self._touched |= change.calls
        for key in change.calls if change.first_kept else ():
            self._answers.pop(key, None)  # what frames said that are not kept any more does not count
        before = len(self.keys)
        first = self._drop(change.gone) if change.gone else before
        asked = [key for key in change.calls if self._roll.number(key, self.asked) < self.asked]
        for key in asked if self.filter.terms else ():
            row, was, now = self.row_from(key), self.holds(key), self._matches(key)
            if was and not now:
                del self.keys[row]
            elif now and not was:
                self.keys.insert(row, key)
            first = first if was == now else min(first, row)
        return SelectionChange(first, before, len(self.keys))

    def note_packets(self, numbers: Iterable[int]) -> SelectionChange:
        """A display filter is known to let these packets through: ask the calls of their frames again."""
        frames = (self._store.frames[each] for number in numbers for each in self._store.positions_of(number))
        touched = {StreamKey(frame.connection, frame.stream) for frame in frames} & self._store.calls.keys()
        for key in touched:
            self._answers.pop(key, None)
        return self.revise(Change(0, 0, calls=frozenset(touched)))

    @property
    def asked(self) -> int:
        """How many of the store's calls have been asked."""
        return self._enrolled - len(self._unasked)

    @property
    def left(self) -> int:
        """How many of the store's calls have not been asked."""
        self._enrol()
        return len(self._unasked)

    def _drop(self, gone: Collection[StreamKey]) -> int:
        """Forget calls; the first row that is not as it was."""
        rows = sorted(self.row_from(key) for key in gone if self.holds(key))
        if rows:
            first, end = rows[0], rows[-1] + 1  # the oldest, so that not many others stand between them
            self.keys[first:end] = [key for key in self.keys[first:end] if key not in gone]
        for key in gone:
            self._answers.pop(key, None)
        return rows[0] if rows else len(self.keys)

    def _enrol(self) -> None:
        self._roll.learn()
        if self._enrolled < self._roll.count:
            self._unasked += self._roll.since(self._enrolled)
            self._enrolled = self._roll.count

    def _matches(self, key: StreamKey) -> bool:
        terms, call = self.filter.terms, self._store.calls[key]
        if not terms:
            return True
        answers = self._answers.get(key)
        if answers is None:
            answers = _Answers(len(terms))
        positions = call.frames if answers.facts is None else news(call, answers.facts)
        if call.state is CallState.OPEN:
            self._answers[key], answers.facts = answers, Facts.of(call)
        else:
            self._answers.pop(key, None)  # hardly anything comes to it any more: then it is asked as a whole
        # Each part is asked, whatever the others say: what they find now is not looked at again.
        found = [self._found(index, call, answers, positions) for index in range(len(terms))]
        return all(each is not negated for each, (_, negated) in zip(found, terms, strict=True))

    def _found(self, index: int, call: Call, answers: _Answers, positions: Iterable[int]) -> bool:
        probe = self.filter.terms[index].probe
        if not answers.hits[index] and probe.frame is not None:
            found = self._swept(index, call.key)
            answers.hits[index] = self._look(probe.frame, call, positions) if found is None else found
        return answers.hits[index] or (probe.call is not None and probe.call(self._store, call))

    def _judged(self, keys: list[StreamKey]) -> tuple[set[Key], set[Key]]:
        """The calls of which the sweep knows whether they match, and those that do; what open ones said is kept."""
        if self._sweep is None:
            return set(), set()
        known, matching = self._sweep.judged(keys)
        calls = self._store.calls
        open_ = {key for key in keys if calls[key].state is CallState.OPEN}
        return known - self._touched - open_, matching

    def _swept(self, index: int, key: StreamKey) -> bool | None:
        """Whether the sweep found a part of the filter in a call, or a frame of it; None where it cannot tell."""
        return None if self._sweep is None or key in self._touched else self._sweep.found(index, key)

    def _look(self, look: FrameTest, call: Call, positions: Iterable[int]) -> bool:
        frames, store = self._store.frames, self._store
        return any(
            look(store, position, frame, call)
            for position in positions
            if frames.holds(position)
            and (frame := frames[position]).stream == call.key.stream
            and frame.connection == call.key.connection
        )
