"""Describes the columns of a list once: for the screen, for the commands that print a table, and for the cache of rows.

Each list has one `ColumnTable`, beside the class of its rows: frames and calls in `rows`, connections in `connections`,
packets in `packet`, methods in `latency`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeAlias

from inspector.present.spans import Span, Tone
from inspector.store.store import Store

TIME: Final = "Time"
"""The title of the column that shows times. In a list that cannot be sorted, a click on it changes their format."""

Dependency: TypeAlias = Callable[[Store, Any], Hashable]
"""Returns what a cell shows of an item that may still change. Any: each list has items of its own type."""


class Printed(NamedTuple):
    """How a column looks in a line of plain text."""

    width: int = 0
    """Characters to pad to. Without padding, an empty cell is left out together with the gap before it."""
    gap: str = "  "
    """What separates the column from the one before."""
    title: str | None = None
    """None for the title of the screen, empty for none."""
    right: bool | None = None
    """None for the alignment of the screen."""
    label: str = "{}"
    """A format string for the text, for lines that are read without a heading."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a list. Widths are in cells."""

    title: str
    cell: Callable[[Any], tuple[Span, ...]]
    """Returns the text of a row. Any: each list has rows of its own type."""
    least: int = 0
    """The smallest width. A column starts with it, or with the width of its title, and grows with its content."""
    most: int = 0
    """The largest width; 0 for the last column, which takes what the others leave."""
    right: bool = False
    """True to align the text to the right."""
    gap: int = 1
    """The distance to the column before."""
    strong: Callable[[Any], bool] = lambda _row: False
    """Returns whether the text of a row is bold."""
    rank: int = 0
    """Columns of a high rank are dropped first if there is not enough room; those of rank 0 never are."""
    yields: bool = False
    """True to shrink the column to `least` before others are dropped. Its text is then cut off at the start."""
    is_extra: bool = False
    """True to hide the column until the user chooses it."""
    depends_on: tuple[Dependency, ...] = ()
    """What may change in the cell while its row exists. What changes all rows at once is up to the list: the schema,
    the format of times."""
    sort_value: Callable[..., Any] | None = None
    """Returns what rows are sorted by, or None for an item without it; None if the column cannot be sorted by."""
    largest_first: bool = False
    """True if a first click sorts downwards: the slowest and the largest are what people look for."""
    printed: Printed | None = None
    """None to leave the column out of printed lines."""


class ColumnTable:
    """The columns of one list."""

    def __init__(self, *columns: Column, printed: Sequence[str] | None = None) -> None:
        """`printed` are the titles of a line of text in its order; None for the order of the screen."""
        self.columns = columns
        """All of them, in their default order on the screen."""
        by_title = {column.title: column for column in columns}
        in_line = columns if printed is None else [by_title[title] for title in printed]
        self.printed = tuple((column.cell, _resolved(column, column.printed)) for column in in_line if column.printed)
        """The cells of a line of text, in its order, with a layout of which nothing is None."""
        self.version = _combined(tuple(dict.fromkeys(each for column in columns for each in column.depends_on)))
        """Returns a value that is equal as long as the cells of an item's row are."""


def _resolved(column: Column, printed: Printed) -> Printed:
    title = column.title if printed.title is None else printed.title
    return printed._replace(title=title, right=column.right if printed.right is None else printed.right)


def _combined(dependencies: tuple[Dependency, ...]) -> Dependency:
    """Return several dependencies as one. It is called for each visible row of each update, so loops are unrolled."""
    match dependencies:
        case (one,):
            return one
        case (one, two):
            return lambda store, item: (one(store, item), two(store, item))
        case _:
            return lambda store, item: tuple([each(store, item) for each in dependencies])


def usual_layout(columns: Sequence[Column]) -> tuple[int, ...]:
    """Return the indexes of the columns that a list shows by default."""
    return tuple(index for index, column in enumerate(columns) if not column.is_extra)


def dim(text: object) -> tuple[Span, ...]:
    """Return a cell in a subdued colour."""
    return (Span(str(text), Tone.DIM),)


def sent(text: object) -> tuple[Span, ...]:
    """Return a cell in the colour of clients, for what they sent."""
    return (Span(str(text), Tone.CLIENT),)


def received(text: object) -> tuple[Span, ...]:
    """Return a cell in the colour of servers, for what clients received."""
    return (Span(str(text), Tone.SERVER),)
