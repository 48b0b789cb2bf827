"""How far each direction of each HTTP/2 connection has come, in whole frames, so that another tshark can go on.

Pure, and counts only: TCP's payload bytes come in, frames go out, and what is left over is the beginning of a frame
that is not whole. Remembers the packets which hold that, and no others. Called with every packet that tshark tells.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple, TypeAlias

from inspector.model.frame import FRAME_HEADER, Endpoint, Packet, TcpEvent

PREFACE: Final = 24
"""Bytes that the client sends before its first frame (RFC 9113 §3.4)."""
_ENDS_BOUND: Final = 100_000
_LANES_BOUND: Final = 20_000
_STRAY: Final = TcpEvent.GAP | TcpEvent.OUT_OF_ORDER | TcpEvent.CUT

Ends: TypeAlias = tuple[Endpoint, Endpoint]
"""Those of a connection, in an order that does not depend on who speaks."""


class FlowPacket(NamedTuple):
    """A packet that holds bytes of a direction."""

    number: int
    payload: int
    record: bytes = b""
    """Its record in the capture; none while it can be had from there."""


class FlowState:
    """One direction of a connection."""

    __slots__ = ("destination", "left", "pieces", "source")

    def __init__(self, source: Endpoint, destination: Endpoint, left: int | None) -> None:
        self.source = source
        self.destination = destination
        self.left = left
        """Bytes of a frame that is not whole yet; None where that is not known."""
        self.pieces: deque[FlowPacket] = deque()
        """The latest packets: all that hold such bytes, and before those at least as many as a frame header has."""

    def take(self, packet: Packet) -> None:
        """Count a packet with payload."""
        payload, tcp = packet.payload, packet.tcp
        whole = PREFACE if tcp & TcpEvent.PREFACE else 0
        for frame in packet.frames:
            whole += FRAME_HEADER + frame.length
        if self.left is None or tcp & _STRAY:
            self.left = 0 if whole == payload else None
        else:
            left = self.left + payload - whole
            self.left = left if left >= 0 else None
        pieces = self.pieces
        pieces.append(FlowPacket(packet.number, payload))
        if len(pieces) > 1:
            self._trim()

    @property
    def covered(self) -> int:
        """Bytes that the pieces hold of what has been read."""
        return sum(piece.payload for piece in self.pieces) - (self.left or 0)

    def _trim(self) -> None:
        covered = self.covered
        while covered - self.pieces[0].payload >= FRAME_HEADER:
            covered -= self.pieces.popleft().payload


class FlowStates:
    """All directions in which there is more to come, and which connection lies between which ends."""

    def __init__(self, ports: frozenset[int] = frozenset()) -> None:
        """Begin before the first packet."""
        self.ports = ports
        """Where HTTP/2 is spoken in cleartext from the beginning, so that a fresh tshark can go on in the middle."""
        self.connections = 0
        """How many TCP connections there were."""
        self.between: dict[Ends, int] = {}
        """The latest connection between two ends."""
        self._lanes: dict[int, dict[Endpoint, FlowState]] = {}

    def copy(self) -> FlowStates:
        """The same, to go on from here more than once."""
        other = FlowStates(self.ports)
        other.connections, other.between = self.connections, dict(self.between)
        for index, lanes in self._lanes.items():
            other._lanes[index] = {end: _copy(lane) for end, lane in lanes.items()}
        return other

    def take(self, packet: Packet) -> None:
        """Count a packet."""
        index, source, destination = packet.connection, packet.source, packet.destination
        if index is None or source is None or destination is None:
            return
        if index >= self.connections:
            self._begin(index, packet, source, destination)
        if packet.payload and not (packet.tcp & TcpEvent.REPEATED and not packet.frames):
            lane = self._lane(index, packet, source, destination)
            if lane is not None:
                lane.take(packet)
        if packet.tcp & (TcpEvent.FIN | TcpEvent.RST):
            self._end(index, packet, source)

    def __iter__(self) -> Iterator[tuple[int, FlowState]]:
        """Each direction, with its connection."""
        return ((index, lane) for index, lanes in self._lanes.items() for lane in lanes.values())

    def can_go_on(self, lane: FlowState) -> bool:
        """True for a direction that can be read from its middle on."""
        return lane.source.port in self.ports or lane.destination.port in self.ports

    def sealed(self) -> set[int]:
        """Connections whose frames can be read no further: their secrets were in what came before."""
        return {index for index, lane in self if not self.can_go_on(lane)}

    def missing(self) -> set[int]:
        """The packets whose records are needed to go on from here."""
        return {piece.number for _, lane in self for piece in lane.pieces if not piece.record}

    def settle(self, records: Mapping[int, bytes]) -> None:
        """Keep the records of these packets; a direction that lacks one cannot be gone on with."""
        for _, lane in self:
            if any(not piece.record for piece in lane.pieces):
                pieces = [
                    each if each.record else each._replace(record=records.get(each.number, b"")) for each in lane.pieces
                ]
                lane.pieces = deque(pieces if all(piece.record for piece in pieces) else ())
        for ends in list(self.between)[: max(len(self.between) - _ENDS_BOUND, 0)]:
            del self.between[ends]

    def _begin(self, index: int, packet: Packet, source: Endpoint, destination: Endpoint) -> None:
        self.connections = index + 1
        ends = ends_of(source, destination)
        self.between.pop(ends, None)
        self.between[ends] = index
        if packet.tcp & TcpEvent.SYN:
            self._open(index, source, destination, 0)

    def _open(self, index: int, source: Endpoint, destination: Endpoint, left: int | None) -> None:
        if len(self._lanes) >= _LANES_BOUND:
            del self._lanes[next(iter(self._lanes))]
        self._lanes[index] = {
            source: FlowState(source, destination, left),
            destination: FlowState(destination, source, left),
        }

    def _lane(self, index: int, packet: Packet, source: Endpoint, destination: Endpoint) -> FlowState | None:
        lanes = self._lanes.get(index)
        if lanes is None:
            if not packet.frames and not {source.port, destination.port} & self.ports:
                return None
            self._open(index, source, destination, None)
            lanes = self._lanes[index]
        return lanes.get(source)

    def _end(self, index: int, packet: Packet, source: Endpoint) -> None:
        lanes = self._lanes.get(index)
        if lanes is not None:
            lanes.pop(source, None)
            if packet.tcp & TcpEvent.RST or not lanes:
                del self._lanes[index]


def ends_of(source: Endpoint, destination: Endpoint) -> Ends:
    """The two ends of a connection."""
    return (source, destination) if source <= destination else (destination, source)


def _copy(lane: FlowState) -> FlowState:
    other = FlowState(lane.source, lane.destination, lane.left)
    other.pieces = lane.pieces.copy()
    return other
