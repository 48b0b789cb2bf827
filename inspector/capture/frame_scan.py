"""Finds ports that carry HTTP/2 in raw capture bytes by what looks like its frames, where no opening was captured.

For captures that began later than their connections. A TCP segment counts when it is, from its first byte to its
last, a chain of frames as RFC 9113 §6 allows them; several of those are asked for, as one could be chance. Slower
than the search for openings, so asked only where that found nothing.
"""

from __future__ import annotations

import re
import struct
from collections import defaultdict
from collections.abc import Iterator
from typing import Final, NamedTuple

from inspector.capture.ports import Opening

_IP: Final = re.compile(rb"(?=[\x45-\x4f].{8}\x06|[\x60-\x6f].{5}\x06)", re.DOTALL)
"""Where an IPv4 or IPv6 header whose payload is TCP may begin."""
_LONGEST_PACKET: Final = 65_575
_FRAME_HEADER: Final = 9
_LONGEST_FRAME: Final = 1 << 14
"""What a peer accepts unless it says otherwise (§4.2); longer frames are of connections that say so."""
_ENOUGH: Final = 4
"""Segments of a connection that are chains of frames, of at least two types together."""
_PATIENCE: Final = 6
"""Such segments after which it is not waited any longer for headers that tell who is the server."""
_METHODS: Final = frozenset({0x82, 0x83})
_SCHEMES: Final = frozenset({0x86, 0x87})
_STATUSES: Final = frozenset(range(0x88, 0x8F))
"""Indexed fields of HPACK's static table (RFC 7541, appendix A): `:method`, `:scheme`, `:status`."""
_TCP_START: Final = struct.Struct("!HHI")
_SEGMENTS_BOUND: Final = 100_000
_DATA, _HEADERS, _PRIORITY, _RST_STREAM, _SETTINGS, _PUSH, _PING, _GOAWAY, _WINDOW_UPDATE, _CONTINUATION = range(10)
_FLAGS: Final = (0x09, 0x2D, 0, 0, 0x01, 0x0C, 0x01, 0, 0, 0x04)
"""By type: the flags that are defined for it."""
_FIXED_LENGTHS: Final = {_PRIORITY: 5, _RST_STREAM: 4, _PING: 8, _WINDOW_UPDATE: 4}


class _Segment(NamedTuple):
    source: int
    destination: int
    number: int
    """Its sequence number, by which it is counted once."""
    payload: bytes


class FrameScan:
    """Fed the bytes of one capture in their order, tells the ports whose segments look like HTTP/2."""

    def __init__(self) -> None:
        self._tail = b""
        self._seen: set[tuple[int, int, int]] = set()
        self._found: defaultdict[tuple[int, int], list[frozenset[int]]] = defaultdict(list)
        self._servers: dict[tuple[int, int], int] = {}
        self._told: set[tuple[int, int]] = set()

    def feed(self, data: bytes) -> Iterator[Opening]:
        """The ports that are recognised with these bytes."""
        joined = self._tail + data
        for match in _IP.finditer(joined):
            if (segment := _segment_at(joined, match.start())) is not None:
                yield from self._weigh(segment)
        self._tail = joined[-_LONGEST_PACKET:]

    def _weigh(self, segment: _Segment) -> Iterator[Opening]:
        ports = min(segment[:2]), max(segment[:2])
        if ports in self._told or segment[:3] in self._seen or len(self._seen) >= _SEGMENTS_BOUND:
            return
        frames = list(_frames(segment.payload))
        if ports not in self._servers and (server := _server_of(segment, frames)):
            self._servers[ports] = server
        if not frames or frames[-1].end != len(segment.payload):
            return
        self._seen.add(segment[:3])
        found = self._found[ports]
        found.append(frozenset(frame.kind for frame in frames))
        if len(found) < _ENOUGH or len(frozenset().union(*found)) == 1:
            return
        if ports in self._servers or len(found) >= _PATIENCE:
            self._told.add(ports)
            # Where no header tells: servers mostly listen below the range that systems give to clients.
            yield Opening(self._servers.get(ports, ports[0]), is_tls=False)


class _Frame(NamedTuple):
    kind: int
    start: int
    """Where its payload begins in the segment."""
    end: int
    """Behind its payload; beyond the segment where the frame goes on in the next."""


def _frames(payload: bytes) -> Iterator[_Frame]:
    """The frames that a segment begins with, up to what cannot be one."""
    at = 0
    while len(payload) - at >= _FRAME_HEADER:
        length, kind, flags = int.from_bytes(payload[at : at + 3], "big"), payload[at + 3], payload[at + 4]
        if not _is_plausible(length, kind, flags, int.from_bytes(payload[at + 5 : at + 9], "big")):
            return
        yield _Frame(kind, at + _FRAME_HEADER, at + _FRAME_HEADER + length)
        at += _FRAME_HEADER + length


def _server_of(segment: _Segment, frames: list[_Frame]) -> int | None:
    """The server's port, by what the segment's HEADERS begin with; None where that does not tell."""
    for kind, start, end in frames:
        block = segment.payload[start : min(end, start + 8)]
        if kind != _HEADERS or not block:
            continue
        if block[0] in _STATUSES:
            return segment.source
        if _METHODS & set(block[:4]) and _SCHEMES & set(block):
            return segment.destination
    return None


def _is_plausible(length: int, kind: int, flags: int, stream: int) -> bool:
    if kind > _CONTINUATION or flags & ~_FLAGS[kind] or length > _LONGEST_FRAME or stream >= 1 << 31:
        return False
    if length != _FIXED_LENGTHS.get(kind, length):
        return False
    if kind in (_SETTINGS, _PING, _GOAWAY):
        return stream == 0 and not (kind == _SETTINGS and length % 6) and not (kind == _GOAWAY and length < 8)
    return stream > 0 or kind == _WINDOW_UPDATE


def _segment_at(data: bytes, at: int) -> _Segment | None:
    """The TCP segment with bytes in it whose IP header is here; None where there is none, or it is not whole."""
    if data[at] >> 4 == 4:
        start, end = at + 4 * (data[at] & 15), at + int.from_bytes(data[at + 2 : at + 4], "big")
    else:
        start, end = at + 40, at + 40 + int.from_bytes(data[at + 4 : at + 6], "big")
    if end > len(data) or end - start < 20:
        return None
    payload = start + 4 * (data[start + 12] >> 4)
    if not start + 20 <= payload <= end - _FRAME_HEADER:
        return None
    source, destination, number = _TCP_START.unpack_from(data, start)
    return _Segment(source, destination, number, data[payload:end])
