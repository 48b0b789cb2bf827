"""A table of any length, of which only the visible rows cost anything, and what its rows provide."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from typing import Any, Final, Protocol, runtime_checkable

from rich.segment import Segment
from textual.cache import LRUCache
from textual.geometry import Region, Size
from textual.strip import Strip

from inspector.present.find import Matcher
from inspector.present.spans import Span, Tone
from inspector.ui.rendering import fitted, highlighted
from inspector.ui.subject import Subject
from inspector.ui.widgets.line_view import LineStyle, LineView
from inspector.ui.widgets.painting import GUTTER, MARK, PART_MARK, Look, RowPainter, Rows, SortOrder, usual_layout

TIME: Final = "Time"
"""The title of the column of which a click turns how times are shown, where no sorting does."""
FOLDED: Final = "▸"
UNFOLDED: Final = "▾"


class ListRows(Rows, Protocol):
    """The rows of a list, each of which leads to a subject."""

    def __len__(self) -> int:
        """How many rows there are."""

    def subject(self, key: Any) -> Subject:
        """What is selected with a row."""

    def key_of(self, subject: Subject) -> Any:
        """The key of the row that a subject belongs to, shown or not; None where it belongs to none."""

    def text(self, key: Any) -> tuple[str, str]:
        """A row as a line of text for the clipboard, and what it is called."""


@runtime_checkable
class SortableRows(ListRows, Protocol):
    """Rows that can be had in other orders."""

    @property
    def order(self) -> SortOrder:
        """The order that they are in."""

    @property
    def orders(self) -> tuple[SortOrder, ...]:
        """The orders to choose from, one for each column that can be sorted by, in the direction asked for first."""

    def sort(self, order: SortOrder) -> Iterator[object]:
        """Another order from now on; the rows are in it behind the last step."""

    @property
    def grows_at_end(self) -> bool:
        """True while new rows come behind all others, so that the end can be followed."""


@runtime_checkable
class FoldableRows(ListRows, Protocol):
    """Rows some of which unfold into further rows below them."""

    def fold_mark(self, key: Any) -> str:
        """`▸` where a row can be unfolded, `▾` where it is, else a blank."""

    def unfold(self, key: Any) -> None:
        """Show the rows below one."""

    def fold(self, key: Any) -> Any:
        """Show them no more, or where a row has none, none of those beside it; the key of the row that is left."""


def dim(text: object) -> tuple[Span, ...]:
    """A cell that stands back."""
    return (Span(str(text), Tone.DIM),)


def sent(text: object) -> tuple[Span, ...]:
    """A cell about what clients sent."""
    return (Span(f"{text}", Tone.CLIENT),)


def got(text: object) -> tuple[Span, ...]:
    """A cell about what servers sent."""
    return (Span(f"{text}", Tone.SERVER),)


HEADER: Final = 1
"""Lines above the rows."""
FOLD: Final = 1
"""Cells for the mark of a row that can be folded, behind the gutter."""
_CACHED_STRIPS: Final = 512
_MARGIN: Final = 2


class LineTable(LineView):
    """Rows under a line of titles. A row is known by its key, which stays when rows come and go around it."""

    def __init__(self, rows: Rows, *, id: str) -> None:  # noqa: A002 - Textual's name for it
        super().__init__(id=id)
        self.rows = rows
        # Asked once: to see whether something fits a protocol is slow, and a list asks for every line.
        self.sortable = rows if isinstance(rows, SortableRows) else None
        self.foldable = rows if isinstance(rows, FoldableRows) else None
        self.count = 0
        """How many rows are drawn; less than there are, until the next update."""
        self.key: Any = None
        """The key of the cursor's row."""
        self.marks: dict[Any, None] = {}
        """The keys of marked rows, the latest last."""
        self.is_part_marked: Callable[[Any], bool] = lambda _key: False
        """Tells whether something that a row is of, or that is of it, is marked in another list."""
        self.layout_of_columns: tuple[int, ...] = usual_layout(rows.columns)
        """The indexes of the columns that are shown, in their order."""
        self._placeholder: tuple[str, ...] = ()
        self._sought: Matcher | None = None
        self._painter = self._new_painter()
        self._strips: LRUCache[object, Strip] = LRUCache(_CACHED_STRIPS)
        self._measured: LRUCache[object, bool] = LRUCache(_CACHED_STRIPS)
        """Rows that have the room they need."""
        self._drawn: list[Hashable] = []
        """By line: what it depended on when it was asked to be drawn."""

    @property
    def selected(self) -> Any:
        """The key of the cursor's row; None in an empty list."""
        return self.key if self.count else None

    @property
    def order(self) -> SortOrder | None:
        """What the rows are sorted by; None where they have one order only."""
        return None if self.sortable is None else self.sortable.order

    @property
    def page(self) -> int:
        """How many rows fit on the screen."""
        return max(self.room.height - HEADER, 1)

    def show_sought(self, sought: Matcher | None) -> None:
        """Let what is looked for stand out, or nothing any more."""
        if sought != self._sought:
            self._sought = sought
            self.redraw()

    def show_placeholder(self, *lines: str) -> None:
        """Say something in place of rows while there are none."""
        if lines != self._placeholder:
            self._placeholder = lines
            self.redraw()

    def measure(self) -> None:
        """Take the number of rows over, as what can be scrolled."""
        self.count = len(self.rows)
        if not self.display:
            return  # it is measured again when it is shown
        before, size = self.virtual_size, Size(self.room.width, self.count + HEADER)
        if self.show_vertical_scrollbar and size.width == before.width and size.height >= before.height:
            self.lengthen(size)
        else:
            self.virtual_size = size

    def mark_order(self) -> None:
        """The rows are in another order: say so above them."""
        self._painter.mark(self.order)

    def column_at(self, x: int) -> int | None:
        """The index of the column that is drawn at a cell."""
        return self._painter.column_at(x, self.scrollable_content_region.width)

    def show_columns(self, layout: tuple[int, ...]) -> None:
        """Show these columns, by their indexes, in this order."""
        if layout != self.layout_of_columns:
            self.layout_of_columns = layout
            self.forget_lines()

    def forget_lines(self) -> None:
        """Draw every line anew, columns as wide as they must be: earlier rows say something else, or are others."""
        self._strips.clear()
        self._measured.clear()
        self._drawn.clear()
        self._painter = self._new_painter()
        self.refresh()

    def redraw(self) -> None:
        """Draw those of the visible lines anew that say something else than before."""
        if not self.display:
            return  # all of them are drawn when it is shown
        self._make_room()
        before, self._drawn = self._drawn, list(self._lines())
        if len(before) != len(self._drawn):
            self.refresh()
            return
        pairs = enumerate(zip(before, self._drawn, strict=True))
        if changed := [Region(0, y, self.size.width, 1) for y, (old, new) in pairs if old != new]:
            self.refresh(*changed)

    def _lines(self) -> Iterator[Hashable]:
        """What each line depends on, but for the colours and the focus: with those Textual draws all of them."""
        width, visible, has_focus = self.scrollable_content_region.width, self._visible(), self.has_focus
        ground = width, self._painter.slots(width), self._sought
        yield self.order, ground
        for row in visible:
            key = self.rows.key(row)
            yield key, self.rows.version(key), self._look(key, has_focus=has_focus), ground
        for line in range(len(visible) + HEADER, self.room.height):
            yield line, self._placeholder if not self.count else ()

    def _visible(self) -> range:
        top = self.scroll_offset.y
        return range(top, min(top + self.room.height - HEADER, self.count, len(self.rows)))

    def _make_room(self) -> None:
        """Make columns wide enough for what is visible."""
        for row in self._visible():
            key = self.rows.key(row)
            known = key, self.rows.version(key)
            if known not in self._measured:
                self._measured[known] = True
                self._painter.measure((self.rows.row(key),))

    def _new_painter(self) -> RowPainter:
        gutter = GUTTER if self.foldable is None else GUTTER + FOLD
        return RowPainter(self.rows.columns, self.order, gutter, self.layout_of_columns)

    def render_lines(self, crop: Region) -> list[Strip]:
        """The visible lines, after making their columns wide enough."""
        self._make_room()
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        """The titles, a row, or the words that stand for rows."""
        ground = self.ground
        row = ground.top + y - HEADER
        if y == 0:
            strip = self._painter.header(ground.width, ground.palette)
        elif row < self.count:
            strip = self._row(self.rows.key(row), ground)
        else:
            strip = self._words(y - HEADER - 1, ground)
        return strip.apply_style(ground.style)

    def _row(self, key: Any, ground: LineStyle) -> Strip:
        width, palette, look = ground.width, ground.palette, self._look(key, has_focus=ground.has_focus)
        depends_on = (key, self.rows.version(key), width, self._painter.slots(width), look, palette, self._sought)
        strip = self._strips.get(depends_on)
        if strip is None:
            strip = self._painter.row(self.rows.row(key), width, palette, look)
            strip = self._strips[depends_on] = highlighted(strip, self._sought, palette.sought)
        return strip

    def _look(self, key: Any, *, has_focus: bool) -> Look:
        fold = "" if self.foldable is None else self.foldable.fold_mark(key)
        mark = MARK if key in self.marks else PART_MARK if self.is_part_marked(key) else ""
        is_cursor = key == self.key
        return Look(is_cursor, is_cursor and has_focus, mark, fold)

    def _words(self, line: int, ground: LineStyle) -> Strip:
        if self.count or not 0 <= line < len(self._placeholder):
            return Strip.blank(ground.width)
        text = Segment(" " * _MARGIN + self._placeholder[line], ground.palette.of(Tone.DIM))
        return Strip(fitted([text], ground.width), ground.width)
