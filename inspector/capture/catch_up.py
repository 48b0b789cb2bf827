"""Tells, when tshark reads the capture again from its start, which packets are news.

tshark begins again when it died, or when a port turned out to carry HTTP/2. The packets that were taken before are
known; those of a port that was not decoded then are news once more, as now they have frames. Pure, and exact however
often and wherever the reading is broken off.
"""

from __future__ import annotations

from collections.abc import Iterable

from inspector.model.frame import Packet


class CatchUp:
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
