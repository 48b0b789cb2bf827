"""Which frames and calls are shown: filtered, in the order of the wire, and kept up to date as more is captured.

Incremental, and always equal to what a fresh look at the whole store would give: new frames are asked once, earlier
ones again only when something was learnt of their call that the filter depends on. Draws nothing, waits for nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from inspector.model.call import StreamKey
from inspector.store.filters.calls import CallPositions, MatchedCalls
from inspector.store.filters.filter import EVERYTHING, BulkMatcher, Filter
from inspector.store.filters.frames import MatchedFrames, SelectionChange
from inspector.store.filters.sorting import CallOrder, SortedCalls
from inspector.store.store import Change, Store

_FRAMES_AT_ONCE: Final = 3_000
"""Frames that are asked between two looks at the keyboard: some milliseconds."""
_CALLS_AT_ONCE: Final = 4_000
"""Calls that are asked what they say of themselves, likewise."""
_SORTED_AT_ONCE: Final = 1_000
"""Calls that are looked at for what they are sorted by: some milliseconds too."""
_ALMOST: Final = 0.99
"""How far a search is whose calls are only to be put in order."""


class Selection:
    """The positions of the frames that are shown."""

    def __init__(self, store: Store, filter_: Filter = EVERYTHING, *, show_control: bool = False) -> None:
        """Begin with all that the store holds."""
        self._store = store
        self._shown = MatchedFrames(store, filter_, show_control=show_control)
        self._shown.advance(len(store.frames))
        self._next: MatchedFrames | None = None

    @property
    def positions(self) -> Sequence[int]:
        """Positions in the store, ascending."""
        return self._shown.positions

    @property
    def state(self) -> tuple[object, int]:
        """Equal as long as rows have only come behind the last."""
        return self._shown.filter, self._shown.amendments

    @property
    def dropped(self) -> int:
        """How many rows there were before the first, whose frames are not kept any more."""
        return self._shown.dropped

    @property
    def hidden_control(self) -> int:
        """How many control frames match the filter and are not shown."""
        return self._shown.hidden_control

    @property
    def filter(self) -> Filter:
        """The filter that `positions` answers; during `refilter` the one before."""
        return self._shown.filter

    @property
    def show_control(self) -> bool:
        """True when SETTINGS, PING, WINDOW_UPDATE and their like are shown."""
        return self._shown.show_control

    def update(self, change: Change) -> SelectionChange:
        """Follow the store by one change, in the order in which it tells them."""
        if self._next is not None:
            self._next.revise(change)
        revised = self._shown.revise(change)
        return revised.merged(self._shown.advance(change.end_frame))

    def note_packets(self, numbers: Sequence[int]) -> None:
        """A display filter is known to let these packets through."""
        self._shown.note_packets(numbers)
        if self._next is not None:
            self._next.note_packets(numbers)

    def refilter(self, filter_: Filter, *, show_control: bool, sweep: BulkMatcher | None = None) -> Iterator[float]:
        """Work towards another filter, a slice at each step, yielding how far it is, from 0 to 1.

        Until the last step, behind the 1, `positions` is as before and `update` goes on; a generator that is dropped
        changes nothing. `sweep` is one of the filter that somebody else wants to learn from.
        """
        self._next = MatchedFrames(self._store, filter_, show_control=show_control, sweep=sweep)
        return self._reach(self._next)

    def _reach(self, following: MatchedFrames) -> Iterator[float]:
        frames = self._store.frames
        while self._next is following and following.ask_calls(_CALLS_AT_ONCE):
            yield 0.0
        while following.end < len(frames) and self._next is following:
            following.end = max(following.end, frames.first)
            yield (following.end - frames.first) / max(frames.kept, 1)
            following.advance(min(following.end + _FRAMES_AT_ONCE, len(frames)))
        if self._next is following:
            yield 1.0
        if self._next is following:
            following.advance(len(self._store.frames))
            self._shown, self._next = following, None

    def row_of(self, position: int) -> int | None:
        """The row in which a frame is shown; None when it is not."""
        row = self.nearest_row(position)
        return row if row < len(self.positions) and self.positions[row] == position else None

    def nearest_row(self, position: int) -> int:
        """The row of a frame, or of the first one behind it that is shown; the count of rows where there is none."""
        return self._shown.row_from(position)


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
            following.advance(_FRAMES_AT_ONCE)
        yield from self._bring(following, lambda: self._next is following)

    def _bring(self, matched: MatchedCalls, is_wanted: Callable[[], bool]) -> Iterator[float]:
        """Sort these calls as is asked for, a slice at each step, and show them with the last, if still wanted."""
        if self._order is not None:
            coming = self._coming[matched] = self._unsorted(self._order)
            keys = list(matched.keys)
            for start in range(0, len(keys), _SORTED_AT_ONCE):
                yield start / len(keys)
                coming.take(keys[start : start + _SORTED_AT_ONCE])
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
