"""Shows a document: wrapped to the width, with a cursor and links."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from rich.segment import Segment
from textual import events
from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget

from inspector.model.secrets import Mask
from inspector.present.find import Matcher
from inspector.present.packet import MARKS
from inspector.present.spans import Tone, plain
from inspector.ui.bindings import KeyContext, bindings
from inspector.ui.messages import LineEntered, LineOpened, StepSelected
from inspector.ui.rendering import fitted, highlighted, segments
from inspector.ui.widgets.layout import Document, Layout, MaskedDocument, Row
from inspector.ui.widgets.line_view import LineView

GUTTER: Final = 2
"""Cells before a line."""
_SCROLLBAR: Final = 1
"""Kept free always, so that a document that grows past the screen need not be laid out anew."""
_NEAR: Final = 20
"""Rows from an end at which more of the document is laid out."""


class DocumentView(LineView):
    """A document in a box that scrolls."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name for it
        super().__init__(id=id)
        self.cursor = 0
        """The row that the cursor is on, seen while the focus is here."""
        self.following = False
        """True while the end stays in sight as the document grows: until somebody moves up, or looks elsewhere."""
        self._layout: Layout | None = None
        self._document: Document | None = None
        self._current: int | None = None
        self._sought: Matcher | None = None
        self._first_row: int | None = None
        """The row at the top while the document is masked; else it is scrolled to."""

    @property
    def document(self) -> Document | None:
        """What is shown."""
        return self._document

    @property
    def rows(self) -> list[Row]:
        """What is laid out."""
        return [] if self._layout is None else self._layout.rows

    def show(self, document: Document | None, current: int | None = None) -> None:
        """Show another document, at its top or with a block in sight."""
        self._document, self._current, self.following = document, current, False
        self._lay_out(current or 0)

    def show_current(self, block: int | None) -> None:
        """Another block of the same document is the one selected in the list: mark it and bring it into sight."""
        if block == self._current:
            return
        self._current = block
        if block is not None and self._layout is not None:
            if self._layout.row_of(block) is None:
                self._lay_out(block)
            self._reveal_block(block)
        self.refresh()

    def show_line(self, block: int, line: int) -> None:
        """Put the cursor on a line of a block, and bring it into sight."""
        if self._layout is None:
            return
        if self._layout.row_of(block) is None:
            self._lay_out(block)
        row = self._layout.row_of(block) or 0
        while row + 1 < len(self.rows) and self.rows[row].block == block and self.rows[row].line < line:
            row += 1
        self.cursor, self.following = row, False
        self.reveal(row)
        self.refresh()

    def show_sought(self, sought: Matcher | None) -> None:
        """Let what is looked for stand out, or nothing any more."""
        self._sought = sought
        self.refresh()

    def changed_from(self, block: int) -> None:
        """The document has more blocks, or says something else from a block on."""
        if self._layout is not None:
            self._layout.replace_from(block)
            self._measure()
            if self.following:
                self.show_end()

    def put_cursor(self, block: int) -> None:
        """Put the cursor on a block, and bring it into sight; tells nobody."""
        if self._layout is not None and self._layout.row_of(block) is None:
            self._lay_out(block)
        self._reveal_block(block)
        self.refresh()

    def follow_end(self) -> None:
        """Go to the end, and stay there."""
        self.following = True
        self.show_end()

    def show_end(self) -> None:
        """Scroll to the end, where the cursor goes too."""
        following = self.following
        self.lay_out_end()
        self.cursor = max(len(self.rows) - 1, 0)
        self.reveal(self.cursor)
        self.following = following

    def reveal(self, row: int) -> None:
        """Scroll as little as needed for a row to be seen."""
        top, page = self.scroll_offset.y, max(self.room.height, 1)
        if not top <= row < top + page:
            self.scroll_to(y=row if row < top else row - page + 1, animate=False, force=True)

    @contextmanager
    def masked(self, mask: Mask) -> Iterator[None]:
        """Draw the document with its secrets masked until the end of the block: for a picture of it."""
        layout, document, top = self._layout, self._document, self.scroll_offset.y
        if layout is None or document is None or top >= len(layout.rows):
            yield
            return
        block = layout.rows[top].block
        masked = Layout(MaskedDocument(document, mask), layout.width, block)
        first = (masked.row_of(block) or 0) + top - (layout.row_of(block) or 0)
        while len(masked.rows) < first + self.size.height and masked.extend_down():
            pass
        self._layout, self._first_row = masked, first
        self.refresh()
        try:
            yield
        finally:
            self._layout, self._first_row = layout, None
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """A line of the document."""
        top, width, palette, style, has_focus = self.ground
        index = (top if self._first_row is None else self._first_row) + y
        if index >= len(self.rows):
            return Strip.blank(width, style)
        row = self.rows[index]
        is_current = row.block == self._current and row.position is not None and any(span.text for span in row.spans)
        gutter = Segment("▌ " if is_current else "  ", palette.of(Tone.SERVER))
        parts = segments(row.spans, palette, strong=row.is_title)
        strip = Strip([gutter, *fitted(parts, max(width - GUTTER, 0))], width)
        strip = highlighted(strip, self._sought, palette.sought)
        if index == self.cursor and has_focus:
            strip = strip.apply_style(palette.background("row-selected"))
        return strip.apply_style(style)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Near an end of what is laid out, lay out more."""
        super().watch_scroll_y(old_value, new_value)
        if self._layout is None:
            return
        self.following = self.following and round(new_value) >= self.max_scroll_y
        if round(new_value) + self.room.height + _NEAR >= len(self.rows) and self._layout.extend_down():
            self._measure()
        if round(new_value) < _NEAR and (added := self._layout.extend_up()):
            self.cursor += added
            self._measure()
            self.scroll_to(y=round(new_value) + added, animate=False, force=True)

    def lay_out_end(self) -> None:
        """Have the last blocks laid out, so that the end can be gone to."""
        if self._document is not None and self._layout is not None and self._layout.below:
            self._lay_out(len(self._document) - 1)

    def lay_out_start(self) -> None:
        """Have the first blocks laid out, so that the start can be gone to."""
        if self._layout is not None and self._layout.above:
            self._lay_out(0)

    def _lay_out(self, anchor: int) -> None:
        self.cursor, self._layout = 0, None
        self._fitted = self.room if self._is_displayed else Size(0, 0)
        if self._document is not None and self._fitted.width:
            self._layout = Layout(self._document, max(self._fitted.width - GUTTER - _SCROLLBAR, 1), anchor)
        self._measure()
        self.scroll_to(y=0, animate=False, force=True)
        if anchor:
            self._reveal_block(anchor)

    @property
    def _is_displayed(self) -> bool:
        """False while the side that it is on is hidden: nothing is laid out then that nobody sees."""
        return all(each.display for each in self.ancestors_with_self if isinstance(each, Widget))

    def _reveal_block(self, block: int) -> None:
        """Bring a block into sight, its first rows if it is longer than the screen, and the cursor to it."""
        row = self._layout.row_of(block) if self._layout else None
        if row is not None:
            following = self._layout.row_of(block + 1) if self._layout else None
            self.reveal((len(self.rows) if following is None else following) - 1)
            self.reveal(row)
            self.cursor = row

    def _measure(self) -> None:
        size = Size(self.room.width, len(self.rows))
        if size.width == self.virtual_size.width:
            self.lengthen(size)
        else:
            self.virtual_size = size
        self.refresh()

    def fit(self) -> None:
        """Lay out anew, at the place where it is."""
        following = self.following
        self._lay_out(self.rows[self.cursor].block if self.cursor < len(self.rows) else self._current or 0)
        if following:
            self.follow_end()


RIGHT: Final = 3
"""The right button of a mouse, which asks what can be done."""


class Pane(DocumentView, can_focus=True):
    """One tab of the right pane: a document with a cursor line."""

    BINDINGS = bindings(KeyContext.PANE)

    def _go(self, row: int) -> None:
        self.cursor = max(0, min(row, len(self.rows) - 1))
        self.following = self.following and self.cursor == len(self.rows) - 1
        self.reveal(self.cursor)
        self.refresh()
        self._tell_line()

    def fit(self) -> None:
        """Lay out anew; what shows something of the cursor's line hears of it, if only now there is one."""
        super().fit()
        self._tell_line()

    def _tell_line(self) -> None:
        if self.rows:
            self.post_message(LineEntered(self.rows[self.cursor].block))

    def _choose(self, row: int, *, leave: bool) -> None:
        if not 0 <= row < len(self.rows):
            return
        if (position := self.rows[row].position) is not None:
            self.post_message(StepSelected(position, leave))
        elif leave:
            self.post_message(LineOpened(self.rows[row].block))

    def _action_move(self, rows: int) -> None:
        self._go(self.cursor + rows)

    def _action_page(self, pages: int) -> None:
        self._go(self.cursor + pages * max(self.size.height - 1, 1))

    def _action_first(self) -> None:
        self.lay_out_start()
        self._go(0)

    def _action_last(self) -> None:
        self.follow_end()
        self._tell_line()
        self.refresh()

    def _action_open(self) -> None:
        self._choose(self.cursor, leave=True)

    async def _on_click(self, event: events.Click) -> None:
        row = self.scroll_offset.y + event.y
        self._go(row)
        if event.button == RIGHT:
            await self.run_action("screen.menu")
        else:
            self._choose(row, leave=event.chain == 2 or self._is_mark(row, event.x))

    def _is_mark(self, row: int, x: int) -> bool:
        """True at the sign that a line can be folded or opened."""
        text = plain(self.rows[row].spans) if 0 <= row < len(self.rows) else ""
        at = x - GUTTER
        return 0 <= at < len(text) and text[at] in MARKS
