"""The frames that match a filter, of those examined so far."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from typing import Final, NamedTuple

from inspector.model.call import Call, CallState, Status, StreamKey
from inspector.store.filters.filter import BulkMatcher, Filter
from inspector.store.store import Change, Store

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
