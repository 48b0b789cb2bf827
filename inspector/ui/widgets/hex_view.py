"""A hex dump with the bytes of a packet's selected field marked.

Posts `ByteSelected` when the cursor moves. Which field a byte belongs to is left to the receiver.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Final, NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.content import Content
from textual.geometry import Size
from textual.strip import Strip

from inspector.model.dissection import ByteSource, Field
from inspector.present.spans import Tone
from inspector.text import clean, counted, in_ascii
from inspector.ui.bindings import KeyContext, bindings
from inspector.ui.messages import ByteSelected
from inspector.ui.rendering import Palette
from inspector.ui.widgets.line_view import RIGHT_BUTTON, LineView, scroll_into_view, set_content_height

_OFFSET_WIDTH: Final = 6
"""Cells before the first byte: an offset of four or more digits, and a gap."""
_NO_SOURCE: Final = ByteSource("", b"")
_REVERSE: Final = Style(reverse=True)


class _HexPart(NamedTuple):
    """Consecutive bytes of a line that look the same."""

    data: bytes
    style: Style
    gap: Style | None
    """The style of the blank after them."""


class HexView(LineView, can_focus=True):
    """A hex dump with a cursor."""

    BINDINGS = bindings(KeyContext.HEX)

    def __init__(self) -> None:
        super().__init__(id="packet-bytes")
        self.source = _NO_SOURCE
        self.cursor = 0
        """The offset of the byte under the cursor."""
        self._marked = range(0)

    def show(self, source: ByteSource | None, field: Field | None) -> None:
        """Show the bytes of a source with those of a field marked; the cursor moves to the field."""
        self.source = source or _NO_SOURCE
        self._marked = range(0) if field is None else range(field.start, field.start + field.length)
        if self._marked:
            if self.cursor not in self._marked:
                self.cursor = self._marked.start
            scroll_into_view(self, (self._marked.stop - 1) // self.per_line)
            scroll_into_view(self, self._marked.start // self.per_line)
        facts = counted(len(self.source.data), "byte")
        marked = f" · {self._marked.start} to {self._marked.stop - 1} marked" if self._marked else ""
        self.border_title = Content(f"{clean(self.source.name)}: {facts}{marked}" if source else "")
        self.fit()

    @property
    def per_line(self) -> int:
        """Bytes on a line: 16 if there is room, otherwise 8."""
        return 16 if self.room.width >= _OFFSET_WIDTH + 16 * 4 + 2 else 8

    def render_line(self, y: int) -> Strip:
        """Return a line of bytes: their offset, in hex, in ASCII."""
        style, palette = self.line_style, self.line_style.palette
        start = (style.top + y) * self.per_line
        if start >= len(self.source.data):
            return Strip.blank(style.width, style.style)
        parts = list(self._parts(range(start, min(start + self.per_line, len(self.source.data))), palette))
        line = [Segment(f"{start:04x}".ljust(_OFFSET_WIDTH), palette.of(Tone.DIM))]
        for part in parts:
            line += (Segment(part.data.hex(" "), part.style), Segment(" ", part.gap))
        line.append(Segment("   " * (self.per_line - sum(len(part.data) for part in parts)) + " "))
        line += (Segment(in_ascii(part.data), part.style) for part in parts)
        return Strip(line).adjust_cell_length(style.width).apply_style(style.style)

    def _parts(self, offsets: range, palette: Palette) -> Iterator[_HexPart]:
        marked = palette.of(Tone.PLAIN, strong=True) + palette.background("row-selected")
        for (is_marked, is_cursor), group in groupby(offsets, self._look):
            run = list(group)
            style, end = marked if is_marked else palette.of(Tone.DIM), run[-1] + 1
            continues = is_marked and end in self._marked and end in offsets
            data = self.source.data[run[0] : end]
            yield _HexPart(data, style + _REVERSE if is_cursor else style, marked if continues else None)

    def _look(self, offset: int) -> tuple[bool, bool]:
        return offset in self._marked, offset == self.cursor and self.has_focus

    def fit(self) -> None:
        """Distribute the bytes over as many lines as the width needs."""
        lines = (len(self.source.data) + self.per_line - 1) // self.per_line
        set_content_height(self, Size(self.room.width, lines))
        super().fit()

    def action_byte(self, count: int) -> None:
        """Move the cursor by some bytes."""
        self._go(self.cursor + count)

    def action_line(self, count: int) -> None:
        """Move the cursor by some lines; stay if there is no byte."""
        offset = self.cursor + count * self.per_line
        self._go(offset if 0 <= offset < len(self.source.data) else self.cursor)

    def action_open(self) -> None:
        """Go to the field of the byte under the cursor."""
        self.post_message(ByteSelected(self.source, self.cursor, leave=True))

    async def on_click(self, event: events.Click) -> None:
        """Move the cursor to the clicked byte."""
        cell = event.get_content_offset(self)
        offset = None if cell is None else self._byte_at(cell.x, self.scroll_offset.y + cell.y)
        if offset is not None:
            self._go(offset)
        if event.button == RIGHT_BUTTON:
            await self.run_action("screen.menu")

    def _go(self, offset: int) -> None:
        if self.source.data:
            self.cursor = max(0, min(offset, len(self.source.data) - 1))
            scroll_into_view(self, self.cursor // self.per_line)
            self.refresh()
            self.post_message(ByteSelected(self.source, self.cursor))

    def _byte_at(self, x: int, line: int) -> int | None:
        """Return the offset of the byte at a cell, in the hex or the ASCII column; None if there is none."""
        column, ascii_column = (x - _OFFSET_WIDTH) // 3, x - _OFFSET_WIDTH - self.per_line * 3 - 1
        if not 0 <= column < self.per_line:
            column = ascii_column
        offset = line * self.per_line + column
        return offset if 0 <= column < self.per_line and offset < len(self.source.data) else None
