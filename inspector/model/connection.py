"""A TCP connection that carries HTTP/2, and the diagnosis of a connection or call that failed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple

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

    def turned(self) -> Connection:
        """The same connection with client and server exchanged."""
        return replace(self, client=self.server, server=self.client)
