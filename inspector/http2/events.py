"""The events that the assembler emits for each packet: the only input of the store.

Every event is about something that was on the wire, and they come in the order of the wire.
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
    """A connection is new or has changed; replaces the one with the same index."""

    connection: Connection


class SidesSwapped(msgspec.Struct, frozen=True, gc=False):
    """The end that counted as the client is the server: the sides of its calls are exchanged."""

    connection: Connection


class ConnectionForgotten(msgspec.Struct, frozen=True, gc=False):
    """A connection that ended some time ago gets no more events."""

    index: int


class FrameSeen(msgspec.Struct, frozen=True, gc=False):
    """A frame ended on the wire; its position in the store is the number of `FrameSeen` events before it."""

    frame: Frame


class FrameRevised(msgspec.Struct, frozen=True, gc=False):
    """An earlier frame's headers are known differently; replaces the frame at its position.

    What that changes in the frame's call follows in events of its own.
    """

    position: int
    frame: Frame


class CallStarted(msgspec.Struct, frozen=True, gc=False):
    """The first HEADERS or DATA of a stream."""

    key: StreamKey
    time: float


class CallFrameSeen(msgspec.Struct, frozen=True, gc=False):
    """The latest `FrameSeen` belongs to this call."""

    key: StreamKey


class MethodFound(msgspec.Struct, frozen=True, gc=False):
    """The method of a call is known, or, with None, a guess is taken back."""

    key: StreamKey
    method: str | None
    source: MethodSource | None


class MethodEntryFound(msgspec.Struct, frozen=True, gc=False):
    """The method is that of an HPACK entry never seen; all calls with the same `entry` have the same method."""

    key: StreamKey
    entry: str


class RequestHeadersRead(msgspec.Struct, frozen=True, gc=False):
    """The request's header block is complete."""

    key: StreamKey
    block: HeaderBlock


class ResponseHeadersRead(msgspec.Struct, frozen=True, gc=False):
    """The response's header block is complete; informational (1xx) blocks lead to no event."""

    key: StreamKey
    block: HeaderBlock


class TrailersRead(msgspec.Struct, frozen=True, gc=False):
    """The trailers, or the only block of a trailers-only response, are complete."""

    key: StreamKey
    block: HeaderBlock


class StatusRead(msgspec.Struct, frozen=True, gc=False):
    """The gRPC status was read from trailers, or from the end of the body."""

    key: StreamKey
    status: Status | None
    """None where trailers have no valid status, or a guess is taken back."""
    source: HeaderSource | None = None
    """How it is known, if not read from the wire."""


class MessageRead(msgspec.Struct, frozen=True, gc=False):
    """A message is complete, or known to be missing."""

    key: StreamKey
    side: Side
    message: Message


class BytesLost(msgspec.Struct, frozen=True, gc=False):
    """Bytes that one side sent while the call was open cannot be read; they may belong to any stream."""

    key: StreamKey
    gap: Gap


class CallEnded(msgspec.Struct, frozen=True, gc=False):
    """A call left the state OPEN."""

    key: StreamKey
    state: CallState
    time: float


class ProblemFound(msgspec.Struct, frozen=True, gc=False):
    """Something is wrong with a call; one plain sentence."""

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
    | MethodFound
    | MethodEntryFound
    | RequestHeadersRead
    | ResponseHeadersRead
    | TrailersRead
    | StatusRead
    | MessageRead
    | BytesLost
    | CallEnded
    | ProblemFound
)
