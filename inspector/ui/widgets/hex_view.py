"""The bytes under a packet's tree: those of the selected field stand out, and a byte leads to its field.

Draws what it is given, and tells by a message where the cursor was put. Which field a byte belongs to is not its
business.
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

from inspector.model.packet import ByteSource, Field
from inspector.present.spans import Tone
from inspector.text import clean, counted, in_ascii
from inspector.ui.bindings import KeyContext, bindings
from inspector.ui.messages import ByteSelected
from inspector.ui.rendering import Palette
from inspector.ui.widgets.document import RIGHT
from inspector.ui.widgets.line_view import LineView

_OFFSET: Final = 6
"""Cells before the first byte: four digits, or as many as it takes, and a gap."""
_NOTHING: Final = ByteSource("", b"")
_REVERSE: Final = Style(reverse=True)


class _HexPart(NamedTuple):
    """Bytes of a line that look the same."""

    data: bytes
    style: Style
    gap: Style | None
    """Behind them."""


class HexView(LineView, can_focus=True):
    """A hex dump with a cursor."""

    BINDINGS = bindings(KeyContext.HEX)

    def __init__(self) -> None:
        super().__init__(id="packet-bytes")
        self.source = _NOTHING
        self.cursor = 0
        """The offset of the byte that keys move from."""
        self._marked = range(0)

    def show(self, source: ByteSource | None, field: Field | None) -> None:
        """Show a source with a field's bytes marked."""
        self.source = source or _NOTHING
        self._marked = range(0) if field is None else range(field.start, field.start + field.length)
        if self._marked:
            if self.cursor not in self._marked:
                self.cursor = self._marked.start
            self._reveal(self._marked.stop - 1)
            self._reveal(self._marked.start)
        facts = counted(len(self.source.data), "byte")
        marked = f" · {self._marked.start} to {self._marked.stop - 1} marked" if self._marked else ""
        self.border_title = Content(f"{clean(self.source.name)}: {facts}{marked}" if source else "")
        self.fit()

    @property
    def per_line(self) -> int:
        """Bytes on a line: 16 where there is room, else 8."""
        return 16 if self.room.width >= _OFFSET + 16 * 4 + 2 else 8

    def render_line(self, y: int) -> Strip:
        """A line of bytes: offset, hex, ASCII."""
        ground, palette = self.ground, self.ground.palette
        start = (ground.top + y) * self.per_line
        if start >= len(self.source.data):
            return Strip.blank(ground.width, ground.style)
        parts = list(self._parts(range(start, min(start + self.per_line, len(self.source.data))), palette))
        line = [Segment(f"{start:04x}".ljust(_OFFSET), palette.of(Tone.DIM))]
        for part in parts:
            line += (Segment(part.data.hex(" "), part.style), Segment(" ", part.gap))
        line.append(Segment("   " * (self.per_line - sum(len(part.data) for part in parts)) + " "))
        line += (Segment(in_ascii(part.data), part.style) for part in parts)
        return Strip(line).adjust_cell_length(ground.width).apply_style(ground.style)

    def _parts(self, places: range, palette: Palette) -> Iterator[_HexPart]:
        """The bytes at these places, as many at a time as look the same."""
        marked = palette.of(Tone.PLAIN, strong=True) + palette.background("row-selected")
        for (is_marked, is_cursor), run in groupby(places, self._look):
            at = list(run)
            style, end = marked if is_marked else palette.of(Tone.DIM), at[-1] + 1
            is_within = is_marked and end in self._marked and end in places
            data = self.source.data[at[0] : end]
            yield _HexPart(data, style + _REVERSE if is_cursor else style, marked if is_within else None)

    def _look(self, at: int) -> tuple[bool, bool]:
        return at in self._marked, at == self.cursor and self.has_focus

    def fit(self) -> None:
        """As many lines as its width takes."""
        lines = (len(self.source.data) + self.per_line - 1) // self.per_line
        self.lengthen(Size(self.room.width, lines))
        super().fit()

    def _reveal(self, at: int) -> None:
        line, top, page = at // self.per_line, self.scroll_offset.y, max(self.room.height, 1)
        if not top <= line < top + page:
            self.scroll_to(y=line if line < top else line - page + 1, animate=False, force=True)

    def _go(self, at: int) -> None:
        if self.source.data:
            self.cursor = max(0, min(at, len(self.source.data) - 1))
            self._reveal(self.cursor)
            self.refresh()
            self.post_message(ByteSelected(self.source, self.cursor))

    def _action_byte(self, count: int) -> None:
        self._go(self.cursor + count)

    def _action_line(self, count: int) -> None:
        at = self.cursor + count * self.per_line
        self._go(at if 0 <= at < len(self.source.data) else self.cursor)

    def _action_open(self) -> None:
        self.post_message(ByteSelected(self.source, self.cursor, leave=True))

    async def _on_click(self, event: events.Click) -> None:
        place = event.get_content_offset(self)
        at = None if place is None else self._byte_at(place.x, self.scroll_offset.y + place.y)
        if at is not None:
            self._go(at)
        if event.button == RIGHT:
            await self.run_action("screen.menu")

    def _byte_at(self, x: int, line: int) -> int | None:
        """The offset of the byte that is drawn at a cell, in hex or as a letter."""
        column, ascii_column = (x - _OFFSET) // 3, x - _OFFSET - self.per_line * 3 - 1
        if not 0 <= column < self.per_line:
            column = ascii_column
        at = line * self.per_line + column
        return at if 0 <= column < self.per_line and at < len(self.source.data) else None
