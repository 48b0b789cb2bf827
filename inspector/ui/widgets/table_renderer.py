"""Draws the visible rows of a list, below a line of column titles.

`RowPainter` turns one row into a strip, `TableRenderer` decides which lines of the screen need one.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.cache import LRUCache
from textual.geometry import Region
from textual.strip import Strip

from inspector.present.columns import Column, usual_layout
from inspector.present.find import Matcher
from inspector.present.spans import Tone, plain
from inspector.ui.rendering import Palette, fitted, highlighted, segments
from inspector.ui.widgets.line_view import LineStyle, LineView
from inspector.ui.widgets.rows import ListState, SortOrder, Spanning

HEADER_HEIGHT: Final = 1
"""Lines above the rows."""
GUTTER_WIDTH: Final = 1
"""Cells before a row, for its mark or the cursor."""
FOLD_WIDTH: Final = 1
"""Cells after the gutter for the mark of a row that can be folded."""
_CURSOR, _BLURRED_CURSOR = "▌", "▏"


class Look(NamedTuple):
    """How a row differs from its neighbours."""

    cursor: bool = False
    focused: bool = False
    """True only for the row of the cursor: the focus does not change how the others look."""
    mark: str = ""
    """See `RowMarks.symbol`."""
    fold: str = ""
    """See `FoldableRows.fold_mark`; empty in a list whose rows cannot be folded."""


class RowPainter:
    """Draws single rows, in columns whose widths only grow."""

    def __init__(
        self,
        columns: Sequence[Column],
        order: SortOrder | None = None,
        gutter: int = GUTTER_WIDTH,
        layout: Sequence[int] | None = None,
    ) -> None:
        """Create a painter that shows the columns `layout`, by index; by default the usual ones.

        `order` is shown in the title of its column, which is never dropped. `gutter` is the cells before the columns.
        """
        self._columns = columns
        self._layout = usual_layout(columns) if layout is None else tuple(layout)
        self._gutter = gutter
        self._order: SortOrder | None = None
        self._widths = [max(column.least, cell_len(column.title)) for column in columns]
        self._slots: dict[int, tuple[Slot, ...]] = {}
        """Cached by the width of a line, until a column grows."""
        self.show_order(order)

    def show_order(self, order: SortOrder | None) -> None:
        """Mark the column that rows are sorted by."""
        self._order = order
        self._slots.clear()
        if order is not None:
            title = cell_len(self._titles()[order.column])
            self._widths[order.column] = max(self._widths[order.column], title)

    def measure(self, rows: Iterable[Any]) -> None:
        """Widen the columns for some rows, each up to its largest width."""
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
        """Return the line of titles."""
        style = palette.of(Tone.DIM, strong=True)
        titles = self._titles()
        line = self._line(width, lambda index: [Segment(titles[index], style)])
        return Strip([Segment(" " * self._gutter), *line], width)

    def row(self, row: Any, width: int, palette: Palette, look: Look) -> Strip:
        """Return a row, exactly `width` cells wide."""

        def cell(index: int) -> list[Segment]:
            column = self._columns[index]
            return segments(column.cell(row), palette, strong=column.strong(row))

        room = max(width - self._gutter, 0)
        line = fitted(segments(row.spans, palette), room) if isinstance(row, Spanning) else self._line(width, cell)
        strip = Strip([_gutter(look, palette), Segment(look.fold, palette.of(Tone.DIM)), *line], width)
        return strip.apply_style(_background(look, palette))

    def slots(self, width: int) -> tuple[Slot, ...]:
        """Return the columns that fit into a line, from left to right."""
        if width not in self._slots:
            shown = [self._columns[index] for index in self._layout]
            wanted = [self._widths[index] for index in self._layout]
            order = self._order
            kept = self._layout.index(order.column) if order is not None and order.column in self._layout else None
            slots = fit_columns(shown, wanted, width - self._gutter, kept)
            self._slots[width] = tuple(slot._replace(column=self._layout[slot.column]) for slot in slots)
        return self._slots[width]

    def column_at(self, x: int, width: int) -> int | None:
        """Return the index of the column at a cell of a line."""
        end = self._gutter
        for slot in self.slots(width):
            end += slot.gap + slot.width
            if x < end:
                return slot.column
        return None

    def _line(self, width: int, cell: Callable[[int], list[Segment]]) -> list[Segment]:
        line: list[Segment] = []
        for slot in self.slots(width):
            column = self._columns[slot.column]
            parts = fitted(cell(slot.column), slot.width, right=column.right, keep_end=column.yields)
            line += [Segment(" " * slot.gap), *parts]
        return fitted(line, max(width - self._gutter, 0))

    def _titles(self) -> list[str]:
        titles = [column.title for column in self._columns]
        if self._order is not None:
            titles[self._order.column] += "▼" if self._order.descending else "▲"
        return titles


class Slot(NamedTuple):
    """The place of a column in a line."""

    column: int
    gap: int
    width: int


def fit_columns(columns: Sequence[Column], wanted: Sequence[int], room: int, kept: int | None = None) -> list[Slot]:
    """Distribute the cells of a line to columns that want some widths.

    Columns that yield shrink first. Then columns are dropped by rank, except `kept`; what is still too wide is cut off
    at the right. The column without a largest width takes what is left.
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
    remaining = sum(columns[index].gap + least[index] for index in shown)
    for index in sorted(shown):
        remaining -= columns[index].gap + least[index]
        gap = min(columns[index].gap if slots else 0, room)
        width = least[index] + max(0, min(spare, wanted[index] - least[index]))
        spare -= width - least[index]
        width = min(width if columns[index].most else max(room - gap - remaining, columns[index].least), room - gap)
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


_CACHED_STRIPS: Final = 512
_PLACEHOLDER_INDENT: Final = 2


class TableRenderer:
    """Draws a list, at a cost that depends on the height of the screen and not on the number of rows.

    Strips are cached by everything that their look depends on. Columns grow to what is visible and never shrink, so
    they do not move while frames arrive.
    """

    def __init__(self, view: LineView, state: ListState) -> None:
        self._view = view
        self._state = state
        self._rows = state.rows
        self.column_layout: tuple[int, ...] = usual_layout(state.rows.columns)
        """The indexes of the columns that are shown, from left to right."""
        self._placeholder: tuple[str, ...] = ()
        self._matcher: Matcher | None = None
        self._strips: LRUCache[object, Strip] = LRUCache(_CACHED_STRIPS)
        self._measured: LRUCache[object, bool] = LRUCache(_CACHED_STRIPS)
        """Rows that the columns are wide enough for."""
        self._drawn: list[Hashable] = []
        """For each line, what it depended on when it was last drawn."""
        self._painter = self._new_painter()

    def highlight(self, matcher: Matcher | None) -> None:
        """Highlight what a search matches, or nothing."""
        if matcher != self._matcher:
            self._matcher = matcher
            self.redraw()

    def show_placeholder(self, *lines: str) -> None:
        """Set the text that is shown while there are no rows."""
        if lines != self._placeholder:
            self._placeholder = lines
            self.redraw()

    def show_columns(self, layout: tuple[int, ...]) -> None:
        """Show the columns with these indexes, in this order."""
        if layout != self.column_layout:
            self.column_layout = layout
            self.reset()

    def show_order(self) -> None:
        """Mark the column that rows are sorted by in the titles."""
        self._painter.show_order(self._order)

    def column_at(self, x: int) -> int | None:
        """Return the index of the column that is drawn at a cell."""
        return self._painter.column_at(x, self._view.scrollable_content_region.width)

    def reset(self) -> None:
        """Discard all that is cached, column widths too, and draw everything."""
        self._strips.clear()
        self._measured.clear()
        self._drawn.clear()
        self._painter = self._new_painter()
        self._view.refresh()

    def redraw(self) -> None:
        """Draw those visible lines that differ from what is on the screen."""
        view = self._view
        if not view.display:
            return  # everything is drawn when it is shown
        self.widen_columns()
        before, self._drawn = self._drawn, list(self._line_states())
        if len(before) != len(self._drawn):
            view.refresh()
            return
        pairs = enumerate(zip(before, self._drawn, strict=True))
        if changed := [Region(0, y, view.size.width, 1) for y, (old, new) in pairs if old != new]:
            view.refresh(*changed)

    def widen_columns(self) -> None:
        """Make the columns wide enough for the visible rows."""
        for row in self._visible():
            key = self._rows.key(row)
            measured = key, self._rows.version(key)
            if measured not in self._measured:
                self._measured[measured] = True
                self._painter.measure((self._rows.row(key),))

    def render_line(self, y: int, style: LineStyle) -> Strip:
        """Return the titles, a row, or a line of the placeholder."""
        row = style.top + y - HEADER_HEIGHT
        if y == 0:
            strip = self._painter.header(style.width, style.palette)
        elif row < self._state.count:
            strip = self._row(self._rows.key(row), style)
        else:
            strip = self._placeholder_line(y - HEADER_HEIGHT - 1, style)
        return strip.apply_style(style.style)

    def _line_states(self) -> Iterator[Hashable]:
        """Yield what each line depends on, except colours and focus: Textual redraws everything for those."""
        view, visible = self._view, self._visible()
        width, has_focus = view.scrollable_content_region.width, view.has_focus
        shared = width, self._painter.slots(width), self._matcher
        yield self._order, shared
        for row in visible:
            key = self._rows.key(row)
            yield key, self._rows.version(key), self._look(key, has_focus=has_focus), shared
        for line in range(len(visible) + HEADER_HEIGHT, view.room.height):
            yield line, self._placeholder if not self._state.count else ()

    def _visible(self) -> range:
        top = self._view.scroll_offset.y
        return range(top, min(top + self._view.room.height - HEADER_HEIGHT, self._state.count, len(self._rows)))

    @property
    def _order(self) -> SortOrder | None:
        return None if self._state.sortable is None else self._state.sortable.order

    def _new_painter(self) -> RowPainter:
        gutter = GUTTER_WIDTH if self._state.foldable is None else GUTTER_WIDTH + FOLD_WIDTH
        return RowPainter(self._rows.columns, self._order, gutter, self.column_layout)

    def _row(self, key: Any, style: LineStyle) -> Strip:
        width, palette, look = style.width, style.palette, self._look(key, has_focus=style.has_focus)
        depends_on = (key, self._rows.version(key), width, self._painter.slots(width), look, palette, self._matcher)
        strip = self._strips.get(depends_on)
        if strip is None:
            strip = self._painter.row(self._rows.row(key), width, palette, look)
            strip = self._strips[depends_on] = highlighted(strip, self._matcher, palette.match)
        return strip

    def _look(self, key: Any, *, has_focus: bool) -> Look:
        foldable = self._state.foldable
        fold = "" if foldable is None else foldable.fold_mark(key)
        is_cursor = key == self._state.key
        return Look(is_cursor, is_cursor and has_focus, self._state.marks.symbol(key), fold)

    def _placeholder_line(self, line: int, style: LineStyle) -> Strip:
        if self._state.count or not 0 <= line < len(self._placeholder):
            return Strip.blank(style.width)
        text = Segment(" " * _PLACEHOLDER_INDENT + self._placeholder[line], style.palette.of(Tone.DIM))
        return Strip(fitted([text], style.width), style.width)
