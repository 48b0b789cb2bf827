"""Finds in raw capture bytes what the sides of TCP connections begin with, without walking the packets.

The openings of HTTP/2, TLS and HTTP/1 are rare and easily searched for; whether one really begins a TCP segment is
then checked on the IP and TCP headers right before it. So neither the file format nor the link layer matters, and a
gigabyte takes a few seconds. What tshark would make of the same bytes does not matter either: it is told of one
protocol a port, and here are those that do not keep to it.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

from inspector.model.endpoint import Endpoint
from inspector.model.frame import FrameType
from inspector.model.speech import Protocol, Speech

# One search for each, as each begins with bytes that are found at memory's speed: together they would not be.
_OPENINGS: Final = tuple(
    re.compile(opening, re.DOTALL)
    for opening in (
        rb"PRI \* HTTP/2\.0\r\n\r\n",  # RFC 9113 §3.4
        rb"\x16\x03[\x00-\x04]..[\x01\x02]\x00..\x03[\x00-\x04]",  # ClientHello, ServerHello (RFC 8446 §4.1)
        rb"\x15\x03[\x00-\x04]\x00\x02[\x01\x02].",  # an alert in cleartext (RFC 8446 §6)
        rb"HTTP/1\.[01] \d\d\d",
        rb"\x04\x00\x00\x00\x00\x00",  # SETTINGS, behind their length (RFC 9113 §4.1)
    )
)
_BEFORE_TYPE: Final = 3
"""Bytes of a frame's length, which comes before its type."""
_LONGEST_HEADERS: Final = 60 + 60
"""IPv4 and TCP headers with all their options; IPv6 without extension headers is shorter."""
_EXCERPT: Final = 400
"""Bytes of an HTTP/1 answer that are looked at."""
SEAM: Final = _LONGEST_HEADERS + _EXCERPT
"""Bytes that may be needed again when the next ones come."""
_TCP: Final = 6
_ALERTS: Final = {
    0: "close_notify",
    10: "unexpected_message",
    20: "bad_record_mac",
    22: "record_overflow",
    40: "handshake_failure",
    47: "illegal_parameter",
    50: "decode_error",
    70: "protocol_version",
    80: "internal_error",
}
"""Those that answer what is no TLS at all (RFC 8446 §6)."""


class FirstWords(NamedTuple):
    """What one side of a connection begins with."""

    source: Endpoint
    destination: Endpoint
    speech: Speech


class _Ip(NamedTuple):
    source: str
    destination: str
    payload: int
    """Bytes behind the header; less than none where a network card was to fill that in."""


class _Segment(NamedTuple):
    source: Endpoint
    destination: Endpoint
    payload: int


def find_first_words(data: bytes) -> Iterator[FirstWords]:
    """The openings in a stretch of capture bytes, in their order."""
    for start, end in sorted(match.span() for opening in _OPENINGS for match in opening.finditer(data)):
        at = start - _BEFORE_TYPE if data[start] == FrameType.SETTINGS else start
        if at >= 0 and (found := _words_at(data, at, end)) is not None:
            yield found


def _words_at(data: bytes, start: int, end: int) -> FirstWords | None:
    """What a TCP segment begins with here; None where none begins, or with something else."""
    read = _READERS.get(data[start])
    segment = _segment_at(data[max(start - _LONGEST_HEADERS, 0) : start]) if read else None
    if read is None or segment is None:
        return None
    said = data[start : max(end, start + min(segment.payload, _EXCERPT))]
    return FirstWords(segment.source, segment.destination, read(said))


def _hello(data: bytes) -> Speech:
    return Speech(Protocol.TLS, "ClientHello" if data[5] == 1 else "ServerHello")


def _alert(data: bytes) -> Speech:
    return Speech(Protocol.TLS, f"alert {_ALERTS.get(data[6], data[6])}")


def _http1(data: bytes) -> Speech:
    head, _, body = data.partition(b"\r\n\r\n")
    status, said = _text(head.partition(b"\r\n")[0]), _text(body)
    return Speech(Protocol.HTTP1, f"{status}: {said}" if said else status)


def _text(data: bytes) -> str:
    """Printable ASCII without the tags of HTML."""
    return b" ".join(re.sub(rb"<[^>]*>|[^ -~]", b" ", data).split()).decode()[:80]


_READERS: Final[Mapping[int, Callable[[bytes], Speech]]] = {
    ord("P"): lambda _: Speech(Protocol.HTTP2, "preface"),
    0x00: lambda _: Speech(Protocol.HTTP2, "SETTINGS"),
    0x16: _hello,
    0x15: _alert,
    ord("H"): _http1,
}


def _segment_at(headers: bytes) -> _Segment | None:
    """What the TCP header that ends here tells; None where IP and TCP headers do not fit together."""
    for length in range(20, min(60, len(headers)) + 1, 4):
        tcp = headers[-length:]
        if tcp[12] >> 4 == length // 4 and (ip := _ip_header(headers[:-length])) is not None:
            ports = int.from_bytes(tcp[:2], "big"), int.from_bytes(tcp[2:4], "big")
            return _Segment(Endpoint(ip.source, ports[0]), Endpoint(ip.destination, ports[1]), ip.payload - length)
    return None


def _ip_header(headers: bytes) -> _Ip | None:
    """The IP header that ends here, before TCP."""
    if len(headers) >= 40 and headers[-40] >> 4 == 6 and headers[-40 + 6] == _TCP:
        source, destination = (socket.inet_ntop(socket.AF_INET6, each) for each in (headers[-32:-16], headers[-16:]))
        return _Ip(source, destination, int.from_bytes(headers[-36:-34], "big"))
    for length in range(20, min(60, len(headers)) + 1, 4):
        ip = headers[-length:]
        if ip[0] == 0x40 | length // 4 and ip[9] == _TCP:
            return _Ip(
                socket.inet_ntoa(ip[12:16]), socket.inet_ntoa(ip[16:20]), int.from_bytes(ip[2:4], "big") - length
            )
    return None
