"""What the assembler has learnt from a packet, as values: the only thing that the store is told.

Every event is about something that was on the wire; the order of events is the order of the wire.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from inspector.model.call import CallState, Gap, HeaderBlock, Message, MethodSource, Status, StreamKey
from inspector.model.connection import Connection
from inspector.model.frame import Frame, HeaderSource, Packet, Side


class PacketSeen(msgspec.Struct, frozen=True, gc=False):
    """A packet of any kind was read; its frames follow as `FrameSeen`."""

    packet: Packet


class ConnectionSeen(msgspec.Struct, frozen=True, gc=False):
    """A connection is new, or more is known of it: replaces what was known of the same index."""

    connection: Connection


class SidesSwapped(msgspec.Struct, frozen=True, gc=False):
    """The peer that was taken for the client is the server: its calls' two sides change places."""

    connection: Connection


class ConnectionForgotten(msgspec.Struct, frozen=True, gc=False):
    """The connection ended some while ago: nothing more is told of it."""

    index: int


class FrameSeen(msgspec.Struct, frozen=True, gc=False):
    """A frame ended on the wire. Its position in the store is the count of `FrameSeen` before it."""

    frame: Frame


class FrameRevised(msgspec.Struct, frozen=True, gc=False):
    """More is known of an earlier frame's headers: replaces the frame at its position.

    What it means for the frame's call follows in events of its own.
    """

    position: int
    frame: Frame


class CallStarted(msgspec.Struct, frozen=True, gc=False):
    """The first HEADERS or DATA of a stream was seen."""

    key: StreamKey
    time: float


class CallFrameSeen(msgspec.Struct, frozen=True, gc=False):
    """The latest `FrameSeen` belongs to this call."""

    key: StreamKey


class MethodLearnt(msgspec.Struct, frozen=True, gc=False):
    """The method of a call is known, and how; None where what was thought of it has been taken back."""

    key: StreamKey
    method: str | None
    source: MethodSource | None


class MethodPlaceFound(msgspec.Struct, frozen=True, gc=False):
    """The method came through an HPACK entry never seen; all calls with this place have the same method."""

    key: StreamKey
    place: str


class RequestHeadersRead(msgspec.Struct, frozen=True, gc=False):
    """The request's header block is whole."""

    key: StreamKey
    block: HeaderBlock


class ResponseHeadersRead(msgspec.Struct, frozen=True, gc=False):
    """The response's header block is whole; informational (1xx) blocks are not told."""

    key: StreamKey
    block: HeaderBlock


class TrailersRead(msgspec.Struct, frozen=True, gc=False):
    """The trailers, or the only block of a trailers-only response, are whole."""

    key: StreamKey
    block: HeaderBlock


class StatusRead(msgspec.Struct, frozen=True, gc=False):
    """The gRPC status was read from trailers."""

    key: StreamKey
    status: Status | None
    """None where what was thought of it has been taken back."""
    source: HeaderSource | None = None
    """How it is known where it was not plainly read."""


class MessageRead(msgspec.Struct, frozen=True, gc=False):
    """A gRPC message is whole, or known to be missing."""

    key: StreamKey
    side: Side
    message: Message


class BytesLost(msgspec.Struct, frozen=True, gc=False):
    """Bytes that one side sent while the call was open cannot be read; of which stream they were is not known."""

    key: StreamKey
    gap: Gap


class CallEnded(msgspec.Struct, frozen=True, gc=False):
    """The call left the state OPEN."""

    key: StreamKey
    state: CallState
    time: float


class ProblemFound(msgspec.Struct, frozen=True, gc=False):
    """Something about a call is not as it should be: one plain sentence."""

    key: StreamKey
    sentence: str


Event: TypeAlias = (
    PacketSeen
    | ConnectionSeen
    | SidesSwapped
    | ConnectionForgotten
    | FrameSeen
    | FrameRevised
    | CallStarted
    | CallFrameSeen
    | MethodLearnt
    | MethodPlaceFound
    | RequestHeadersRead
    | ResponseHeadersRead
    | TrailersRead
    | StatusRead
    | MessageRead
    | BytesLost
    | CallEnded
    | ProblemFound
)
