"""What both ends of a TCP connection sent, as a document."""

from __future__ import annotations

from inspector.capture.tcp_follow import TcpStream
from inspector.model.secrets import NO_MASK, Mask
from inspector.ui.documents.packet import tcp_stream_of
from inspector.ui.packet_feed import PacketFeed
from inspector.ui.widgets.layout import Block
from inspector.views.spans import Line, Span, Tone
from inspector.views.tcp_follow import Piece, TcpForm, tcp_heading, tcp_lines, tcp_pieces, tcp_text


class TcpDocument:
    """A TCP stream: that of a packet, or any other."""

    def __init__(self, packets: PacketFeed, number: int, form: TcpForm, width: int, stream: int | None = None) -> None:
        """`number` is the packet's; `stream` another stream than the packet's own; `width` bytes a line in a dump."""
        self._packets, self._number, self._stream = packets, number, stream
        self._form, self._width = form, width
        self._known: TcpStream | str = ""
        self._pieces: list[Piece] = []
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

    def block(self, index: int) -> Block:
        """The heading, or a piece of what one side sent."""
        if isinstance(self._known, str):
            return Block((Line((Span(self._known, Tone.DIM),)),))
        if index == 0:
            return Block(tcp_heading(self._known, self._form))
        piece = self._pieces[index - 1]
        lines = tcp_lines(piece, self._form, self._pieces[0].stretch.time, self._width)
        return Block(tuple(lines), is_titled=piece.is_first)

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
