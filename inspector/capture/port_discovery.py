"""Finds ports that carry HTTP/2 in raw capture bytes by what looks like its frames, where no opening was captured.

For captures that began later than their connections. A TCP segment counts when it is, from its first byte to its
last, a chain of frames as RFC 9113 §6 allows them. One with a request's headers is enough, as are headers of a request
and of its reply; of others several are asked for, as one could be chance.
"""

from __future__ import annotations

import re
import struct
from collections import defaultdict
from collections.abc import Iterator
from typing import Final, NamedTuple

from inspector.capture.protocol_detection import Opening
from inspector.model.frame import FRAME_HEADER

_IP: Final = re.compile(rb"\x06(?:(?<=[\x45-\x4f].{9})|(?<=[\x60-\x6f].{6}))", re.DOTALL)
"""The byte of an IPv4 or IPv6 header which says that TCP follows. It comes first because the search for a plain byte
is sixty times faster than one for classes of them."""
_BEFORE: Final = ((4, 9), (6, 6))
"""By version of IP: how many bytes of the header are before that byte."""
_LONGEST_PACKET: Final = 65_575
_LONGEST_FRAME: Final = 1 << 14
"""What a peer accepts unless it says otherwise (§4.2); longer frames are of connections that say so."""
_ENOUGH: Final = 4
"""Segments of a connection that are chains of frames, of at least two types together."""
_PATIENCE: Final = 6
"""Such segments after which it is not waited any longer for what tells who is the server."""
_CONTROL: Final = 0x3F
_SYN, _SYN_ACK = 0x02, 0x12
"""Control bits of TCP (RFC 9293 §3.1)."""
_METHODS: Final = frozenset({0x82, 0x83})
_SCHEMES: Final = frozenset({0x86, 0x87})
_PATHS: Final = frozenset({0x04, 0x14, 0x44})
_STATUSES: Final = frozenset(range(0x88, 0x8F))
"""Indexed fields of HPACK's static table (RFC 7541, appendix A): `:method`, `:scheme`, literal `:path`, `:status`."""
_TCP_START: Final = struct.Struct("!HHI")
_ALL_OF: Final = 16 * 1024 * 1024
_ONE_IN: Final = 16
"""Connections that began before the capture speak in its first bytes, or often: to look at 50 MB takes a second."""
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
    control: int
    payload: bytes


class FrameScan:
    """Fed the bytes of one capture in their order, tells the ports whose segments look like HTTP/2."""

    def __init__(self) -> None:
        self._tail = b""
        self._fed = 0
        self._seen: set[tuple[int, int, int]] = set()
        self._pairs: defaultdict[tuple[int, int], _Pair] = defaultdict(_Pair)
        self._told: set[tuple[int, int]] = set()

    def feed(self, data: bytes) -> Iterator[Opening]:
        """The ports that are recognised with these bytes. Behind the first ones, only some are looked at."""
        if not data:  # nothing came but the beginning of a packet, or the end of the capture
            return
        self._fed += len(data)
        if self._fed > _ALL_OF and (self._fed // len(data)) % _ONE_IN:
            self._tail = b""
            return
        joined = self._tail + data
        for match in _IP.finditer(joined):
            for version, before in _BEFORE:
                at = match.start() - before
                if at >= 0 and joined[at] >> 4 == version and (segment := _segment_at(joined, at)) is not None:
                    yield from self._weigh(segment)
        self._tail = joined[-_LONGEST_PACKET:]

    def _weigh(self, segment: _Segment) -> Iterator[Opening]:
        ports = min(segment[:2]), max(segment[:2])
        if ports in self._told or segment[:3] in self._seen or len(self._seen) >= _SEGMENTS_BOUND:
            return
        if not segment.payload:
            self._pairs[ports].note_opening(segment)
        elif frames := list(_frames(segment.payload)):
            self._seen.add(segment[:3])
            if server := self._pairs[ports].weigh(segment, frames):
                self._told.add(ports)
                yield Opening(server, is_tls=False)


class _Frame(NamedTuple):
    kind: int
    stream: int
    start: int
    """Where its payload begins in the segment."""
    end: int
    """Behind its payload; beyond the segment where the frame goes on in the next."""


def _frames(payload: bytes) -> Iterator[_Frame]:
    """The frames that a segment begins with, up to what cannot be one."""
    at = 0
    while len(payload) - at >= FRAME_HEADER:
        length, kind, flags = int.from_bytes(payload[at : at + 3], "big"), payload[at + 3], payload[at + 4]
        stream = int.from_bytes(payload[at + 5 : at + 9], "big")
        if not _is_plausible(length, kind, flags, stream):
            return
        yield _Frame(kind, stream, at + FRAME_HEADER, at + FRAME_HEADER + length)
        at += FRAME_HEADER + length


class _Pair:
    """What is known of the connections between two ports."""

    __slots__ = ("_chains", "_kinds", "_server", "_streams")

    def __init__(self) -> None:
        self._chains = 0
        self._kinds: set[int] = set()
        self._server = 0
        """The server's port, by its headers or by who opened a connection; 0 while nothing tells."""
        self._streams: dict[bool, set[int]] = {True: set(), False: set()}
        """Where headers of a request were seen, and where of a reply."""

    def note_opening(self, segment: _Segment) -> None:
        """The client sent a SYN, or the server its answer."""
        self._server = self._server or (segment.destination if segment.control == _SYN else segment.source)

    def weigh(self, segment: _Segment, frames: list[_Frame]) -> int:
        """The server's port when with this segment no doubt is left; else 0."""
        is_chain = frames[-1].end == len(segment.payload)
        spoken = list(_spoken(segment, frames))
        for is_request, stream in spoken:
            self._server = segment.destination if is_request else segment.source
            self._streams[is_request].add(stream)
        if self._streams[True] & self._streams[False] or (is_chain and any(is_request for is_request, _ in spoken)):
            return self._server
        if is_chain:
            self._chains += 1
            self._kinds.update(frame.kind for frame in frames)
        if self._chains < _ENOUGH or len(self._kinds) == 1:
            return 0
        # Where nothing tells: servers mostly listen below the range that systems give to clients.
        return self._server or (min(segment[:2]) if self._chains >= _PATIENCE else 0)


def _spoken(segment: _Segment, frames: list[_Frame]) -> Iterator[tuple[bool, int]]:
    """For each HEADERS that tells: whether it is a request's, not a reply's, and its stream."""
    for kind, stream, start, end in frames:
        block = segment.payload[start : min(end, start + 8)]
        if kind == _HEADERS and block and block[0] in _STATUSES:
            yield False, stream
        elif kind == _HEADERS and _METHODS & set(block[:4]) and (_SCHEMES | _PATHS) & set(block):
            yield True, stream


def _is_plausible(length: int, kind: int, flags: int, stream: int) -> bool:
    if kind > _CONTINUATION or flags & ~_FLAGS[kind] or length > _LONGEST_FRAME or stream >= 1 << 31:
        return False
    if length != _FIXED_LENGTHS.get(kind, length):
        return False
    if kind in (_SETTINGS, _PING, _GOAWAY):
        return stream == 0 and not (kind == _SETTINGS and length % 6) and not (kind == _GOAWAY and length < 8)
    return stream > 0 or kind == _WINDOW_UPDATE


def _segment_at(data: bytes, at: int) -> _Segment | None:
    """The TCP segment whose IP header is here; None for one of no use: neither frames in it nor the first, or cut."""
    if data[at] >> 4 == 4:
        start, end = at + 4 * (data[at] & 15), at + int.from_bytes(data[at + 2 : at + 4], "big")
    else:
        start, end = at + 40, at + 40 + int.from_bytes(data[at + 4 : at + 6], "big")
    if end > len(data) or end - start < 20:
        return None
    payload, control = start + 4 * (data[start + 12] >> 4), data[start + 13] & _CONTROL
    is_opening = payload == end and control in (_SYN, _SYN_ACK)
    if not (is_opening or start + 20 <= payload <= end - FRAME_HEADER):
        return None
    source, destination, number = _TCP_START.unpack_from(data, start)
    return _Segment(source, destination, number, control, data[payload:end])
