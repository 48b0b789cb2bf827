"""Documents about a packet: its protocol tree linked to its bytes, and its TCP stream."""

from __future__ import annotations

from typing import Final

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical

from inspector.model.dissection import ByteSource, Field
from inspector.model.secrets import NO_MASK, Mask
from inspector.present.export.text import masked_lines
from inspector.present.packet import PacketTree, headers_of
from inspector.present.spans import Line, Span, Tone
from inspector.present.tcp_stream import TcpForm, TcpPiece, tcp_heading, tcp_lines, tcp_pieces, tcp_text
from inspector.text import clean
from inspector.tshark.tcp_stream import TcpStream
from inspector.ui.detail.documents import PaneDocument
from inspector.ui.feed import PacketFeed
from inspector.ui.messages import ByteSelected, FocusRequested, LineEntered, LineOpened
from inspector.ui.widgets.document import Pane
from inspector.ui.widgets.hex_view import HexView
from inspector.ui.widgets.layout import DocumentBlock

_INDENT_UNIT: Final = "  "


class TreeDocument:
    """The tree of one packet, a line for each visible field; one line of text until it is read."""

    def __init__(self, packets: PacketFeed, number: int) -> None:
        self._packets = packets
        self.number = number
        self._dissection = packets.dissection(number)
        self._tree = self._make()

    def __len__(self) -> int:
        return len(self._tree.lines) if self._tree else 1

    def block(self, index: int) -> DocumentBlock:
        """Return the line of a field."""
        if self._tree is None:
            return DocumentBlock((Line((Span(clean(str(self._dissection)), Tone.DIM),)),))
        return DocumentBlock((self._tree.line(index),))

    def block_of(self, position: int) -> int | None:  # noqa: ARG002 - see PaneDocument
        """Return None: no line belongs to a frame."""
        return None

    def refresh(self) -> int:
        """See `PaneDocument.refresh`."""
        dissection = self._packets.dissection(self.number)
        if dissection == self._dissection:
            return len(self)
        self._dissection = dissection
        self._tree = self._make()
        return 0

    def copied(self, mask: Mask = NO_MASK) -> tuple[str, str]:
        """Return the visible lines."""
        lines = masked_lines((self.block(index).lines[0] for index in range(len(self))), mask)
        return "\n".join(_INDENT_UNIT * line.indent + line.text for line in lines), f"the tree of packet {self.number}"

    def toggle(self, index: int) -> bool:
        """Fold or open a line; return whether that changes anything."""
        before = len(self)
        if self._tree is not None:
            self._tree.toggle(index)
        return len(self) != before

    def set_fold(self, index: int, *, is_open: bool) -> int:
        """Open a line, or fold it or its parent; return the line where the cursor belongs."""
        return self._tree.turn(index, is_open=is_open) if self._tree is not None else 0

    def toggle_all(self) -> None:
        """Open everything, or fold everything if all is open."""
        if self._tree is not None:
            is_folded = any(line.field.children and not line.is_open for line in self._tree.lines)
            self._tree.open_all(is_open=is_folded)

    def field(self, index: int) -> Field | None:
        """Return the field of a line; None until the tree is read."""
        return self._tree.lines[index].field if self._tree and index < len(self._tree.lines) else None

    def headers(self, index: int) -> tuple[str, ...]:
        """Return the names of the headers whose values a line shows."""
        if self._tree is None or index >= len(self._tree.lines):
            return ()
        return headers_of(self._tree.dissection, self._tree.lines[index].path)

    def source(self, field: Field) -> ByteSource | None:
        """Return the bytes that a field is read from."""
        sources = self._tree.dissection.sources if self._tree else ()
        return sources[field.source] if 0 <= field.source < len(sources) else None

    def reveal(self, source: ByteSource, offset: int) -> int | None:
        """Open the tree as far as the field of a byte; return its line, or None if the byte has no field."""
        if self._tree is None:
            return None
        path = self._tree.dissection.path_at(self._tree.dissection.sources.index(source), offset)
        return None if path is None else self._tree.reveal(path)

    def _make(self) -> PacketTree | None:
        return None if isinstance(self._dissection, str) else PacketTree(self._dissection, self._packets.folds)


def tcp_stream_of(packets: PacketFeed, number: int) -> int | str:
    """Return the number of a packet's TCP stream, or a sentence that says why there is none yet."""
    dissection = packets.dissection(number)
    if isinstance(dissection, str):
        return dissection
    field = dissection.first("tcp.stream")
    digits = "" if field is None else field.filter.rpartition(" ")[2]
    return int(digits) if digits.isdigit() else "This packet does not belong to a TCP connection."


class TcpDocument:
    """A TCP stream: a heading, then what each side sent, in turns; one line of text until it is read."""

    def __init__(self, packets: PacketFeed, number: int, form: TcpForm, width: int, stream: int | None = None) -> None:
        """Show the stream of packet `number`, or else `stream`; `width` is the bytes on a line of a hex dump."""
        self._packets, self._number, self._stream = packets, number, stream
        self._form, self._width = form, width
        self._content: TcpStream | str = ""
        self._pieces: list[TcpPiece] = []
        self.refresh()

    @property
    def stream(self) -> int | None:
        """The number of the stream; None until it is known."""
        if self._stream is not None:
            return self._stream
        found = tcp_stream_of(self._packets, self._number)
        return found if isinstance(found, int) else None

    @property
    def is_missing(self) -> bool:
        """True if the capture has no stream of the number that the user went on to."""
        return self._stream is not None and isinstance(self._content, TcpStream) and not self._content.peers

    def __len__(self) -> int:
        return len(self._pieces) + 1

    def block(self, index: int) -> DocumentBlock:
        """Return the heading, or a piece of what one side sent."""
        if isinstance(self._content, str):
            return DocumentBlock((Line((Span(self._content, Tone.DIM),)),))
        if index == 0:
            return DocumentBlock(tcp_heading(self._content, self._form))
        piece = self._pieces[index - 1]
        lines = tcp_lines(piece, self._form, self._pieces[0].chunk.time, self._width)
        return DocumentBlock(tuple(lines), is_titled=piece.is_first)

    def block_of(self, position: int) -> int | None:  # noqa: ARG002 - see PaneDocument
        """Return None: a frame may be spread over several pieces."""
        return None

    def refresh(self) -> int:
        """See `PaneDocument.refresh`."""
        stream = tcp_stream_of(self._packets, self._number) if self._stream is None else self._stream
        content = stream if isinstance(stream, str) else self._packets.tcp(stream)
        if content == self._content:
            return len(self)
        self._content = content
        self._pieces = [] if isinstance(content, str) else tcp_pieces(content, self._form)
        return 0

    def copied(self, mask: Mask = NO_MASK) -> tuple[str, str]:  # noqa: ARG002 - bytes of the wire are never masked
        """Return the whole stream in the form that is shown."""
        if isinstance(self._content, str):
            return self._content, "the remark"
        return tcp_text(self._content, self._form), f"TCP stream {self._content.number}"

    def saved(self) -> bytes:
        """Return the content of a file: the bytes if they are shown raw, or else the text."""
        if isinstance(self._content, TcpStream) and self._form is TcpForm.RAW:
            return b"".join(stretch.data for stretch in self._content.chunks)
        return self.copied()[0].encode()


def is_raw(document: PaneDocument | None) -> bool:
    """Return whether a document shows bytes of the wire, in which nothing can be masked."""
    return isinstance(document, TcpDocument)


def shows_bytes(document: PaneDocument | None) -> bool:
    """Return whether bytes of the wire are visible in the tab of a document, or below it."""
    return isinstance(document, TcpDocument | TreeDocument)


def file_content(document: PaneDocument | None, mask: Mask) -> tuple[bytes, str]:
    """Return the content of the file that a document is saved as, and a description of it."""
    if document is None:
        return b"", "nothing"
    text, name = document.copied(mask)
    if isinstance(document, TcpDocument):
        return document.saved(), name
    return text.encode(errors="replace"), name


class TreePage(Vertical):
    """The tree of a packet above its bytes. The cursor of each follows the other."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name for it
        super().__init__(id=id)
        self.pane = Pane(id="tree-pane")
        self.bytes = HexView()
        self.document: TreeDocument | None = None
        """What `pane` shows; None while another tab is open. All methods do nothing then."""

    def compose(self) -> ComposeResult:
        """Lay out the tree above the bytes."""
        yield self.pane
        yield self.bytes

    @property
    def field(self) -> Field | None:
        """The field under the cursor."""
        row = self.pane.viewport.cursor_row
        return None if self.document is None or row is None else self.document.field(row.block)

    @property
    def headers(self) -> tuple[str, ...]:
        """The names of the headers whose values that field shows."""
        row = self.pane.viewport.cursor_row
        return () if self.document is None or row is None else self.document.headers(row.block)

    def toggle_all(self) -> None:
        """Open the whole tree, or fold it if all of it is open."""
        if self.document is not None:
            self.document.toggle_all()
            self._redraw_from(0, 0)

    def set_fold(self, *, is_open: bool) -> bool:
        """Open the line under the cursor, or fold it or its parent; return False if no tree is shown."""
        if self.document is None:
            return False
        if (row := self.pane.viewport.cursor_row) is not None:
            block = self.document.set_fold(row.block, is_open=is_open)
            self._redraw_from(block, block)
        return True

    @on(LineEntered)
    def mark_bytes(self) -> None:
        """Mark the bytes of the field under the cursor; for a field without bytes, keep the others visible."""
        if self.document is None:
            return
        field = self.field
        if field is None:
            self.bytes.show(None, None)
        elif field.length or not self.bytes.source.data or self.document.source(field) != self.bytes.source:
            self.bytes.show(self.document.source(field), field)
        else:
            self.bytes.show(self.bytes.source, None)

    @on(LineOpened)
    def _toggle(self, event: LineOpened) -> None:
        event.stop()
        if self.document is not None and self.document.toggle(event.block):
            self.pane.viewport.changed_from(event.block)
            self.pane.viewport.go_to_block(event.block)

    @on(ByteSelected)
    def _go_to_field(self, event: ByteSelected) -> None:
        event.stop()
        block = None if self.document is None else self.document.reveal(event.source, event.offset)
        if block is not None:
            self._redraw_from(0, block)
        if event.leave:
            self.post_message(FocusRequested(self.pane))

    def _redraw_from(self, first: int, cursor: int) -> None:
        """Lay out the tree again from a block on, and move the cursor to another."""
        self.pane.viewport.changed_from(first)
        self.pane.viewport.go_to_block(cursor)
        self.mark_bytes()
