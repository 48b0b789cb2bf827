"""A call: one gRPC request with its replies and its status, which is one HTTP/2 stream."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

import msgspec

from inspector.model.frame import Header, HeaderSource, Side
from inspector.model.retained_list import RetainedList

PREFIX_LENGTH: Final = 5


class Message(msgspec.Struct, frozen=True, gc=False):
    """One message of a call, whole or missing."""

    packet: int
    """The packet in which its last byte arrived."""
    time: float
    frame: int
    """The position in the store of the frame that held its last byte."""
    offset: int
    """Where its prefix begins in all the DATA bytes that its side sent on the stream."""
    length: int
    """Bytes on the wire behind the prefix, before decompression."""
    data: bytes | None
    """The message, decompressed; None where it cannot be had, with the reason in `problem`."""
    encoding: str | None = None
    """The compression of this message: `gzip`, `deflate`, …; None for none."""
    problem: str | None = None
    """A sentence: bytes were lost, the compression is unknown or broken, it inflates past the bound, …"""
    is_apart: bool = False
    """True where its bytes are not in the frame's payload as they are: it is compressed, began in an earlier frame, or
    the payload is base64."""


STATUS_NAMES: Final = (
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
)


class Status(NamedTuple):
    """A status code, its name, and the percent-decoded message."""

    code: int
    name: str
    message: str

    @classmethod
    def of(cls, code: int, message: str = "") -> Status:
        """The status of a code; a code that gRPC does not define is named by its number."""
        return cls(code, STATUS_NAMES[code] if 0 <= code < len(STATUS_NAMES) else f"{code}", message)


GAPS_KEPT: Final = 16
"""Of one call; what is said of it does not depend on more."""
SHARING_TRIED: Final = 16
"""Of the calls that share a method never seen: how many are asked which method fits them."""


class StreamKey(NamedTuple):
    """A stream of the capture; written `connection/stream`, as in `0/1`."""

    connection: int
    stream: int

    def __str__(self) -> str:
        return f"{self.connection}/{self.stream}"


class CallKind(StrEnum):
    """The four kinds of method."""

    UNARY = "unary"
    CLIENT_STREAMING = "client_streaming"
    SERVER_STREAMING = "server_streaming"
    BIDI_STREAMING = "bidi_streaming"


class CallState(StrEnum):
    """How far a call has come."""

    OPEN = "open"
    COMPLETE = "complete"
    """Trailers or END_STREAM came from the server."""
    CANCELLED = "cancelled"
    """RST_STREAM came first, from either side."""
    BROKEN = "broken"
    """The connection ended, GOAWAY refused the stream, or bytes were lost."""


class MethodSource(StrEnum):
    """How a call's method is known."""

    WIRE = "wire"
    RECOVERED = "recovered"
    GUESSED = "guessed"
    DOUBTFUL = "doubtful"


class HeaderBlock(NamedTuple):
    """Headers as one block carried them, a HEADERS with its CONTINUATIONs."""

    headers: tuple[Header, ...]
    sources: tuple[tuple[int, HeaderSource], ...] = ()
    """For headers not plainly read: their index, and how they are known."""

    def first(self, name: str) -> str | None:
        """The first value of a header, None without one."""
        return next((value for key, value in self.headers if key == name), None)


class Gap(NamedTuple):
    """Bytes that were not captured, or that cannot be read."""

    side: Side
    """Who had sent them."""
    packet: int
    """The first packet behind them; of bytes that cannot be read, the first that holds them."""
    is_captured: bool = False
    """True for bytes that are there and are no whole frame."""


@dataclass(slots=True)
class Call:
    """Everything the wire has told of one stream so far."""

    key: StreamKey
    started: float
    """The time of its first frame."""
    state: CallState = CallState.OPEN
    ended: float | None = None
    """The time at which `state` left OPEN."""
    method: str | None = None
    """The `:path`; None while unknown."""
    method_source: MethodSource | None = None
    sharing: list[Call] = field(default_factory=list, repr=False, compare=False)
    """Where the method came through an HPACK entry never seen: all calls that used it, this one too; they have the
    same method, whatever it is."""
    status: Status | None = None
    status_source: HeaderSource | None = None
    """How the status is known where it was not plainly read."""
    request_headers: HeaderBlock | None = None
    response_headers: HeaderBlock | None = None
    """None for a trailers-only reply."""
    trailers: HeaderBlock | None = None
    requests: RetainedList[Message] = field(default_factory=RetainedList)
    responses: RetainedList[Message] = field(default_factory=RetainedList)
    request_bytes: int = 0
    """DATA bytes that the client sent on the stream, message prefixes and padding included (RFC 9113 §6.1)."""
    response_bytes: int = 0
    frames: RetainedList[int] = field(default_factory=RetainedList)
    """Positions in the store, in the order of the wire."""
    opened: int | None = None
    """The position of the first of them, whether it is kept or not."""
    passed: dict[Side, int] = field(default_factory=dict)
    """By side: DATA bytes, padding not counted, in those of them that are not kept any more."""
    replied: float | None = None
    """The time of the first message from the server, when that is not kept any more."""
    problems: list[str] = field(default_factory=list)
    """Plain sentences; empty when all is well."""
    gaps: list[Gap] = field(default_factory=list)
    """Where bytes of the connection were lost while the call was open, the first few."""

    def messages(self, side: Side) -> RetainedList[Message]:
        """The messages that one side sent."""
        return self.requests if side is Side.CLIENT else self.responses

    @property
    def duration(self) -> float | None:
        """Seconds from the first frame to the end; None while open."""
        return None if self.ended is None else self.ended - self.started

    @property
    def first_reply(self) -> float | None:
        """Seconds from the first frame to the end of the first message from the server; None before it."""
        first = self.replied if self.responses.first else next((each.time for each in self.responses), None)
        return None if first is None else first - self.started

    @property
    def authority(self) -> str | None:
        """The `:authority` of the request."""
        return self.request_headers.first(":authority") if self.request_headers else None

    @property
    def http_status(self) -> int | None:
        """The `:status` of the reply, from its headers or from a trailers-only block."""
        for block in (self.response_headers, self.trailers):
            value = block.first(":status") if block else None
            if value and value.isascii() and value.isdigit():
                return int(value)
        return None
