"""The frames that match a filter, in the order of the wire, kept up to date as more is captured.

Incremental, and always equal to a fresh evaluation of the whole store: each new frame is tested once, an earlier one
again only when something that the filter depends on changed in its call.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from inspector.model.call import Call, CallState, Status, StreamKey
from inspector.store.filters.filter import EVERYTHING, BulkMatcher, Filter
from inspector.store.store import Change, Store

FRAMES_PER_SLICE: Final = 3_000
"""Frames tested in one slice: some milliseconds."""
_CALLS_PER_SLICE: Final = 4_000
"""Calls tested as a whole in one slice: some milliseconds."""
_MAX_SINGLE_CHANGES: Final = 64
"""Changes up to which inserting one by one is faster: each moves the memory behind it, while a merge creates an int for
each position."""


def amend(positions: array[int], added: Collection[int], removed: Collection[int]) -> int:
    """Add and remove positions in place; return the first index that changed, or the length.

    `added` must not be present yet, `removed` must be.
    """
    if not added and not removed:
        return len(positions)
    first = bisect_left(positions, min((*added, *removed)))
    if len(added) + len(removed) <= _MAX_SINGLE_CHANGES:
        for position in removed:
            del positions[bisect_left(positions, position)]
        for position in added:
            positions.insert(bisect_left(positions, position), position)
    else:
        positions[first:] = array("I", sorted(set(positions[first:]).difference(removed).union(added)))
    return first


def holds(positions: array[int], position: int) -> bool:
    """Return True when a position is present."""
    index = bisect_left(positions, position)
    return index < len(positions) and positions[index] == position


class SelectionChange(NamedTuple):
    """What a change of the store did to the rows of a list."""

    first_row: int
    """Rows before this one are unchanged, except those that left; all others may be new."""
    before: int
    """The number of rows before the change."""
    after: int
    """The number of rows after it."""
    left: int = 0
    """How many rows left at the beginning; the others moved up."""

    @property
    def only_appended(self) -> bool:
        """True when all previous rows are still in place."""
        return self.first_row == self.before and not self.left

    def merged(self, later: SelectionChange) -> SelectionChange:
        """Return this change and the one right after it as one."""
        first = min(max(self.first_row - later.left, 0), later.first_row)
        return SelectionChange(first, self.before, later.after, self.left + later.left)


class Facts(NamedTuple):
    """What a filter can depend on that changes after the first frame of a call."""

    method: str | None
    status: Status | None
    state: CallState
    frames: int
    requests: int
    responses: int

    @classmethod
    def of(cls, call: Call) -> Facts:
        """Return the current facts of a call."""
        return cls(call.method, call.status, call.state, len(call.frames), len(call.requests), len(call.responses))


def affected_positions(call: Call, known: Facts | None) -> Iterable[int]:
    """Return the positions of a call's frames that may match differently since the call had these facts."""
    if known is None or known[:3] != (call.method, call.status, call.state):
        return call.frames
    return new_positions(call, known)


def new_positions(call: Call, known: Facts) -> list[int]:
    """Return the positions of a call's new frames, and of those in which new messages end.

    A lost message is assigned to a frame near the gap, which may belong to another call.
    """
    messages = (*call.requests[known.requests :], *call.responses[known.responses :])
    return [*call.frames[known.frames :], *(message.frame for message in messages)]


class MatchedFrames:
    """Positions of the frames that match; control frames may be kept apart, hidden."""

    def __init__(self, store: Store, filter_: Filter, *, show_control: bool, bulk: BulkMatcher | None = None) -> None:
        """Begin with nothing tested; `bulk` is a matcher of the same filter, shared with another reader."""
        self.filter = filter_
        self.show_control = show_control
        self.end = 0
        """Frames before this position have been tested."""
        self.positions: array[int] = array("I")
        self.amendments = 0
        """How often positions were added or removed before the last one."""
        self.dropped = 0
        """How many rows came before the first, for frames that were evicted."""
        self._hidden: array[int] = array("I")
        self._store = store
        self._facts: dict[StreamKey, Facts] = {}
        self._bulk = bulk or BulkMatcher(filter_)

    @property
    def hidden_control(self) -> int:
        """How many control frames match but are hidden."""
        return len(self._hidden)

    def row_from(self, position: int) -> int:
        """Return how many shown frames come before a position."""
        return bisect_left(self.positions, position)

    def advance(self, end: int) -> SelectionChange:
        """Test the frames up to, not including, `end`."""
        before = len(self.positions)
        if self.end < end:
            self._take(self._bulk.matching(self._store, self.end, end))
            self.end = end
        return SelectionChange(before, before, len(self.positions))

    def test_calls(self, most: int) -> bool:
        """Test at most `most` calls ahead of their frames; return True while others are due."""
        return self._bulk.test_calls(self._store, most)

    def revise(self, change: Change) -> SelectionChange:
        """Test the earlier frames again whose answer a change may have changed."""
        before = len(self.positions)
        if change.first_kept and (left := self._drop(change.first_kept, change.evicted)):
            return self.revise(replace(change, first_kept=0))._replace(before=before, left=left)
        self._bulk.test_again(change.calls)
        if change.rewritten and (self.filter.depends_on_sides or self.filter.depends_on_calls):
            self._restart()
            return SelectionChange(0, before, len(self.positions))
        first = before
        if self.filter.depends_on_calls:
            tested = range(self._store.frames.first, self.end)
            first = self._amend({each for each in self._affected(change.calls) if each in tested})
        return SelectionChange(min(first, before), before, len(self.positions))

    def _drop(self, first: int, evicted: Collection[StreamKey]) -> int:
        """Remove evicted frames and calls; return how many rows left."""
        self._bulk.forget(evicted)
        for key in evicted:
            self._facts.pop(key, None)
        del self._hidden[: bisect_left(self._hidden, first)]
        count = self.row_from(first)
        del self.positions[:count]
        self.dropped += count
        return count

    def note_packets(self, numbers: Iterable[int]) -> SelectionChange:
        """Test the frames of packets again that a display filter is now known to match."""
        before = len(self.positions)
        found = (each for number in numbers for each in self._store.positions_of(number))
        first = self._amend({each for each in found if each < self.end and self._store.frames.holds(each)})
        return SelectionChange(min(first, before), before, len(self.positions))

    def _take(self, matching: Iterable[int]) -> None:
        if self.show_control:
            self.positions.extend(matching)
            return
        frame, shown, hidden = self._store.frames.reader(), self.positions.append, self._hidden.append
        for position in matching:
            (hidden if frame(position).is_control else shown)(position)

    def _restart(self) -> None:
        self.amendments += 1
        end, self.end = self.end, 0
        self.positions, self._hidden, self.dropped = array("I"), array("I"), 0
        self._facts.clear()
        self._bulk = BulkMatcher(self.filter)
        self.advance(end)

    def _affected(self, keys: Iterable[StreamKey]) -> Iterator[int]:
        for key in keys:
            call = self._store.calls[key]
            yield from affected_positions(call, self._facts.get(key))
            self._facts[key] = Facts.of(call)

    def _amend(self, positions: set[int]) -> int:
        """Test frames again; return the first row that changed."""
        shown: tuple[list[int], list[int]] = ([], [])
        hidden: tuple[list[int], list[int]] = ([], [])
        matches = self.filter.tester(self._store)
        for position in positions:
            is_hidden = not self.show_control and self._store.frames[position].is_control
            run, toggled = (self._hidden, hidden) if is_hidden else (self.positions, shown)
            was, now = holds(run, position), matches(position)
            if was != now:
                toggled[was].append(position)
        amend(self._hidden, *hidden)
        self.amendments += any(shown)
        return amend(self.positions, *shown)


class FrameSelection:
    """The positions of the frames that are shown."""

    def __init__(self, store: Store, filter_: Filter = EVERYTHING, *, show_control: bool = False) -> None:
        """Begin with the frames of the store."""
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
        """A value that stays equal while rows are only appended."""
        return self._shown.filter, self._shown.amendments

    @property
    def dropped(self) -> int:
        """How many rows came before the first, for frames that were evicted."""
        return self._shown.dropped

    @property
    def hidden_control(self) -> int:
        """How many control frames match the filter but are hidden."""
        return self._shown.hidden_control

    @property
    def filter(self) -> Filter:
        """The filter of `positions`; during `refilter` the previous one."""
        return self._shown.filter

    @property
    def show_control(self) -> bool:
        """True when control frames such as SETTINGS, PING and WINDOW_UPDATE are shown."""
        return self._shown.show_control

    def update(self, change: Change) -> SelectionChange:
        """Apply one change of the store; changes must be applied in order."""
        if self._next is not None:
            self._next.revise(change)
        revised = self._shown.revise(change)
        return revised.merged(self._shown.advance(change.end_frame))

    def note_packets(self, numbers: Sequence[int]) -> None:
        """Show what belongs to packets that a display filter is now known to match."""
        self._shown.note_packets(numbers)
        if self._next is not None:
            self._next.note_packets(numbers)

    def refilter(self, filter_: Filter, *, show_control: bool, bulk: BulkMatcher | None = None) -> Iterator[float]:
        """Test another filter in slices, yielding the progress from 0 to 1.

        Until the step after the 1, `positions` keeps the previous result and `update` keeps it current; abandoning the
        iterator changes nothing. `bulk` is a matcher of the same filter, shared with another reader.
        """
        self._next = MatchedFrames(self._store, filter_, show_control=show_control, bulk=bulk)
        return self._test_and_show(self._next)

    def _test_and_show(self, following: MatchedFrames) -> Iterator[float]:
        frames = self._store.frames
        while self._next is following and following.test_calls(_CALLS_PER_SLICE):
            yield 0.0
        while following.end < len(frames) and self._next is following:
            following.end = max(following.end, frames.first)
            yield (following.end - frames.first) / max(frames.kept, 1)
            following.advance(min(following.end + FRAMES_PER_SLICE, len(frames)))
        if self._next is following:
            yield 1.0
        if self._next is following:
            following.advance(len(self._store.frames))
            self._shown, self._next = following, None

    def row_of(self, position: int) -> int | None:
        """Return the row of a frame; None when it is not shown."""
        row = self.nearest_row(position)
        return row if row < len(self.positions) and self.positions[row] == position else None

    def nearest_row(self, position: int) -> int:
        """Return the row of a frame, or of the first one behind it; the number of rows where there is none."""
        return self._shown.row_from(position)
