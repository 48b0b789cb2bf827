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

    def __init__(
        self,
        order: CallOrder,
        calls: Mapping[StreamKey, Call],
        ordinal: Callable[[StreamKey], int],
        keys: Iterable[StreamKey],
    ) -> None:
        """Sort these keys of calls. `ordinal` tells in which order calls started."""
        self._order, self._calls, self._ordinal = order, calls, ordinal
        self._known: dict[StreamKey, _Entry] = {key: self._entry(key) for key in keys}
        # Ascending always; a descending order is read from the end.
        self._entries: list[_Entry] = sorted(self._known.values())

    def __len__(self) -> int:
        return len(self._entries)

    @overload
    def __getitem__(self, row: int) -> StreamKey: ...

    @overload
    def __getitem__(self, row: slice) -> list[StreamKey]: ...

    def __getitem__(self, row: int | slice) -> StreamKey | list[StreamKey]:
        if isinstance(row, slice):
            return [self[each] for each in range(*row.indices(len(self)))]
        return self._entries[-1 - row if self._order.descending else row][-1]

    def row_from(self, key: StreamKey) -> int:
        """The row of a call, or that of the first one behind where it would stand."""
        if key not in self._calls:
            return 0
        entry = self._known.get(key) or self._entry(key)
        index = bisect_left(self._entries, entry)
        if not self._order.descending:
            return index
        is_here = index < len(self._entries) and self._entries[index] == entry
        return len(self._entries) - index - is_here

    def update(self, changed: Collection[StreamKey], is_in: Callable[[StreamKey], bool]) -> None:
        """Put those that changed, are new or went where they belong now."""
        old = [known for key in changed if (known := self._known.pop(key, None)) is not None]
        new = [self._entry(key) for key in changed if is_in(key)]
        self._known.update((entry[-1], entry) for entry in new)
        if len(changed) <= _FEW:
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
        value, ordinal = self._order.value(self._calls[key]), self._ordinal(key)
        is_missing = value is None
        if self._order.descending:
            return (-is_missing, 0 if is_missing else value, -ordinal, key)
        return (is_missing, 0 if is_missing else value, ordinal, key)
