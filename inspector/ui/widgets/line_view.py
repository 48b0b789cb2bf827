"""Shows a document: wrapped to the width, drawn line by line, scrolled by a cursor line.

Owns the cursor line, the window of the document that is laid out, and the mark at the step that is selected in the
list. Tells by a message which step was chosen. What the document says is none of its business.
"""

from __future__ import annotations

from typing import Final

from rich.segment import Segment
from textual import events
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from inspector.ui.bindings import Place, bindings
from inspector.ui.format import Palette, fitted, segments
from inspector.ui.messages import StepSelected
from inspector.ui.widgets.layout import Document, Layout
from inspector.views.spans import Tone

_GUTTER: Final = 2
_NEAR: Final = 20
"""Rows from an end at which more of the document is laid out."""


class LineView(ScrollView, can_focus=True):
    """One tab of the right pane."""

    BINDINGS = bindings(Place.PANE)

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name for it
        super().__init__(id=id)
        self._layout: Layout | None = None
        self._document: Document | None = None
        self._cursor = 0
        self._current: int | None = None
        """The block of the frame that is selected in the list."""

    @property
    def text_width(self) -> int:
        """Cells that a line of text has."""
        return max(self.size.width - _GUTTER - 1, 1)

    def show(self, document: Document | None, current: int | None = None) -> None:
        """Show another document, at its top or at a block."""
        self._document, self._current = document, current
        self._lay_out(current or 0)

    def show_current(self, block: int | None) -> None:
        """Another block of the same document is the one selected in the list: mark it and bring it into sight."""
        self._current = block
        if block is None or self._layout is None:
            return
        if self._layout.row_of(block) is None:
            self._lay_out(block)
        else:
            self._reveal(block)

    def changed_from(self, block: int) -> None:
        """The document has more blocks, or says something else from a block on."""
        if self._layout is not None:
            self._layout.replace_from(block)
            self._measure()

    def _lay_out(self, anchor: int) -> None:
        self._cursor = 0
        self._layout = None
        if self._document is not None and self.size.width:
            self._layout = Layout(self._document, self.text_width, anchor)
        self._measure()
        self.scroll_to(y=0, animate=False, force=True)
        if anchor:
            self._reveal(anchor)

    def _reveal(self, block: int) -> None:
        """Bring a block's first rows into sight, and the cursor to it."""
        row = self._layout.row_of(block) if self._layout else None
        if row is None:
            return
        following = self._layout.row_of(block + 1) if self._layout else None
        last = len(self._rows) - 1 if following is None else following - 1
        top, page = self.scroll_offset.y, max(self.size.height, 1)
        if row < top or last >= top + page:
            self.scroll_to(y=max(0, min(row, last - page + 1) if last - row < page else row), animate=False, force=True)
        self._cursor = row
        self.refresh()

    @property
    def _rows(self) -> list:
        return [] if self._layout is None else self._layout.rows

    def _measure(self) -> None:
        self.virtual_size = Size(self.text_width, len(self._rows))
        self.refresh()
