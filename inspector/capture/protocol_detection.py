"""Detects HTTP/2, TLS and HTTP/1.1 by the bytes with which TCP connections begin, in raw capture bytes."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterable, Iterator
from operator import itemgetter
from typing import Any, Final, NamedTuple, TypeAlias

from inspector.model.frame import DetectedProtocol, Endpoint, Protocol

_REQUEST_LINE: Final = re.compile(rb"(?:GET|POST|OPTIONS|HEAD|PUT) [^ \r\n]{1,1000} HTTP/1\.1\r\n")
_REQUEST_START: Final = re.compile(rb"(?:GET|POST|OPTIONS|HEAD|PUT|DELETE|PATCH) [^ \r\n]{1,1000} \Z")
"""The part of a request line before the version."""
_MAX_LINE: Final = 1020
_MAX_REQUEST: Final = 2000
"""Bytes from the beginning of a request to the header that asks for an upgrade."""
_MAX_IPV6: Final = 40 + 56
"""An IPv6 header with a few extension headers."""
MAX_HEADERS: Final = _MAX_IPV6 + 60
"""Bytes of IP and TCP headers with all their options."""
_EXCERPT: Final = 400
"""Bytes of an HTTP/1 response that are examined."""
OVERLAP: Final = MAX_HEADERS + _MAX_REQUEST
"""Bytes at the end of a piece that are examined again with the next piece."""
_TCP: Final = 6
_FRAGMENT: Final = 44
_EXTENSIONS: Final = frozenset({0, 43, _FRAGMENT, 60})
"""Hop-by-hop options, routing, fragment, destination options."""
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
"""The alerts (RFC 8446 §6) with which servers answer bytes that are not TLS."""


class ConnectionStart(NamedTuple):
    """How one side of a connection begins."""

    source: Endpoint
    destination: Endpoint
    detected: DetectedProtocol


class _Ip(NamedTuple):
    source: str
    destination: str
    payload: int
    """Bytes behind the header; negative where the network card computes the length after the capture."""


class SegmentHeaders(NamedTuple):
    """The relevant fields of the IP and TCP headers before a segment."""

    source: Endpoint
    destination: Endpoint
    payload: int
    """Bytes; negative where the network card computes the length after the capture."""


def find_connection_starts(data: bytes) -> Iterator[ConnectionStart]:
    """Yield the connection starts in capture bytes, in their order."""
    found = (
        (start, match.end(), search.read)
        for search in _SEARCHES
        for match in search.pattern.finditer(data)
        for start in search.starts(data, match.start())
    )
    for start, end, read in sorted(found, key=itemgetter(0)):
        if start >= 0 and (connection_start := _start_at(data, start, end, read)) is not None:
            yield connection_start


def _start_at(data: bytes, start: int, end: int, read: Callable[[bytes], DetectedProtocol]) -> ConnectionStart | None:
    """Return how a TCP segment begins here; None where none begins."""
    segment = segment_before(data[max(start - MAX_HEADERS, 0) : start])
    if segment is None:
        return None
    payload = data[start : max(end, start + min(segment.payload, _EXCERPT))]
    return ConnectionStart(segment.source, segment.destination, read(payload))


def _hello(data: bytes) -> DetectedProtocol:
    return DetectedProtocol(Protocol.TLS, "ClientHello" if data[5] == 1 else "ServerHello")


def _alert(data: bytes) -> DetectedProtocol:
    return DetectedProtocol(Protocol.TLS, f"alert {_ALERTS.get(data[6], data[6])}")


def _http1(data: bytes) -> DetectedProtocol:
    head, _, body = data.partition(b"\r\n\r\n")
    first, text = _text(head.partition(b"\r\n")[0]), _text(body) if data.startswith(b"HTTP/") else ""
    return DetectedProtocol(Protocol.HTTP1, f"{first}: {text}" if text else first)


def _http1_starts(data: bytes, version: int) -> Iterator[int]:
    """Yield the start of a status line that begins here, or of the request line that ends here with the version."""
    if data[version + 8 : version + 9] == b" ":
        yield version
    elif (line := _REQUEST_START.search(data, max(version - _MAX_LINE, 0), version)) is not None:
        yield line.start()


def _upgrade(data: bytes) -> DetectedProtocol:
    return DetectedProtocol(Protocol.HTTP1, "Upgrade", data.split(b" ", 2)[1].decode(errors="replace"))


def _text(data: bytes) -> str:
    """Return up to 80 characters of printable ASCII, without HTML tags."""
    return b" ".join(re.sub(rb"<[^>]*>|[^ -~]", b" ", data).split()).decode()[:80]


def _request_starts(data: bytes, end: int) -> Iterator[int]:
    """Return where an HTTP/1.1 request with a header here may begin."""
    first = max(end - _MAX_REQUEST, 0)
    return (first + line.start() for line in _REQUEST_LINE.finditer(data[first:end]))


class _Search(NamedTuple):
    """A pattern, and the protocol that it proves."""

    pattern: re.Pattern[bytes]
    read: Callable[[bytes], DetectedProtocol]
    starts: Callable[[bytes, int], Iterable[int]] = lambda _data, start: (start,)
    """Yields where the segment with a match may begin."""


def _search(pattern: bytes, *how: Any) -> _Search:
    return _Search(re.compile(pattern, re.DOTALL), *how)


# Separate patterns, as each begins with literal bytes, which are searched at the speed of memory. A combined pattern
# does not.
_SEARCHES: Final = (
    _search(rb"PRI \* HTTP/2\.0\r\n\r\n", lambda _: DetectedProtocol(Protocol.HTTP2, "preface")),  # RFC 9113 §3.4
    _search(rb"\x16\x03[\x00-\x04]..[\x01\x02]\x00..\x03[\x00-\x04]", _hello),  # RFC 8446 §4.1
    _search(rb"\x15\x03[\x00-\x04]\x00\x02[\x01\x02].", _alert),  # in cleartext (RFC 8446 §6)
    # SETTINGS, behind the three bytes of their length (RFC 9113 §4.1)
    _search(rb"\x04\x00{5}", lambda _: DetectedProtocol(Protocol.HTTP2, "SETTINGS"), lambda _data, start: (start - 3,)),
    _search(
        rb"CONNECT [^ \r\n]{1,300} HTTP/1", lambda _: DetectedProtocol(Protocol.HTTP1, "CONNECT")
    ),  # RFC 9110 §9.3.6
    # The upgrade to HTTP/2 (RFC 7540 §3.2)
    _search(rb"HTTP2-Settings: ", _upgrade, _request_starts),
    _search(rb"http2-settings: ", _upgrade, _request_starts),
    # Behind those two, which are requests as well
    _search(rb"HTTP/1\.[01](?: \d\d\d|\r\n)", _http1, _http1_starts),
)


def segment_before(headers: bytes) -> SegmentHeaders | None:
    """Parse the IP and TCP headers that end here; None where the bytes are not consistent headers."""
    for length in range(20, min(60, len(headers)) + 1, 4):
        tcp = headers[-length:]
        if tcp[12] >> 4 == length // 4 and (ip := _ip_header(headers[:-length])) is not None:
            ports = int.from_bytes(tcp[:2], "big"), int.from_bytes(tcp[2:4], "big")
            return SegmentHeaders(
                Endpoint(ip.source, ports[0]), Endpoint(ip.destination, ports[1]), ip.payload - length
            )
    return None


def _ip_header(headers: bytes) -> _Ip | None:
    """Parse the IP header that ends here, with TCP as its payload."""
    for length in range(40, min(len(headers), _MAX_IPV6) + 1, 8):
        ip = headers[-length:]
        if ip[0] >> 4 == 6 and _payload_of_ipv6(ip) == _TCP:
            source, destination = (socket.inet_ntop(socket.AF_INET6, address) for address in (ip[8:24], ip[24:40]))
            return _Ip(source, destination, int.from_bytes(ip[4:6], "big") - (length - 40))
    for length in range(20, min(60, len(headers)) + 1, 4):
        ip = headers[-length:]
        if ip[0] == 0x40 | length // 4 and ip[9] == _TCP:
            source, destination = socket.inet_ntoa(ip[12:16]), socket.inet_ntoa(ip[16:20])
            return _Ip(source, destination, int.from_bytes(ip[2:4], "big") - length)
    return None


def _payload_of_ipv6(headers: bytes) -> int | None:
    """Return the protocol behind an IPv6 header and its extensions (RFC 8200 §4); None where they end elsewhere."""
    protocol, at = headers[6], 40
    while at < len(headers) and protocol in _EXTENSIONS:
        protocol, at = headers[at], at + 8 * (1 + (headers[at + 1] if protocol != _FRAGMENT else 0))
    return protocol if at == len(headers) else None


_Ends: TypeAlias = tuple[Endpoint, Endpoint]
_MAX_CONNECTIONS: Final = 100_000
"""Connections that are remembered."""


class Opening(NamedTuple):
    """A port that is to be decoded, and its protocol: HTTP/2 unless a flag is set."""

    port: int
    is_tls: bool
    is_http1: bool = False
    """True for HTTP/1.1 that may change to HTTP/2."""
    is_answer: bool = False
    """True when the server's bytes showed it, False when a client's did."""


class PortFinder:
    """Finds connection starts in the bytes of one capture, which come in their order, and the ports that they open."""

    def __init__(self) -> None:
        self._tail = b""
        """The end of the last piece, in which a connection start or the headers before it may begin."""
        self._clients: set[_Ends] = set()
        """Client and server of connections that a client opened."""
        self._early: set[_Ends] = set()
        """Sender and receiver of SETTINGS before a client's bytes: servers may send first."""

    def feed(self, data: bytes) -> Iterator[tuple[ConnectionStart, tuple[Opening, ...]]]:
        """Yield the connection starts in these bytes with their openings; those in the overlap may be repeated."""
        joined = self._tail + data
        for found in find_connection_starts(joined):
            yield found, tuple(self._openings(found))
        self._tail = joined[-OVERLAP:]

    def _openings(self, found: ConnectionStart) -> Iterator[Opening]:
        ends, reverse = (found.source, found.destination), (found.destination, found.source)
        is_tls = found.detected.protocol is Protocol.TLS
        if found.detected.text in ("preface", "ClientHello"):
            _remember(self._clients, ends)
            yield Opening(found.destination.port, is_tls)
            if reverse in self._early:
                yield Opening(found.destination.port, is_tls=False, is_answer=True)
        elif found.detected.text in ("CONNECT", "Upgrade"):
            yield Opening(found.destination.port, is_tls=False, is_http1=True)
        elif found.detected.text in ("SETTINGS", "ServerHello"):
            if reverse in self._clients:
                yield Opening(found.source.port, is_tls, is_answer=True)
            elif ends not in self._clients and not is_tls:
                _remember(self._early, ends)


def _remember(known: set[_Ends], ends: _Ends) -> None:
    if len(known) < _MAX_CONNECTIONS:
        known.add(ends)
