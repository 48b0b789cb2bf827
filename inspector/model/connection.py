"""A TCP connection that carries HTTP/2: its ends, why it failed, and what it has carried."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final, NamedTuple, TypeVar

from inspector.model.call import CallState
from inspector.model.frame import Endpoint, Side


class Cause(StrEnum):
    """The kinds of failure that a diagnosis tells apart."""

    DEADLINE = "deadline"
    """The time allowed by `grpc-timeout` had passed."""
    CANCELLED = "cancelled"
    """The client reset the stream before its deadline."""
    RESET = "reset"
    """One side reset the stream with an error code more specific than CANCEL."""
    GOAWAY = "goaway"
    CONNECTION_LOST = "connection_lost"
    """A TCP FIN or RST came first."""
    FLOW_CONTROL = "flow_control"
    """A sender was stalled at a window of zero."""
    STATUS = "status"
    """The trailers carry a status other than OK."""
    WRONG_PATH = "wrong_path"
    """The server does not implement the method, and no schema or other call has it."""
    NO_STATUS = "no_status"
    """The server ended the stream without a readable gRPC status."""
    HTTP_ERROR = "http_error"
    """The response is not gRPC: its `:status` is not 200, or its content type is another."""
    PLAINTEXT_TO_TLS = "plaintext_to_tls"
    TLS_TO_PLAINTEXT = "tls_to_plaintext"
    NOT_HTTP2 = "not_http2"
    """One side speaks HTTP/1."""
    BYTES_LOST = "bytes_lost"
    """Bytes that would show the cause were not captured."""
    STILL_OPEN = "still_open"
    """The capture ends before the call does."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Why a call or a connection failed, proved by packets."""

    cause: Cause
    sentence: str
    """One or two plain sentences; text from the wire is already made safe to display."""
    packets: tuple[int, ...] = ()
    """The packets that prove it, ascending."""
    frames: tuple[int, ...] = ()
    """The frames among them, as positions in the store; empty where only TCP shows it."""


class ConnectionEnding(NamedTuple):
    """A TCP FIN or RST."""

    packet: int
    time: float
    source: Endpoint
    is_reset: bool
    """True for a RST, which ends both directions."""


@dataclass(frozen=True, slots=True)
class Connection:
    """What is known of a connection; an immutable value that is replaced as more is captured."""

    index: int
    """Wireshark's `tcp.stream`."""
    client: Endpoint
    server: Endpoint
    started: float
    """The time of its first packet in the capture."""
    joined_late: bool = False
    """True when frames were seen but neither SYN nor preface: HPACK entries may be missing."""
    ended: float | None = None
    """The time of the first FIN or RST."""
    endings: tuple[ConnectionEnding, ...] = ()
    """The first FIN and the first RST of each side, in the order of the wire."""
    is_encrypted: bool = False
    """True while both sides speak TLS and none of it was decrypted."""
    diagnosis: Diagnosis | None = None
    """Why it never carried HTTP/2, where the two sides speak different protocols."""

    def side(self, source: Endpoint) -> Side:
        """Return the role of an endpoint."""
        return Side.CLIENT if source == self.client else Side.SERVER

    def peer(self, source: Endpoint) -> Endpoint:
        """Return the other endpoint."""
        return self.server if source == self.client else self.client

    def swapped(self) -> Connection:
        """Return the connection with client and server exchanged."""
        return replace(self, client=self.server, server=self.client)


FIRST_WINDOW: Final = 65_535
"""The initial size of the connection's window, and of each stream's until SETTINGS change it (RFC 9113 §6.9.2)."""


@dataclass(slots=True)
class Stall:
    """A period in which a sender's window was at or below zero, so that it could send no DATA."""

    sender: Endpoint
    stream: int
    """0 for the window of the connection."""
    began: float
    position: int
    """The frame that exhausted the window: DATA, or SETTINGS that reduced it."""
    ended: float | None = None
    """When the window opened again or the stream ended; None while it lasts."""
    broken_off: float | None = None
    """When bytes were lost during the stall, so that its end is unknown."""
    resumed: float | None = None
    """When the sender continued with DATA, which proves that it had waited; None if it never did."""


@dataclass(slots=True)
class Windows:
    """What one end may still send, on the connection and on each stream."""

    end: Endpoint
    left: int = FIRST_WINDOW
    """Of the connection's window; meaningless unless `is_left_known`."""
    initial: int = FIRST_WINDOW
    """The size of a new stream's window; meaningless unless `is_initial_known`."""
    is_left_known: bool = True
    is_initial_known: bool = True
    offsets: dict[int, int] = field(default_factory=dict)
    """By stream on which this end may still send: bytes granted beyond `initial`, less the bytes sent."""
    known_from: int | None = 1
    """The first stream whose window is known: earlier ones were opened while bytes were missing. None while no stream
    is."""
    stalls: dict[int, Stall] = field(default_factory=dict)
    """By stream, 0 for the connection: stalls that last, or after which no DATA has been sent."""
    overdrawn: int = 0
    """The most bytes by which DATA exceeded a window: the sender broke the rule, or the capture lacks an update."""

    def connection(self) -> int | None:
        """Return what is left of the connection's window; None where that is not known."""
        return self.left if self.is_left_known else None

    def stream(self, number: int) -> int | None:
        """Return what is left of a stream's window; None where that is not known, or the end sends no more on it."""
        offset = self.offsets.get(number)
        return None if offset is None or not self.knows(number) else self.initial + offset

    def knows(self, stream: int) -> bool:
        """Return True where no frame that affects a stream's window was missed."""
        return self.is_initial_known and self.known_from is not None and stream >= self.known_from

    @property
    def is_known(self) -> bool:
        """True where the connection's window and those of future streams are known."""
        return self.is_left_known and self.is_initial_known


MAX_PINGS: Final = 100
MAX_RESETS: Final = 1_000
MAX_GOAWAYS: Final = 20
MAX_STALLS: Final = 1_000
MAX_RESET_KINDS: Final = 64
OTHER_ERRORS: Final = "other errors"
"""Counts resets of further kinds beyond the bound: any 32-bit number may be an error code."""
MAX_KILLED: Final = 1_000
"""Streams that are recorded of one GOAWAY."""

_Kept = TypeVar("_Kept")


def append_bounded(latest: list[_Kept], value: _Kept, bound: int) -> None:
    """Append a value; beyond the bound, remove the oldest."""
    if len(latest) >= bound:
        del latest[0]
    latest.append(value)


@dataclass(slots=True)
class SentCounts:
    """What one end has sent."""

    end: Endpoint
    windows: Windows
    """What it may still send, as granted by the other end."""
    packets: int = 0
    wire: int = 0
    """Bytes of its packets on the wire, with all headers and retransmissions."""
    payload: int = 0
    """Bytes of its frames without their nine-byte headers."""
    data: int = 0
    """Bytes of DATA with padding, as flow control counts them."""
    frames: dict[int, int] = field(default_factory=dict)
    """The number of frames of each type."""
    repeated: int = 0
    """Packets whose bytes had been sent before: retransmissions, or packets captured twice."""
    out_of_order: int = 0
    gaps: int = 0
    """How often bytes that it sent were not captured."""
    settings: dict[str, int] = field(default_factory=dict)
    """The latest value of each setting that it announced, by the names of RFC 9113 §6.5.2."""


@dataclass(frozen=True, slots=True)
class Ping:
    """A PING with its ACK."""

    sender: Endpoint
    time: float
    position: int
    round_trip: float
    """Seconds to the ACK."""


@dataclass(frozen=True, slots=True)
class Reset:
    """An RST_STREAM."""

    sender: Endpoint
    stream: int
    time: float
    position: int
    error: str


@dataclass(slots=True)
class Goaway:
    """A GOAWAY."""

    sender: Endpoint
    time: float
    position: int
    error: str
    last_stream: int
    debug: str
    killed: list[int] = field(default_factory=list)
    """The first open streams that it refused, at most `MAX_KILLED`."""


@dataclass(slots=True)
class RoundTrips:
    """Statistics of round-trip times, in seconds."""

    count: int = 0
    total: float = 0.0
    least: float = 0.0
    most: float = 0.0
    latest: float = 0.0

    def add(self, seconds: float) -> None:
        """Add one."""
        self.least = min(self.least, seconds) if self.count else seconds
        self.most = max(self.most, seconds)
        self.latest = seconds
        self.count += 1
        self.total += seconds

    @property
    def mean(self) -> float:
        """The arithmetic mean; 0 without any."""
        return self.total / self.count if self.count else 0.0


@dataclass(slots=True)
class Traffic:
    """Everything that a connection has carried."""

    connection: int
    sent: dict[Endpoint, SentCounts]
    """By end; which of them is the client is stored in the connection."""
    began: float
    last: float
    """The time of the latest packet."""
    handshake: float | None = None
    """Seconds from the SYN to the ACK of the SYN-ACK: one round trip, wherever the capture was made (RFC 9293 §3.5)."""
    waiting: dict[tuple[Endpoint, object], tuple[float, int]] = field(default_factory=dict)
    """PINGs without an ACK so far, by sender and opaque data: their time and position; at most `MAX_PINGS`."""
    pings: list[Ping] = field(default_factory=list)
    """The latest that were acknowledged."""
    ping_trips: RoundTrips = field(default_factory=RoundTrips)
    settings_trips: RoundTrips = field(default_factory=RoundTrips)
    """From SETTINGS to their ACK."""
    resets: list[Reset] = field(default_factory=list)
    """The latest."""
    reset_counts: dict[tuple[Endpoint, str], int] = field(default_factory=dict)
    """By sender and error: how many of each."""
    goaways: list[Goaway] = field(default_factory=list)
    calls: int = 0
    """How many calls have begun."""
    ended: dict[CallState, int] = field(default_factory=dict)
    """How many calls ended in each state."""
    stalls: list[Stall] = field(default_factory=list)
    """The latest, in the order in which they began."""
    stall_count: int = 0

    @property
    def open(self) -> int:
        """How many calls have not ended."""
        return self.calls - sum(self.ended.values())

    def note_stall(self, stall: Stall) -> None:
        """Add a stall that begins."""
        append_bounded(self.stalls, stall, MAX_STALLS)
        self.stall_count += 1

    def stalls_of(self, stream: int) -> list[Stall]:
        """Return the stalls of a stream's window and of the connection's."""
        return [stall for stall in self.stalls if stall.stream in (stream, 0)]

    def other(self, end: Endpoint) -> Endpoint:
        """Return the other end."""
        return next((each for each in self.sent if each != end), end)
