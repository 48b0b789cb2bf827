"""Replaces a tshark that holds too much memory by a fresh one, which resumes between two packets of the capture.

tshark takes about 2.5 KB of memory per packet and has no way to release it: `-M` loses the HPACK state and restarts
the numbering. A fresh tshark resumes behind synthetic packets that put every direction between two frames.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from inspector.capture.protocol_detection import MAX_HEADERS, segment_before
from inspector.capture.spool import Recording
from inspector.model.frame import FRAME_HEADER, Endpoint, Packet
from inspector.pcap.reader import PacketWalk
from inspector.pcap.records import Remainder
from inspector.scheduling import yield_to_ui
from inspector.tshark.binary import Decoding
from inspector.tshark.flow_state import EndpointPair, FlowPacket, FlowState, FlowStates, pair_of

_IGNORED_FRAME: Final = b"\xfa\x00\x00\x00\x00\x00"
"""A frame header without its length: an unknown type, which receivers ignore (RFC 9113 §5.5), on stream 0."""
_MAX_TCP_OFFSET: Final = 400
"""Bytes of a record in which the TCP header is searched."""


@dataclass(frozen=True, slots=True)
class ResumePoint:
    """A place between two packets of a capture; by default its beginning."""

    number: int = 0
    """The last packet before it."""
    offset: int = 0
    """Bytes of the capture before it."""
    opening: bytes = b""
    """What the fresh tshark reads first: a file header, and packets to restore its state."""
    repeated: int = 0
    """How many packets `opening` holds."""
    connections: int = 0
    """How many TCP connections there were."""
    between: Mapping[EndpointPair, int] = field(default_factory=dict)
    """The latest connection between two ends."""

    def numbering(self) -> ResumedNumbering | None:
        """Return the mapping of the fresh tshark's numbers; None where it counts from the beginning."""
        return ResumedNumbering(self) if self.number else None


def _resume_after(number: int, offset: int, preamble: bytes, flows: FlowStates) -> ResumePoint:
    """Build the resume point behind a packet; `flows` has counted up to it and has all records."""
    repeated = sorted(packet for _, flow in flows if flows.can_resume(flow) for packet in _restoring_packets(flow))
    opening = preamble + b"".join(record for _, record in repeated)
    return ResumePoint(number, offset, opening, len(repeated), flows.connections, dict(flows.between))


class ResumedNumbering:
    """Maps the packet and connection numbers of a tshark that resumed to those of the capture."""

    def __init__(self, resumed: ResumePoint) -> None:
        self._shift = resumed.number - resumed.repeated
        self._between = resumed.between
        self._first = self._next = resumed.connections
        self._connections: dict[int, int] = {}

    def packet(self, number: int) -> int:
        """Return a packet's number; repeated packets get the resume point's number or a lower one."""
        return number + self._shift

    def connection(self, stream: int, source: Endpoint, destination: Endpoint, *, opens: bool) -> int:
        """Return the index of the connection that is `tcp.stream`; `opens` is true for a SYN that is no repetition."""
        index = self._connections.get(stream)
        if index is None and not opens:
            index = self._between.get(pair_of(source, destination))
        if index is None or (opens and index < self._first):
            index, self._next = self._next, self._next + 1
        self._connections[stream] = index
        return index


def _restoring_packets(flow: FlowState) -> list[tuple[int, bytes]]:
    """Return a direction's packets with their whole frames replaced by one ignored frame; empty where impossible."""
    covered = flow.covered
    if 0 < covered < FRAME_HEADER:
        return []
    cover = (covered - FRAME_HEADER).to_bytes(3, "big") + _IGNORED_FRAME if covered else b""
    restoring = []
    for packet in flow.packets:
        at = _payload_offset(packet, flow)
        if at is None:
            return []
        part, cover = cover[: packet.payload], cover[packet.payload :]
        restoring.append((packet.number, packet.record[:at] + part + packet.record[at + len(part) :]))
    return restoring


def _payload_offset(packet: FlowPacket, flow: FlowState) -> int | None:
    """Find where TCP's payload begins in a record of any link type; None where that is uncertain."""
    record, ports = packet.record, flow.source.port.to_bytes(2, "big") + flow.destination.port.to_bytes(2, "big")
    start = record.find(ports, 0, _MAX_TCP_OFFSET)
    while start >= 0:
        end = start + (record[start + 12] >> 4) * 4 if start + 12 < len(record) else 0
        if start < end <= len(record) - packet.payload:
            segment = segment_before(record[max(end - MAX_HEADERS, 0) : end])
            if segment is not None and (segment.payload < 0 or segment.payload == packet.payload):
                return end
        start = record.find(ports, start + 1, _MAX_TCP_OFFSET)
    return None


class GrowingRecording(Recording, Protocol):
    """A recording that is decoded while it grows, and may lose its oldest packets: a spool, or a file in its place."""

    is_finished: bool
    """True when nothing more will come."""

    @property
    def first(self) -> tuple[int, int]:
        """How many of its packets were deleted, and the offset of the first that was not."""

    @property
    def header(self) -> bytes:
        """The file header for a capture that begins with the first packet that was kept."""

    def is_too_large(self, before: int) -> bool:
        """True when it exceeds its share of the disk and has a part to delete that ends before an offset."""

    def delete_before(self, before: int) -> bool:
        """Delete the oldest parts that exceed its share and end before an offset; return whether any did."""


class TsharkRotation:
    """The sequence of tshark processes over one recording."""

    def __init__(self, max_memory: float = math.inf, max_packets: int | None = None) -> None:
        """Limit the bytes of memory that one tshark may hold, and the packets that it may read."""
        self.resume_point = ResumePoint()
        self.is_due = False
        """True when the current tshark is to read no further."""
        self._max_memory = max_memory
        self._max_packets = max_packets
        self._flows_at_resume_point = FlowStates()
        self._flows = FlowStates()
        self.latest = 0
        """The number of the packet that tshark has decoded latest; lower again when it starts again."""
        self._walk = PacketWalk()
        self._going = asyncio.Event()
        self._going.set()

    @property
    def is_paused(self) -> bool:
        """True between `pause` and `go_on`."""
        return not self._going.is_set()

    def attach(self, recording: GrowingRecording) -> None:
        """Start behind the deleted packets of a recording, if there are any."""
        number, offset = recording.first
        if number and not self.resume_point.number:
            self.resume_point = ResumePoint(number, offset, recording.header)
            self._walk = PacketWalk(number, offset, recording.header)

    def begin(self, decoding: Decoding) -> ResumedNumbering | None:
        """Note that a tshark starts at the resume point, and return the mapping of its numbers."""
        self.is_due = False
        self._flows_at_resume_point.ports = decoding.ports - decoding.tls_ports - decoding.http_ports
        self._flows = self._flows_at_resume_point.copy()
        self.latest = self.resume_point.number
        return self.resume_point.numbering()

    async def feed(self, recording: GrowingRecording) -> AsyncIterator[bytes]:
        """Yield the bytes that this tshark is to read; none while paused."""
        if self.resume_point.opening:
            yield self.resume_point.opening
        async for data in recording.read_from(self.resume_point.offset):
            await self.wait_going()
            yield data

    async def wait_going(self) -> None:
        """Wait until tshark may be fed."""
        await self._going.wait()

    def pause(self) -> None:
        """Stop feeding tshark until `go_on`; the packets that it was fed still come."""
        self._going.clear()

    def go_on(self) -> None:
        """Feed tshark again."""
        self._going.set()

    def take(self, packets: list[Packet]) -> list[Packet]:
        """Count packets of the current tshark, and return those to ingest: behind the resume point, within limits."""
        if self.is_due:
            return []
        resumed_at = self.resume_point.number
        if packets and packets[0].number <= resumed_at:
            packets = [packet for packet in packets if packet.number > resumed_at]
        if self._max_packets is not None and packets and packets[-1].number - resumed_at >= self._max_packets:
            packets = [packet for packet in packets if packet.number - resumed_at <= self._max_packets]
            self.is_due = True
        for packet in packets:
            self._flows.count(packet)
        if packets:
            self.latest = packets[-1].number
        return packets

    def is_too_large(self, memory: int) -> bool:
        """True when a tshark that holds so many bytes is to be replaced."""
        return memory > self._max_memory

    def end_here(self) -> bool:
        """Stop this tshark behind the latest packet; False, and no effect, where it has not decoded any."""
        self.is_due = self.latest > self.resume_point.number
        return self.is_due

    async def advance(self, recording: GrowingRecording) -> set[int]:
        """Move the resume point behind the latest packet, and return the connections that end there for tshark.

        Raises:
            ValueError: No packet can be found in a recording of this kind. The limits are lifted then.
        """
        flows = self._flows
        try:
            flows.add_records(await self._walk_to_latest(recording, flows.missing_records()))
        except ValueError:
            self._max_memory, self._max_packets = math.inf, None
            raise
        self._flows_at_resume_point = flows
        self.resume_point = _resume_after(self.latest, self._walk.offset, self._walk.preamble, flows)
        return flows.unreadable()

    async def _walk_to_latest(self, recording: GrowingRecording, wanted: set[int]) -> dict[int, bytes]:
        """Walk to the latest packet, and return the records of the wanted packets on the way."""
        walk, found, rest = self._walk, dict[int, bytes](), Remainder()
        async for piece in recording.read_from(walk.offset):
            if (data := rest.join(piece)) is None:
                continue
            offset = walk.offset
            found.update(walk.take(data, self.latest, wanted))
            rest.keep(data[walk.offset - offset :], walk.needed)
            if walk.number == self.latest:
                return found
            await yield_to_ui()
        raise ValueError(f"packet {self.latest} is not there")
