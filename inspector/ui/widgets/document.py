"""Shows a document: wrapped to the width of a pane, with a cursor and links.

Documents may have a hundred thousand blocks. Only those around the visible ones are laid out, and more of them when the
pane is scrolled near an end of what is laid out.
"""

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
from inspector.ui.widgets.line_view import RIGHT_BUTTON, LineView, scroll_into_view, set_content_height

GUTTER: Final = 2
"""Cells before a line."""
_SCROLLBAR_WIDTH: Final = 1
"""Always reserved, so that a document that outgrows the screen need not be wrapped again."""
_MARGIN_ROWS: Final = 20
"""More of the document is laid out when an end of what is laid out is as near as this."""


class DocumentViewport:
    """Lays out and scrolls one document at a time."""

    def __init__(self, view: LineView) -> None:
        self._view = view
        self.document: Document | None = None
        self.cursor = 0
        """The row of the cursor, an index into `rows`."""
        self.current: int | None = None
        """The block of what is selected in a list, which is marked."""
        self.following = False
        """True while the end stays visible as the document grows, until the user moves up or another one is shown."""
        self._layout: Layout | None = None
        self.masked_top: int | None = None
        """The first visible row while the document is masked; None otherwise, when the scroll position counts."""

    @property
    def rows(self) -> list[Row]:
        """What is laid out."""
        return [] if self._layout is None else self._layout.rows

    @property
    def cursor_row(self) -> Row | None:
        """The row under the cursor; None in an empty document."""
        return self.rows[self.cursor] if self.cursor < len(self.rows) else None

    def show(self, document: Document | None, current: int | None = None) -> None:
        """Show another document from its start, or with the block `current` visible and marked."""
        self.document, self.current, self.following = document, current, False
        self._lay_out(current or 0)

    def show_current(self, block: int | None) -> None:
        """Mark another block of the same document, and make it visible."""
        if block == self.current:
            return
        self.current = block
        if block is not None:
            self._ensure_laid_out(block)
            self._reveal_block(block)
        self._view.refresh()

    def show_line(self, block: int, line: int) -> None:
        """Move the cursor to a line of a block, and make it visible."""
        if self._layout is None:
            return
        self._ensure_laid_out(block)
        row = self._layout.row_of(block) or 0
        while row + 1 < len(self.rows) and self.rows[row].block == block and self.rows[row].line < line:
            row += 1
        self.cursor, self.following = row, False
        scroll_into_view(self._view, row)
        self._view.refresh()

    def go_to_block(self, block: int) -> None:
        """Move the cursor to a block, and make it visible."""
        self._ensure_laid_out(block)
        self._reveal_block(block)
        self._view.refresh()

    def changed_from(self, block: int) -> None:
        """Lay out again from a block on: it and those after it have changed, or are new."""
        if self._layout is not None:
            self._layout.replace_from(block)
            self._resize()
            if self.following:
                self.follow_end()

    def move(self, step: str) -> None:
        """Move the cursor by a step that the bindings table names, such as `page_down`."""
        page = max(self._view.size.height - 1, 1)
        match step:
            case "down" | "up":
                self.go(self.cursor + (1 if step == "down" else -1))
            case "page_down" | "page_up":
                self.go(self.cursor + (page if step == "page_down" else -page))
            case "first":
                if self._layout is not None and self._layout.above:
                    self._lay_out(0)
                self.go(0)
            case "last":
                self.follow_end()
                self._view.refresh()

    def go(self, row: int) -> None:
        """Move the cursor to the nearest existing row, and make it visible."""
        self.cursor = max(0, min(row, len(self.rows) - 1))
        self.following = self.following and self.cursor == len(self.rows) - 1
        scroll_into_view(self._view, self.cursor)
        self._view.refresh()

    def follow_end(self) -> None:
        """Move to the end, and stay there as the document grows."""
        if self.document is not None and self._layout is not None and self._layout.below:
            self._lay_out(len(self.document) - 1)
        self.cursor = max(len(self.rows) - 1, 0)
        scroll_into_view(self._view, self.cursor)
        self.following = True  # scrolling may have reset it

    def scrolled(self, top: int) -> None:
        """Lay out more if an end of what is laid out is near; stop following the end if it is out of sight."""
        if self._layout is None:
            return
        self.following = self.following and top >= self._view.max_scroll_y
        if top + self._view.room.height + _MARGIN_ROWS >= len(self.rows) and self._layout.extend_down():
            self._resize()
        if top < _MARGIN_ROWS and (added := self._layout.extend_up()):
            self.cursor += added
            self._resize()
            self._view.scroll_to(y=top + added, animate=False, force=True)

    def fit(self) -> None:
        """Wrap the document to another width, and return to the block of the cursor."""
        following, row = self.following, self.cursor_row
        self._lay_out(self.current or 0 if row is None else row.block)
        if following:
            self.follow_end()

    @contextmanager
    def masked(self, mask: Mask) -> Iterator[None]:
        """Draw the document with its secrets masked until the end of the block, for a screenshot."""
        layout, document, top = self._layout, self.document, self._view.scroll_offset.y
        if layout is None or document is None or top >= len(layout.rows):
            yield
            return
        block = layout.rows[top].block
        masked = Layout(MaskedDocument(document, mask), layout.width, block)
        first = (masked.row_of(block) or 0) + top - (layout.row_of(block) or 0)
        while len(masked.rows) < first + self._view.size.height and masked.extend_down():
            pass
        self._layout, self.masked_top = masked, first
        self._view.refresh()
        try:
            yield
        finally:
            self._layout, self.masked_top = layout, None
            self._view.refresh()

    def _lay_out(self, anchor: int) -> None:
        """Lay out the blocks around one, unless the pane is hidden: `fit` does it when the pane is shown."""
        self.cursor, self._layout = 0, None
        room = self._view.room if _is_displayed(self._view) else Size(0, 0)
        self._view.fitted_size = room
        if self.document is not None and room.width:
            self._layout = Layout(self.document, max(room.width - GUTTER - _SCROLLBAR_WIDTH, 1), anchor)
        self._resize()
        self._view.scroll_to(y=0, animate=False, force=True)
        if anchor:
            self._reveal_block(anchor)

    def _ensure_laid_out(self, block: int) -> None:
        if self._layout is not None and self._layout.row_of(block) is None:
            self._lay_out(block)

    def _reveal_block(self, block: int) -> None:
        """Make a block visible, its start if it is longer than the screen, and move the cursor to it."""
        row = self._layout.row_of(block) if self._layout else None
        if row is not None:
            following = self._layout.row_of(block + 1) if self._layout else None
            scroll_into_view(self._view, (len(self.rows) if following is None else following) - 1)
            scroll_into_view(self._view, row)
            self.cursor = row

    def _resize(self) -> None:
        size = Size(self._view.room.width, len(self.rows))
        if size.width == self._view.virtual_size.width:
            set_content_height(self._view, size)
        else:
            self._view.virtual_size = size
        self._view.refresh()


def _is_displayed(view: LineView) -> bool:
    return all(each.display for each in view.ancestors_with_self if isinstance(each, Widget))


class Pane(LineView, can_focus=True):
    """A widget that shows a document; the tabs of the right side and some dialogs have one each."""

    BINDINGS = bindings(KeyContext.PANE)

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name for it
        super().__init__(id=id)
        self.viewport = DocumentViewport(self)
        self._matcher: Matcher | None = None

    def highlight(self, matcher: Matcher | None) -> None:
        """Highlight what a search matches, or nothing."""
        self._matcher = matcher
        self.refresh()

    def fit(self) -> None:
        """Adapt to another size, which may be the first one at which there are lines."""
        self.viewport.fit()
        self._post_line()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Draw what is visible now, after laying out more if needed."""
        super().watch_scroll_y(old_value, new_value)
        self.viewport.scrolled(round(new_value))

    def render_line(self, y: int) -> Strip:
        """Return a line of the document."""
        style, viewport = self.line_style, self.viewport
        index = (style.top if viewport.masked_top is None else viewport.masked_top) + y
        if index >= len(viewport.rows):
            return Strip.blank(style.width, style.style)
        row = viewport.rows[index]
        is_current = row.block == viewport.current and row.position is not None and any(span.text for span in row.spans)
        gutter = Segment("▌ " if is_current else "  ", style.palette.of(Tone.SERVER))
        parts = segments(row.spans, style.palette, strong=row.is_title)
        strip = Strip([gutter, *fitted(parts, max(style.width - GUTTER, 0))], style.width)
        strip = highlighted(strip, self._matcher, style.palette.match)
        if index == viewport.cursor and style.has_focus:
            strip = strip.apply_style(style.palette.background("row-selected"))
        return strip.apply_style(style.style)

    def action_move(self, step: str) -> None:
        """Move the cursor; see `DocumentViewport.move` for the steps."""
        self.viewport.move(step)
        self._post_line()

    def action_open(self) -> None:
        """Go to the frame of the line under the cursor; a line without one opens or folds."""
        self._choose(self.viewport.cursor, leave=True)

    async def on_click(self, event: events.Click) -> None:
        """Move the cursor to the clicked line, and open it on a double click or a click on its fold mark."""
        row = self.scroll_offset.y + event.y
        self.viewport.go(row)
        self._post_line()
        if event.button == RIGHT_BUTTON:
            await self.run_action("screen.menu")
        else:
            self._choose(row, leave=event.chain == 2 or self._is_fold_mark(row, event.x))

    def _post_line(self) -> None:
        if (row := self.viewport.cursor_row) is not None:
            self.post_message(LineEntered(row.block))

    def _choose(self, index: int, *, leave: bool) -> None:
        rows = self.viewport.rows
        if not 0 <= index < len(rows):
            return
        if (position := rows[index].position) is not None:
            self.post_message(StepSelected(position, leave))
        elif leave:
            self.post_message(LineOpened(rows[index].block))

    def _is_fold_mark(self, index: int, x: int) -> bool:
        rows = self.viewport.rows
        text = plain(rows[index].spans) if 0 <= index < len(rows) else ""
        column = x - GUTTER
        return 0 <= column < len(text) and text[column] in MARKS
