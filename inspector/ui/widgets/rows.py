"""Rows and columns of a list: what a list needs from its rows, and the state that the parts of a list share."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from itertools import chain
from typing import Any, Final, NamedTuple, Protocol, runtime_checkable

from inspector.present.columns import Column
from inspector.present.spans import Span
from inspector.ui.subject import Subject

FOLDED: Final = "▸"
UNFOLDED: Final = "▾"


class Spanning(NamedTuple):
    """A row that is drawn across all columns."""

    spans: tuple[Span, ...]


class SortOrder(NamedTuple):
    """The column, by its index, that rows are sorted by."""

    column: int
    descending: bool = False

    @property
    def opposite(self) -> SortOrder:
        """The same column in the other direction."""
        return SortOrder(self.column, not self.descending)


class ListRows(Protocol):
    """Rows in an order, each of which leads to a subject."""

    @property
    def columns(self) -> Sequence[Column]:
        """All columns, in their default order."""

    def __len__(self) -> int: ...

    def key(self, row: int) -> Any:
        """Return the key of a row. Keys stay the same when rows are added or removed around them."""

    def near(self, key: Any) -> int:
        """Return the index of a key's row, or of the nearest row after the place where it would be."""

    def version(self, key: Any) -> Hashable:
        """Return a value that is equal as long as the row looks the same."""

    def row(self, key: Any) -> Any:
        """Return what `Column.cell` receives."""

    def subject(self, key: Any) -> Subject:
        """Return what is selected with a row."""

    def key_of(self, subject: Subject) -> Any:
        """Return the key of the row that a subject belongs to, filtered out or not; None if it has none."""

    def text(self, key: Any) -> tuple[str, str]:
        """Return a row as a line of text for the clipboard, and a description of what was copied."""


@runtime_checkable
class SortableRows(ListRows, Protocol):
    """Rows that can be sorted."""

    @property
    def order(self) -> SortOrder:
        """The current order."""

    @property
    def orders(self) -> tuple[SortOrder, ...]:
        """The order of each sortable column, in the direction that a first click selects."""

    def sort(self, order: SortOrder) -> Iterator[object]:
        """Sort in slices; the rows change their places after the last one."""

    @property
    def grows_at_end(self) -> bool:
        """True while new rows are appended after all others, so that the end can be followed."""


@runtime_checkable
class FoldableRows(ListRows, Protocol):
    """Rows some of which unfold into further rows below them."""

    def fold_mark(self, key: Any) -> str:
        """Return `▸` for a folded row, `▾` for an unfolded one, and a blank for any other."""

    def unfold(self, key: Any) -> None:
        """Show the rows below one."""

    def fold(self, key: Any) -> Any:
        """Hide the rows below one, or, if it has none, those below its parent; return the key that stays visible."""


_MARK, _PART_MARK = "◆", "◇"
_MAX_LOOKUPS: Final = 1_000
"""With more marks than this, walking over the rows finds the next one sooner than looking up the row of each mark."""


class RowMarks(dict[Any, None]):
    """The keys of the marked rows of a list, in the order in which they were marked."""

    is_part_marked: Callable[[Any], bool] = staticmethod(lambda _key: False)
    """Returns whether another list has a mark on a part of a row, or on what the row is a part of."""

    def toggle(self, key: Any) -> None:
        """Mark a row, or remove its mark."""
        if key in self:
            del self[key]
        else:
            self[key] = None

    def symbol(self, key: Any) -> str:
        """Return what is drawn before a row: `◆`, `◇` for a mark in another list, or nothing."""
        return _MARK if key in self else _PART_MARK if self.is_part_marked(key) else ""

    def next_row(self, rows: ListRows, row: int, count: int) -> int | None:
        """Return the next marked row after one, wrapping around; marks on filtered-out rows are kept but skipped."""
        if len(self) > _MAX_LOOKUPS:
            following = chain(range(row + 1, count), range(row + 1))
            return next((index for index in following if rows.key(index) in self), None)
        marked = sorted(index for key in self if rows.key(index := rows.near(key)) == key)
        return next((index for index in marked if index > row), marked[0] if marked else None)


class ListState:
    """What the cursor, the arrangement and the renderer of a list share."""

    def __init__(self, rows: ListRows) -> None:
        self.rows = rows
        # `isinstance` with a protocol compares all members, which is too slow for each line that is drawn.
        self.sortable = rows if isinstance(rows, SortableRows) else None
        self.foldable = rows if isinstance(rows, FoldableRows) else None
        self.count = 0
        """How many rows are drawn. Differs from `len(rows)` until the next update."""
        self.key: Any = None
        """The key of the row under the cursor."""
        self.marks = RowMarks()
