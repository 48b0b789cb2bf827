"""Documents about a packet: its protocol tree linked to its bytes, and its TCP stream."""

from __future__ import annotations

from typing import Final

from inspector.model.packet import ByteSource, Field
from inspector.model.secrets import NO_MASK, Mask
from inspector.present.export.text import masked_lines
from inspector.present.packet import PacketTree, headers_of
from inspector.present.spans import Line, Span, Tone
from inspector.present.tcp_stream import TcpForm, TcpPiece, tcp_heading, tcp_lines, tcp_pieces, tcp_text
from inspector.text import clean
from inspector.tshark.tcp_stream import TcpStream
from inspector.ui.feed import PacketFeed
from inspector.ui.widgets.document import Pane
from inspector.ui.widgets.hex_view import HexView
from inspector.ui.widgets.layout import DocumentBlock

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

    def block(self, index: int) -> DocumentBlock:
        """A field, or the words that stand for all of them."""
        if self._tree is None:
            return DocumentBlock((Line((Span(clean(str(self._known)), Tone.DIM),)),))
        return DocumentBlock((self._tree.line(index),))

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


class TcpDocument:
    """A TCP stream: that of a packet, or any other."""

    def __init__(self, packets: PacketFeed, number: int, form: TcpForm, width: int, stream: int | None = None) -> None:
        """`number` is the packet's; `stream` another stream than the packet's own; `width` bytes a line in a dump."""
        self._packets, self._number, self._stream = packets, number, stream
        self._form, self._width = form, width
        self._known: TcpStream | str = ""
        self._pieces: list[TcpPiece] = []
        self.refresh()

    @property
    def stream(self) -> int | None:
        """The number of the stream; None as long as it is not known."""
        if self._stream is not None:
            return self._stream
        found = tcp_stream_of(self._packets, self._number)
        return found if isinstance(found, int) else None

    @property
    def is_none(self) -> bool:
        """True for another stream than the packet's own of which the capture has nothing."""
        return self._stream is not None and isinstance(self._known, TcpStream) and not self._known.peers

    def __len__(self) -> int:
        return len(self._pieces) + 1

    def block(self, index: int) -> DocumentBlock:
        """The heading, or a piece of what one side sent."""
        if isinstance(self._known, str):
            return DocumentBlock((Line((Span(self._known, Tone.DIM),)),))
        if index == 0:
            return DocumentBlock(tcp_heading(self._known, self._form))
        piece = self._pieces[index - 1]
        lines = tcp_lines(piece, self._form, self._pieces[0].stretch.time, self._width)
        return DocumentBlock(tuple(lines), is_titled=piece.is_first)

    def block_of(self, position: int) -> int | None:  # noqa: ARG002 - a frame may be in any of several pieces
        """No piece is a frame of its own."""
        return None

    def refresh(self) -> int:
        """Take in what has been found out."""
        stream = tcp_stream_of(self._packets, self._number) if self._stream is None else self._stream
        known = stream if isinstance(stream, str) else self._packets.tcp(stream)
        if known == self._known:
            return len(self)
        self._known = known
        self._pieces = [] if isinstance(known, str) else tcp_pieces(known, self._form)
        return 0

    def copied(self, mask: Mask = NO_MASK) -> tuple[str, str]:  # noqa: ARG002 - bytes are what was on the wire
        """Return the whole stream, as it is shown."""
        if isinstance(self._known, str):
            return self._known, "the remark"
        return tcp_text(self._known, self._form), f"TCP stream {self._known.number}"

    def saved(self) -> bytes:
        """What goes into a file: the bytes themselves where they are shown raw, else the text."""
        if isinstance(self._known, TcpStream) and self._form is TcpForm.RAW:
            return b"".join(stretch.data for stretch in self._known.stretches)
        return self.copied()[0].encode()


class TreeLink:
    """The two of them."""

    def __init__(self, pane: Pane, bytes_: HexView) -> None:
        self._pane = pane
        self._bytes = bytes_

    @staticmethod
    def field(document: TreeDocument, pane: Pane) -> Field | None:
        """The field that the cursor is on."""
        return (
            document.field(pane.viewport.rows[pane.viewport.cursor].block)
            if pane.viewport.cursor < len(pane.viewport.rows)
            else None
        )

    def mark(self, document: TreeDocument) -> None:
        """Mark the bytes of the field that the cursor is on."""
        field = self.field(document, self._pane)
        if field is None:
            self._bytes.show(None, None)
        elif field.length or not self._bytes.source.data or document.source(field) != self._bytes.source:
            self._bytes.show(document.source(field), field)
        else:  # a field of no bytes: leave the others in sight
            self._bytes.show(self._bytes.source, None)

    def toggle(self, document: TreeDocument, block: int) -> None:
        """Fold or open a line."""
        if document.toggle(block):
            self._pane.viewport.changed_from(block)
            self._pane.viewport.go_to_block(block)

    def turn(self, document: TreeDocument, *, is_open: bool) -> None:
        """Open the line that the cursor is on, or fold it; from one that is folded, go to what it is of."""
        if self._pane.viewport.cursor < len(self._pane.viewport.rows):
            block = document.turn(self._pane.viewport.rows[self._pane.viewport.cursor].block, is_open=is_open)
            self._pane.viewport.changed_from(block)
            self._pane.viewport.go_to_block(block)
            self.mark(document)

    def open_all(self, document: TreeDocument) -> None:
        """Open or fold the whole tree."""
        document.open_all()
        self._pane.viewport.changed_from(0)
        self._pane.viewport.go_to_block(0)
        self.mark(document)

    def reveal(self, document: TreeDocument, source: ByteSource, offset: int) -> None:
        """Bring the field that a byte belongs to into sight."""
        block = document.reveal(source, offset)
        if block is not None:
            self._pane.viewport.changed_from(0)
            self._pane.viewport.go_to_block(block)
            self.mark(document)
