"""Replaces a tshark that holds too much memory, and where the next one resumes."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from inspector.capture.protocol_detection import LONGEST_HEADERS, segment_before
from inspector.capture.spool import Recording
from inspector.model.frame import FRAME_HEADER, Endpoint, Packet
from inspector.pcap.reader import PacketWalk
from inspector.pcap.records import Remainder
from inspector.scheduling import yield_to_ui
from inspector.tshark.binary import Decoding
from inspector.tshark.flow_state import Ends, FlowPacket, FlowState, FlowStates, ends_of

_FILLER: Final = b"\xfa\x00\x00\x00\x00\x00"
"""The end of a frame header: a type that nobody knows and everybody passes over (RFC 9113 §5.5), on stream 0."""
_HEADERS_END: Final = 400
"""Bytes of a record in which TCP's header is looked for."""


@dataclass(frozen=True, slots=True)
class ResumePoint:
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

    def numbering(self) -> ResumedNumbering | None:
        """Maps what the fresh tshark counts; None where it counts from the beginning."""
        return ResumedNumbering(self) if self.number else None


def resume_after(number: int, offset: int, preamble: bytes, lanes: FlowStates) -> ResumePoint:
    """Go on behind a packet, when `lanes` has counted all up to it and has the records that it asked for."""
    told = sorted(each for _, lane in lanes if lanes.can_go_on(lane) for each in _introduction(lane))
    opening = preamble + b"".join(record for _, record in told)
    return ResumePoint(number, offset, opening, len(told), lanes.connections, dict(lanes.between))


class ResumedNumbering:
    """What one tshark that began at a handover calls a packet and a connection, in the numbers of the capture."""

    def __init__(self, handover: ResumePoint) -> None:
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


def _introduction(lane: FlowState) -> list[tuple[int, bytes]]:
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


def _payload_at(piece: FlowPacket, lane: FlowState) -> int | None:
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


class GrowingRecording(Recording, Protocol):
    """A recording that is decoded, and of which the oldest may be deleted: a spool, or a file in its own place."""

    is_finished: bool
    """True when nothing more will come."""

    @property
    def first(self) -> tuple[int, int]:
        """How many of its packets were deleted, and the offset of the first that was not."""

    @property
    def header(self) -> bytes:
        """What a capture of those that were not begins with."""

    def is_too_large(self, before: int) -> bool:
        """True when it takes too much of the disk, and some could be deleted that ends before an offset."""

    def let_go(self, before: int) -> bool:
        """Delete what must be deleted, and ends before an offset; True when some was."""


class TsharkRotation:
    """One recording's chain of tsharks."""

    def __init__(self, share: float = math.inf, most: int | None = None) -> None:
        """`share` is how many bytes of memory one of them may hold, `most` how many packets it may read."""
        self.handover = ResumePoint()
        self.is_due = False
        """True when the present tshark is to read no further."""
        self._share = share
        self._most = most
        self._settled = FlowStates()
        self._lanes = FlowStates()
        self._latest = 0
        self._walk = PacketWalk()
        self._going = asyncio.Event()
        self._going.set()

    @property
    def latest(self) -> int:
        """The number of the packet that tshark has told of latest."""
        return self._latest

    @property
    def is_paused(self) -> bool:
        """True while tshark is not fed."""
        return not self._going.is_set()

    def attach(self, recording: GrowingRecording) -> None:
        """The recording is this one; where its beginning was deleted, the first tshark begins behind that."""
        number, offset = recording.first
        if number and not self.handover.number:
            self.handover = ResumePoint(number, offset, recording.header)
            self._walk = PacketWalk(number, offset, recording.header)

    def begin(self, decoding: Decoding) -> ResumedNumbering | None:
        """A tshark begins where the last handover was; what it says is to be read with this numbering."""
        self.is_due = False
        self._settled.ports = decoding.ports - decoding.tls_ports - decoding.http_ports
        self._lanes = self._settled.copy()
        self._latest = self.handover.number
        return self.handover.numbering()

    async def feed(self, recording: GrowingRecording) -> AsyncIterator[bytes]:
        """What that tshark is to read."""
        if self.handover.opening:
            yield self.handover.opening
        async for data in recording.read_from(self.handover.offset):
            await self.going()
            yield data

    async def going(self) -> None:
        """Wait until tshark may be fed."""
        await self._going.wait()

    def pause(self) -> None:
        """Feed tshark no more until `go_on`; what it has is still told."""
        self._going.clear()

    def go_on(self) -> None:
        """Feed it again."""
        self._going.set()

    def take(self, packets: list[Packet]) -> list[Packet]:
        """Those of its packets that are to be told."""
        if self.is_due:
            return []
        if packets and packets[0].number <= self.handover.number:
            packets = [packet for packet in packets if packet.number > self.handover.number]
        if self._most is not None and packets and packets[-1].number - self.handover.number >= self._most:
            packets = [packet for packet in packets if packet.number - self.handover.number <= self._most]
            self.is_due = True
        for packet in packets:
            self._lanes.take(packet)
        if packets:
            self._latest = packets[-1].number
        return packets

    def is_too_large(self, memory: int) -> bool:
        """True when a tshark that holds so many bytes is to make way."""
        return memory > self._share

    def end_here(self) -> bool:
        """Let another go on behind what was told last; False where nothing was."""
        self.is_due = self._latest > self.handover.number
        return self.is_due

    async def hand_over(self, recording: GrowingRecording) -> set[int]:
        """Find the place where another goes on; gives the connections of which nothing more can be read.

        Raises:
            ValueError: the recording is of a kind in which no packet can be found.
        """
        lanes = self._lanes
        try:
            lanes.settle(await self._records(recording, lanes.missing()))
        except ValueError:
            self._share, self._most = math.inf, None
            raise
        self._settled = lanes
        self.handover = resume_after(self._latest, self._walk.offset, self._walk.preamble, lanes)
        return lanes.sealed()

    async def _records(self, recording: GrowingRecording, wanted: set[int]) -> dict[int, bytes]:
        """Go on to the packet that was told last; the records of some on the way."""
        walk, found, rest = self._walk, dict[int, bytes](), Remainder()
        async for piece in recording.read_from(walk.offset):
            if (data := rest.join(piece)) is None:
                continue
            offset = walk.offset
            found.update(walk.take(data, self._latest, wanted))
            rest.keep(data[walk.offset - offset :], walk.needed)
            if walk.number == self._latest:
                return found
            await yield_to_ui()
        raise ValueError(f"packet {self._latest} is not there")
