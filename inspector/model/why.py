"""Why a call, or a connection, did not come to a good end: a cause, a sentence, and what proves it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


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
class Why:
    """What went wrong, as far as the wire shows it."""

    cause: Cause
    sentence: str
    """One or two plain sentences; what came from the wire is safe to look at."""
    packets: tuple[int, ...] = ()
    """The packets that prove it, in their order."""
    frames: tuple[int, ...] = ()
    """The frames among them, by their positions in the store; empty where TCP alone tells."""
