"""The state of one call: what each of its frames adds to what is known (RFC 9113 §8.1, gRPC over HTTP/2).

A stream has two halves, one for each side. A half begins with a header block, goes on with DATA, and may end with a
second block; END_STREAM ends it. What that means for a call depends on the side: the server's last block is the
trailers, and its END_STREAM completes the call. Frames in, events out; who is the client, the assembler says.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from inspector.model.call import GAPS_KEPT, CallState, HeaderBlock, MethodSource, StreamKey
from inspector.model.endpoint import Side
from inspector.model.frame import END_HEADERS, HEADER_TYPES, Frame, FrameType, HeaderSource
from inspector.model.message import Message
from inspector.model.status import Status
from inspector.protocol import events
from inspector.protocol.events import Event
from inspector.protocol.header_orders import Part
from inspector.protocol.metadata import status_message
from inspector.protocol.stream_half import Ending, StreamHalf

GUESSED_STATUS: Final = "Its status cannot be read and is a guess: the same one ends other streams that had replies."

_METHOD_SOURCES: Final = {
    None: MethodSource.WIRE,
    HeaderSource.RECOVERED: MethodSource.RECOVERED,
    HeaderSource.GUESSED: MethodSource.GUESSED,
    HeaderSource.DOUBTFUL: MethodSource.DOUBTFUL,
}


def method_in(key: StreamKey, block: HeaderBlock) -> events.MethodLearnt:
    """The method that a request's header block tells."""
    for index, (name, value) in enumerate(block.headers):
        if name == ":path" and (source := _METHOD_SOURCES.get(dict(block.sources).get(index))):
            return events.MethodLearnt(key, value, source)
    return events.MethodLearnt(key, None, None)


def status_in(key: StreamKey, block: HeaderBlock) -> Iterator[Event]:
    """The status that trailers tell, None included, and whether it is but a guess."""
    code, message = block.first("grpc-status") or "", block.first("grpc-message") or ""
    if not (code.isascii() and code.isdigit() and len(code) < 6):
        yield events.StatusRead(key, None)
        return
    sources = dict(block.sources)
    source = next((sources.get(i) for i, (name, _) in enumerate(block.headers) if name == "grpc-status"), None)
    yield events.StatusRead(key, Status.of(int(code), status_message(message)), source)
    if source is HeaderSource.GUESSED:
        yield events.ProblemFound(key, GUESSED_STATUS)
    if int(code) and not message and HeaderSource.UNKNOWN in sources.values():
        yield events.ProblemFound(key, "Not all of its trailers can be read: it may have a message.")


class CallProgress:
    """One call as far as its frames have been seen."""

    __slots__ = ("_halves", "_is_lossy", "_losses", "key", "state")

    def __init__(self, key: StreamKey) -> None:
        self.key = key
        self.state = CallState.OPEN
        self._is_lossy = False
        """True when bytes of it were not captured."""
        self._losses: dict[Side, int] = {}
        """How often bytes of a side were lost since the latest frame."""
        self._halves = {Side.CLIENT: StreamHalf(), Side.SERVER: StreamHalf()}

    @property
    def is_over(self) -> bool:
        """True when no frame can add anything: both sides ended the stream.

        A reset is no such end, as frames that the peer sent before it heard of it still come.
        """
        halves = self._halves
        return halves[Side.CLIENT].ended_at is not None and halves[Side.SERVER].ended_at is not None

    def part(self, frame: Frame, side: Side) -> Part | None:
        """What the header block of a frame that comes now is to this call; None where that is not certain."""
        half = self._halves[side]
        if frame.type != FrameType.HEADERS or not frame.flags & END_HEADERS:
            return None
        if side is Side.CLIENT:
            return None if half.has_spoken else Part.REQUEST
        if not frame.ends_stream:
            return None if half.has_spoken else Part.RESPONSE
        return Part.TRAILERS if half.has_spoken else Part.TRAILERS_ONLY if frame.header(":status") else None

    @property
    def has_reply(self) -> bool:
        """True when the server sent a message."""
        return self._halves[Side.SERVER].has_message

    def turn(self) -> None:
        """Exchange the sides: who was taken for the client is the server."""
        halves = self._halves
        halves[Side.CLIENT], halves[Side.SERVER] = halves[Side.SERVER], halves[Side.CLIENT]

    def complete(self) -> Iterator[Event]:
        """Leave OPEN where the server ended the stream before it was known to be the server."""
        half = self._halves[Side.SERVER]
        if half.ended_at is not None:
            yield from self.end(CallState.COMPLETE, half.ended_at)

    def receive(self, frame: Frame, side: Side, position: int) -> Iterator[Event]:
        """What a frame of this stream tells; `position` is the frame's own in the store."""
        half = self._halves[side]
        if self._losses:
            self._losses.clear()
        if frame.type in HEADER_TYPES:
            yield from self._on_headers(frame, side)
        elif frame.type == FrameType.DATA:
            yield from self._told(side, half.messages(frame, position, self._request_type()))
        elif frame.type == FrameType.RST_STREAM:
            yield from self._on_reset(frame, side)
        if frame.ends_stream and not (frame.type == FrameType.HEADERS and not frame.flags & END_HEADERS):
            yield from self._on_end_stream(frame, side)

    def is_past_losses(self, side: Side) -> bool:
        """True when another loss of this side says nothing new, as no frame came for so many of them."""
        return self._losses.get(side, 0) >= GAPS_KEPT

    def lose(self, side: Side, time: float, packet: int, position: int) -> Iterator[Event]:
        """Bytes that this side sent were not captured."""
        self._is_lossy = True
        self._losses[side] = self._losses.get(side, 0) + 1
        half = self._halves[side]
        yield from self._told(side, half.lose(time, packet, position))
        if not half.ended and self.state is CallState.OPEN:
            yield events.ProblemFound(self.key, f"Bytes from the {side} were not captured while it was open.")

    def end(self, state: CallState, time: float) -> Iterator[Event]:
        """Leave OPEN; a call that has left it stays as it is."""
        if self.state is CallState.OPEN:
            self.state = state
            yield events.CallEnded(self.key, state, time)

    def _told(self, side: Side, messages: Iterator[Message | Ending]) -> Iterator[Event]:
        for message in messages:
            if isinstance(message, Ending):
                yield events.TrailersRead(self.key, message.trailers)
                told = status_in(self.key, message.trailers)
                yield from told if message.status is None else (events.StatusRead(self.key, message.status),)
                continue
            yield events.MessageRead(self.key, side, message)
            if message.problem and message.data is not None:
                yield events.ProblemFound(self.key, f"A message from the {side} is {message.problem}.")
            elif message.problem:
                yield events.ProblemFound(self.key, f"A message from the {side} cannot be shown: {message.problem}.")

    def _request_type(self) -> str | None:
        return self._halves[Side.CLIENT].content_type

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
            return  # gRPC clients send no trailers; those of other HTTP/2 clients tell nothing of a call
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
        # With NO_ERROR a server says that it wants no more of the request (RFC 9113 §8.1); HAProxy says CANCEL.
        client, server = self._halves[Side.CLIENT], self._halves[Side.SERVER]
        is_early = server.ended and client.has_spoken and not client.ended and not self._is_lossy
        if side is Side.SERVER and is_early and error != "NO_ERROR":
            sentence = (
                f"Behind its trailers the server reset the stream with {error}, before the client had ended its side"
            )
            yield events.ProblemFound(self.key, f"{sentence}: some clients take the call for cancelled.")
        yield from self.end(CallState.CANCELLED, frame.time)

    def _on_end_stream(self, frame: Frame, side: Side) -> Iterator[Event]:
        half = self._halves[side]
        half.ended_at = frame.time
        if half.pending:
            yield events.ProblemFound(self.key, f"The {side} ended the stream inside a message.")
        if side is Side.SERVER:
            yield from self.end(CallState.COMPLETE, frame.time)
