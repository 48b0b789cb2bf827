"""Finds the TCP ports that speak HTTP/2 or TLS in raw capture bytes, without walking the packets.

tshark must be told the ports of cleartext HTTP/2 before it starts. A client's connection preface (RFC 9113 §3.4) and
a TLS ClientHello (RFC 8446 §4.1.2) are rare and easily searched for; whether one really begins a TCP segment is then
checked on the IP and TCP headers right before it. So neither the file format nor the link layer matters, and a
gigabyte takes well under a second.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

# One search for each, as both begin with bytes that are found at memory's speed: together they would not be.
_PREFACE: Final = re.compile(rb"PRI \* HTTP/2\.0\r\n\r\n")
_CLIENT_HELLO: Final = re.compile(rb"\x16\x03[\x00-\x04]..\x01\x00..\x03[\x00-\x04]", re.DOTALL)
_LONGEST_OPENING: Final = 24
_LONGEST_HEADERS: Final = 60 + 60
"""IPv4 and TCP headers with all their options; IPv6 without extension headers is shorter."""
_TCP: Final = 6


class Opening(NamedTuple):
    """The first bytes that a client sent to a port."""

    port: int
    is_tls: bool


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
        self._tail = joined[-(_LONGEST_HEADERS + _LONGEST_OPENING) :]


def find_openings(data: bytes | memoryview) -> Iterator[Opening]:
    """The openings in a stretch of capture bytes."""
    for opening in (_PREFACE, _CLIENT_HELLO):
        for match in opening.finditer(data):
            start = match.start()
            headers = bytes(data[max(start - _LONGEST_HEADERS, 0) : start])
            if (port := _destination_port(headers)) is not None:
                yield Opening(port, is_tls=opening is _CLIENT_HELLO)


def _destination_port(headers: bytes) -> int | None:
    """The port of the TCP header that ends here; None where IP and TCP headers do not fit together."""
    for length in range(20, min(60, len(headers)) + 1, 4):
        tcp = headers[-length:]
        if tcp[12] >> 4 == length // 4 and _is_ip_before_tcp(headers[:-length]):
            return int.from_bytes(tcp[2:4], "big")
    return None


def _is_ip_before_tcp(headers: bytes) -> bool:
    if len(headers) >= 40 and headers[-40] >> 4 == 6 and headers[-40 + 6] == _TCP:
        return True
    for length in range(20, min(60, len(headers)) + 1, 4):
        ip = headers[-length:]
        if ip[0] == 0x40 | length // 4 and ip[9] == _TCP:
            return True
    return False
