"""Packets behind a gap of a file, held back until it is known whether anything was lost at all.

A gap is also where the times of one sender go back: tshark passes over a segment that comes so, and says that it was
sent again. The times of two senders often do, by microseconds, as each of a machine's processors takes its own.

Segments that only came out of order look like a loss when they are met, and tshark can put them in order; but where
one is really missing that makes things worse, so it is done in a second reading, and the one that shows more frames
is taken. What a person has been told is never taken back for it. So only what has an end is held back, a stream for a
moment, as it may be a live one, a file until enough has come behind the gap for what is missing to be lost; or to its
end, once anything came late.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Iterable
from typing import Final

import msgspec

from inspector.model.endpoint import Endpoint
from inspector.model.frame import Packet, TcpEvent

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


class HeldBack:
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
