"""Detects HTTP/2 and TLS by the bytes with which TCP connections begin."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterable, Iterator
from operator import itemgetter
from typing import Any, Final, NamedTuple, TypeAlias

from inspector.model.frame import DetectedProtocol, Endpoint, Protocol

_REQUEST_LINE: Final = re.compile(rb"(?:GET|POST|OPTIONS|HEAD|PUT) [^ \r\n]{1,1000} HTTP/1\.1\r\n")
_REQUEST_START: Final = re.compile(rb"(?:GET|POST|OPTIONS|HEAD|PUT|DELETE|PATCH) [^ \r\n]{1,1000} \Z")
"""What stands before the version in such a line."""
_LONGEST_LINE: Final = 1020
_LONGEST_REQUEST: Final = 2000
"""How far behind the beginning of a request the header may be that asks for the upgrade."""
_LONGEST_IPV6: Final = 40 + 56
"""With a few extension headers."""
LONGEST_HEADERS: Final = _LONGEST_IPV6 + 60
"""IP and TCP headers with all their options."""
_EXCERPT: Final = 400
"""Bytes of an HTTP/1 answer that are looked at."""
SEAM: Final = LONGEST_HEADERS + _LONGEST_REQUEST
"""Bytes that may be needed again when the next ones come."""
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
"""Those that answer what is no TLS at all (RFC 8446 §6)."""


class ConnectionStarts(NamedTuple):
    """What one side of a connection begins with."""

    source: Endpoint
    destination: Endpoint
    speech: DetectedProtocol


class _Ip(NamedTuple):
    source: str
    destination: str
    payload: int
    """Bytes behind the header; less than none where a network card was to fill that in."""


class SegmentHeaders(NamedTuple):
    """What the headers of IP and TCP before a segment tell."""

    source: Endpoint
    destination: Endpoint
    payload: int
    """Bytes; less than none where a network card was to fill that in."""


def find_connection_starts(data: bytes) -> Iterator[ConnectionStarts]:
    """The openings in a stretch of capture bytes, in their order."""
    found = (
        (start, match.end(), search.read)
        for search in _SEARCHES
        for match in search.pattern.finditer(data)
        for start in search.starts(data, match.start())
    )
    for start, end, read in sorted(found, key=itemgetter(0)):
        if start >= 0 and (words := _words_at(data, start, end, read)) is not None:
            yield words


def _words_at(data: bytes, start: int, end: int, read: Callable[[bytes], DetectedProtocol]) -> ConnectionStarts | None:
    """What a TCP segment begins with here; None where none begins."""
    segment = segment_before(data[max(start - LONGEST_HEADERS, 0) : start])
    if segment is None:
        return None
    said = data[start : max(end, start + min(segment.payload, _EXCERPT))]
    return ConnectionStarts(segment.source, segment.destination, read(said))


def _hello(data: bytes) -> DetectedProtocol:
    return DetectedProtocol(Protocol.TLS, "ClientHello" if data[5] == 1 else "ServerHello")


def _alert(data: bytes) -> DetectedProtocol:
    return DetectedProtocol(Protocol.TLS, f"alert {_ALERTS.get(data[6], data[6])}")


def _http1(data: bytes) -> DetectedProtocol:
    head, _, body = data.partition(b"\r\n\r\n")
    first, said = _text(head.partition(b"\r\n")[0]), _text(body) if data.startswith(b"HTTP/") else ""
    return DetectedProtocol(Protocol.HTTP1, f"{first}: {said}" if said else first)


def _http1_starts(data: bytes, version: int) -> Iterator[int]:
    """Where a status line begins, or the request line that ends with the version here."""
    if data[version + 8 : version + 9] == b" ":
        yield version
    elif (line := _REQUEST_START.search(data, max(version - _LONGEST_LINE, 0), version)) is not None:
        yield line.start()


def _upgrade(data: bytes) -> DetectedProtocol:
    return DetectedProtocol(Protocol.HTTP1, "Upgrade", data.split(b" ", 2)[1].decode(errors="replace"))


def _text(data: bytes) -> str:
    """Printable ASCII without the tags of HTML."""
    return b" ".join(re.sub(rb"<[^>]*>|[^ -~]", b" ", data).split()).decode()[:80]


def _request_starts(data: bytes, end: int) -> Iterator[int]:
    """Where the HTTP/1.1 request may begin that has a header here."""
    first = max(end - _LONGEST_REQUEST, 0)
    return (first + line.start() for line in _REQUEST_LINE.finditer(data[first:end]))


class _Search(NamedTuple):
    """What to look for, and what it says."""

    pattern: re.Pattern[bytes]
    read: Callable[[bytes], DetectedProtocol]
    starts: Callable[[bytes, int], Iterable[int]] = lambda _data, start: (start,)
    """Where the segment may begin in which it was found."""


def _search(pattern: bytes, *how: Any) -> _Search:
    return _Search(re.compile(pattern, re.DOTALL), *how)


# One search for each, as each begins with bytes that are found at memory's speed: together they would not be.
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
    """What the TCP header that ends here tells; None where IP and TCP headers do not fit together."""
    for length in range(20, min(60, len(headers)) + 1, 4):
        tcp = headers[-length:]
        if tcp[12] >> 4 == length // 4 and (ip := _ip_header(headers[:-length])) is not None:
            ports = int.from_bytes(tcp[:2], "big"), int.from_bytes(tcp[2:4], "big")
            return SegmentHeaders(
                Endpoint(ip.source, ports[0]), Endpoint(ip.destination, ports[1]), ip.payload - length
            )
    return None


def _ip_header(headers: bytes) -> _Ip | None:
    """The IP header that ends here, before TCP."""
    for length in range(40, min(len(headers), _LONGEST_IPV6) + 1, 8):
        ip = headers[-length:]
        if ip[0] >> 4 == 6 and _payload_of_ipv6(ip) == _TCP:
            source, destination = (socket.inet_ntop(socket.AF_INET6, each) for each in (ip[8:24], ip[24:40]))
            return _Ip(source, destination, int.from_bytes(ip[4:6], "big") - (length - 40))
    for length in range(20, min(60, len(headers)) + 1, 4):
        ip = headers[-length:]
        if ip[0] == 0x40 | length // 4 and ip[9] == _TCP:
            source, destination = socket.inet_ntoa(ip[12:16]), socket.inet_ntoa(ip[16:20])
            return _Ip(source, destination, int.from_bytes(ip[2:4], "big") - length)
    return None


def _payload_of_ipv6(headers: bytes) -> int | None:
    """The protocol behind an IPv6 header and its extensions (RFC 8200 §4); None where they do not fill these bytes."""
    protocol, at = headers[6], 40
    while at < len(headers) and protocol in _EXTENSIONS:
        protocol, at = headers[at], at + 8 * (1 + (headers[at + 1] if protocol != _FRAGMENT else 0))
    return protocol if at == len(headers) else None


_Ends: TypeAlias = tuple[Endpoint, Endpoint]
_BOUND: Final = 100_000
"""Connections that are remembered."""


class Opening(NamedTuple):
    """What a port is to be decoded as."""

    port: int
    is_tls: bool
    is_http1: bool = False
    """True for a beginning in HTTP/1.1 from which HTTP/2 may follow."""
    is_answer: bool = False
    """True when the port itself said so, False when a client did."""


class PortFinder:
    """Fed the bytes of one capture in their order, tells the openings found in them."""

    def __init__(self) -> None:
        self._tail = b""
        """The end of what was fed before: an opening, or the headers before it, may begin there."""
        self._clients: set[_Ends] = set()
        """Who opened a connection, and to whom."""
        self._early: set[_Ends] = set()
        """Who sent SETTINGS, and to whom, where nobody has opened a connection yet: servers may speak first."""

    def feed(self, data: bytes) -> Iterator[tuple[ConnectionStarts, tuple[Opening, ...]]]:
        """What sides begin with in these bytes, and what that says of ports; those at the seam may be told twice."""
        joined = self._tail + data
        for found in find_connection_starts(joined):
            yield found, tuple(self._openings(found))
        self._tail = joined[-SEAM:]

    def _openings(self, found: ConnectionStarts) -> Iterator[Opening]:
        ends, turned = (found.source, found.destination), (found.destination, found.source)
        is_tls = found.speech.protocol is Protocol.TLS
        if found.speech.text in ("preface", "ClientHello"):
            _remember(self._clients, ends)
            yield Opening(found.destination.port, is_tls)
            if turned in self._early:
                yield Opening(found.destination.port, is_tls=False, is_answer=True)
        elif found.speech.text in ("CONNECT", "Upgrade"):
            yield Opening(found.destination.port, is_tls=False, is_http1=True)
        elif found.speech.text in ("SETTINGS", "ServerHello"):
            if turned in self._clients:
                yield Opening(found.source.port, is_tls, is_answer=True)
            elif ends not in self._clients and not is_tls:
                _remember(self._early, ends)


def _remember(known: set[_Ends], ends: _Ends) -> None:
    if len(known) < _BOUND:
        known.add(ends)
