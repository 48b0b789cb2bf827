"""One side's half of a stream: its header blocks, and the messages in its DATA.

Joins CONTINUATION to its HEADERS (RFC 9113 §6.10), and knows from the headers whether the body is gRPC at all and
how its messages are compressed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from inspector.model.call import HeaderBlock
from inspector.model.frame import END_HEADERS, PADDED, Frame, FrameType, Header, HeaderSource
from inspector.model.message import Message
from inspector.model.status import Status
from inspector.protocol import connect
from inspector.protocol.deframer import Cut, Deframer
from inspector.protocol.grpc_web import TRAILERS, TextBody, is_text, is_web, trailers_of
from inspector.protocol.inflate import inflate

_GRPC: Final = "application/grpc"
_BLOCK_BOUND: Final = 100_000
"""Headers of one block that are kept; more than any peer accepts, so that CONTINUATIONs without end cost no memory."""


class Ending(NamedTuple):
    """What the end of a body tells, where that is not left to HTTP's trailers."""

    trailers: HeaderBlock
    status: Status | None = None
    """None where the trailers tell it."""


class StreamHalf:
    """What one side has sent on the stream so far."""

    __slots__ = (
        "_deframer",
        "_encoding",
        "_headers",
        "_sources",
        "_text",
        "block_ends_stream",
        "blocks",
        "content_type",
        "ended_at",
        "has_message",
    )

    def __init__(self) -> None:
        self.blocks = 0
        """Header blocks that are whole."""
        self.block_ends_stream = False
        """True when the latest block carries END_STREAM."""
        self.content_type: str | None = None
        self.ended_at: float | None = None
        """When this side ended the stream."""
        self.has_message = False
        """True when a message was seen, whole or not."""
        self._encoding: str | None = None
        self._deframer = Deframer()
        self._text: TextBody | None = None
        self._headers: list[Header] = []
        self._sources: list[tuple[int, HeaderSource]] = []

    @property
    def ended(self) -> bool:
        """True when this side ended the stream."""
        return self.ended_at is not None

    @property
    def pending(self) -> int:
        """Bytes of a message that is not whole."""
        return self._deframer.pending

    @property
    def has_spoken(self) -> bool:
        """True when a header block or a message was seen before."""
        return self.blocks > 0 or self.has_message

    def add_headers(self, frame: Frame) -> HeaderBlock | None:
        """Take in a HEADERS or CONTINUATION; the block when it is whole."""
        if frame.type == FrameType.HEADERS:
            self._headers.clear()
            self._sources.clear()
            self.block_ends_stream = frame.ends_stream
        if len(self._headers) < _BLOCK_BOUND:
            start = len(self._headers)
            self._headers.extend(frame.headers or ())
            self._sources.extend((start + index, source) for index, source in frame.header_sources)
        if frame.type == FrameType.PUSH_PROMISE or not frame.flags & END_HEADERS:
            return None
        whole = frame.type == FrameType.HEADERS and not frame.header_sources
        block = (
            HeaderBlock(frame.headers or (), ()) if whole else HeaderBlock(tuple(self._headers), tuple(self._sources))
        )
        self.blocks += 1
        self.content_type = block.first("content-type") or self.content_type
        self._encoding = block.first("grpc-encoding") or self._encoding
        if self.content_type is not None and not self.content_type.startswith(_GRPC):
            self._encoding = block.first(connect.ENCODING) or self._encoding
        return block

    def messages(self, frame: Frame, position: int, request_type: str | None) -> Iterator[Message | Ending]:
        """The messages that a DATA frame completes, and what ends a body of gRPC-Web or Connect.

        `request_type` is the content type of the request.
        """
        content_type = self.content_type or request_type
        payload = frame.payload
        if content_type is not None and not content_type.startswith(_GRPC):
            if not connect.is_stream(content_type):
                return
            self._deframer.last_flag = connect.END_STREAM
        elif is_web(content_type):
            self._deframer.last_flag = TRAILERS
            if is_text(content_type):
                self._text = self._text or TextBody()
                payload = self._text.feed(payload)
        is_first = not self.has_message and not self.pending
        if content_type is None and self.blocks and is_first and payload[:1] > b"\x01":
            return  # plain HTTP/2, whose sender does not say of what kind: no message of gRPC begins so
        begin, is_recoded = self._deframer.fed, payload is not frame.payload
        for cut in self._deframer.feed(payload):
            if cut.is_last and (ending := self._ending(cut)) is not None:
                yield ending
            else:
                yield self._message(
                    cut, frame.time, frame.packet, position, is_apart=is_recoded or cut.compressed or cut.offset < begin
                )
        if (lost := _missing_bytes(frame)) > 0:
            yield from self.lose(frame.time, frame.packet, position, lost)

    def _ending(self, cut: Cut) -> Ending | None:
        """What the end of the body tells; None where it cannot be read."""
        if self._deframer.last_flag == connect.END_STREAM:
            body = inflate(cut.body or b"", self._encoding).data if cut.compressed else cut.body
            found = connect.read_end(body or b"")
            return None if found is None else Ending(*found)
        return None if cut.compressed else Ending(HeaderBlock(trailers_of(cut.body or b"")))

    def lose(self, time: float, packet: int, position: int, count: int = 0) -> Iterator[Message]:
        """Bytes of this half were not captured, `count` of them where that is known."""
        for cut in self._deframer.lose(count):
            yield self._message(cut, time, packet, position)

    def _message(self, cut: Cut, time: float, packet: int, position: int, *, is_apart: bool = False) -> Message:
        self.has_message = True
        data, problem = cut.body, cut.problem
        encoding = self._encoding if cut.compressed else None
        if cut.compressed and data is not None:
            data, encoding, problem = inflate(data, self._encoding)
        return Message(packet, time, position, cut.offset, cut.length, data, encoding, problem, is_apart)


def _missing_bytes(frame: Frame) -> int:
    """How many bytes of a DATA frame the capture cut off; padding, which the length counts, is not among them."""
    if frame.flags & PADDED:
        return 0
    return frame.length - len(frame.payload)
