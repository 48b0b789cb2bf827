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
"""Frames that are tested between two looks at the keyboard: some milliseconds."""
_CALLS_PER_SLICE: Final = 4_000
"""Calls that are tested by what is known of them as a whole, likewise."""
_FEW: Final = 64
"""Up to so many changes are cheaper one by one: each moves the memory behind it, a merge builds objects anew."""


def amend(positions: array[int], added: Collection[int], removed: Collection[int]) -> int:
    """Put in and take out, in place. The index of the first position that is not where it was, or the length.

    `added` holds none that is there, `removed` only such as are.
    """
    if not added and not removed:
        return len(positions)
    first = bisect_left(positions, min((*added, *removed)))
    if len(added) + len(removed) <= _FEW:
        for position in removed:
            del positions[bisect_left(positions, position)]
        for position in added:
            positions.insert(bisect_left(positions, position), position)
    else:
        positions[first:] = array("I", sorted(set(positions[first:]).difference(removed).union(added)))
    return first


def holds(positions: array[int], position: int) -> bool:
    """True when a position is among them."""
    index = bisect_left(positions, position)
    return index < len(positions) and positions[index] == position


class SelectionChange(NamedTuple):
    """What a change of the store did to the rows."""

    first_row: int
    """Rows before this one are as they were, but for those that left; all from it on may be new."""
    before: int
    """How many rows there were."""
    after: int
    """How many there are now."""
    left: int = 0
    """How many of the first rows there were are gone, with all others moved up."""

    @property
    def only_appended(self) -> bool:
        """True when every row that was there is still where it was."""
        return self.first_row == self.before and not self.left

    def merged(self, later: SelectionChange) -> SelectionChange:
        """This change and the one right after it, as one."""
        first = min(max(self.first_row - later.left, 0), later.first_row)
        return SelectionChange(first, self.before, later.after, self.left + later.left)


class Facts(NamedTuple):
    """What a filter can depend on that is learnt of a call after its first frame."""

    method: str | None
    status: Status | None
    state: CallState
    frames: int
    requests: int
    responses: int

    @classmethod
    def of(cls, call: Call) -> Facts:
        """As a call stands now."""
        return cls(call.method, call.status, call.state, len(call.frames), len(call.requests), len(call.responses))


def asked_again(call: Call, known: Facts | None) -> Iterable[int]:
    """The positions of a call's frames whose answer may differ from when the call was known like that."""
    if known is None or known[:3] != (call.method, call.status, call.state):
        return call.frames
    return news(call, known)


def news(call: Call, known: Facts) -> list[int]:
    """The positions of frames that came to a call since, and of those in which a message was found to end since.

    A lost message is told at a frame near the gap, which need not be one of the call.
    """
    messages = (*call.requests[known.requests :], *call.responses[known.responses :])
    return [*call.frames[known.frames :], *(message.frame for message in messages)]


class MatchedFrames:
    """Positions of frames that match, apart from control frames that match and are hidden."""

    def __init__(self, store: Store, filter_: Filter, *, show_control: bool, sweep: BulkMatcher | None = None) -> None:
        """`sweep` is one of the filter that somebody else wants to learn from."""
        self.filter = filter_
        self.show_control = show_control
        self.end = 0
        """Frames before this position have been asked."""
        self.positions: array[int] = array("I")
        self.amendments = 0
        """Another one each time that positions were put in or taken out before the last."""
        self.dropped = 0
        """How many rows there were before the first, whose frames are not kept any more."""
        self._hidden: array[int] = array("I")
        self._store = store
        self._facts: dict[StreamKey, Facts] = {}
        self._sweep = sweep or BulkMatcher(filter_)

    @property
    def hidden_control(self) -> int:
        """How many control frames match and are hidden."""
        return len(self._hidden)

    def row_from(self, position: int) -> int:
        """How many shown frames stand before a position."""
        return bisect_left(self.positions, position)

    def advance(self, end: int) -> SelectionChange:
        """Ask the frames up to, not including, `end`."""
        before = len(self.positions)
        if self.end < end:
            self._take(self._sweep.matching(self._store, self.end, end))
            self.end = end
        return SelectionChange(before, before, len(self.positions))

    def ask_calls(self, most: int) -> bool:
        """Ask so many calls ahead of their frames; True when others are left."""
        return self._sweep.ask(self._store, most)

    def revise(self, change: Change) -> SelectionChange:
        """Ask again those of the asked frames whose answer the change may have turned."""
        before = len(self.positions)
        if change.first_kept and (left := self._drop(change.first_kept, change.gone)):
            return self.revise(replace(change, first_kept=0))._replace(before=before, left=left)
        self._sweep.ask_again(change.calls)
        if change.rewritten and (self.filter.depends_on_sides or self.filter.depends_on_calls):
            self._start_again()
            return SelectionChange(0, before, len(self.positions))
        first = before
        if self.filter.depends_on_calls:
            asked = range(self._store.frames.first, self.end)
            first = self._amend({each for each in self._turned(change.calls) if each in asked})
        return SelectionChange(min(first, before), before, len(self.positions))

    def _drop(self, first: int, gone: Collection[StreamKey]) -> int:
        """Forget the frames before a position, and these calls; gives how many rows there were of them."""
        self._sweep.strike(gone)
        for key in gone:
            self._facts.pop(key, None)
        del self._hidden[: bisect_left(self._hidden, first)]
        count = self.row_from(first)
        del self.positions[:count]
        self.dropped += count
        return count

    def note_packets(self, numbers: Iterable[int]) -> SelectionChange:
        """A display filter is known to let these packets through: ask their frames again."""
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

    def _start_again(self) -> None:
        self.amendments += 1
        end, self.end = self.end, 0
        self.positions, self._hidden, self.dropped = array("I"), array("I"), 0
        self._facts.clear()
        self._sweep = BulkMatcher(self.filter)
        self.advance(end)

    def _turned(self, keys: Iterable[StreamKey]) -> Iterator[int]:
        for key in keys:
            call = self._store.calls[key]
            yield from asked_again(call, self._facts.get(key))
            self._facts[key] = Facts.of(call)

    def _amend(self, positions: set[int]) -> int:
        """Ask frames again; the first row that is not as it was."""
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
        while self._next is following and following.ask_calls(_CALLS_PER_SLICE):
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
        """The row in which a frame is shown; None when it is not."""
        row = self.nearest_row(position)
        return row if row < len(self.positions) and self.positions[row] == position else None

    def nearest_row(self, position: int) -> int:
        """The row of a frame, or of the first one behind it that is shown; the count of rows where there is none."""
        return self._shown.row_from(position)
