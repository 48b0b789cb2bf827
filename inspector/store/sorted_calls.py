"""Calls in the order of something that is known of them, kept so as calls come, change and go.

Owns one sorted list. Which calls are in it, `selection` says; what they are sorted by, whoever asks for an order.
A call is taken out and put in again when it changes, so that it costs what changed and not what is there.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias, overload

from inspector.model.call import Call, StreamKey

_FEW: Final = 1_000
"""Up to so many changes are cheaper one by one: each moves less than a megabyte of memory for 100,000 calls."""


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
        # Ascending once it is finished, a descending order is read from the end; until then a row of sorted runs.
        self._entries: list[_Entry] = []
        self._is_finished = False

    def take(self, keys: Iterable[StreamKey]) -> None:
        """Put in those of the calls that are not there yet; a slice of them at a time, and `finish` behind the last."""
        known, calls = self._known, self._calls
        new = [self._entry(key) for key in keys if key not in known and key in calls]
        known.update((entry[-1], entry) for entry in new)
        self._entries += sorted(new)
        self._is_finished = False

    def finish(self) -> None:
        """Sort what was taken: quickly, as it lies there in sorted runs."""
        known = self._known
        self._entries = [entry for entry in self._entries if known.get(entry[-1]) is entry]
        self._entries.sort()
        self._is_finished = True

    def __len__(self) -> int:
        return len(self._entries)

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
            self._entries += new  # and `finish` takes the old ones out
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
