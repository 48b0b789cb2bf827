"""Calls in the order of something that is known of them, kept so as calls come, change and go.

Owns one sorted list. Which calls are in it, `selection` says; what they are sorted by, whoever asks for an order.
A call is taken out and put in again when it changes, so that it costs what changed and not what is there.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias, overload

from inspector.model.call import Call, StreamKey

_FEW: Final = 1_000
"""Up to so many changes are cheaper one by one: each moves less than a megabyte of memory for 100,000 calls."""
_MERGED_AT_ONCE: Final = 4_000
"""Calls between two looks at the keyboard: about a millisecond."""


class CallOrder(NamedTuple):
    """What calls are sorted by."""

    value: Callable[[Call], Any]
    """Of each call; None where it has none: these stand at the end either way. Any: values are of one kind each."""
    descending: bool = False


_Entry: TypeAlias = tuple[int, Any, int, StreamKey]
"""Whether there is a value, the value, the ordinal that breaks ties, and the call."""


class SortedCalls(Sequence[StreamKey]):
    """Keys of calls by an order; ties stand as the calls started, descending orders included."""

    def __init__(self, order: CallOrder, calls: Mapping[StreamKey, Call], ordinal: Callable[[StreamKey], int]) -> None:
        """Begin with none; `ordinal` tells in which order calls started."""
        self.order = order
        self._calls, self._ordinal = calls, ordinal
        self._known: dict[StreamKey, _Entry] = {}
        self._entries: list[_Entry] = []
        """Once it is finished: ascending, a descending order is read from the end."""
        self._runs: list[list[_Entry]] = []
        """Until then: ascending each."""
        self._is_finished = False
        self._is_amended = False
        """True when entries in the runs do not hold any more."""

    def take(self, keys: Iterable[StreamKey]) -> None:
        """Put in those of the calls that are not there yet; a slice of them at a time, `settle` and `finish` behind."""
        known, calls = self._known, self._calls
        new = [self._entry(key) for key in keys if key not in known and key in calls]
        known.update((entry[-1], entry) for entry in new)
        if self._is_finished:
            self._entries, self._runs, self._is_finished = [], [self._entries], False
        self._runs.append(sorted(new))

    def settle(self) -> Iterator[None]:
        """Bring what was taken into one order, a slice at each step."""
        while len(self._runs) > 1:
            second, first = sorted(self._runs[:2], key=len)
            merged: list[_Entry] = []
            yield from _merge(first, second, merged)
            self._runs[:2] = []
            self._runs.append(merged)

    def finish(self) -> None:
        """It is in order from now on; at once where nothing was taken since it was settled."""
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
        """The row of a call, or that of the first one behind where it would stand."""
        if key not in self._calls:
            return 0
        entry = self._known.get(key) or self._entry(key)
        index = bisect_left(self._entries, entry)
        if not self.order.descending:
            return index
        is_here = index < len(self._entries) and self._entries[index] == entry
        return len(self._entries) - index - is_here

    def update(self, changed: Collection[StreamKey], is_in: Callable[[StreamKey], bool]) -> None:
        """Put those that changed, are new or went where they belong now."""
        old = [known for key in changed if (known := self._known.pop(key, None)) is not None]
        new = [self._entry(key) for key in changed if is_in(key)]
        self._known.update((entry[-1], entry) for entry in new)
        if not self._is_finished:
            self._is_amended = self._is_amended or bool(old)  # `finish` takes the old ones out
            self._runs.append(sorted(new))
        elif len(changed) <= _FEW:
            for entry in old:
                del self._entries[bisect_left(self._entries, entry)]
            for entry in new:
                self._entries.insert(bisect_left(self._entries, entry), entry)
        else:
            gone = {entry[-1] for entry in old}
            self._entries = [entry for entry in self._entries if entry[-1] not in gone]
            self._entries += new
            self._entries.sort()  # quick, as most of it is sorted

    def _entry(self, key: StreamKey) -> _Entry:
        value, ordinal = self.order.value(self._calls[key]), self._ordinal(key)
        is_missing = value is None
        if self.order.descending:
            return (-is_missing, 0 if is_missing else value, -ordinal, key)
        return (is_missing, 0 if is_missing else value, ordinal, key)


def _merge(first: list[_Entry], second: list[_Entry], merged: list[_Entry]) -> Iterator[None]:
    """Put two ascending lists together, a slice at each step."""
    at = 0
    for start in range(0, len(first), _MERGED_AT_ONCE):
        part = first[start : start + _MERGED_AT_ONCE]
        end = bisect_right(second, part[-1], at)
        merged += sorted(part + second[at:end])  # quick, as it is two sorted runs
        at = end
        yield
    merged += second[at:]
