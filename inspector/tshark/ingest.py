"""From packets to the store: duplicates dropped, order restored, protocol fed."""

from __future__ import annotations

import asyncio
import math
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Container, Iterable
from typing import Final

import msgspec

from inspector.capture.protocol_detection import ConnectionStarts
from inspector.http2.assembler import Assembler
from inspector.http2.events import Event
from inspector.model.frame import DetectedProtocol, Endpoint, Packet, TcpEvent
from inspector.scheduling import yield_to_ui
from inspector.store.store import Change, Store


class ReplayFilter:
    """What was taken of one capture so far."""

    __slots__ = ("_ports", "taken")

    def __init__(self) -> None:
        self.taken = 0
        """The number of the last packet that was ever taken."""
        self._ports: dict[int, int] = {}
        """By port that became HTTP/2 behind the start: the last packet taken with it decoded."""

    def begin_port(self, port: int) -> None:
        """From now on the port is decoded, and the reading begins again."""
        if self.taken:
            self._ports[port] = 0

    def news(self, packets: Iterable[Packet]) -> list[Packet]:
        """The packets that were not taken before; they count as taken now."""
        return [packet for packet in packets if self._is_news(packet)]

    def _is_news(self, packet: Packet) -> bool:
        number = packet.number
        is_late = False
        if self._ports and packet.source is not None and packet.destination is not None:
            for port in (packet.source.port, packet.destination.port):
                if self._ports.get(port, number) < number:
                    self._ports[port] = number
                    is_late = True
        if number > self.taken:
            self.taken = number
            return True
        return is_late


_BOUND: Final = 100_000
"""Sides that are remembered: more connections than that are not made by mistake."""


class ProtocolMarker:
    """What sides begin with, by who speaks to whom."""

    def __init__(self) -> None:
        self._speeches: dict[tuple[Endpoint, Endpoint], DetectedProtocol] = {}
        self._marked: dict[tuple[int, Endpoint], int] = {}
        """By connection and sender: the packet of its first payload."""

    def note(self, found: ConnectionStarts) -> None:
        """Raw bytes of the capture say this; what a side said before is what it begins with."""
        if len(self._speeches) < _BOUND and found.speech.text != "SETTINGS":
            self._speeches.setdefault((found.source, found.destination), found.speech)

    def again(self) -> ProtocolMarker:
        """The same, for packets that are about to be read anew."""
        other = ProtocolMarker()
        other._speeches = self._speeches
        return other

    def mark(self, packets: Iterable[Packet]) -> list[Packet]:
        """The packets, with `speech` in those that need it."""
        return [self._marked_packet(each) if each.payload and not each.frames else each for each in packets]

    def _marked_packet(self, packet: Packet) -> Packet:
        source, destination, connection = packet.source, packet.destination, packet.connection
        if source is None or destination is None or connection is None or packet.tcp & TcpEvent.PREFACE:
            return packet
        speech = self._speeches.get((source, destination))
        if speech is None or self._marked.setdefault((connection, source), packet.number) != packet.number:
            return packet
        return msgspec.structs.replace(packet, detected=speech)


ORDERED: Final = "Packets of this capture are out of order; it was read again with all of them put in order."

DISORDER: Final = (
    "Packets came out of order, so what they carried may be missing here. Saved to a file and opened from there, the "
    "capture is put in order."
)

_CAME_LATE: Final = TcpEvent.OUT_OF_ORDER | TcpEvent.REPEATED
_LATEST_SECONDS: Final = 3.0
"""Of the capture: a lost segment is sent again before."""
_LATEST_PACKETS: Final = 20_000
"""Behind a gap, however little time they took: they are read within a second."""
_LEAST_AT_ONCE: Final = 200


class ReorderBuffer:
    """What was read behind a gap; empty in a clean capture."""

    def __init__(self) -> None:
        self._packets: list[Packet] = []
        self._passed = 0
        """How many packets are not held back any more."""
        self._gaps: deque[int] = deque()
        """The gaps at which something may still come late, as counts of the packets before them."""
        self._ordered: list[Packet] = []
        self._gain = 0
        """How many frames more the second reading shows than the first."""
        self._latest: dict[tuple[int | None, Endpoint | None], float] = {}
        """By connection and sender: the time of the latest packet."""
        self.is_worth_ordering = False
        """True when something behind a gap came later than it should have.

        What was lost before the place of capture comes once more, as a retransmission. Where times go back, packets of
        several queues were written as they came; tshark calls those retransmissions, or nothing at all.
        """

    def pass_on(self, packets: list[Packet], ports: Container[int]) -> list[Packet]:
        """The packets that can be told at once; the others are kept. Gaps count on these ports only."""
        clean: list[Packet] = []
        if not self._packets:
            end = next((at for at, packet in enumerate(packets) if self._begins_disorder(packet, ports)), len(packets))
            clean, packets = packets[:end], packets[end:]
            self._passed += end
        for packet in packets:
            if self._begins_disorder(packet, ports):
                self._gaps.append(self._passed + len(self._packets))
            self.is_worth_ordering = self.is_worth_ordering or bool(packet.tcp & _CAME_LATE)
            self._packets.append(packet)
        self._gain -= _frames(packets)
        return clean + self._behind_losses(max(2 * len(packets), _LEAST_AT_ONCE))

    def _begins_disorder(self, packet: Packet, ports: Container[int]) -> bool:
        if not _is_of(packet, ports):
            return False
        sender = packet.connection, packet.source
        went_back = packet.time < self._latest.get(sender, 0.0)
        self._latest[sender] = packet.time
        self.is_worth_ordering = self.is_worth_ordering or went_back
        return went_back or bool(packet.tcp & (TcpEvent.GAP | TcpEvent.OUT_OF_ORDER))

    def _behind_losses(self, most: int) -> list[Packet]:
        """What is behind gaps at which nothing came late for so long that it will not come at all; not all at once."""
        if self.is_worth_ordering or not self._packets:
            return []
        while self._gaps and self._is_over(self._gaps[0] - self._passed):
            self._gaps.popleft()
        end = min(self._gaps[0] - self._passed if self._gaps else len(self._packets), most)
        let_go, self._packets = self._packets[:end], self._packets[end:]
        self._passed += end
        self._gain += _frames(let_go)
        return let_go

    def _is_over(self, gap: int) -> bool:
        waited = self._packets[-1].time - self._packets[gap].time
        return waited > _LATEST_SECONDS or len(self._packets) - gap > _LATEST_PACKETS

    @property
    def is_holding(self) -> bool:
        """True behind a gap."""
        return bool(self._packets)

    def take_ordered(self, packets: Iterable[Packet]) -> None:
        """Packets of the second reading, all of them, in order."""
        first = self._packets[0].number
        # tshark shows no frame behind a segment that never came, so what it does show now has no gaps.
        ordered = [
            msgspec.structs.replace(packet, tcp=packet.tcp & ~TcpEvent.GAP)
            for packet in packets
            if packet.number >= first
        ]
        self._ordered += ordered
        self._gain += _frames(ordered)

    def release(self) -> tuple[list[Packet], bool]:
        """What was held back, in the better reading, and whether that is the second one."""
        is_better = self._gain > 0
        released = self._ordered if is_better else self._packets
        self._packets, self._ordered = [], []
        return released, is_better


def is_late(packet: Packet, ports: Container[int]) -> bool:
    """True for a packet of these ports that came behind a later one of its sender."""
    return bool(packet.tcp & TcpEvent.OUT_OF_ORDER) and _is_of(packet, ports)


def _is_of(packet: Packet, ports: Container[int]) -> bool:
    return any(end is not None and end.port in ports for end in (packet.source, packet.destination))


def _frames(packets: list[Packet]) -> int:
    return sum(len(packet.frames) for packet in packets)


OnPackets = Callable[[list[Packet]], None]

_AT_ONCE: Final = 200
"""Packets and frames that are told before the loop's other tasks have their turn: some milliseconds of work."""


class PacketIngest:
    """One recording's packets on their way into the store."""

    def __init__(
        self,
        store: Store,
        assembler: Assembler,
        on_change: Callable[[Change], None],
        on_notice: Callable[[str], None],
        hold_seconds: float,
    ) -> None:
        """What comes behind a gap may be held back for so many seconds, infinitely many for the whole recording."""
        self.strangers = ProtocolMarker()
        self.packets_by_port: Counter[int] = Counter()
        """By TCP port: packets that were read."""
        self._store = store
        self._assembler = assembler
        self._on_change = on_change
        self._on_notice = on_notice
        self._hold_seconds = hold_seconds
        self._held = ReorderBuffer() if hold_seconds else None
        self._minds_order = not hold_seconds
        """True where what is out of order will stay so."""
        self._waiting: deque[Packet] = deque()
        """What is not held back any more, and has not had its turn."""
        self._catching_up: asyncio.Task[None] | None = None

    def take(self, news: list[Packet], is_at_end: Callable[[], bool]) -> None:
        """Tell packets, or hold them back; on to the end of the recording where that has come by then."""
        news = self.strangers.mark(news)
        if (held := self._held) is not None:
            was_holding = held.is_holding
            news = held.pass_on(news, self._assembler.ports)
            if held.is_holding and not was_holding and self._hold_seconds < math.inf:
                loop = asyncio.get_running_loop()
                loop.call_later(self._hold_seconds, lambda: None if is_at_end() else self.let_go())
        if self._waiting:
            self._waiting += news
            news = self._next(max(2 * len(news), _AT_ONCE))  # more than came, so that it comes to an end
        self._tell(news)

    def let_go(self) -> None:
        """Tell what was held back as it was read, as the end is not near, and hold nothing back from now on.

        There may be much of it: it is told a little at a time, and what is taken meanwhile behind it.
        """
        if self._held is not None:
            packets, _ = self._held.release()
            self._held, self._minds_order = None, True
            self._waiting += packets
            self._catching_up = asyncio.create_task(self.catch_up())

    async def catch_up(self) -> None:
        """Tell all that waits for its turn, leaving the loop to others in between."""
        while self._waiting:
            self._tell(self._next(_AT_ONCE))
            await yield_to_ui()

    async def release(self, read_in_order: Callable[[OnPackets], Awaitable[None]]) -> None:
        """Tell what was held back behind a gap, at the recording's end, put in order where that shows more."""
        was_ordered, held, self._held = False, self._held, None
        if held is not None:
            if held.is_worth_ordering:
                await read_in_order(lambda packets: held.take_ordered(self.strangers.mark(packets)))
            packets, was_ordered = held.release()
            self._waiting += packets
        await self.catch_up()
        if was_ordered:
            self._on_notice(ORDERED)

    def end(self) -> None:
        """Tell nothing more."""
        if self._catching_up is not None:
            self._catching_up.cancel()

    def apply(self, events: Iterable[Event]) -> None:
        """Tell what no packet did."""
        self._on_change(self._store.apply(events))

    def _next(self, size: int) -> list[Packet]:
        """Take from what waits, so many packets and frames together or a packet more."""
        found: list[Packet] = []
        while self._waiting and size > 0:
            found.append(self._waiting.popleft())
            size -= 1 + len(found[-1].frames)
        return found

    def _tell(self, news: list[Packet]) -> None:
        if self._minds_order and any(is_late(packet, self._assembler.ports) for packet in news):
            self._minds_order = False
            self._on_notice(DISORDER)
        if news:
            self.packets_by_port.update(
                end.port for packet in news for end in (packet.source, packet.destination) if end
            )
            receive = self._assembler.receive
            self.apply(event for packet in news for event in receive(packet))
