"""Packets of the capture, and the HTTP/2 frames that ended in them (RFC 9113)."""

from __future__ import annotations

from enum import IntEnum, StrEnum, unique
from typing import Final, NamedTuple, TypeAlias

import msgspec


class Side(StrEnum):
    """The HTTP/2 role of a peer."""

    CLIENT = "client"
    SERVER = "server"

    @property
    def other(self) -> Side:
        """The opposite side."""
        return Side.SERVER if self is Side.CLIENT else Side.CLIENT


class Endpoint(NamedTuple):
    """An IP address and a TCP port; IPv6 hosts have no brackets."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Protocol(StrEnum):
    """The protocols that are recognised by their first bytes."""

    HTTP2 = "HTTP/2"
    TLS = "TLS"
    HTTP1 = "HTTP/1"


class DetectedProtocol(NamedTuple):
    """What the first bytes of one side are."""

    protocol: Protocol
    text: str
    """`preface`, `SETTINGS`, `ClientHello`, `ServerHello`, `alert unexpected_message`; for HTTP/1 `CONNECT` and
    `Upgrade`, which may lead to HTTP/2, the request line of another request, or the status line with the beginning of
    its body."""
    path: str = ""
    """The path of a request with `Upgrade: h2c`, which becomes stream 1 (RFC 7540 §3.2)."""

    @property
    def is_request(self) -> bool:
        """True for an HTTP/1 request that cannot lead to HTTP/2."""
        is_other = self.text in ("CONNECT", "Upgrade") or self.text.startswith("HTTP/")
        return self.protocol is Protocol.HTTP1 and not is_other

    @property
    def refuses_version(self) -> bool:
        """True for an HTTP/1 response whose status may reject the version: 400, 426 or 505 (RFC 9110 §15)."""
        return self.protocol is Protocol.HTTP1 and self.text[:12].endswith((" 400", " 426", " 505"))


Header: TypeAlias = tuple[str, str]
"""Name and value; the value of a `-bin` header is base64 with padding."""

Detail: TypeAlias = dict[str, object]
"""The fields of a frame type, JSON-ready; see `Frame.detail` for the keys."""

FRAME_HEADER: Final = 9
"""Octets of a frame's header (RFC 9113 §4.1)."""


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
"""The types that carry a field block fragment."""

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
    """Return the RFC 9113 §7 name of an error code, or its number in hex."""
    return ERROR_NAMES[code] if 0 <= code < len(ERROR_NAMES) else f"0x{code:x}"


_TYPE_NAMES: Final = {kind.value: kind.name for kind in FrameType}


def type_name(kind: int) -> str:
    """Return a frame type's RFC name, or its number in hex for an unknown type."""
    return _TYPE_NAMES.get(kind) or f"0x{kind:02x}"


class HeaderSource(StrEnum):
    """How the value of a header is known, if not read from the wire."""

    RECOVERED = "recovered"
    GUESSED = "guessed"
    DOUBTFUL = "doubtful"
    UNKNOWN = "unknown"


class HeaderNote(NamedTuple):
    """An explanation of a header that came from an HPACK entry never seen."""

    entry: str
    """The identity of the entry: headers with the same entry are equal, on any stream."""
    reason: str
    """Why its value is believed, or what the header probably is."""


# gc=False: a frame is in no reference cycle, and the garbage collector would visit each of millions.
class Frame(msgspec.Struct, frozen=True, gc=False):
    """One HTTP/2 frame, assigned to the packet that holds its last byte."""

    packet: int
    """The packet's number in the capture, from 1."""
    time: float
    """Seconds since the epoch."""
    connection: int
    """Wireshark's `tcp.stream`."""
    source: Endpoint
    """The sender; the store knows which side of the connection it is."""
    stream: int
    type: int
    flags: int
    length: int
    """The payload length in the frame header, with padding."""
    headers: tuple[Header, ...] | None = None
    """The headers that were decoded in this frame; None for types without any."""
    header_sources: tuple[tuple[int, HeaderSource], ...] = ()
    """The index in `headers` of each header that was not read from the wire, and how it is known."""
    payload: bytes = b""
    """DATA without padding; the field block fragment of HEADERS, PUSH_PROMISE and CONTINUATION; otherwise empty.
    Shorter than `length` where a snap length cut the packet."""
    detail: Detail | None = None
    """By type: error, last_stream, debug | settings | increment | opaque, ack | promised_stream | dependency, …"""
    header_notes: tuple[tuple[int, HeaderNote], ...] = ()
    """The index in `headers` of each header that came from an HPACK entry never seen, and what is known of the entry.
    """

    @property
    def type_name(self) -> str:
        """The type's RFC name, or its number in hex for an unknown type."""
        return type_name(self.type)

    @property
    def flag_names(self) -> tuple[str, ...]:
        """The RFC names of the flags that are set; an undefined flag is given in hex."""
        known = FLAG_NAMES.get(self.type, {})
        bits = (1 << shift for shift in range(8) if self.flags >> shift & 1)
        return tuple(known.get(bit, f"0x{bit:02x}") for bit in bits)

    @property
    def ends_stream(self) -> bool:
        """True for the last frame that its sender sends on the stream (RFC 9113 §8.1)."""
        return bool(self.flags & END_STREAM) and self.type in (FrameType.DATA, FrameType.HEADERS)

    @property
    def is_control(self) -> bool:
        """True for frames that do not belong to a call: SETTINGS, PING, WINDOW_UPDATE, PRIORITY and their like."""
        return self.type not in _CALL_TYPES

    def header(self, name: str) -> str | None:
        """Return the first value of a header; None without one."""
        return next((value for key, value in self.headers or () if key == name), None)


@unique
class TcpEvent(IntEnum):
    """What a packet does to its TCP connection besides carrying bytes; bits, as several may occur together."""

    SYN = 1
    """The SYN of the end that opens the connection; a SYN-ACK is not marked."""
    FIN = 2
    RST = 4
    GAP = 8
    """Bytes of the same sender before this packet were not captured."""
    PREFACE = 16
    """It contains the client's connection preface (RFC 9113 §3.4)."""
    OUT_OF_ORDER = 32
    """It follows a later packet of the same sender."""
    REPEATED = 64
    """All of its bytes were seen before: a retransmission, or a packet captured twice."""
    CUT = 128
    """Bytes at its end were not captured, and not only of DATA, where `Frame.length` shows it."""


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
    """Bytes of TCP payload."""
    detected: DetectedProtocol | None = None
    """The protocol of the first payload of its sender, where tshark shows no frame in it."""
