"""A TCP stream as people read it: text, a hex dump, or nothing but hex digits; each side in its own tone.

Cut into pieces that can be laid out one by one: a stream may hold megabytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Final, NamedTuple

from inspector.model.frame import Side
from inspector.present.spans import ARROWS, SIDE_TONES, Line, Span, Tone
from inspector.text import clean, counted, in_ascii, since, size
from inspector.tshark.tcp_stream import TcpChunk, TcpStream

_PIECE: Final = 1_024
"""Bytes that are laid out as one, or fewer: text is cut behind a line's end where there is one."""


class TcpForm(StrEnum):
    """How the bytes are shown."""

    TEXT = "ASCII"
    DUMP = "hex dump"
    RAW = "raw, as hex digits"


class TcpPiece(NamedTuple):
    """Bytes of one side that are shown together."""

    stretch: TcpChunk
    start: int
    end: int
    """In the stretch."""
    offset: int
    """In all that this side sent."""
    is_first: bool
    """True for the first piece of a stretch, which tells of its packet."""

    @property
    def data(self) -> bytes:
        """The bytes."""
        return self.stretch.data[self.start : self.end]

    @property
    def side(self) -> Side:
        """Who sent it: the one that opened the connection is the client."""
        return Side.SERVER if self.stretch.peer else Side.CLIENT


def tcp_pieces(stream: TcpStream, form: TcpForm, longest: int = _PIECE) -> list[TcpPiece]:
    """All pieces of a stream, in its order."""
    pieces: list[TcpPiece] = []
    offsets = [0, 0]
    for stretch in stream.chunks:
        side = 1 if stretch.peer else 0
        start = 0
        while start < len(stretch.data):
            end = _end(stretch.data, start, longest, form)
            pieces.append(TcpPiece(stretch, start, end, offsets[side] + start, start == 0))
            start = end
        offsets[side] += len(stretch.data)
    return pieces


def _end(data: bytes, start: int, longest: int, form: TcpForm) -> int:
    """Where a piece ends that begins there."""
    end = min(start + longest, len(data))
    line_end = data.rfind(b"\n", start, end) + 1 if form is TcpForm.TEXT and end < len(data) else 0
    return line_end or end


def tcp_heading(stream: TcpStream, form: TcpForm) -> tuple[Line, ...]:
    """What stands above a stream."""
    if not stream.peers:
        words = f"There is no TCP stream {stream.number} in this capture, or nothing of what it carried."
        return (Line((Span(words, Tone.DIM),)),)
    client, server = (*stream.peers, "", "")[:2]
    sent, got = stream.sizes
    facts = f"{size(sent)} sent · {size(got)} received · {form} (v)"
    more = (Line((Span("This is the beginning: there is more.", Tone.WARN),)),) if stream.is_cut else ()
    return (
        Line((
            Span(f"TCP stream {stream.number}  "),
            Span(f"{clean(client)} {ARROWS[Side.CLIENT]}", Tone.CLIENT),
            Span("  "),
            Span(f"{ARROWS[Side.SERVER]} {clean(server)}", Tone.SERVER),
        )),
        Line((Span(facts, Tone.DIM),)),
        *more,
        Line(),
    )  # fmt: skip


def tcp_lines(piece: TcpPiece, form: TcpForm, began: float, width: int = 16) -> Iterator[Line]:
    """The lines of a piece; `began` is when the stream began."""
    tone, indent = SIDE_TONES[piece.side], 0 if piece.side is Side.CLIENT else 1
    if piece.is_first:
        facts = f"packet {piece.stretch.packet} · {since(piece.stretch.time - began)}"
        amount = counted(len(piece.stretch.data), "byte")
        yield Line((Span(f"{ARROWS[piece.side]} {amount}", tone), Span(f"  {facts}", Tone.DIM)), indent)
    for text in _texts(piece, form, width):
        yield Line((Span(text, tone),), indent)


def tcp_text(stream: TcpStream, form: TcpForm) -> str:
    """The whole of a stream as text."""
    began = stream.chunks[0].time if stream.chunks else 0.0
    whole = max((len(each.data) for each in stream.chunks), default=1)  # no line is cut that the stream does not cut
    pieces = (line for piece in tcp_pieces(stream, form, whole) for line in tcp_lines(piece, form, began))
    return "\n".join("    " * line.indent + line.text for line in (*tcp_heading(stream, form), *pieces))


def _texts(piece: TcpPiece, form: TcpForm, width: int) -> Iterator[str]:
    data = piece.data
    match form:
        case TcpForm.TEXT:
            for line in data.removesuffix(b"\n").split(b"\n"):
                yield in_ascii(line.removesuffix(b"\r"))
        case TcpForm.RAW:
            for at in range(0, len(data), 2 * width):
                yield data[at : at + 2 * width].hex()
        case TcpForm.DUMP:
            for at in range(0, len(data), width):
                part = data[at : at + width]
                yield f"{piece.offset + at:08x}  {part.hex(' '):<{width * 3 - 1}}  {in_ascii(part)}"
