"""Paints rows of a list: columns as a table, widths that grow to what is seen, the last column takes the rest.

Pure but for the widths, which only ever grow, so that columns do not jump to and fro while frames come in.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from inspector.ui.format import Palette, fitted, segments
from inspector.views.spans import Span, Tone, plain

GUTTER: Final = 1
_CURSOR, _BLURRED_CURSOR, _MARK = "▌", "▏", "◆"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a list."""

    title: str
    cell: Callable[[Any], tuple[Span, ...]]
    """What a row says in it. Any: each list has rows of its own kind."""
    least: int = 0
    most: int = 0
    """Cells; 0 for the last column, which takes the rest."""
    right: bool = False
    gap: int = 1
    """Cells between this column and the one before."""
    strong: Callable[[Any], bool] = lambda _row: False


class Rows(Protocol):
    """What a list draws: keys in an order, and what each says."""

    @property
    def columns(self) -> Sequence[Column]:
        """What is said of each row."""

    def __len__(self) -> int:
        """How many rows there are."""

    def key(self, row: int) -> Any:
        """The key of a row; it stays when rows come and go before it."""

    def near(self, key: Any) -> int:
        """The row of a key, or the nearest one behind where it would be."""

    def version(self, key: Any) -> Hashable:
        """Equal as long as the row says the same."""

    def row(self, key: Any) -> Any:
        """What the columns' cells are made from."""


class Look(NamedTuple):
    """How a row stands out."""

    cursor: bool = False
    focused: bool = False
    marked: bool = False


class RowPainter:
    """Rows of one list as strips."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = columns
        self.widths = [max(column.least, cell_len(column.title)) for column in columns]

    def measure(self, rows: Iterable[Any]) -> None:
        """Make room for what these rows say, up to each column's most."""
        for row in rows:
            for index, column in enumerate(self._columns):
                if column.most:
                    wanted = min(cell_len(plain(column.cell(row))), column.most)
                    self.widths[index] = max(self.widths[index], wanted)

    def header(self, width: int, palette: Palette) -> Strip:
        """The line with the columns' titles."""
        style = palette.of(Tone.DIM, strong=True)
        cells = ([Segment(column.title, style)] for column in self._columns)
        return Strip([Segment(" " * GUTTER), *self._line(cells, width)], width)

    def row(self, row: Any, width: int, palette: Palette, look: Look) -> Strip:
        """One row, exactly `width` cells wide."""
        cells = (segments(column.cell(row), palette, strong=column.strong(row)) for column in self._columns)
        strip = Strip([_gutter(look, palette), *self._line(cells, width)], width)
        return strip.apply_style(_background(look, palette))

    def _line(self, cells: Iterable[list[Segment]], width: int) -> list[Segment]:
        line: list[Segment] = []
        left = width - GUTTER
        for column, wanted, cell in zip(self._columns, self.widths, cells, strict=True):
            gap = min(column.gap if line else 0, left)
            room = min(wanted, left - gap) if column.most else left - gap
            line += [Segment(" " * gap), *fitted(cell, room, right=column.right)]
            left -= gap + room
        return line


def _gutter(look: Look, palette: Palette) -> Segment:
    if look.marked:
        return Segment(_MARK, palette.of(Tone.WARN))
    if look.cursor:
        return Segment(_CURSOR if look.focused else _BLURRED_CURSOR, palette.of(Tone.SERVER))
    return Segment(" ")


def _background(look: Look, palette: Palette) -> Style:
    if not look.cursor:
        return Style.null()
    return palette.background("row-selected" if look.focused else "row-selected-blurred")
