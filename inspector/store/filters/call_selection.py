"""The calls that match a filter, in the order in which they started or sorted, kept up to date."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import count, takewhile
from typing import Final

from inspector.model.call import Call, CallState, StreamKey
from inspector.store.filters.filter import EVERYTHING, BulkMatcher, Filter
from inspector.store.filters.frame_selection import FRAMES_PER_SLICE, Facts, SelectionChange, new_positions
from inspector.store.filters.sorting import CallOrder, SortedCalls
from inspector.store.filters.words import FrameTest, Key
from inspector.store.store import Change, Store

_SORTED_PER_SLICE: Final = 1_000
"""Calls whose sort key is computed in one slice: some milliseconds."""
_SORTING_PROGRESS: Final = 0.99
"""The progress of a search that has found all calls and still sorts them."""


class CallOrdinals:
    """The ordinal of each call: the store's order is that of their start, but a dict has no positions."""

    def __init__(self, calls: dict[StreamKey, Call]) -> None:
        self.count = 0
        """How many calls were numbered: the ordinal of the next one."""
        self._calls = calls
        self._ordinals: dict[StreamKey, int] = {}

    def number_new(self) -> None:
        """Number the calls that were added to the store."""
        known, calls = self._ordinals, self._calls
        new = list(takewhile(lambda key: key not in known, reversed(calls)) if known else reversed(calls))
        known.update(zip(reversed(new), count(self.count), strict=False))
        self.count += len(new)

    def of(self, key: StreamKey, default: int = 0) -> int:
        """Return the ordinal of a call, or `default` for one without."""
        return self._ordinals.get(key, default)

    def since(self, ordinal: int) -> Collection[StreamKey]:
        """Return the calls with this ordinal or a later one, in order."""
        if not ordinal:
            return self._ordinals.keys()
        found = list(takewhile(lambda key: self._ordinals[key] >= ordinal, reversed(self._ordinals)))
        found.reverse()
        return found

    def forget(self, evicted: Iterable[StreamKey]) -> None:
        """Forget evicted calls."""
        for key in evicted:
            self._ordinals.pop(key, None)


class _Answers:
    """What the frames of one open call have matched so far, for each term of the filter."""

    __slots__ = ("facts", "hits")

    def __init__(self, terms: int) -> None:
        self.hits = [False] * terms
        self.facts: Facts | None = None


class MatchedCalls:
    """The calls that match, in the order in which they started."""

    def __init__(self, store: Store, ordinals: CallOrdinals, filter_: Filter, bulk: BulkMatcher | None = None) -> None:
        """Begin with nothing tested; `bulk` has tested all present frames before the first call is tested here."""
        self.filter = filter_
        self.keys: list[StreamKey] = []
        self._store = store
        self._untested: deque[StreamKey] = deque()
        self._ordinals = ordinals
        self._queued = 0
        """How many calls were queued, evicted ones included."""
        self._answers: dict[StreamKey, _Answers] = {}
        self._bulk = bulk
        self._changed: set[StreamKey] = set()
        """Calls that changed after the bulk matcher tested them."""

    def row_from(self, key: StreamKey) -> int:
        """Return how many matching calls started before a call; 0 for one that is not known."""
        ordinal = self._ordinals.of
        return bisect_left(self.keys, ordinal(key), key=ordinal)

    def holds(self, key: StreamKey) -> bool:
        """Return True for a matching call."""
        row = self.row_from(key)
        return row < len(self.keys) and self.keys[row] == key

    def advance(self, frames: int | None = None) -> SelectionChange:
        """Test more calls until their frames reach a number, at least one call; all calls without a number."""
        self._queue_new()
        before, keys = len(self.keys), self._next_keys(frames)
        known, matching = self._known_matches(keys)
        self.keys += [key for key in keys if (key in matching if key in known else self._matches(key))]
        if not self._untested:
            self._bulk = None
            self._changed.clear()
        return SelectionChange(before, before, len(self.keys))

    def _next_keys(self, frames: int | None) -> list[StreamKey]:
        """Return the next calls to test, counted by their frames, or one by one where the answers are known."""
        calls, is_known = self._store.calls, self._bulk is not None and self._bulk.covers_all_terms
        keys: list[StreamKey] = []
        size = 0
        while self._untested and (frames is None or size < frames):
            key = self._untested.popleft()
            if (call := calls.get(key)) is not None:
                keys.append(key)
                size += 1 if is_known else call.frames.kept + 1
        return keys

    def revise(self, change: Change) -> SelectionChange:
        """Test the calls that a change names again, if they were tested before."""
        if change.rewritten:
            self._answers.clear()
            self._bulk = None
        if self._bulk is not None:
            self._changed |= change.calls
        for key in change.calls if change.first_kept else ():
            self._answers.pop(key, None)  # frames that were evicted no longer count
        before = len(self.keys)
        first = self._drop(change.evicted) if change.evicted else before
        affected = [key for key in change.calls if self._ordinals.of(key, self.tested) < self.tested]
        for key in affected if self.filter.terms else ():
            row, was, now = self.row_from(key), self.holds(key), self._matches(key)
            if was and not now:
                del self.keys[row]
            elif now and not was:
                self.keys.insert(row, key)
            first = first if was == now else min(first, row)
        return SelectionChange(first, before, len(self.keys))

    def note_packets(self, numbers: Iterable[int]) -> SelectionChange:
        """Test the calls of packets again that a display filter is now known to match."""
        frames = (self._store.frames[each] for number in numbers for each in self._store.positions_of(number))
        affected = {StreamKey(frame.connection, frame.stream) for frame in frames} & self._store.calls.keys()
        for key in affected:
            self._answers.pop(key, None)
        return self.revise(Change(0, 0, calls=frozenset(affected)))

    @property
    def tested(self) -> int:
        """How many of the store's calls have been tested."""
        return self._queued - len(self._untested)

    @property
    def untested(self) -> int:
        """How many of the store's calls have not been tested."""
        self._queue_new()
        return len(self._untested)

    def _drop(self, evicted: Collection[StreamKey]) -> int:
        """Remove evicted calls; return the first row that changed."""
        rows = sorted(self.row_from(key) for key in evicted if self.holds(key))
        if rows:
            first, end = rows[0], rows[-1] + 1  # the oldest calls, so few others stand between them
            self.keys[first:end] = [key for key in self.keys[first:end] if key not in evicted]
        for key in evicted:
            self._answers.pop(key, None)
        return rows[0] if rows else len(self.keys)

    def _queue_new(self) -> None:
        self._ordinals.number_new()
        if self._queued < self._ordinals.count:
            self._untested += self._ordinals.since(self._queued)
            self._queued = self._ordinals.count

    def _matches(self, key: StreamKey) -> bool:
        terms, call = self.filter.terms, self._store.calls[key]
        if not terms:
            return True
        answers = self._answers.get(key)
        if answers is None:
            answers = _Answers(len(terms))
        positions = call.frames if answers.facts is None else new_positions(call, answers.facts)
        if call.state is CallState.OPEN:
            self._answers[key], answers.facts = answers, Facts.of(call)
        else:
            self._answers.pop(key, None)  # an ended call hardly changes any more; if it does, it is tested as a whole
        # Every term is tested, even after one has failed: these positions are not examined again.
        found = [self._found(index, call, answers, positions) for index in range(len(terms))]
        return all(each is not negated for each, (_, negated) in zip(found, terms, strict=True))

    def _found(self, index: int, call: Call, answers: _Answers, positions: Iterable[int]) -> bool:
        probe = self.filter.terms[index].probe
        if not answers.hits[index] and probe.frame is not None:
            found = self._from_bulk(index, call.key)
            answers.hits[index] = self._any_frame(probe.frame, call, positions) if found is None else found
        return answers.hits[index] or (probe.call is not None and probe.call(self._store, call))

    def _known_matches(self, keys: list[StreamKey]) -> tuple[set[Key], set[Key]]:
        """Return the ended calls for which the bulk matcher knows the answer, and those that match."""
        if self._bulk is None:
            return set(), set()
        known, matching = self._bulk.known_matches(keys)
        calls = self._store.calls
        open_ = {key for key in keys if calls[key].state is CallState.OPEN}
        return known - self._changed - open_, matching

    def _from_bulk(self, index: int, key: StreamKey) -> bool | None:
        """Return whether the bulk matcher found a term in a call or its frames; None if unknown."""
        return None if self._bulk is None or key in self._changed else self._bulk.found(index, key)

    def _any_frame(self, test: FrameTest, call: Call, positions: Iterable[int]) -> bool:
        frames, store = self._store.frames, self._store
        return any(
            test(store, position, frame, call)
            for position in positions
            if frames.holds(position)
            and (frame := frames[position]).stream == call.key.stream
            and frame.connection == call.key.connection
        )


class CallSelection:
    """The calls that are shown, in the order in which they started or in a chosen one."""

    def __init__(self, store: Store, filter_: Filter = EVERYTHING) -> None:
        """Begin with the calls of the store."""
        self._store = store
        self._ordinals = CallOrdinals(store.calls)
        self._shown = MatchedCalls(store, self._ordinals, filter_)
        self._shown.advance()
        self._next: MatchedCalls | None = None
        self._order: CallOrder | None = None
        self._sorted: SortedCalls | None = None
        self._sorting: dict[MatchedCalls, SortedCalls] = {}
        """Calls that are being sorted, of the shown matches and of the next ones."""
        self.revision = 0
        """The number of times that rows may have come, gone or changed."""

    @property
    def keys(self) -> Sequence[StreamKey]:
        """The matching calls in the order shown."""
        return self._shown.keys if self._sorted is None else self._sorted

    def nearest_row(self, key: StreamKey) -> int:
        """Return the row of a call, or of the first one behind where it would be; else the number of rows."""
        return self._shown.row_from(key) if self._sorted is None else self._sorted.row_from(key)

    def row_of(self, key: StreamKey) -> int | None:
        """Return the row of a call; None when it is not shown."""
        return self.nearest_row(key) if self._shown.holds(key) else None

    def sort(self, order: CallOrder | None) -> Iterator[float]:
        """Sort by another order in slices, like `refilter`; None restores the order in which the calls started."""
        self._order, matched = order, self._shown
        return self._sort_and_show(matched, lambda: self._shown is matched and self._order is order)

    @property
    def filter(self) -> Filter:
        """The filter of `keys`; during `refilter` the previous one."""
        return self._shown.filter

    def update(self, change: Change) -> SelectionChange:
        """Apply one change of the store; changes must be applied in order."""
        if self._next is not None:
            self._next.revise(change)
        revised = self._shown.revise(change)
        rows = revised.merged(self._shown.advance())
        self.revision += 1
        for matched, sorting in self._sorting.items():
            sorting.update(change.calls | change.evicted, matched.holds)
        if self._sorted is not None:
            self._sorted.update(change.calls | change.evicted, self._shown.holds)
            rows = rows._replace(first_row=0)
        self._ordinals.forget(change.evicted)
        return rows

    def note_packets(self, numbers: Sequence[int]) -> None:
        """Show what belongs to packets that a display filter is now known to match."""
        self._shown.note_packets(numbers)
        if self._next is not None:
            self._next.note_packets(numbers)

    def refilter(self, filter_: Filter, bulk: BulkMatcher | None = None) -> Iterator[float]:
        """Test another filter in slices, as for frames; `bulk` must have tested the present frames by then."""
        if self._next is not None:
            self._sorting.pop(self._next, None)
        self._next = MatchedCalls(self._store, self._ordinals, filter_, bulk)
        return self._test_and_show(self._next)

    def _test_and_show(self, following: MatchedCalls) -> Iterator[float]:
        while following.untested and self._next is following:
            yield 1 - following.untested / max(len(self._store.calls), following.untested)
            following.advance(FRAMES_PER_SLICE)
        yield from self._sort_and_show(following, lambda: self._next is following)

    def _sort_and_show(self, matched: MatchedCalls, is_wanted: Callable[[], bool]) -> Iterator[float]:
        """Sort matches in slices, if an order is set, and show them at the end if they are still wanted."""
        if self._order is not None:
            sorting = self._sorting[matched] = self._unsorted(self._order)
            keys = list(matched.keys)
            for start in range(0, len(keys), _SORTED_PER_SLICE):
                yield start / len(keys)
                sorting.add(keys[start : start + _SORTED_PER_SLICE])
            for _ in sorting.settle():
                yield _SORTING_PROGRESS
        if is_wanted():
            yield 1.0
        if is_wanted():
            self._show(matched)

    def _unsorted(self, order: CallOrder) -> SortedCalls:
        return SortedCalls(order, self._store.calls, self._ordinals.of)

    def _show(self, matched: MatchedCalls) -> None:
        self.revision += 1
        before = len(matched.keys)
        matched.advance()
        self._next = None if self._next is matched else self._next
        self._shown, self._sorted = matched, self._sorting.pop(matched, None)
        if self._order is None:
            self._sorted = None
            return
        if self._sorted is None or self._sorted.order is not self._order:  # the order was changed meanwhile
            self._sorted = self._unsorted(self._order)
        new = matched.keys[before:]
        is_behind = len(self._sorted) + len(new) != len(matched.keys)
        self._sorted.add(matched.keys if is_behind else new)
        self._sorted.finish()
