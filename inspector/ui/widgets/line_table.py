"""A table of any length, drawn line by line: only the visible rows cost anything.

Owns the drawing: titles, visible rows, marks, what stands there while there are no rows, and a cache of finished
lines. Where the cursor is and how it moves is for `RowList`; what rows say is the business of their `Rows`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from rich.segment import Segment
from textual.cache import LRUCache
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from inspector.ui.format import Palette, fitted, highlighted
from inspector.ui.lists.rows import FoldableRows, SortableRows
from inspector.ui.widgets.painting import GUTTER, MARK, PART_MARK, Look, Order, RowPainter, Rows
from inspector.views.spans import Tone

HEADER: Final = 1
"""Lines above the rows."""
FOLD: Final = 1
"""Cells for the mark of a row that can be folded, behind the gutter."""
_CACHED_STRIPS: Final = 512
_MARGIN: Final = 2


class LineTable(ScrollView):
    """Rows under a line of titles. A row is known by its key, which stays when rows come and go around it."""

    def __init__(self, rows: Rows, *, id: str) -> None:  # noqa: A002 - Textual's name for it
        super().__init__(id=id)
        self.rows = rows
        self.count = 0
        """How many rows are drawn; less than there are, until the next update."""
        self.key: Any = None
        """The key of the cursor's row."""
        self.marks: dict[Any, None] = {}
        """The keys of marked rows, the latest last."""
        self.is_part_marked: Callable[[Any], bool] = lambda _key: False
        """Tells whether something that a row is of, or that is of it, is marked in another list."""
        self._placeholder: tuple[str, ...] = ()
        self._sought: re.Pattern[str] | None = None
        self._painter = self._new_painter()
        self._strips: LRUCache[object, Strip] = LRUCache(_CACHED_STRIPS)

    @property
    def selected(self) -> Any:
        """The key of the cursor's row; None in an empty list."""
        return self.key if self.count else None

    @property
    def order(self) -> Order | None:
        """What the rows are sorted by; None where they have one order only."""
        return self.rows.order if isinstance(self.rows, SortableRows) else None

    @property
    def page(self) -> int:
        """How many rows fit on the screen."""
        return max(self.scrollable_content_region.height - HEADER, 1)

    def show_sought(self, sought: re.Pattern[str] | None) -> None:
        """Let what is looked for stand out, or nothing any more."""
        if sought != self._sought:
            self._sought = sought
            self.refresh()

    def show_placeholder(self, *lines: str) -> None:
        """Say something in place of rows while there are none."""
        if lines != self._placeholder:
            self._placeholder = lines
            self.refresh()

    def measure(self) -> None:
        """Take the number of rows over, as what can be scrolled."""
        self.count = len(self.rows)
        self.virtual_size = Size(self.scrollable_content_region.width, self.count + HEADER)

    def mark_order(self) -> None:
        """The rows are in another order: say so above them."""
        self._painter.mark(self.order)

    def column_at(self, x: int) -> int | None:
        """The index of the column that is drawn at a cell."""
        return self._painter.column_at(x, self.scrollable_content_region.width)

    def forget_lines(self) -> None:
        """Draw every line anew, columns as wide as they must be: earlier rows say something else, or are others."""
        self._strips.clear()
        self._painter = self._new_painter()
        self.refresh()

    def _new_painter(self) -> RowPainter:
        gutter = GUTTER + FOLD if isinstance(self.rows, FoldableRows) else GUTTER
        return RowPainter(self.rows.columns, self.order, gutter)

    def render_lines(self, crop: Region) -> list[Strip]:
        """The visible lines, after making their columns wide enough."""
        top = self.scroll_offset.y
        visible = range(top, min(top + self.size.height, self.count))
        self._painter.measure(self.rows.row(self.rows.key(row)) for row in visible)
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        """The titles, a row, or the words that stand for rows."""
        width, palette = self.scrollable_content_region.width, Palette.of_app(self.app)
        row = self.scroll_offset.y + y - HEADER
        if y == 0:
            strip = self._painter.header(width, palette)
        elif row < self.count:
            strip = self._row(self.rows.key(row), width, palette)
        else:
            strip = self._words(y - HEADER - 1, width, palette)
        return strip.apply_style(self.rich_style)

    def _row(self, key: Any, width: int, palette: Palette) -> Strip:
        fold = self.rows.fold_mark(key) if isinstance(self.rows, FoldableRows) else ""
        mark = MARK if key in self.marks else PART_MARK if self.is_part_marked(key) else ""
        look = Look(key == self.key, self.has_focus, mark, fold)
        depends_on = (key, self.rows.version(key), width, self._painter.slots(width), look, palette, self._sought)
        strip = self._strips.get(depends_on)
        if strip is None:
            strip = self._painter.row(self.rows.row(key), width, palette, look)
            strip = self._strips[depends_on] = highlighted(strip, self._sought, palette.sought)
        return strip

    def _words(self, line: int, width: int, palette: Palette) -> Strip:
        if self.count or not 0 <= line < len(self._placeholder):
            return Strip.blank(width)
        text = Segment(" " * _MARGIN + self._placeholder[line], palette.of(Tone.DIM))
        return Strip(fitted([text], width), width)
