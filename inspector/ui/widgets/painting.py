"""Paints rows of a list: columns as a table, widths that grow to what is seen, the last column takes the rest.

Where there is not room for all columns, the least important ones are left out.
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

from inspector.present.spans import Span, Tone, plain
from inspector.ui.rendering import Palette, fitted, segments

GUTTER: Final = 1
_CURSOR, _BLURRED_CURSOR = "▌", "▏"
MARK, PART_MARK = "◆", "◇"


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
    rank: int = 0
    """Where room is scarce, columns of a high rank are left out first; those of rank 0 stay."""
    yields: bool = False
    """True for a column that becomes narrower, down to `least`, before others are left out; its end stays in sight."""
    is_extra: bool = False
    """True for a column that is shown only where somebody chose it."""


def usual_layout(columns: Sequence[Column]) -> tuple[int, ...]:
    """The indexes of the columns that a list shows as long as nobody chose others."""
    return tuple(index for index, column in enumerate(columns) if not column.is_extra)


class Spanning(NamedTuple):
    """A row that is not cut into columns."""

    spans: tuple[Span, ...]


class SortOrder(NamedTuple):
    """The column that rows are sorted by."""

    column: int
    descending: bool = False

    @property
    def turned(self) -> SortOrder:
        """The same, from the other end."""
        return SortOrder(self.column, not self.descending)


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
    """Of the cursor's row: others look the same wherever the focus is."""
    mark: str = ""
    """`◆` for a marked row, `◇` for one of which a part is marked, or that is a part of what is."""
    fold: str = ""
    """The mark of a row that can be folded, in a list of such rows."""


class RowPainter:
    """Rows of one list as strips."""

    def __init__(
        self,
        columns: Sequence[Column],
        order: SortOrder | None = None,
        gutter: int = GUTTER,
        layout: Sequence[int] | None = None,
    ) -> None:
        """`order` is marked in the title of its column, which is never left out; `gutter` is the room for marks.

        `layout` are the indexes of the columns that are shown, in their order; None for the usual ones.
        """
        self._columns = columns
        self._layout = usual_layout(columns) if layout is None else tuple(layout)
        self._gutter = gutter
        self._order: SortOrder | None = None
        self._widths = [max(column.least, cell_len(column.title)) for column in columns]
        self._slots: dict[int, tuple[Slot, ...]] = {}
        """By the width of a line, as long as no column becomes wider."""
        self.mark(order)

    def mark(self, order: SortOrder | None) -> None:
        """Mark the column that rows are sorted by from now on."""
        self._order = order
        self._slots.clear()
        if order is not None:
            title = cell_len(self._titles()[order.column])
            self._widths[order.column] = max(self._widths[order.column], title)

    def measure(self, rows: Iterable[Any]) -> None:
        """Make room for what these rows say, up to each column's most."""
        for row in rows:
            if isinstance(row, Spanning):
                continue
            for index, column in enumerate(self._columns):
                if column.most:
                    wanted = min(cell_len(plain(column.cell(row))), column.most)
                    if wanted > self._widths[index]:
                        self._widths[index] = wanted
                        self._slots.clear()

    def header(self, width: int, palette: Palette) -> Strip:
        """The line with the columns' titles."""
        style = palette.of(Tone.DIM, strong=True)
        titles = self._titles()
        line = self._line(width, lambda index: [Segment(titles[index], style)])
        return Strip([Segment(" " * self._gutter), *line], width)

    def row(self, row: Any, width: int, palette: Palette, look: Look) -> Strip:
        """One row, exactly `width` cells wide."""

        def cell(index: int) -> list[Segment]:
            column = self._columns[index]
            return segments(column.cell(row), palette, strong=column.strong(row))

        room = max(width - self._gutter, 0)
        line = fitted(segments(row.spans, palette), room) if isinstance(row, Spanning) else self._line(width, cell)
        strip = Strip([_gutter(look, palette), Segment(look.fold, palette.of(Tone.DIM)), *line], width)
        return strip.apply_style(_background(look, palette))

    def _line(self, width: int, cell: Callable[[int], list[Segment]]) -> list[Segment]:
        line: list[Segment] = []
        for slot in self.slots(width):
            column = self._columns[slot.column]
            parts = fitted(cell(slot.column), slot.width, right=column.right, keep_end=column.yields)
            line += [Segment(" " * slot.gap), *parts]
        return fitted(line, max(width - self._gutter, 0))

    def slots(self, width: int) -> tuple[Slot, ...]:
        """The columns that a line of a width has room for, from left to right."""
        if width not in self._slots:
            self._slots[width] = self._fit(width)
        return self._slots[width]

    def _fit(self, width: int) -> tuple[Slot, ...]:
        shown = [self._columns[index] for index in self._layout]
        wanted = [self._widths[index] for index in self._layout]
        sorted_by = None if self._order is None else self._order.column
        kept = self._layout.index(sorted_by) if sorted_by in self._layout else None
        slots = fit(shown, wanted, width - self._gutter, kept)
        return tuple(slot._replace(column=self._layout[slot.column]) for slot in slots)

    def column_at(self, x: int, width: int) -> int | None:
        """The index of the column at a cell of a line."""
        at = self._gutter
        for slot in self.slots(width):
            at += slot.gap + slot.width
            if x < at:
                return slot.column
        return None

    def _titles(self) -> list[str]:
        titles = [column.title for column in self._columns]
        if self._order is not None:
            titles[self._order.column] += "▼" if self._order.descending else "▲"
        return titles


class Slot(NamedTuple):
    """A column's place in a line."""

    column: int
    gap: int
    width: int


def fit(columns: Sequence[Column], wanted: Sequence[int], room: int, kept: int | None = None) -> list[Slot]:
    """Give out the room of a line: what matters least is left out, but for `kept`, and what yields yields.

    What is still too wide is cut off at the right; a column that has no `most` takes what the others leave.
    """
    least = [
        min(column.least, width) if column.yields else width for column, width in zip(columns, wanted, strict=True)
    ]
    shown, taken = [], 0
    for index in sorted(range(len(columns)), key=lambda index: 0 if index == kept else columns[index].rank):
        needed = columns[index].gap + least[index]
        if taken + needed <= room or index == kept or columns[index].rank == 0:
            shown.append(index)
            taken += needed
    slots: list[Slot] = []
    spare = room - taken
    behind = sum(columns[index].gap + least[index] for index in shown)
    for index in sorted(shown):
        behind -= columns[index].gap + least[index]
        gap = min(columns[index].gap if slots else 0, room)
        width = least[index] + max(0, min(spare, wanted[index] - least[index]))
        spare -= width - least[index]
        width = min(width if columns[index].most else max(room - gap - behind, columns[index].least), room - gap)
        slots.append(Slot(index, gap, width))
        room -= gap + width
    return slots


def _gutter(look: Look, palette: Palette) -> Segment:
    if look.mark:
        return Segment(look.mark, palette.of(Tone.WARN))
    if look.cursor:
        return Segment(_CURSOR if look.focused else _BLURRED_CURSOR, palette.of(Tone.SERVER))
    return Segment(" ")


def _background(look: Look, palette: Palette) -> Style:
    if not look.cursor:
        return Style.null()
    return palette.background("row-selected" if look.focused else "row-selected-blurred")
