"""The state of one call: both halves of its stream, and the events of each frame (gRPC over HTTP/2)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from inspector.http2 import events
from inspector.http2.events import Event
from inspector.http2.framings import GRPC, Base64Body, EndOfBody, Framing, framing_of, status_message
from inspector.http2.hpack.header_order import BlockRole
from inspector.http2.messages import Cut, Deframer, decompress
from inspector.model.call import MAX_GAPS, CallState, HeaderBlock, Message, MethodSource, Status, StreamKey
from inspector.model.frame import END_HEADERS, HEADER_TYPES, PADDED, Frame, FrameType, Header, HeaderSource, Side

_MAX_HEADERS: Final = 100_000
"""Headers of one block that are kept: more than any peer accepts, so that endless CONTINUATIONs cost no memory."""


class StreamHalf:
    """What one side has sent on the stream."""

    __slots__ = (
        "_base64",
        "_deframer",
        "_encoding",
        "_headers",
        "_sources",
        "block_ends_stream",
        "blocks",
        "ended_at",
        "framing",
        "has_message",
    )

    def __init__(self) -> None:
        self.blocks = 0
        """The number of complete header blocks."""
        self.block_ends_stream = False
        """True when the latest block carries END_STREAM."""
        self.framing: Framing | None = None
        """None until a header block names a content type."""
        self.ended_at: float | None = None
        """The time at which this side ended the stream."""
        self.has_message = False
        """True once a message was seen, complete or not."""
        self._encoding: str | None = None
        self._deframer = Deframer()
        self._base64: Base64Body | None = None
        self._headers: list[Header] = []
        self._sources: list[tuple[int, HeaderSource]] = []

    @property
    def pending(self) -> int:
        """Bytes of an incomplete message."""
        return self._deframer.pending

    @property
    def has_begun(self) -> bool:
        """True once a header block or a message was seen."""
        return self.blocks > 0 or self.has_message

    def add_headers(self, frame: Frame) -> HeaderBlock | None:
        """Add a HEADERS or CONTINUATION; return the block once it is complete."""
        if frame.type == FrameType.HEADERS:
            self._headers.clear()
            self._sources.clear()
            self.block_ends_stream = frame.ends_stream
        if len(self._headers) < _MAX_HEADERS:
            start = len(self._headers)
            self._headers.extend(frame.headers or ())
            self._sources.extend((start + index, source) for index, source in frame.header_sources)
        if frame.type == FrameType.PUSH_PROMISE or not frame.flags & END_HEADERS:
            return None
        is_single = frame.type == FrameType.HEADERS and not frame.header_sources
        block = (
            HeaderBlock(frame.headers or (), ())
            if is_single
            else HeaderBlock(tuple(self._headers), tuple(self._sources))
        )
        self.blocks += 1
        if content_type := block.first("content-type"):
            self.framing = framing_of(content_type)
        self._encoding = block.first((self.framing or GRPC).encoding_header) or self._encoding
        return block

    def messages(self, frame: Frame, position: int, announced: Framing | None) -> Iterator[Message | EndOfBody]:
        """Yield the messages that a DATA frame completes, and the end of a body of gRPC-Web or Connect.

        `announced` is the framing of the request; None while its content type is not known.
        """
        known = self.framing or announced
        framing = known or GRPC
        if not framing.has_messages:
            return
        payload = frame.payload
        if framing.end_flag:
            self._deframer.end_flag = framing.end_flag
        if framing.is_base64:
            self._base64 = self._base64 or Base64Body()
            payload = self._base64.feed(payload)
        is_first = not self.has_message and not self.pending
        if known is None and self.blocks and is_first and payload[:1] > b"\x01":
            return  # plain HTTP/2 without a content type: no gRPC message begins like this
        begin, is_decoded = self._deframer.fed, payload is not frame.payload
        for cut in self._deframer.feed(payload):
            if cut.is_end and (end := self._read_end(cut, framing)) is not None:
                yield end
            else:
                is_outside_payload = is_decoded or cut.compressed or cut.offset < begin
                yield self._message(cut, frame.time, frame.packet, position, is_outside_payload=is_outside_payload)
        if (lost := _cut_bytes(frame)) > 0:
            yield from self.mark_gap(frame.time, frame.packet, position, lost)

    def _read_end(self, cut: Cut, framing: Framing) -> EndOfBody | None:
        body = cut.body
        if cut.compressed:
            if not framing.is_end_compressed:
                return None
            body = decompress(body or b"", self._encoding, framing.encoding_header).data
        return framing.read_end(body or b"")

    def mark_gap(self, time: float, packet: int, position: int, count: int = 0) -> Iterator[Message]:
        """Yield the messages that lack bytes which were not captured; `count` is their number, 0 where unknown."""
        for cut in self._deframer.mark_gap(count):
            yield self._message(cut, time, packet, position)

    def _message(
        self, cut: Cut, time: float, packet: int, position: int, *, is_outside_payload: bool = False
    ) -> Message:
        self.has_message = True
        data, problem = cut.body, cut.problem
        encoding = self._encoding if cut.compressed else None
        if cut.compressed and data is not None:
            header = (self.framing or GRPC).encoding_header
            data, encoding, problem = decompress(data, self._encoding, header)
        return Message(packet, time, position, cut.offset, cut.length, data, encoding, problem, is_outside_payload)


def _cut_bytes(frame: Frame) -> int:
    """Return how many bytes of a DATA frame a snap length cut off; 0 for padded frames, whose length counts padding."""
    if frame.flags & PADDED:
        return 0
    return frame.length - len(frame.payload)


GUESSED_STATUS: Final = "Its status is a guess: the capture lacks bytes that it depends on."

_METHOD_SOURCES: Final = {
    None: MethodSource.WIRE,
    HeaderSource.RECOVERED: MethodSource.RECOVERED,
    HeaderSource.GUESSED: MethodSource.GUESSED,
    HeaderSource.DOUBTFUL: MethodSource.DOUBTFUL,
}


def method_in(key: StreamKey, block: HeaderBlock) -> events.MethodFound:
    """Return the method in a request's header block."""
    for index, (name, value) in enumerate(block.headers):
        if name == ":path" and (source := _METHOD_SOURCES.get(dict(block.sources).get(index))):
            return events.MethodFound(key, value, source)
    return events.MethodFound(key, None, None)


def status_in(key: StreamKey, block: HeaderBlock) -> Iterator[Event]:
    """Yield the status in trailers, None where there is none, and a problem where it is not certain."""
    code, message = block.first("grpc-status") or "", block.first("grpc-message") or ""
    sources = dict(block.sources)
    if not (code.isascii() and code.isdigit() and len(code) < 6):
        has_failed = message and HeaderSource.UNKNOWN in sources.values()  # OK has no message
        status = Status.failed(status_message(message)) if has_failed else None
        yield events.StatusRead(key, status, HeaderSource.GUESSED if has_failed else None)
        return
    source = next((sources.get(i) for i, (name, _) in enumerate(block.headers) if name == "grpc-status"), None)
    yield events.StatusRead(key, Status.of(int(code), status_message(message)), source)
    if source is HeaderSource.GUESSED:
        yield events.ProblemFound(key, GUESSED_STATUS)
    if int(code) and not message and HeaderSource.UNKNOWN in sources.values():
        yield events.ProblemFound(key, "Not all of its trailers can be read: it may have a message.")


class CallProgress:
    """One call, updated frame by frame."""

    __slots__ = ("_gaps", "_halves", "_has_gap", "key", "state")

    def __init__(self, key: StreamKey) -> None:
        self.key = key
        self.state = CallState.OPEN
        self._has_gap = False
        """True once bytes of its connection were not captured."""
        self._gaps: dict[Side, int] = {}
        """By side: gaps since the latest frame of the call."""
        self._halves = {Side.CLIENT: StreamHalf(), Side.SERVER: StreamHalf()}

    @property
    def is_over(self) -> bool:
        """True once both sides ended the stream, so that no frame can add anything.

        A reset does not count: frames that the peer sent before it received the reset still arrive.
        """
        halves = self._halves
        return halves[Side.CLIENT].ended_at is not None and halves[Side.SERVER].ended_at is not None

    @property
    def has_reply(self) -> bool:
        """True once the server sent a message."""
        return self._halves[Side.SERVER].has_message

    def block_role(self, frame: Frame, side: Side) -> BlockRole | None:
        """Return the role of the header block in the next frame; None where it is not certain."""
        half = self._halves[side]
        if frame.type != FrameType.HEADERS or not frame.flags & END_HEADERS:
            return None
        if side is Side.CLIENT:
            return None if half.has_begun else BlockRole.REQUEST
        if not frame.ends_stream:
            return None if half.has_begun else BlockRole.RESPONSE
        return BlockRole.TRAILERS if half.has_begun else BlockRole.TRAILERS_ONLY if frame.header(":status") else None

    def swap_sides(self) -> None:
        """Exchange the sides: the client of the connection turned out to be the server."""
        halves = self._halves
        halves[Side.CLIENT], halves[Side.SERVER] = halves[Side.SERVER], halves[Side.CLIENT]

    def complete(self) -> Iterator[Event]:
        """End the call if the server ended the stream before it was identified as the server."""
        half = self._halves[Side.SERVER]
        if half.ended_at is not None:
            yield from self.end(CallState.COMPLETE, half.ended_at)

    def receive(self, frame: Frame, side: Side, position: int) -> Iterator[Event]:
        """Yield the events of a frame; `position` is its own in the store."""
        half = self._halves[side]
        if self._gaps:
            self._gaps.clear()
        if frame.type in HEADER_TYPES:
            yield from self._on_headers(frame, side)
        elif frame.type == FrameType.DATA:
            yield from self._on_messages(side, half.messages(frame, position, self._halves[Side.CLIENT].framing))
        elif frame.type == FrameType.RST_STREAM:
            yield from self._on_reset(frame, side)
        if frame.ends_stream and not (frame.type == FrameType.HEADERS and not frame.flags & END_HEADERS):
            yield from self._on_end_stream(frame, side)

    def has_many_gaps(self, side: Side) -> bool:
        """Return True when another gap of a side changes nothing: many came since the latest frame of the call."""
        return self._gaps.get(side, 0) >= MAX_GAPS

    def mark_gap(self, side: Side, time: float, packet: int, position: int) -> Iterator[Event]:
        """Yield the consequences of bytes from a side that were not captured."""
        self._has_gap = True
        self._gaps[side] = self._gaps.get(side, 0) + 1
        half = self._halves[side]
        yield from self._on_messages(side, half.mark_gap(time, packet, position))
        if half.ended_at is None and self.state is CallState.OPEN:
            yield events.ProblemFound(self.key, f"Bytes from the {side} were not captured while it was open.")

    def end(self, state: CallState, time: float) -> Iterator[Event]:
        """Leave the state OPEN; a call that has left it keeps its state."""
        if self.state is CallState.OPEN:
            self.state = state
            yield events.CallEnded(self.key, state, time)

    def _on_messages(self, side: Side, messages: Iterator[Message | EndOfBody]) -> Iterator[Event]:
        for message in messages:
            if isinstance(message, EndOfBody):
                yield events.TrailersRead(self.key, message.trailers)
                if message.status is None:
                    yield from status_in(self.key, message.trailers)
                else:
                    yield events.StatusRead(self.key, message.status)
                continue
            yield events.MessageRead(self.key, side, message)
            if message.problem and message.data is not None:
                yield events.ProblemFound(self.key, f"A message from the {side} is {message.problem}.")
            elif message.problem:
                yield events.ProblemFound(self.key, f"A message from the {side} cannot be shown: {message.problem}.")

    def _on_headers(self, frame: Frame, side: Side) -> Iterator[Event]:
        half = self._halves[side]
        block = half.add_headers(frame)
        if block is None:
            return
        if side is Side.CLIENT:
            yield from self._on_request_block(block, is_first=half.blocks == 1)
        else:
            yield from self._on_response_block(block, is_last=half.block_ends_stream, is_first=half.blocks == 1)
        if half.block_ends_stream and frame.type == FrameType.CONTINUATION:
            yield from self._on_end_stream(frame, side)

    def _on_request_block(self, block: HeaderBlock, *, is_first: bool) -> Iterator[Event]:
        if not is_first:
            return  # gRPC clients send no trailers; those of other clients do not concern the call
        yield events.RequestHeadersRead(self.key, block)
        method = method_in(self.key, block)
        if method.method is not None:
            yield method

    def _on_response_block(self, block: HeaderBlock, *, is_first: bool, is_last: bool) -> Iterator[Event]:
        status = block.first(":status") or ""
        if status.startswith("1") and len(status) == 3 and not is_last:
            self._halves[Side.SERVER].blocks -= 1  # informational (RFC 9113 §8.1): the response is still to come
            return
        if is_first and not is_last and block.first("grpc-status") is None:
            yield events.ResponseHeadersRead(self.key, block)
            return
        yield events.TrailersRead(self.key, block)
        yield from status_in(self.key, block)

    def _on_reset(self, frame: Frame, side: Side) -> Iterator[Event]:
        error = (frame.detail or {}).get("error")
        # A server that needs no more of the request resets with NO_ERROR (RFC 9113 §8.1); HAProxy with CANCEL.
        client, server = self._halves[Side.CLIENT], self._halves[Side.SERVER]
        is_early = server.ended_at is not None and client.has_begun and client.ended_at is None and not self._has_gap
        if side is Side.SERVER and is_early and error != "NO_ERROR":
            sentence = (
                f"After its trailers the server reset the stream with {error}, before the client had ended its side"
            )
            yield events.ProblemFound(self.key, f"{sentence}: some clients treat the call as cancelled.")
        yield from self.end(CallState.CANCELLED, frame.time)

    def _on_end_stream(self, frame: Frame, side: Side) -> Iterator[Event]:
        half = self._halves[side]
        half.ended_at = frame.time
        if half.pending:
            yield events.ProblemFound(self.key, f"The {side} ended the stream inside a message.")
        if side is Side.SERVER:
            yield from self.end(CallState.COMPLETE, frame.time)
