"""Shows a TCP stream as text, as a hex dump, or as hex digits only, each side in its own tone.

The stream is cut into pieces that are laid out one by one, as it may have megabytes.
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
"""The largest piece in bytes. Text is cut after a line end if there is one."""


class TcpForm(StrEnum):
    """How bytes are shown."""

    TEXT = "ASCII"
    DUMP = "hex dump"
    RAW = "raw, as hex digits"


class TcpPiece(NamedTuple):
    """A part of a chunk that is laid out as one."""

    chunk: TcpChunk
    start: int
    end: int
    """`start` and `end` are offsets in the chunk."""
    offset: int
    """The offset of `start` in all that this side sent."""
    is_first: bool
    """True for the first piece of a chunk, above which its packet is named."""

    @property
    def data(self) -> bytes:
        """The bytes of the piece."""
        return self.chunk.data[self.start : self.end]

    @property
    def side(self) -> Side:
        """The sender. The side that opened the connection is the client."""
        return Side.SERVER if self.chunk.peer else Side.CLIENT


def tcp_pieces(stream: TcpStream, form: TcpForm, longest: int = _PIECE) -> list[TcpPiece]:
    """Return all pieces of a stream in order."""
    pieces: list[TcpPiece] = []
    offsets = [0, 0]
    for chunk in stream.chunks:
        side = 1 if chunk.peer else 0
        start = 0
        while start < len(chunk.data):
            end = _end(chunk.data, start, longest, form)
            pieces.append(TcpPiece(chunk, start, end, offsets[side] + start, start == 0))
            start = end
        offsets[side] += len(chunk.data)
    return pieces


def _end(data: bytes, start: int, longest: int, form: TcpForm) -> int:
    """Return the end of the piece that begins at `start`."""
    end = min(start + longest, len(data))
    line_end = data.rfind(b"\n", start, end) + 1 if form is TcpForm.TEXT and end < len(data) else 0
    return line_end or end


def tcp_heading(stream: TcpStream, form: TcpForm) -> tuple[Line, ...]:
    """Return the lines above a stream."""
    if not stream.peers:
        sentence = f"This capture has no TCP stream {stream.number}, or none of its data."
        return (Line((Span(sentence, Tone.DIM),)),)
    client, server = (*stream.peers, "", "")[:2]
    sent, received = stream.sizes
    facts = f"{size(sent)} sent · {size(received)} received · {form} (v)"
    more = (Line((Span("Only the beginning is shown.", Tone.WARN),)),) if stream.is_cut else ()
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
    """Yield the lines of a piece; `began` is the time of the start of the stream."""
    tone, indent = SIDE_TONES[piece.side], 0 if piece.side is Side.CLIENT else 1
    if piece.is_first:
        facts = f"packet {piece.chunk.packet} · {since(piece.chunk.time - began)}"
        amount = counted(len(piece.chunk.data), "byte")
        yield Line((Span(f"{ARROWS[piece.side]} {amount}", tone), Span(f"  {facts}", Tone.DIM)), indent)
    for text in _texts(piece, form, width):
        yield Line((Span(text, tone),), indent)


def tcp_text(stream: TcpStream, form: TcpForm) -> str:
    """Return a whole stream as text."""
    began = stream.chunks[0].time if stream.chunks else 0.0
    whole = max((len(each.data) for each in stream.chunks), default=1)  # one piece per chunk, so that no line is cut
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
