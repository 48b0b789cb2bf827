"""Which frames a packet holds: they stand one behind the other, so that the first of them is enough."""

from __future__ import annotations

from array import array


class PacketIndex:
    """The position of each packet's first frame; four bytes for each packet."""

    __slots__ = ("_first", "_positions")

    def __init__(self) -> None:
        self._first = 0
        """The packet that the first entry is of."""
        self._positions: array[int] = array("I")
        """One more than the position; 0 for packets without a frame."""

    def add(self, packet: int, position: int) -> None:
        """A frame of this packet is at this position."""
        positions, at = self._positions, packet - self._first
        if at >= len(positions):
            positions.extend(array("I", bytes(positions.itemsize * (at + 1 - len(positions)))))
        if at >= 0 and not positions[at]:
            positions[at] = position + 1

    def find(self, packet: int) -> int | None:
        """The position of a packet's first frame; None where it has none, or is forgotten."""
        at = packet - self._first
        found = self._positions[at] if 0 <= at < len(self._positions) else 0
        return found - 1 if found else None

    def drop(self, before: int) -> None:
        """Forget the packets before one."""
        del self._positions[: max(before - self._first, 0)]
        self._first = max(before, self._first)
