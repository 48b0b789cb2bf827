"""A packet of the capture, its ends, and the HTTP/2 frames that ended in it (RFC 9113)."""

from __future__ import annotations

from enum import IntEnum, StrEnum, unique
from typing import Final, NamedTuple, TypeAlias

import msgspec


class Side(StrEnum):
    """Who sent something, by its role in HTTP/2."""

    CLIENT = "client"
    SERVER = "server"

    @property
    def other(self) -> Side:
        """The side that this one talks to."""
        return Side.SERVER if self is Side.CLIENT else Side.CLIENT


class Endpoint(NamedTuple):
    """An address with its TCP port; IPv6 hosts without brackets."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Protocol(StrEnum):
    """The protocols that are told apart."""

    HTTP2 = "HTTP/2"
    TLS = "TLS"
    HTTP1 = "HTTP/1"


class DetectedProtocol(NamedTuple):
    """The first bytes of one side."""

    protocol: Protocol
    words: str
    """What they are: `preface`, `SETTINGS`, `ClientHello`, `ServerHello`, `alert unexpected_message`; of HTTP/1
    `CONNECT` and `Upgrade`, from which HTTP/2 may follow, another request's line, or the status line with the
    beginning of its body."""
    path: str = ""
    """What the request of an `Upgrade` asks for: it is that of stream 1 (RFC 7540 §3.2)."""

    @property
    def is_request(self) -> bool:
        """True for a request of HTTP/1 from which no HTTP/2 follows."""
        is_other = self.words in ("CONNECT", "Upgrade") or self.words.startswith("HTTP/")
        return self.protocol is Protocol.HTTP1 and not is_other

    @property
    def refuses_version(self) -> bool:
        """True for an answer of HTTP/1 with a status by which servers ask for another version (RFC 9110 §15)."""
        return self.protocol is Protocol.HTTP1 and self.words[:12].endswith((" 400", " 426", " 505"))


Header: TypeAlias = tuple[str, str]
"""A header's name and value; the value of a `-bin` header is base64 with padding."""

Detail: TypeAlias = dict[str, object]
"""What a frame type has of its own, JSON-ready; the keys are listed at `Frame.detail`."""

FRAME_HEADER: Final = 9
"""Bytes before a frame's payload (RFC 9113 §4.1)."""


class FrameType(IntEnum):
    """Frame types by number (RFC 9113 §6, RFC 7838, RFC 8336, RFC 9218)."""

    DATA = 0
    HEADERS = 1
    PRIORITY = 2
    RST_STREAM = 3
    SETTINGS = 4
    PUSH_PROMISE = 5
    PING = 6
    GOAWAY = 7
    WINDOW_UPDATE = 8
    CONTINUATION = 9
    ALTSVC = 10
    ORIGIN = 12
    PRIORITY_UPDATE = 16


HEADER_TYPES: Final = frozenset({FrameType.HEADERS, FrameType.PUSH_PROMISE, FrameType.CONTINUATION})
"""The types that carry a header block fragment."""

_CALL_TYPES: Final = HEADER_TYPES | {FrameType.DATA, FrameType.RST_STREAM, FrameType.GOAWAY}

END_STREAM: Final = 0x1
ACK: Final = 0x1
END_HEADERS: Final = 0x4
PADDED: Final = 0x8
PRIORITY: Final = 0x20

_HEADERS_FLAGS: Final = {END_STREAM: "END_STREAM", END_HEADERS: "END_HEADERS", PADDED: "PADDED", PRIORITY: "PRIORITY"}
FLAG_NAMES: Final[dict[int, dict[int, str]]] = {
    FrameType.DATA: {END_STREAM: "END_STREAM", PADDED: "PADDED"},
    FrameType.HEADERS: _HEADERS_FLAGS,
    FrameType.SETTINGS: {ACK: "ACK"},
    FrameType.PUSH_PROMISE: {END_HEADERS: "END_HEADERS", PADDED: "PADDED"},
    FrameType.PING: {ACK: "ACK"},
    FrameType.CONTINUATION: {END_HEADERS: "END_HEADERS"},
}

SETTING_NAMES: Final = {
    1: "HEADER_TABLE_SIZE",
    2: "ENABLE_PUSH",
    3: "MAX_CONCURRENT_STREAMS",
    4: "INITIAL_WINDOW_SIZE",
    5: "MAX_FRAME_SIZE",
    6: "MAX_HEADER_LIST_SIZE",
    8: "ENABLE_CONNECT_PROTOCOL",
    9: "NO_RFC7540_PRIORITIES",
}
ERROR_NAMES: Final = (
    "NO_ERROR",
    "PROTOCOL_ERROR",
    "INTERNAL_ERROR",
    "FLOW_CONTROL_ERROR",
    "SETTINGS_TIMEOUT",
    "STREAM_CLOSED",
    "FRAME_SIZE_ERROR",
    "REFUSED_STREAM",
    "CANCEL",
    "COMPRESSION_ERROR",
    "CONNECT_ERROR",
    "ENHANCE_YOUR_CALM",
    "INADEQUATE_SECURITY",
    "HTTP_1_1_REQUIRED",
)


def error_name(code: int) -> str:
    """The RFC 9113 §7 name of an error code, or the number in hex."""
    return ERROR_NAMES[code] if 0 <= code < len(ERROR_NAMES) else f"0x{code:x}"


_TYPE_NAMES: Final = {kind.value: kind.name for kind in FrameType}


def type_name(kind: int) -> str:
    """A frame type's RFC name, or its number in hex for a type that has none."""
    return _TYPE_NAMES.get(kind) or f"0x{kind:02x}"


class HeaderSource(StrEnum):
    """How a header's value is known when it was not plainly read from the wire."""

    RECOVERED = "recovered"
    GUESSED = "guessed"
    DOUBTFUL = "doubtful"
    UNKNOWN = "unknown"


class HeaderNote(NamedTuple):
    """What there is to say of a header that came through an HPACK entry never seen."""

    place: str
    """Which entry: headers with the same place are the same, on whatever stream."""
    reason: str
    """Why its value is thought to be what it is, or what the header probably is."""


class Frame(msgspec.Struct, frozen=True, gc=False):
    """One HTTP/2 frame, placed in the packet that held its last byte."""

    packet: int
    """The packet's number in the capture, from 1."""
    time: float
    """Seconds since the epoch."""
    connection: int
    """The TCP connection's index in the capture, as Wireshark's `tcp.stream`."""
    source: Endpoint
    """Who sent it; which side of the connection that is, the store knows."""
    stream: int
    type: int
    flags: int
    length: int
    """The payload's length as the frame header gives it, padding included."""
    headers: tuple[Header, ...] | None = None
    """The headers whose decoding ended in this frame; None for types that carry none."""
    header_sources: tuple[tuple[int, HeaderSource], ...] = ()
    """For headers not plainly read: their index in `headers`, and how they are known."""
    payload: bytes = b""
    """DATA without padding; the header block fragment of HEADERS, PUSH_PROMISE and CONTINUATION; else empty.
    Shorter than `length` says where the capture cut the packet."""
    detail: Detail | None = None
    """By type: error, last_stream, debug | settings | increment | opaque, ack | promised_stream | dependency, …"""
    header_notes: tuple[tuple[int, HeaderNote], ...] = ()
    """For headers through HPACK entries never seen: their index in `headers`, and what is thought of the entry."""

    @property
    def type_name(self) -> str:
        """The type's RFC name, or its number in hex for a type that has none."""
        return type_name(self.type)

    @property
    def flag_names(self) -> tuple[str, ...]:
        """The flags set, by their RFC names; a set bit without a meaning here is given in hex."""
        known = FLAG_NAMES.get(self.type, {})
        bits = (1 << shift for shift in range(8) if self.flags >> shift & 1)
        return tuple(known.get(bit, f"0x{bit:02x}") for bit in bits)

    @property
    def ends_stream(self) -> bool:
        """True for the last frame that its sender sends on the stream (RFC 9113 §8.1)."""
        return bool(self.flags & END_STREAM) and self.type in (FrameType.DATA, FrameType.HEADERS)

    @property
    def is_control(self) -> bool:
        """True for frames that carry neither headers nor data nor the end of a call."""
        return self.type not in _CALL_TYPES

    def header(self, name: str) -> str | None:
        """The first value of a header, None without one."""
        return next((value for key, value in self.headers or () if key == name), None)


@unique
class TcpEvent(IntEnum):
    """What a packet does to its TCP connection besides carrying bytes; bits, as several go together."""

    SYN = 1
    """Of the one who opens the connection; the answer's SYN is not told."""
    FIN = 2
    RST = 4
    GAP = 8
    """Bytes before this packet, from the same sender, were not captured."""
    PREFACE = 16
    """The client's connection preface (RFC 9113 §3.4) was in it."""
    OUT_OF_ORDER = 32
    """It came behind a later packet of the same sender."""
    REPEATED = 64
    """Its bytes had been there before: a retransmission, or the same packet captured twice."""
    CUT = 128
    """Bytes at its end were not captured, and not of DATA alone, of which the frames themselves tell."""


class Packet(msgspec.Struct, frozen=True, gc=False):
    """One packet of the capture, with the HTTP/2 frames that ended in it."""

    number: int
    time: float
    length: int
    """Bytes on the wire."""
    connection: int | None = None
    """None for a packet that is not TCP."""
    source: Endpoint | None = None
    destination: Endpoint | None = None
    tcp: int = 0
    """Bits of `TcpEvent`."""
    frames: tuple[Frame, ...] = ()
    problem: str | None = None
    """Why frames of this packet may be missing: cut by a snap length, malformed, …"""
    payload: int = 0
    """Bytes that TCP carried in it."""
    speech: DetectedProtocol | None = None
    """For the first payload of its sender, where tshark shows no frame in it: what it speaks, if that is known."""
