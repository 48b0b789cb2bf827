"""Finds ports that carry HTTP/2 by the frames in raw capture bytes, for captures that began after their connections.

A TCP segment counts when it is a chain of frames, from its first byte to its last, that RFC 9113 §6 allows. One chain
with a request's headers is enough, as are headers of a request and of its reply. Otherwise several chains are needed,
as one may be chance.
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
"""The byte of an IPv4 or IPv6 header that announces TCP. The pattern begins with it, as searching for a plain byte is
sixty times faster than searching for classes of bytes."""
_PROTOCOL_AT: Final = ((4, 9), (6, 6))
"""By version of IP: the offset of that byte in the header."""
_MAX_PACKET: Final = 65_575
_MAX_FRAME: Final = 1 << 14
"""The default of SETTINGS_MAX_FRAME_SIZE (§4.2); few connections change it."""
_MIN_CHAINS: Final = 4
"""Segments between two ports that are chains of frames, of at least two types together."""
_MAX_CHAINS: Final = 6
"""Chains after which the server is guessed, if nothing has identified it."""
_CONTROL: Final = 0x3F
_SYN, _SYN_ACK = 0x02, 0x12
"""Control bits of TCP (RFC 9293 §3.1)."""
_METHODS: Final = frozenset({0x82, 0x83})
_SCHEMES: Final = frozenset({0x86, 0x87})
_PATHS: Final = frozenset({0x04, 0x14, 0x44})
_STATUSES: Final = frozenset(range(0x88, 0x8F))
"""Indexed fields of HPACK's static table (RFC 7541, appendix A): `:method`, `:scheme`, literal `:path`, `:status`."""
_TCP_START: Final = struct.Struct("!HHI")
_SCANNED_WHOLLY: Final = 16 * 1024 * 1024
"""Bytes at the beginning of a capture. Scanning 50 MB takes a second, and a connection that began before the capture
sends in its first bytes, or often."""
_SAMPLING: Final = 16
"""Behind those, one in so many pieces is scanned."""
_MAX_SEGMENTS: Final = 100_000
_DATA, _HEADERS, _PRIORITY, _RST_STREAM, _SETTINGS, _PUSH, _PING, _GOAWAY, _WINDOW_UPDATE, _CONTINUATION = range(10)
_FLAGS: Final = (0x09, 0x2D, 0, 0, 0x01, 0x0C, 0x01, 0, 0, 0x04)
"""By frame type: the flags that are defined for it."""
_FIXED_LENGTHS: Final = {_PRIORITY: 5, _RST_STREAM: 4, _PING: 8, _WINDOW_UPDATE: 4}


class _Segment(NamedTuple):
    source: int
    destination: int
    number: int
    """Its sequence number, so that a retransmission is not counted."""
    control: int
    payload: bytes


class FrameScan:
    """Scans the bytes of one capture, in their order, for ports whose segments look like HTTP/2."""

    def __init__(self) -> None:
        self._tail = b""
        self._fed = 0
        self._seen: set[tuple[int, int, int]] = set()
        self._pairs: defaultdict[tuple[int, int], _PortPair] = defaultdict(_PortPair)
        self._found: set[tuple[int, int]] = set()

    def feed(self, data: bytes) -> Iterator[Opening]:
        """Yield the ports that are recognised with these bytes."""
        if not data:  # part of a packet, or the end of the capture
            return
        self._fed += len(data)
        if self._fed > _SCANNED_WHOLLY and (self._fed // len(data)) % _SAMPLING:
            self._tail = b""
            return
        joined = self._tail + data
        for match in _IP.finditer(joined):
            for version, offset in _PROTOCOL_AT:
                at = match.start() - offset
                if at >= 0 and joined[at] >> 4 == version and (segment := _segment_at(joined, at)) is not None:
                    yield from self._weigh(segment)
        self._tail = joined[-_MAX_PACKET:]

    def _weigh(self, segment: _Segment) -> Iterator[Opening]:
        ports = min(segment[:2]), max(segment[:2])
        if ports in self._found or segment[:3] in self._seen or len(self._seen) >= _MAX_SEGMENTS:
            return
        if not segment.payload:
            self._pairs[ports].note_opening(segment)
        elif frames := list(_frames(segment.payload)):
            self._seen.add(segment[:3])
            if server := self._pairs[ports].weigh(segment, frames):
                self._found.add(ports)
                yield Opening(server, is_tls=False)


class _Frame(NamedTuple):
    kind: int
    stream: int
    start: int
    """Where its payload begins in the segment."""
    end: int
    """Where it ends: beyond the segment for a frame that continues in the next."""


def _frames(payload: bytes) -> Iterator[_Frame]:
    """Yield the frames at the beginning of a segment, up to bytes that cannot be a frame."""
    at = 0
    while len(payload) - at >= FRAME_HEADER:
        length, kind, flags = int.from_bytes(payload[at : at + 3], "big"), payload[at + 3], payload[at + 4]
        stream = int.from_bytes(payload[at + 5 : at + 9], "big")
        if not _is_plausible(length, kind, flags, stream):
            return
        yield _Frame(kind, stream, at + FRAME_HEADER, at + FRAME_HEADER + length)
        at += FRAME_HEADER + length


class _PortPair:
    """The evidence about the connections between two ports."""

    __slots__ = ("_chains", "_kinds", "_server", "_streams")

    def __init__(self) -> None:
        self._chains = 0
        self._kinds: set[int] = set()
        self._server = 0
        """The server's port, identified by headers or by a SYN; 0 while unknown."""
        self._streams: dict[bool, set[int]] = {True: set(), False: set()}
        """The streams with headers of a request (True) and of a reply."""

    def note_opening(self, segment: _Segment) -> None:
        """Note a SYN of the client, or the SYN-ACK of the server."""
        self._server = self._server or (segment.destination if segment.control == _SYN else segment.source)

    def weigh(self, segment: _Segment, frames: list[_Frame]) -> int:
        """Return the server's port when this segment completes the evidence; else 0."""
        is_chain = frames[-1].end == len(segment.payload)
        headers = list(_headers(segment, frames))
        for is_request, stream in headers:
            self._server = segment.destination if is_request else segment.source
            self._streams[is_request].add(stream)
        if self._streams[True] & self._streams[False] or (is_chain and any(is_request for is_request, _ in headers)):
            return self._server
        if is_chain:
            self._chains += 1
            self._kinds.update(frame.kind for frame in frames)
        if self._chains < _MIN_CHAINS or len(self._kinds) == 1:
            return 0
        # Unidentified: servers mostly listen below the range of ephemeral ports.
        return self._server or (min(segment[:2]) if self._chains >= _MAX_CHAINS else 0)


def _headers(segment: _Segment, frames: list[_Frame]) -> Iterator[tuple[bool, int]]:
    """Yield whether a HEADERS frame is a request's, and its stream, for those whose first fields show it."""
    for kind, stream, start, end in frames:
        block = segment.payload[start : min(end, start + 8)]
        if kind == _HEADERS and block and block[0] in _STATUSES:
            yield False, stream
        elif kind == _HEADERS and _METHODS & set(block[:4]) and (_SCHEMES | _PATHS) & set(block):
            yield True, stream


def _is_plausible(length: int, kind: int, flags: int, stream: int) -> bool:
    if kind > _CONTINUATION or flags & ~_FLAGS[kind] or length > _MAX_FRAME or stream >= 1 << 31:
        return False
    if length != _FIXED_LENGTHS.get(kind, length):
        return False
    if kind in (_SETTINGS, _PING, _GOAWAY):
        return stream == 0 and not (kind == _SETTINGS and length % 6) and not (kind == _GOAWAY and length < 8)
    return stream > 0 or kind == _WINDOW_UPDATE


def _segment_at(data: bytes, at: int) -> _Segment | None:
    """Return the TCP segment whose IP header is here; None where it is cut, or too short for a frame and no SYN."""
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
