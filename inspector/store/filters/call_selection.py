"""The calls that match a filter, in the order in which they started or sorted, kept up to date."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import count, takewhile
from typing import Final

from inspector.model.call import Call, CallState, StreamKey
from inspector.store.filters.filter import EVERYTHING, BulkMatcher, Filter, FrameTest
from inspector.store.filters.frame_selection import FRAMES_PER_SLICE, Facts, SelectionChange, news
from inspector.store.filters.sorting import CallOrder, SortedCalls
from inspector.store.filters.words import Key
from inspector.store.store import Change, Store

_SORTED_PER_SLICE: Final = 1_000
"""Calls whose sort key is computed in one slice: some milliseconds too."""
_ALMOST: Final = 0.99
"""The progress of a search whose calls only have to be put in order."""


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


class CallSelection:
    """The keys of the calls that are shown, in the order in which the calls started or in one that is asked for."""

    def __init__(self, store: Store, filter_: Filter = EVERYTHING) -> None:
        """Begin with all that the store holds."""
        self._store = store
        self._roll = CallPositions(store.calls)
        self._shown = MatchedCalls(store, self._roll, filter_)
        self._shown.advance()
        self._next: MatchedCalls | None = None
        self._order: CallOrder | None = None
        self._sorted: SortedCalls | None = None
        self._coming: dict[MatchedCalls, SortedCalls] = {}
        """What is being sorted, of those that are shown and those that follow."""
        self.revision = 0
        """Counts the times at which rows may have come, gone or changed."""

    @property
    def keys(self) -> Sequence[StreamKey]:
        """The calls that match."""
        return self._shown.keys if self._sorted is None else self._sorted

    def nearest_row(self, key: StreamKey) -> int:
        """The row of a call, or of the first one behind where it would be; the count of rows where there is none."""
        return self._shown.row_from(key) if self._sorted is None else self._sorted.row_from(key)

    def row_of(self, key: StreamKey) -> int | None:
        """The row in which a call is shown; None when it is not."""
        return self.nearest_row(key) if self._shown.holds(key) else None

    def sort(self, order: CallOrder | None) -> Iterator[float]:
        """Work towards another order, as `refilter` does; None for the order in which the calls started."""
        self._order, matched = order, self._shown
        return self._bring(matched, lambda: self._shown is matched and self._order is order)

    @property
    def filter(self) -> Filter:
        """The filter that `keys` answers; during `refilter` the one before."""
        return self._shown.filter

    def update(self, change: Change) -> SelectionChange:
        """Follow the store by one change, in the order in which it tells them."""
        if self._next is not None:
            self._next.revise(change)
        revised = self._shown.revise(change)
        told = revised.merged(self._shown.advance())
        self.revision += 1
        for matched, coming in self._coming.items():
            coming.update(change.calls | change.gone, matched.holds)
        if self._sorted is not None:
            self._sorted.update(change.calls | change.gone, self._shown.holds)
            told = told._replace(first_row=0)
        self._roll.strike(change.gone)
        return told

    def note_packets(self, numbers: Sequence[int]) -> None:
        """A display filter is known to let these packets through."""
        self._shown.note_packets(numbers)
        if self._next is not None:
            self._next.note_packets(numbers)

    def refilter(self, filter_: Filter, sweep: BulkMatcher | None = None) -> Iterator[float]:
        """Work towards another filter as `Selection.refilter` does; `sweep` has been over the frames of now by then."""
        if self._next is not None:
            self._coming.pop(self._next, None)
        self._next = MatchedCalls(self._store, self._roll, filter_, sweep)
        return self._reach(self._next)

    def _reach(self, following: MatchedCalls) -> Iterator[float]:
        while following.left and self._next is following:
            yield 1 - following.left / max(len(self._store.calls), following.left)
            following.advance(FRAMES_PER_SLICE)
        yield from self._bring(following, lambda: self._next is following)

    def _bring(self, matched: MatchedCalls, is_wanted: Callable[[], bool]) -> Iterator[float]:
        """Sort these calls as is asked for, a slice at each step, and show them with the last, if still wanted."""
        if self._order is not None:
            coming = self._coming[matched] = self._unsorted(self._order)
            keys = list(matched.keys)
            for start in range(0, len(keys), _SORTED_PER_SLICE):
                yield start / len(keys)
                coming.take(keys[start : start + _SORTED_PER_SLICE])
            for _ in coming.settle():
                yield _ALMOST
        if is_wanted():
            yield 1.0
        if is_wanted():
            self._show(matched)

    def _unsorted(self, order: CallOrder) -> SortedCalls:
        return SortedCalls(order, self._store.calls, self._roll.number)

    def _show(self, matched: MatchedCalls) -> None:
        self.revision += 1
        told = matched.advance()
        self._next = None if self._next is matched else self._next
        self._shown, self._sorted = matched, self._coming.pop(matched, None)
        if self._order is None:
            self._sorted = None
            return
        if self._sorted is None or self._sorted.order is not self._order:  # another was asked for meanwhile
            self._sorted = self._unsorted(self._order)
        news = matched.keys[told.before :]
        is_behind = len(self._sorted) + len(news) != len(matched.keys)
        self._sorted.take(matched.keys if is_behind else news)
        self._sorted.finish()
