"""A packet's protocol tree as a document, with the bytes of the field that the cursor is on.

Owns which lines are shown. What is not there yet, the feed has found out behind the screen; until then the document is
the words that stand for it.
"""

from __future__ import annotations

from typing import Final

from inspector.model.dissection import ByteSource, Field
from inspector.model.secrets import NO_MASK, Mask
from inspector.ui.packet_feed import PacketFeed
from inspector.ui.widgets.layout import Block
from inspector.views.masking import masked_lines
from inspector.views.packet_tree import PacketTree, headers_of
from inspector.views.spans import Line, Span, Tone
from inspector.views.text import clean

_INDENT_UNIT: Final = "  "


class TreeDocument:
    """The tree of one packet."""

    def __init__(self, packets: PacketFeed, number: int) -> None:
        self._packets = packets
        self.number = number
        self._known = packets.dissection(number)
        self._tree = self._make()

    def __len__(self) -> int:
        return len(self._tree.lines) if self._tree else 1

    def block(self, index: int) -> Block:
        """A field, or the words that stand for all of them."""
        if self._tree is None:
            return Block((Line((Span(clean(str(self._known)), Tone.DIM),)),))
        return Block((self._tree.line(index),))

    def block_of(self, position: int) -> int | None:  # noqa: ARG002 - all lines are of one packet
        """No line shows a frame of its own."""
        return None

    def refresh(self) -> int:
        """Take in what has been found out; the first line that may be another."""
        known = self._packets.dissection(self.number)
        if known == self._known:
            return len(self)
        self._known = known
        self._tree = self._make()
        return 0

    def copied(self, mask: Mask = NO_MASK) -> tuple[str, str]:
        """Return the lines that are shown."""
        lines = masked_lines((self.block(index).lines[0] for index in range(len(self))), mask)
        return "\n".join(_INDENT_UNIT * line.indent + line.text for line in lines), f"the tree of packet {self.number}"

    def toggle(self, index: int) -> bool:
        """Fold or open a line; False where that changes nothing."""
        before = len(self)
        if self._tree is not None:
            self._tree.toggle(index)
        return len(self) != before

    def turn(self, index: int, *, is_open: bool) -> int:
        """Open a line or fold it; the line that the cursor belongs on then."""
        return self._tree.turn(index, is_open=is_open) if self._tree is not None else 0

    def open_all(self) -> None:
        """Open everything, or fold everything where all is open."""
        if self._tree is not None:
            is_folded = any(line.field.children and not line.is_open for line in self._tree.lines)
            self._tree.open_all(is_open=is_folded)

    def field(self, index: int) -> Field | None:
        """The field of a line; None before the tree is there."""
        return self._tree.lines[index].field if self._tree and index < len(self._tree.lines) else None

    def headers(self, index: int) -> tuple[str, ...]:
        """The headers whose values a line shows."""
        if self._tree is None or index >= len(self._tree.lines):
            return ()
        return headers_of(self._tree.dissection, self._tree.lines[index].path)

    def source(self, field: Field) -> ByteSource | None:
        """The bytes that a field is read from."""
        sources = self._tree.dissection.sources if self._tree else ()
        return sources[field.source] if 0 <= field.source < len(sources) else None

    def reveal(self, source: ByteSource, offset: int) -> int | None:
        """Open the tree where a byte is read; the line of its field."""
        if self._tree is None:
            return None
        path = self._tree.dissection.path_at(self._tree.dissection.sources.index(source), offset)
        return None if path is None else self._tree.reveal(path)

    def _make(self) -> PacketTree | None:
        return None if isinstance(self._known, str) else PacketTree(self._known, self._packets.folds)


def tcp_stream_of(packets: PacketFeed, number: int) -> int | str:
    """The number of the TCP stream that a packet is of, or the words for that it is not known."""
    known = packets.dissection(number)
    if isinstance(known, str):
        return known
    field = known.first("tcp.stream")
    digits = "" if field is None else field.filter.rpartition(" ")[2]
    return int(digits) if digits.isdigit() else "This packet is of no TCP connection."
