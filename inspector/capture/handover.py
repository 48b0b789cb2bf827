"""Where a fresh tshark goes on with a capture, and what it is told first, so that it reads on in whole frames.

Pure. Before the packets that are still to come, the fresh one gets the latest packet of each direction of each open
connection, and any that hold the beginning of a frame. What has been read already stands in them as one frame of an
unknown type: so it knows the sequence numbers, begins at a frame, and tells nothing twice. What HPACK inserted before
it cannot know; `protocol.header_recovery` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from inspector.capture.first_words import LONGEST_HEADERS, segment_before
from inspector.capture.lanes import Ends, Lane, Lanes, Piece, ends_of
from inspector.model.endpoint import Endpoint
from inspector.model.frame import FRAME_HEADER

_FILLER: Final = b"\xfa\x00\x00\x00\x00\x00"
"""The end of a frame header: a type that nobody knows and everybody passes over (RFC 9113 §5.5), on stream 0."""
_HEADERS_END: Final = 400
"""Bytes of a record in which TCP's header is looked for."""


@dataclass(frozen=True, slots=True)
class Handover:
    """A place between two packets of a capture; the default is its beginning."""

    number: int = 0
    """The last packet before it."""
    offset: int = 0
    """Bytes of the capture before it."""
    opening: bytes = b""
    """What the fresh tshark gets before what comes from there on: a file header, and packets told again."""
    introduced: int = 0
    """How many packets those are."""
    connections: int = 0
    """How many TCP connections there were."""
    between: Mapping[Ends, int] = field(default_factory=dict)
    """The latest connection between two ends."""

    def numbering(self) -> Numbering | None:
        """Maps what the fresh tshark counts; None where it counts from the beginning."""
        return Numbering(self) if self.number else None


def hand_over(number: int, offset: int, preamble: bytes, lanes: Lanes) -> Handover:
    """Go on behind a packet, when `lanes` has counted all up to it and has the records that it asked for."""
    told = sorted(each for _, lane in lanes if lanes.can_go_on(lane) for each in _introduction(lane))
    opening = preamble + b"".join(record for _, record in told)
    return Handover(number, offset, opening, len(told), lanes.connections, dict(lanes.between))


class Numbering:
    """What one tshark that began at a handover calls a packet and a connection, in the numbers of the capture."""

    def __init__(self, handover: Handover) -> None:
        self._shift = handover.number - handover.introduced
        self._between = handover.between
        self._first = self._next = handover.connections
        self._connections: dict[int, int] = {}

    def packet(self, number: int) -> int:
        """A packet's number; up to that of the handover for those that are told again."""
        return number + self._shift

    def connection(self, stream: int, source: Endpoint, destination: Endpoint, *, opens: bool) -> int:
        """A connection's index; `opens` is true for a SYN that has not been there before."""
        known = self._connections.get(stream)
        if known is None and not opens:
            known = self._between.get(ends_of(source, destination))
        if known is None or (opens and known < self._first):
            known, self._next = self._next, self._next + 1
        self._connections[stream] = known
        return known


def _introduction(lane: Lane) -> list[tuple[int, bytes]]:
    """The packets of a direction, what was read of them covered by one frame; none where that cannot be."""
    covered = lane.covered
    if 0 < covered < FRAME_HEADER:
        return []
    cover = (covered - FRAME_HEADER).to_bytes(3, "big") + _FILLER if covered else b""
    told = []
    for piece in lane.pieces:
        at = _payload_at(piece, lane)
        if at is None:
            return []
        part, cover = cover[: piece.payload], cover[piece.payload :]
        told.append((piece.number, piece.record[:at] + part + piece.record[at + len(part) :]))
    return told


def _payload_at(piece: Piece, lane: Lane) -> int | None:
    """Where TCP's payload begins in a record, whatever the link layer is; None where that cannot be told."""
    record, ports = piece.record, lane.source.port.to_bytes(2, "big") + lane.destination.port.to_bytes(2, "big")
    start = record.find(ports, 0, _HEADERS_END)
    while start >= 0:
        end = start + (record[start + 12] >> 4) * 4 if start + 12 < len(record) else 0
        if start < end <= len(record) - piece.payload:
            segment = segment_before(record[max(end - LONGEST_HEADERS, 0) : end])
            if segment is not None and (segment.payload < 0 or segment.payload == piece.payload):
                return end
        start = record.find(ports, start + 1, _HEADERS_END)
    return None
