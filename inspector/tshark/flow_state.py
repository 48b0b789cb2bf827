"""Counts how far each direction of each HTTP/2 connection has been read in whole frames, so that a tshark can resume.

Sans-IO. TCP payload bytes come in, frames go out; the remainder is the beginning of a frame. The packets that hold a
remainder are remembered, and no others. `TsharkRotation` calls `FlowStates.count` for every packet.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple, TypeAlias

from inspector.model.frame import FRAME_HEADER, Endpoint, Packet, TcpEvent

PREFACE: Final = 24
"""Bytes that the client sends before its first frame (RFC 9113 §3.4)."""
_MAX_ENDPOINT_PAIRS: Final = 100_000
_MAX_CONNECTIONS: Final = 20_000
_DISCONTINUITY: Final = TcpEvent.GAP | TcpEvent.OUT_OF_ORDER | TcpEvent.CUT

EndpointPair: TypeAlias = tuple[Endpoint, Endpoint]
"""The two ends of a connection, in an order that does not depend on the direction."""


class FlowPacket(NamedTuple):
    """A packet with payload of one direction."""

    number: int
    payload: int
    """Bytes of TCP payload."""
    record: bytes = b""
    """The packet's record in the capture; empty until `FlowStates.add_records`."""


class FlowState:
    """One direction of a connection."""

    __slots__ = ("destination", "packets", "remainder", "source")

    def __init__(self, source: Endpoint, destination: Endpoint, remainder: int | None) -> None:
        self.source = source
        self.destination = destination
        self.remainder = remainder
        """Bytes of a frame that is not whole yet; None where frame boundaries are unknown."""
        self.packets: deque[FlowPacket] = deque()
        """The latest packets: those that hold the remainder, preceded by at least a frame header's worth of bytes."""

    def count(self, packet: Packet) -> None:
        """Count a packet with payload."""
        payload, tcp = packet.payload, packet.tcp
        whole = PREFACE if tcp & TcpEvent.PREFACE else 0
        for frame in packet.frames:
            whole += FRAME_HEADER + frame.length
        if self.remainder is None or tcp & _DISCONTINUITY:
            self.remainder = 0 if whole == payload else None
        else:
            remainder = self.remainder + payload - whole
            self.remainder = remainder if remainder >= 0 else None
        packets = self.packets
        packets.append(FlowPacket(packet.number, payload))
        if len(packets) > 1:
            self._trim()

    @property
    def covered(self) -> int:
        """Bytes in `packets` that belong to whole frames."""
        return sum(packet.payload for packet in self.packets) - (self.remainder or 0)

    def copy(self) -> FlowState:
        """Return an independent copy."""
        other = FlowState(self.source, self.destination, self.remainder)
        other.packets = self.packets.copy()
        return other

    def _trim(self) -> None:
        covered = self.covered
        while covered - self.packets[0].payload >= FRAME_HEADER:
            covered -= self.packets.popleft().payload


class FlowStates:
    """All directions that are still open, and the latest connection between each two endpoints."""

    def __init__(
        self, ports: frozenset[int] = frozenset(), flows: dict[int, dict[Endpoint, FlowState]] | None = None
    ) -> None:
        """Start before the first packet, or with `flows`: by connection and sender."""
        self.ports = ports
        """Ports that carry cleartext HTTP/2 from the beginning, where a fresh tshark can resume in the middle."""
        self.connections = 0
        """How many TCP connections there were."""
        self.between: dict[EndpointPair, int] = {}
        """The latest connection between two ends."""
        self._flows = {} if flows is None else flows

    def copy(self) -> FlowStates:
        """Return an independent copy, as a second tshark may resume at the same point."""
        flows = {index: {end: flow.copy() for end, flow in pair.items()} for index, pair in self._flows.items()}
        other = FlowStates(self.ports, flows)
        other.connections, other.between = self.connections, dict(self.between)
        return other

    def count(self, packet: Packet) -> None:
        """Count a packet."""
        index, source, destination = packet.connection, packet.source, packet.destination
        if index is None or source is None or destination is None:
            return
        if index >= self.connections:
            self._begin(index, packet, source, destination)
        if packet.payload and not (packet.tcp & TcpEvent.REPEATED and not packet.frames):
            flow = self._flow(index, packet, source, destination)
            if flow is not None:
                flow.count(packet)
        if packet.tcp & (TcpEvent.FIN | TcpEvent.RST):
            self._end(index, packet, source)

    def __iter__(self) -> Iterator[tuple[int, FlowState]]:
        """Yield each direction with its connection."""
        return ((index, flow) for index, flows in self._flows.items() for flow in flows.values())

    def can_resume(self, flow: FlowState) -> bool:
        """True for a direction that a fresh tshark can read from its middle on."""
        return flow.source.port in self.ports or flow.destination.port in self.ports

    def unreadable(self) -> set[int]:
        """The connections that a fresh tshark cannot read: their TLS secrets were derived from earlier packets."""
        return {index for index, flow in self if not self.can_resume(flow)}

    def missing_records(self) -> set[int]:
        """The numbers of the packets whose records are needed to resume here."""
        return {packet.number for _, flow in self for packet in flow.packets if not packet.record}

    def add_records(self, records: Mapping[int, bytes]) -> None:
        """Add the records of these packets; a direction that still lacks one cannot be resumed."""
        for _, flow in self:
            if any(not packet.record for packet in flow.packets):
                packets = [
                    packet if packet.record else packet._replace(record=records.get(packet.number, b""))
                    for packet in flow.packets
                ]
                flow.packets = deque(packets if all(packet.record for packet in packets) else ())
        for ends in list(self.between)[: max(len(self.between) - _MAX_ENDPOINT_PAIRS, 0)]:
            del self.between[ends]

    def _begin(self, index: int, packet: Packet, source: Endpoint, destination: Endpoint) -> None:
        self.connections = index + 1
        ends = pair_of(source, destination)
        self.between.pop(ends, None)
        self.between[ends] = index
        if packet.tcp & TcpEvent.SYN:
            self._open(index, source, destination, 0)

    def _open(self, index: int, source: Endpoint, destination: Endpoint, remainder: int | None) -> None:
        if len(self._flows) >= _MAX_CONNECTIONS:
            del self._flows[next(iter(self._flows))]
        self._flows[index] = {
            source: FlowState(source, destination, remainder),
            destination: FlowState(destination, source, remainder),
        }

    def _flow(self, index: int, packet: Packet, source: Endpoint, destination: Endpoint) -> FlowState | None:
        flows = self._flows.get(index)
        if flows is None:
            if not packet.frames and not {source.port, destination.port} & self.ports:
                return None
            self._open(index, source, destination, None)
            flows = self._flows[index]
        return flows.get(source)

    def _end(self, index: int, packet: Packet, source: Endpoint) -> None:
        flows = self._flows.get(index)
        if flows is not None:
            flows.pop(source, None)
            if packet.tcp & TcpEvent.RST or not flows:
                del self._flows[index]


def pair_of(source: Endpoint, destination: Endpoint) -> EndpointPair:
    """Return the ends of a connection in their canonical order."""
    return (source, destination) if source <= destination else (destination, source)
