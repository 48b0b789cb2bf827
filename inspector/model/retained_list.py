"""A list that can drop its beginning while positions stay the same.

A position refers to the same item for ever, and `len` counts all items that were ever appended. Dropped items stay
readable until they are released, so that readers can catch up.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, Generic, TypeVar, overload

_T = TypeVar("_T")
_SCAN_LIMIT = 8
"""Items; scanning so few is faster than a binary search."""


class RetainedList(Generic[_T]):
    """Items that are appended at the end and dropped at the beginning."""

    __slots__ = ("_floor", "_items", "first")

    def __init__(self, items: Iterable[_T] = ()) -> None:
        self._items: list[_T] = list(items)
        self._floor = 0
        self.first = 0
        """The position of the oldest item that is not dropped."""

    def __len__(self) -> int:
        """Return how many items were ever appended: the position of the next one."""
        return self._floor + len(self._items)

    def __bool__(self) -> bool:
        """Return True when an item is kept."""
        return len(self) > self.first

    def __iter__(self) -> Iterator[_T]:
        """Iterate over the items that are kept."""
        return islice(self._items, self.first - self._floor, None)

    def __reversed__(self) -> Iterator[_T]:
        return islice(reversed(self._items), self.kept)

    def __eq__(self, other: object) -> bool:
        return list(self) == list(other) if isinstance(other, RetainedList | list) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __repr__(self) -> str:
        return f"RetainedList({list(self)!r})"

    @overload
    def __getitem__(self, position: int) -> _T: ...

    @overload
    def __getitem__(self, position: slice) -> list[_T]: ...

    def __getitem__(self, position: int | slice) -> _T | list[_T]:
        """Return the item at a position, or the kept items of a slice; IndexError for a released or missing one."""
        if isinstance(position, slice):
            start, stop, _ = position.indices(len(self))
            return self._items[max(start, self.first) - self._floor : max(stop - self._floor, 0)]
        index = position - self._floor if position >= 0 else len(self._items) + position
        if index < 0:
            raise IndexError(position)
        return self._items[index]

    def __setitem__(self, position: int, item: _T) -> None:
        index = position - self._floor
        if index < 0:
            raise IndexError(position)
        self._items[index] = item

    @property
    def kept(self) -> int:
        """How many items are kept."""
        return len(self) - self.first

    @property
    def oldest(self) -> _T | None:
        """The first item that is kept; None without any."""
        return self._items[self.first - self._floor] if self else None

    def holds(self, position: int) -> bool:
        """Return True for the position of a kept item."""
        return self.first <= position < len(self)

    def reader(self) -> Callable[[int], _T]:
        """Return an unchecked function from positions to items: faster than indexing, valid until a release."""
        items, floor = self._items, self._floor
        return (lambda position: items[position - floor]) if floor else items.__getitem__

    def append(self, item: _T) -> None:
        """Append an item."""
        self._items.append(item)

    def drop(self, before: int) -> None:
        """Drop the items before a position."""
        self.first = max(self.first, min(before, len(self)))

    def find(self, value: Any, key: Callable[[_T], Any]) -> int:
        """Return the position of the first kept item whose key is not below a value; items are sorted by it."""
        return self._floor + bisect_left(self._items, value, lo=self.first - self._floor, key=key)

    def around(self, first: Any, last: Any, key: Callable[[_T], Any]) -> Iterable[_T]:
        """Return the items with keys from `first` to `last`, or all where these are few; items are sorted by it."""
        if len(self._items) <= _SCAN_LIMIT:
            return self._items
        return self._items[self.find(first, key) - self._floor : bisect_right(self._items, last, key=key)]

    def drop_below(self, value: Any, key: Callable[[_T], Any]) -> None:
        """Drop and release the items with a key below a value; items are sorted by it."""
        self.drop(self.find(value, key))
        self.release()

    def release(self, most: int | None = None) -> bool:
        """Free the memory of dropped items, at most `most` of them; return True while there are more."""
        count = self.first - self._floor
        if most is not None:
            count = min(count, most)
        if count:
            del self._items[:count]
            self._floor += count
        return self._floor < self.first
