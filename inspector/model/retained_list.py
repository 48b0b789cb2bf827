"""A list that may forget its beginning, while positions stay what they were.

What holds a position, or counts, need not care: `log[position]` is the same item for ever, and `len` is how many there
ever were. What was dropped can still be read until it is freed, by those who have not heard of it yet.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, Generic, TypeVar, overload

_T = TypeVar("_T")
_FEW = 8
"""Items that are sooner looked at than searched."""


class RetainedList(Generic[_T]):
    """Items that are appended at the end and dropped at the beginning."""

    __slots__ = ("_floor", "_items", "first")

    def __init__(self, items: Iterable[_T] = ()) -> None:
        self._items: list[_T] = list(items)
        self._floor = 0
        self.first = 0
        """The position of the oldest item that is kept."""

    def __len__(self) -> int:
        """How many items there ever were, which is the position of the next one."""
        return self._floor + len(self._items)

    def __bool__(self) -> bool:
        """True when an item is kept."""
        return len(self) > self.first

    def __iter__(self) -> Iterator[_T]:
        """The items that are kept."""
        return islice(self._items, self.first - self._floor, None)

    def __reversed__(self) -> Iterator[_T]:
        return islice(reversed(self._items), self.kept)

    def __eq__(self, other: object) -> bool:
        return list(self) == list(other) if isinstance(other, RetainedList | list) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __repr__(self) -> str:
        return f"Log({list(self)!r})"

    @overload
    def __getitem__(self, position: int) -> _T: ...

    @overload
    def __getitem__(self, position: slice) -> list[_T]: ...

    def __getitem__(self, position: int | slice) -> _T | list[_T]:
        """The item at a position, or those kept of a range; IndexError for one that is not here, or here no more."""
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
        """The first item that is kept; None where none is."""
        return self._items[self.first - self._floor] if self else None

    def holds(self, position: int) -> bool:
        """True for the position of an item that is kept."""
        return self.first <= position < len(self)

    def reader(self) -> Callable[[int], _T]:
        """Gives the item at a position, quicker than `log[position]` and without its care; good until items go."""
        items, floor = self._items, self._floor
        return (lambda position: items[position - floor]) if floor else items.__getitem__

    def append(self, item: _T) -> None:
        """Add one at the end."""
        self._items.append(item)

    def drop(self, before: int) -> None:
        """Keep the items before this position no longer."""
        self.first = max(self.first, min(before, len(self)))

    def find(self, value: Any, key: Callable[[_T], Any]) -> int:
        """The position of the first item that is kept and not below a value, where items ascend; the end for none."""
        return self._floor + bisect_left(self._items, value, lo=self.first - self._floor, key=key)

    def around(self, first: Any, last: Any, key: Callable[[_T], Any]) -> Iterable[_T]:
        """The items from a value to another, where items ascend; a few items are given as they are, asked or not."""
        if len(self._items) <= _FEW:
            return self._items
        return self._items[self.find(first, key) - self._floor : bisect_right(self._items, last, key=key)]

    def drop_below(self, value: Any, key: Callable[[_T], Any]) -> None:
        """Drop and free the items below a value, where items ascend."""
        self.drop(self.find(value, key))
        self.free()

    def free(self, most: int | None = None) -> bool:
        """Give up the memory of what was dropped, of so many items; True when there is more."""
        count = self.first - self._floor
        if most is not None:
            count = min(count, most)
        if count:
            del self._items[:count]
            self._floor += count
        return self._floor < self.first
