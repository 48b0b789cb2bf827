"""A call: one gRPC request with its replies and its status, carried by one HTTP/2 stream."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

import msgspec

from inspector.model.frame import Header, HeaderSource, Side
from inspector.model.retained_list import RetainedList

PREFIX_LENGTH: Final = 5


class Message(msgspec.Struct, frozen=True, gc=False):
    """One message of a call, complete or missing."""

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
    """The decompressed message; None where it is not available, with the reason in `problem`."""
    encoding: str | None = None
    """The compression of this message, such as `gzip` or `deflate`; None for none."""
    problem: str | None = None
    """Part of a sentence: bytes were lost, the compression is unknown, the data is broken, …"""
    is_outside_payload: bool = False
    """True where the frame's payload does not contain its bytes as they are: it is compressed, began in an earlier
    frame, or the payload is base64."""


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


UNREAD_CODE: Final = -1
"""Stands for the code of a call that is known to have failed, but not how."""


class Status(NamedTuple):
    """A status code, its name, and the percent-decoded message."""

    code: int
    name: str
    message: str

    @classmethod
    def of(cls, code: int, message: str = "") -> Status:
        """Return the status of a code; a code that gRPC does not define is named by its number."""
        return cls(code, STATUS_NAMES[code] if 0 <= code < len(STATUS_NAMES) else f"{code}", message)

    @classmethod
    def failed(cls, message: str = "") -> Status:
        """Return the status of a call that failed with a code that cannot be read."""
        return cls(UNREAD_CODE, "failed", message)


MAX_GAPS: Final = 16
"""Gaps kept of one call; no diagnosis depends on more."""


class StreamKey(NamedTuple):
    """A stream of the capture, written `connection/stream`, as in `0/1`."""

    connection: int
    stream: int

    def __str__(self) -> str:
        return f"{self.connection}/{self.stream}"


class CallKind(StrEnum):
    """The kinds of method by which side streams."""

    UNARY = "unary"
    CLIENT_STREAMING = "client_streaming"
    SERVER_STREAMING = "server_streaming"
    BIDI_STREAMING = "bidi_streaming"


class CallState(StrEnum):
    """The life cycle of a call; it leaves OPEN once."""

    OPEN = "open"
    COMPLETE = "complete"
    """Trailers or END_STREAM came from the server."""
    CANCELLED = "cancelled"
    """RST_STREAM came first, from either side."""
    BROKEN = "broken"
    """The connection ended, GOAWAY refused the stream, or bytes were lost."""


class MethodSource(StrEnum):
    """How the method of a call is known."""

    WIRE = "wire"
    RECOVERED = "recovered"
    GUESSED = "guessed"
    DOUBTFUL = "doubtful"


class HeaderBlock(NamedTuple):
    """The headers of one block: those of a HEADERS frame and its CONTINUATIONs."""

    headers: tuple[Header, ...]
    sources: tuple[tuple[int, HeaderSource], ...] = ()
    """The index of each header that was not read from the wire, and how it is known."""

    def first(self, name: str) -> str | None:
        """Return the first value of a header; None without one."""
        return next((value for key, value in self.headers if key == name), None)


class Gap(NamedTuple):
    """Bytes that were not captured, or that could not be decoded as frames."""

    side: Side
    """The side that sent them."""
    packet: int
    """The first packet after lost bytes, or the first that holds undecodable ones."""
    is_captured: bool = False
    """True for bytes that were captured but do not complete a frame."""


class PathTable:
    """The entries of one HPACK table that were never seen and hold the `:path` of calls; changed only by the store."""

    __slots__ = ("__weakref__", "entries", "revision", "uses")

    def __init__(self) -> None:
        self.entries: list[PathEntry] = []
        self.uses = 0
        """How often a call used an entry, or such a call ended."""
        self.revision = 0
        """What is inferred from the calls is the same while this is."""


class PathEntry:
    """One of these entries; all calls that used it have the same method."""

    __slots__ = ("calls", "index", "table")

    def __init__(self, table: PathTable) -> None:
        self.table = table
        self.index = len(table.entries)
        table.entries.append(self)
        self.calls: dict[StreamKey, Call] = {}
        """Those that are not evicted, in the order of their requests."""


@dataclass(slots=True)
class Call:
    """Everything the wire has shown of one stream; changed only by the store."""

    key: StreamKey
    started: float
    """The time of its first frame."""
    state: CallState = CallState.OPEN
    ended: float | None = None
    """The time at which the call left OPEN."""
    method: str | None = None
    """The `:path`; None while unknown."""
    method_source: MethodSource | None = None
    path_entry: PathEntry | None = field(default=None, repr=False, compare=False)
    """The HPACK entry that holds the method, if it was never seen."""
    status: Status | None = None
    status_source: HeaderSource | None = None
    """How the status is known, if not read from the wire."""
    request_headers: HeaderBlock | None = None
    response_headers: HeaderBlock | None = None
    """None for a trailers-only response."""
    trailers: HeaderBlock | None = None
    requests: RetainedList[Message] = field(default_factory=RetainedList)
    responses: RetainedList[Message] = field(default_factory=RetainedList)
    request_bytes: int = 0
    """DATA bytes that the client sent on the stream, message prefixes and padding included (RFC 9113 §6.1)."""
    response_bytes: int = 0
    frames: RetainedList[int] = field(default_factory=RetainedList)
    """Positions in the store, ascending."""
    first_position: int | None = None
    """The position of the first frame, even after that was evicted."""
    evicted_bytes: dict[Side, int] = field(default_factory=dict)
    """By side: the DATA bytes, without padding, of frames that were evicted."""
    first_reply_time: float | None = None
    """The time of the first message from the server, once that was evicted."""
    problems: list[str] = field(default_factory=list)
    """Plain sentences; empty when all is well."""
    gaps: list[Gap] = field(default_factory=list)
    """The first losses of bytes on the connection while the call was open."""

    def messages(self, side: Side) -> RetainedList[Message]:
        """Return the messages that one side sent."""
        return self.requests if side is Side.CLIENT else self.responses

    @property
    def duration(self) -> float | None:
        """Seconds from the first frame to the end; None while open."""
        return None if self.ended is None else self.ended - self.started

    @property
    def first_reply(self) -> float | None:
        """Seconds from the first frame to the end of the server's first message; None before that."""
        first = self.first_reply_time if self.responses.first else next((each.time for each in self.responses), None)
        return None if first is None else first - self.started

    @property
    def authority(self) -> str | None:
        """The `:authority` of the request."""
        return self.request_headers.first(":authority") if self.request_headers else None

    @property
    def http_status(self) -> int | None:
        """The `:status` of the response, from its headers or from a trailers-only block."""
        for block in (self.response_headers, self.trailers):
            value = block.first(":status") if block else None
            if value and value.isascii() and value.isdigit():
                return int(value)
        return None
