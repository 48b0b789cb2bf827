"""A TCP connection that carries HTTP/2: its ends, why it failed, and what it has carried."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final, NamedTuple, TypeVar

from inspector.model.call import CallState
from inspector.model.frame import Endpoint, Side


class Cause(StrEnum):
    """The kinds of failure that can be told apart on the wire."""

    DEADLINE = "deadline"
    """The time that `grpc-timeout` allows had passed."""
    CANCELLED = "cancelled"
    """The client reset the stream before its deadline."""
    RESET = "reset"
    """One side reset the stream, with an error code that says more than CANCEL."""
    GOAWAY = "goaway"
    CONNECTION_LOST = "connection_lost"
    """FIN or RST of TCP."""
    FLOW_CONTROL = "flow_control"
    """A sender stood at a window of zero."""
    STATUS = "status"
    """The trailers say so."""
    WRONG_PATH = "wrong_path"
    """The server says that it does not implement a method that nothing else here knows."""
    NO_STATUS = "no_status"
    """The server ended the stream without a gRPC status that can be read."""
    HTTP_ERROR = "http_error"
    """The answer is not gRPC: another `:status` than 200, or another content type."""
    PLAINTEXT_TO_TLS = "plaintext_to_tls"
    TLS_TO_PLAINTEXT = "tls_to_plaintext"
    NOT_HTTP2 = "not_http2"
    """One of the two speaks HTTP/1."""
    BYTES_LOST = "bytes_lost"
    """The capture lacks what would tell."""
    STILL_OPEN = "still_open"
    """The capture holds no end of it."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What went wrong, as far as the wire shows it."""

    cause: Cause
    sentence: str
    """One or two plain sentences; what came from the wire is safe to look at."""
    packets: tuple[int, ...] = ()
    """The packets that prove it, in their order."""
    frames: tuple[int, ...] = ()
    """The frames among them, by their positions in the store; empty where TCP alone tells."""


class ConnectionEnding(NamedTuple):
    """A FIN or RST."""

    packet: int
    time: float
    source: Endpoint
    """Who sent it."""
    is_reset: bool
    """True for a RST, which breaks both directions off."""


@dataclass(frozen=True, slots=True)
class Connection:
    """What is known of a connection; replaced, never changed, as more is learnt."""

    index: int
    """As Wireshark's `tcp.stream`."""
    client: Endpoint
    server: Endpoint
    started: float
    """The time of its first packet in the capture."""
    joined_late: bool = False
    """True when frames were seen but neither its SYN nor its preface: HPACK entries may be missing."""
    ended: float | None = None
    """The time of the first FIN or RST."""
    endings: tuple[ConnectionEnding, ...] = ()
    """The first FIN and the first RST of each side, in the order of the wire."""
    is_sealed: bool = False
    """True while both sides speak TLS and nothing of it could be read."""
    why: Diagnosis | None = None
    """Why it never came to carry HTTP/2, where the two sides do not speak the same."""

    def side(self, source: Endpoint) -> Side:
        """The role of an endpoint of this connection."""
        return Side.CLIENT if source == self.client else Side.SERVER

    def peer(self, source: Endpoint) -> Endpoint:
        """Return the other endpoint."""
        return self.server if source == self.client else self.client

    def swapped(self) -> Connection:
        """Return the connection with client and server exchanged."""
        return replace(self, client=self.server, server=self.client)


FIRST_WINDOW: Final = 65_535
"""What the connection's window begins with, and each stream's until SETTINGS say otherwise (RFC 9113 §6.9.2)."""


@dataclass(slots=True)
class Stall:
    """A time during which a sender's window was at zero or below, so that it could send no DATA."""

    sender: Endpoint
    stream: int
    """0 for the window of the whole connection."""
    began: float
    position: int
    """The frame after which nothing was left: a DATA, or SETTINGS that took the room away."""
    ended: float | None = None
    """When there was room again, or the stream was over; None while it lasts."""
    broken_off: float | None = None
    """When bytes were lost while it lasted, so that its end cannot be told."""
    resumed: float | None = None
    """When the sender went on with DATA: proof that it had waited. None where it never did."""


@dataclass(slots=True)
class Windows:
    """What one end may still send."""

    end: Endpoint
    left: int = FIRST_WINDOW
    """Of the connection's window; means nothing while not `is_left_known`."""
    initial: int = FIRST_WINDOW
    """What a new stream begins with; means nothing while not `is_initial_known`."""
    is_left_known: bool = True
    is_initial_known: bool = True
    changes: dict[int, int] = field(default_factory=dict)
    """By stream on which this end may still send: what was granted to it beyond `initial`, less what it sent."""
    known_from: int | None = 1
    """Streams below were opened when bytes could not be seen; None for all that were opened so far."""
    standing: dict[int, Stall] = field(default_factory=dict)
    """By stream, 0 for the connection: stalls that last, or after which no DATA has come yet."""
    overdrawn: int = 0
    """The most bytes by which DATA went beyond a window: the sender broke the rule, or the capture lacks an update."""

    def connection(self) -> int | None:
        """What is left of the connection's window; None where it is not known."""
        return self.left if self.is_left_known else None

    def stream(self, number: int) -> int | None:
        """What is left of a stream's window; None where it is not known, or the end sends no more on it."""
        change = self.changes.get(number)
        return None if change is None or not self.knows(number) else self.initial + change

    def knows(self, stream: int) -> bool:
        """True where nothing that counts for a stream's window was missed."""
        return self.is_initial_known and self.known_from is not None and stream >= self.known_from

    @property
    def is_known(self) -> bool:
        """True where both the connection's window and those of streams to come are known."""
        return self.is_left_known and self.is_initial_known


PINGS_KEPT: Final = 100
RESETS_KEPT: Final = 1_000
GOAWAYS_KEPT: Final = 20
STALLS_KEPT: Final = 1_000
RESET_KINDS_KEPT: Final = 64
OTHER_ERRORS: Final = "other errors"
"""What resets are counted under where there are too many kinds: any number may stand for an error."""
KILLED_KEPT: Final = 1_000
"""Streams that are remembered of one GOAWAY."""

_Kept = TypeVar("_Kept")


def append_bounded(latest: list[_Kept], value: _Kept, bound: int) -> None:
    """Put a value behind the others, of which the oldest goes where there are too many."""
    if len(latest) >= bound:
        del latest[0]
    latest.append(value)


@dataclass(slots=True)
class SentCounts:
    """What one end has sent."""

    end: Endpoint
    windows: Windows
    """What it may still send; the other end grants it."""
    packets: int = 0
    wire: int = 0
    """Bytes of its packets on the wire, with all their headers and whatever was sent again."""
    payload: int = 0
    """Bytes of its frames without their nine-byte headers."""
    data: int = 0
    """Bytes of DATA, padding included: what flow control counts."""
    frames: dict[int, int] = field(default_factory=dict)
    """How many of each type."""
    repeated: int = 0
    """Packets with bytes that had been sent before: retransmissions, or packets captured twice."""
    out_of_order: int = 0
    gaps: int = 0
    """How often bytes of it were not captured."""
    settings: dict[str, int] = field(default_factory=dict)
    """What it asks of the other end, by RFC 9113 §6.5.2 names, the latest of each."""


@dataclass(frozen=True, slots=True)
class Ping:
    """A PING and its answer."""

    sender: Endpoint
    time: float
    position: int
    round_trip: float
    """Seconds to the ACK."""


@dataclass(frozen=True, slots=True)
class Reset:
    """A RST_STREAM."""

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
    """Streams that were open and that it refused, the first `KILLED_KEPT` of them."""


@dataclass(slots=True)
class RoundTrips:
    """How long answers took, in seconds."""

    count: int = 0
    total: float = 0.0
    least: float = 0.0
    most: float = 0.0
    latest: float = 0.0

    def add(self, seconds: float) -> None:
        """Take in one."""
        self.least = min(self.least, seconds) if self.count else seconds
        self.most = max(self.most, seconds)
        self.latest = seconds
        self.count += 1
        self.total += seconds

    @property
    def mean(self) -> float:
        """The arithmetic mean; 0 for none."""
        return self.total / self.count if self.count else 0.0


@dataclass(slots=True)
class Traffic:
    """All that a connection has carried so far."""

    connection: int
    sent: dict[Endpoint, SentCounts]
    """By who sent it; which of them is the client, the store's connection tells."""
    began: float
    last: float
    """The time of the latest packet."""
    handshake: float | None = None
    """Seconds from SYN to the ACK of its answer: one round trip, wherever the capture was made (RFC 9293 §3.5)."""
    waiting: dict[tuple[Endpoint, object], tuple[float, int]] = field(default_factory=dict)
    """PINGs whose ACK has not come, by sender and what they carry: their time and position; `PINGS_KEPT` at most."""
    pings: list[Ping] = field(default_factory=list)
    """The latest that were answered."""
    ping_trips: RoundTrips = field(default_factory=RoundTrips)
    settings_trips: RoundTrips = field(default_factory=RoundTrips)
    """From SETTINGS to their ACK."""
    resets: list[Reset] = field(default_factory=list)
    """The latest."""
    reset_counts: dict[tuple[Endpoint, str], int] = field(default_factory=dict)
    """By sender and error: all of them."""
    goaways: list[Goaway] = field(default_factory=list)
    calls: int = 0
    """How many calls began."""
    ended: dict[CallState, int] = field(default_factory=dict)
    """How many of them ended in each state."""
    stalls: list[Stall] = field(default_factory=list)
    """The latest, in the order in which they began."""
    stall_count: int = 0

    @property
    def open(self) -> int:
        """How many calls have not ended."""
        return self.calls - sum(self.ended.values())

    def note_stall(self, stall: Stall) -> None:
        """Take in one that begins."""
        append_bounded(self.stalls, stall, STALLS_KEPT)
        self.stall_count += 1

    def stalls_of(self, stream: int) -> list[Stall]:
        """Those that held up a stream: of its own window, and of the connection's."""
        return [stall for stall in self.stalls if stall.stream in (stream, 0)]

    def other(self, end: Endpoint) -> Endpoint:
        """The end that this one talks to."""
        return next((each for each in self.sent if each != end), end)
