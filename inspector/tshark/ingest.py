"""From packets to the store: duplicates dropped, connections marked, order restored, the protocol fed.

`PacketIngest` owns the path. A packet passes `ReplayFilter`, which drops what an earlier run of tshark has delivered;
`ProtocolMarker`, which adds the protocol that raw bytes show; and `ReorderBuffer`, which holds back what follows a gap.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Container, Iterable
from typing import Final

import msgspec

from inspector.capture.protocol_detection import ConnectionStart
from inspector.http2.assembler import Assembler
from inspector.http2.events import Event
from inspector.model.frame import DetectedProtocol, Endpoint, Packet, TcpEvent
from inspector.scheduling import yield_to_ui
from inspector.store.store import Change, Store


class ReplayFilter:
    """Recognises packets that an earlier run of tshark has delivered."""

    __slots__ = ("_ports", "latest")

    def __init__(self) -> None:
        self.latest = 0
        """The highest number of a packet that has passed."""
        self._ports: dict[int, int] = {}
        """By port that is decoded since after the start: the latest packet that passed with it decoded."""

    def begin_port(self, port: int) -> None:
        """Let the packets of a port pass once more, as tshark now decodes them."""
        if self.latest:
            self._ports[port] = 0

    def pass_new(self, packets: Iterable[Packet]) -> list[Packet]:
        """Return the packets that have not passed before."""
        return [packet for packet in packets if self._is_new(packet)]

    def _is_new(self, packet: Packet) -> bool:
        number = packet.number
        is_decoded_now = False
        if self._ports and packet.source is not None and packet.destination is not None:
            for port in (packet.source.port, packet.destination.port):
                if self._ports.get(port, number) < number:
                    self._ports[port] = number
                    is_decoded_now = True
        if number > self.latest:
            self.latest = number
            return True
        return is_decoded_now


_MAX_SENDERS: Final = 100_000
"""Directions whose protocol is remembered."""


class ProtocolMarker:
    """Marks the first payload of each side of a connection with the protocol that was detected in raw bytes."""

    def __init__(self) -> None:
        self.protocols: dict[tuple[Endpoint, Endpoint], DetectedProtocol] = {}
        """By sender and receiver."""
        self._marked: dict[tuple[int, Endpoint], int] = {}
        """By connection and sender: the packet of its first payload."""

    def note(self, found: ConnectionStart) -> None:
        """Record how a side begins, the first time only. SETTINGS alone are no proof, as they can occur anywhere."""
        if len(self.protocols) < _MAX_SENDERS and found.detected.text != "SETTINGS":
            self.protocols.setdefault((found.source, found.destination), found.detected)

    def mark(self, packets: Iterable[Packet]) -> list[Packet]:
        """Return the packets, with `detected` set in those with a first payload that tshark shows no frame of."""
        return [self._marked_packet(packet) if packet.payload and not packet.frames else packet for packet in packets]

    def _marked_packet(self, packet: Packet) -> Packet:
        source, destination, connection = packet.source, packet.destination, packet.connection
        if source is None or destination is None or connection is None or packet.tcp & TcpEvent.PREFACE:
            return packet
        detected = self.protocols.get((source, destination))
        if detected is None or self._marked.setdefault((connection, source), packet.number) != packet.number:
            return packet
        return msgspec.structs.replace(packet, detected=detected)


ORDERED: Final = "Packets of this capture are out of order; it was read again with all of them put in order."

DISORDER: Final = (
    "Packets came out of order, so what they carried may be missing here. Saved to a file and opened from there, the "
    "capture is put in order."
)

_LATE: Final = TcpEvent.OUT_OF_ORDER | TcpEvent.REPEATED
_MAX_DELAY_SECONDS: Final = 3.0
"""In the capture's time, behind a gap: a lost segment is sent again sooner."""
_MAX_DELAY_PACKETS: Final = 20_000
"""Behind a gap, however close in time: they are read within a second."""
_MIN_RELEASED: Final = 200


class ReorderBuffer:
    """Holds the packets behind a gap of TCP sequence numbers; empty for a clean capture."""

    def __init__(self) -> None:
        self._packets: list[Packet] = []
        self._passed = 0
        """How many packets are not held any more."""
        self._gaps: deque[int] = deque()
        """The gaps that a late packet may still fill, as counts of the packets before them."""
        self._ordered: list[Packet] = []
        self._gain = 0
        """How many more frames the second reading has than the first."""
        self._latest: dict[tuple[int | None, Endpoint | None], float] = {}
        """By connection and sender: the time of the latest packet."""
        self.is_worth_ordering = False
        """True when a packet behind a gap came later than it should have.

        A segment that was lost before the place of capture appears once more, as a retransmission. Where times go
        back, packets of several queues were written as they came; tshark reports those as retransmissions or not at
        all.
        """

    def pass_on(self, packets: list[Packet], ports: Container[int]) -> list[Packet]:
        """Return the packets that need not wait, and hold the others. Only gaps on `ports` count."""
        clean: list[Packet] = []
        if not self._packets:
            end = next((at for at, packet in enumerate(packets) if self._begins_disorder(packet, ports)), len(packets))
            clean, packets = packets[:end], packets[end:]
            self._passed += end
        for packet in packets:
            if self._begins_disorder(packet, ports):
                self._gaps.append(self._passed + len(self._packets))
            self.is_worth_ordering = self.is_worth_ordering or bool(packet.tcp & _LATE)
            self._packets.append(packet)
        self._gain -= _frame_count(packets)
        return clean + self._behind_losses(max(2 * len(packets), _MIN_RELEASED))

    def _begins_disorder(self, packet: Packet, ports: Container[int]) -> bool:
        if not _is_of(packet, ports):
            return False
        sender = packet.connection, packet.source
        went_back = packet.time < self._latest.get(sender, 0.0)
        self._latest[sender] = packet.time
        self.is_worth_ordering = self.is_worth_ordering or went_back
        return went_back or bool(packet.tcp & (TcpEvent.GAP | TcpEvent.OUT_OF_ORDER))

    def _behind_losses(self, limit: int) -> list[Packet]:
        """Release up to `limit` packets behind gaps that have waited too long to be filled."""
        if self.is_worth_ordering or not self._packets:
            return []
        while self._gaps and self._is_lost(self._gaps[0] - self._passed):
            self._gaps.popleft()
        end = min(self._gaps[0] - self._passed if self._gaps else len(self._packets), limit)
        released, self._packets = self._packets[:end], self._packets[end:]
        self._passed += end
        self._gain += _frame_count(released)
        return released

    def _is_lost(self, gap: int) -> bool:
        waited = self._packets[-1].time - self._packets[gap].time
        return waited > _MAX_DELAY_SECONDS or len(self._packets) - gap > _MAX_DELAY_PACKETS

    @property
    def is_holding(self) -> bool:
        """True behind a gap."""
        return bool(self._packets)

    def add_ordered(self, packets: Iterable[Packet]) -> None:
        """Add packets of a second reading, in which tshark puts segments in order."""
        first = self._packets[0].number
        # tshark prints no frame behind a segment that never came, so the frames that it does print have no gaps.
        ordered = [
            msgspec.structs.replace(packet, tcp=packet.tcp & ~TcpEvent.GAP)
            for packet in packets
            if packet.number >= first
        ]
        self._ordered += ordered
        self._gain += _frame_count(ordered)

    def release(self) -> tuple[list[Packet], bool]:
        """Return what was held, from the reading with more frames, and whether that is the second one."""
        is_better = self._gain > 0
        released = self._ordered if is_better else self._packets
        self._packets, self._ordered = [], []
        return released, is_better


def _is_late(packet: Packet, ports: Container[int]) -> bool:
    """True for a packet of these ports that came behind a later one of its sender."""
    return bool(packet.tcp & TcpEvent.OUT_OF_ORDER) and _is_of(packet, ports)


def _is_of(packet: Packet, ports: Container[int]) -> bool:
    return any(end is not None and end.port in ports for end in (packet.source, packet.destination))


def _frame_count(packets: list[Packet]) -> int:
    return sum(len(packet.frames) for packet in packets)


OnPackets = Callable[[list[Packet]], None]

_BATCH_SIZE: Final = 200
"""Packets and frames that are applied before the loop's other tasks run: some milliseconds of work."""


class PacketIngest:
    """The path of one recording's packets into the store."""

    def __init__(
        self,
        store: Store,
        assembler: Assembler,
        on_change: Callable[[Change], None],
        on_notice: Callable[[str], None],
        hold_seconds: float,
    ) -> None:
        """Hold packets behind a gap for `hold_seconds`; infinity stands for the whole recording."""
        self.replay = ReplayFilter()
        self.marker = ProtocolMarker()
        self.packets_by_port: Counter[int] = Counter()
        """By TCP port: packets that were ingested."""
        self._store = store
        self._assembler = assembler
        self._on_change = on_change
        self._on_notice = on_notice
        self._hold_seconds = hold_seconds
        self._held = ReorderBuffer() if hold_seconds else None
        self._reports_disorder = not hold_seconds
        """True until disorder that will not be repaired was reported."""
        self._waiting: deque[Packet] = deque()
        """Released packets that wait for their batch."""
        self._draining: asyncio.Task[None] | None = None

    def take(self, packets: list[Packet], is_at_end: Callable[[], bool]) -> None:
        """Apply packets, or hold them back until `hold_seconds` have passed without `is_at_end` having become true."""
        packets = self.marker.mark(self.replay.pass_new(packets))
        if (held := self._held) is not None:
            was_holding = held.is_holding
            packets = held.pass_on(packets, self._assembler.ports)
            if held.is_holding and not was_holding and self._hold_seconds < math.inf:
                loop = asyncio.get_running_loop()
                loop.call_later(self._hold_seconds, lambda: None if is_at_end() else self.stop_holding())
        if self._waiting:
            self._waiting += packets
            packets = self._next_batch(max(2 * len(packets), _BATCH_SIZE))  # more than came, so that the queue shrinks
        self._apply_packets(packets)

    def stop_holding(self) -> None:
        """Apply what is held in the order in which it was read, and hold nothing from now on.

        There may be much of it, so it is applied in batches; packets that arrive meanwhile follow behind it.
        """
        if self._held is not None:
            packets, _ = self._held.release()
            self._held, self._reports_disorder = None, True
            self._waiting += packets
            self._draining = asyncio.create_task(self.drain())

    async def drain(self) -> None:
        """Apply all that waits, batch by batch, yielding to the UI in between."""
        while self._waiting:
            self._apply_packets(self._next_batch(_BATCH_SIZE))
            await yield_to_ui()

    async def finish(self, read_in_order: Callable[[OnPackets], Awaitable[None]]) -> None:
        """Apply what is held at the recording's end, from a second reading where that yields more frames."""
        was_ordered, held, self._held = False, self._held, None
        if held is not None:
            if held.is_worth_ordering:
                await read_in_order(lambda packets: held.add_ordered(self.marker.mark(packets)))
            packets, was_ordered = held.release()
            self._waiting += packets
        await self.drain()
        if was_ordered:
            self._on_notice(ORDERED)

    def cancel(self) -> None:
        """Apply nothing more."""
        if self._draining is not None:
            self._draining.cancel()

    def apply(self, events: Iterable[Event]) -> None:
        """Apply events to the store and report the change."""
        self._on_change(self._store.apply(events))

    def _next_batch(self, size: int) -> list[Packet]:
        """Take packets from the queue until they and their frames number at least `size`."""
        found: list[Packet] = []
        while self._waiting and size > 0:
            found.append(self._waiting.popleft())
            size -= 1 + len(found[-1].frames)
        return found

    def _apply_packets(self, packets: list[Packet]) -> None:
        if self._reports_disorder and any(_is_late(packet, self._assembler.ports) for packet in packets):
            self._reports_disorder = False
            self._on_notice(DISORDER)
        if packets:
            self.packets_by_port.update(
                end.port for packet in packets for end in (packet.source, packet.destination) if end
            )
            receive = self._assembler.receive
            self.apply(event for packet in packets for event in receive(packet))
