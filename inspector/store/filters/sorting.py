"""Keeps calls sorted while they come, change and go.

A changed call is removed and inserted again, so the cost depends on what changed and not on the size of the list.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias, overload

from inspector.model.call import Call, StreamKey

_MAX_SINGLE_CHANGES: Final = 1_000
"""Changes up to which inserting one by one is faster: each moves less than a megabyte of memory for 100,000 calls."""
_MERGED_PER_SLICE: Final = 4_000
"""Calls merged in one slice: about a millisecond."""


class CallOrder(NamedTuple):
    """A sort key with its direction."""

    value: Callable[[Call], Any]
    """Returns the key of a call; calls without one (None) come last in either direction. Any: the keys of one order are
    of one comparable type."""
    descending: bool = False


_Entry: TypeAlias = tuple[int, Any, int, StreamKey]
"""Whether the key is missing, the key, the ordinal of the call to break ties, and the call."""


class SortedCalls(Sequence[StreamKey]):
    """Calls sorted by an order; ties keep the order in which the calls started, also when descending."""

    def __init__(self, order: CallOrder, calls: Mapping[StreamKey, Call], ordinal: Callable[[StreamKey], int]) -> None:
        """Begin empty; `ordinal` returns the position of a call in the order of start."""
        self.order = order
        self._calls, self._ordinal = calls, ordinal
        self._known: dict[StreamKey, _Entry] = {}
        self._entries: list[_Entry] = []
        """Sorted once finished; a descending order is read from the end."""
        self._runs: list[list[_Entry]] = []
        """Sorted runs that are not merged yet."""
        self._is_finished = False
        self._is_amended = False
        """True when some entries in the runs are out of date."""

    def add(self, keys: Iterable[StreamKey]) -> None:
        """Add the calls that are not present yet; `settle` and `finish` merge them."""
        known, calls = self._known, self._calls
        new = [self._entry(key) for key in keys if key not in known and key in calls]
        known.update((entry[-1], entry) for entry in new)
        if self._is_finished:
            self._entries, self._runs, self._is_finished = [], [self._entries], False
        self._runs.append(sorted(new))

    def settle(self) -> Iterator[None]:
        """Merge the runs, one slice per step."""
        while len(self._runs) > 1:
            second, first = sorted(self._runs[:2], key=len)
            merged: list[_Entry] = []
            yield from _merge(first, second, merged)
            self._runs[:2] = []
            self._runs.append(merged)

    def finish(self) -> None:
        """Complete the merge; immediate after an exhausted `settle`."""
        for _ in self.settle():
            pass
        (entries,), known = self._runs or [[]], self._known
        if self._is_amended:
            entries = [entry for entry in entries if known.get(entry[-1]) is entry]
        self._entries, self._runs, self._is_finished, self._is_amended = entries, [], True, False

    def __len__(self) -> int:
        return len(self._known)

    @overload
    def __getitem__(self, row: int) -> StreamKey: ...

    @overload
    def __getitem__(self, row: slice) -> list[StreamKey]: ...

    def __getitem__(self, row: int | slice) -> StreamKey | list[StreamKey]:
        if isinstance(row, slice):
            return [self[each] for each in range(*row.indices(len(self)))]
        return self._entries[-1 - row if self.order.descending else row][-1]

    def row_from(self, key: StreamKey) -> int:
        """Return the row of a call, or of the first one behind where it would stand."""
        if key not in self._calls:
            return 0
        entry = self._known.get(key) or self._entry(key)
        index = bisect_left(self._entries, entry)
        if not self.order.descending:
            return index
        is_present = index < len(self._entries) and self._entries[index] == entry
        return len(self._entries) - index - is_present

    def update(self, changed: Collection[StreamKey], is_in: Callable[[StreamKey], bool]) -> None:
        """Move changed calls to their place, add new ones and remove those that left."""
        old = [known for key in changed if (known := self._known.pop(key, None)) is not None]
        new = [self._entry(key) for key in changed if is_in(key)]
        self._known.update((entry[-1], entry) for entry in new)
        if not self._is_finished:
            self._is_amended = self._is_amended or bool(old)  # `finish` removes the old ones
            self._runs.append(sorted(new))
        elif len(changed) <= _MAX_SINGLE_CHANGES:
            for entry in old:
                del self._entries[bisect_left(self._entries, entry)]
            for entry in new:
                self._entries.insert(bisect_left(self._entries, entry), entry)
        else:
            gone = {entry[-1] for entry in old}
            self._entries = [entry for entry in self._entries if entry[-1] not in gone]
            self._entries += new
            self._entries.sort()  # fast, as most of it is sorted

    def _entry(self, key: StreamKey) -> _Entry:
        value, ordinal = self.order.value(self._calls[key]), self._ordinal(key)
        is_missing = value is None
        if self.order.descending:
            return (-is_missing, 0 if is_missing else value, -ordinal, key)
        return (is_missing, 0 if is_missing else value, ordinal, key)


def _merge(first: list[_Entry], second: list[_Entry], merged: list[_Entry]) -> Iterator[None]:
    """Merge two sorted lists, one slice per step."""
    merged_up_to = 0
    for start in range(0, len(first), _MERGED_PER_SLICE):
        part = first[start : start + _MERGED_PER_SLICE]
        end = bisect_right(second, part[-1], merged_up_to)
        merged += sorted(part + second[merged_up_to:end])  # fast, as it is two sorted runs
        merged_up_to = end
        yield
    merged += second[merged_up_to:]
