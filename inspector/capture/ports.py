"""Finds the TCP ports that speak HTTP/2 or TLS in raw capture bytes, without walking the packets.

tshark must be told the ports of cleartext HTTP/2 before it starts. A client's connection preface (RFC 9113 §3.4) and
a TLS ClientHello (RFC 8446 §4.1.2) are rare and easily searched for; whether one really begins a TCP segment is then
checked on the IP and TCP headers right before it. So neither the file format nor the link layer matters, and a
gigabyte takes well under a second.

Some connections begin with HTTP/1.1 and go on with HTTP/2: those that are upgraded (RFC 7540 §3.2), and those through a
proxy (RFC 9110 §9.3.6). tshark follows them where it is told that the port is HTTP.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from typing import Final, NamedTuple

# A search for each, as all begin with bytes that are found at memory's speed: together they would not be.
_PREFACE: Final = re.compile(rb"PRI \* HTTP/2\.0\r\n\r\n")
_CLIENT_HELLO: Final = re.compile(rb"\x16\x03[\x00-\x04]..\x01\x00..\x03[\x00-\x04]", re.DOTALL)
_CONNECT: Final = re.compile(rb"CONNECT [^ \r\n]{1,300} HTTP/1")
_UPGRADES: Final = re.compile(rb"HTTP2-Settings: "), re.compile(rb"http2-settings: ")
_REQUEST_LINE: Final = re.compile(rb"(?:GET|POST|OPTIONS|HEAD|PUT) [^ \r\n]{1,1000} HTTP/1\.1\r\n")
_LONGEST_REQUEST: Final = 2000
"""How far behind the beginning of a request the header may be that asks for the upgrade."""
_LONGEST_IPV6: Final = 40 + 56
"""With a few extension headers."""
_LONGEST_HEADERS: Final = _LONGEST_IPV6 + 60
"""IP and TCP headers with all their options."""
_TCP: Final = 6
_FRAGMENT: Final = 44
_EXTENSIONS: Final = frozenset({0, 43, _FRAGMENT, 60})
"""Hop-by-hop options, routing, fragment, destination options."""


class Opening(NamedTuple):
    """The first bytes that a client sent to a port."""

    port: int
    is_tls: bool
    is_http1: bool = False
    """True for a beginning in HTTP/1.1 from which HTTP/2 may follow."""


class PortFinder:
    """Fed the bytes of one capture in their order, tells the openings found in them."""

    __slots__ = ("_tail",)

    def __init__(self) -> None:
        self._tail = b""
        """The end of what was fed before: an opening, or the headers before it, may begin there."""

    def feed(self, data: bytes) -> Iterator[Opening]:
        """The openings that end in these bytes; those at the seam may be told twice."""
        joined = self._tail + data
        yield from find_openings(joined)
        self._tail = joined[-(_LONGEST_HEADERS + _LONGEST_REQUEST) :]


def find_openings(data: bytes | memoryview) -> Iterator[Opening]:
    """The openings in a stretch of capture bytes."""
    for start in _starts(data, _PREFACE):
        yield from _opening(data, start)
    for start in _starts(data, _CLIENT_HELLO):
        yield from _opening(data, start, is_tls=True)
    for start in _starts(data, _CONNECT):
        yield from _opening(data, start, is_http1=True)
    for end in chain.from_iterable(_starts(data, upgrade) for upgrade in _UPGRADES):
        for start in _request_starts(data, end):
            yield from _opening(data, start, is_http1=True)


def _starts(data: bytes | memoryview, opening: re.Pattern[bytes]) -> Iterator[int]:
    return (match.start() for match in opening.finditer(data))


def _opening(
    data: bytes | memoryview, start: int, *, is_tls: bool = False, is_http1: bool = False
) -> Iterator[Opening]:
    headers = bytes(data[max(start - _LONGEST_HEADERS, 0) : start])
    if (port := _destination_port(headers)) is not None:
        yield Opening(port, is_tls, is_http1)


def _request_starts(data: bytes | memoryview, end: int) -> Iterator[int]:
    """Where the HTTP/1.1 request may begin that has a header here."""
    first = max(end - _LONGEST_REQUEST, 0)
    return (first + line.start() for line in _REQUEST_LINE.finditer(data[first:end]))


def _destination_port(headers: bytes) -> int | None:
    """The port of the TCP header that ends here; None where IP and TCP headers do not fit together."""
    for length in range(20, min(60, len(headers)) + 1, 4):
        tcp = headers[-length:]
        if tcp[12] >> 4 == length // 4 and _is_ip_before_tcp(headers[:-length]):
            return int.from_bytes(tcp[2:4], "big")
    return None


def _is_ip_before_tcp(headers: bytes) -> bool:
    for length in range(40, min(len(headers), _LONGEST_IPV6) + 1, 8):
        ip = headers[-length:]
        if ip[0] >> 4 == 6 and _payload_of_ipv6(ip) == _TCP:
            return True
    for length in range(20, min(60, len(headers)) + 1, 4):
        ip = headers[-length:]
        if ip[0] == 0x40 | length // 4 and ip[9] == _TCP:
            return True
    return False


def _payload_of_ipv6(headers: bytes) -> int | None:
    """The protocol behind an IPv6 header and its extensions (RFC 8200 §4); None where they do not fill these bytes."""
    protocol, at = headers[6], 40
    while at < len(headers) and protocol in _EXTENSIONS:
        protocol, at = headers[at], at + 8 * (1 + (headers[at + 1] if protocol != _FRAGMENT else 0))
    return protocol if at == len(headers) else None
