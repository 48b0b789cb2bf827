"""The packets that a display filter lets through, as tshark tells them one after the other.

Five bytes a packet: the numbers in their order, and a mark for each packet that has a number up to the last of them.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable


class PacketMatches:
    """The matches of one filter so far."""

    def __init__(self) -> None:
        self.numbers: array[int] = array("I")
        """Ascending."""
        self._marks = bytearray(1)

    def __contains__(self, number: int, /) -> bool:
        return number < len(self._marks) and self._marks[number] == 1

    def __len__(self) -> int:
        return len(self.numbers)

    def take(self, lines: Iterable[bytes]) -> list[int]:
        """Take in lines that hold a number each; gives those that are news."""
        last = self.numbers[-1] if self.numbers else 0
        news = [number for line in lines if (text := line.strip()).isdigit() and (number := int(text)) > last]
        if news:
            self._marks.extend(bytes(max(news) + 1 - len(self._marks)))
            for number in news:
                self._marks[number] = 1
            self.numbers.extend(news)
        return news

    def row_from(self, number: int) -> int:
        """How many matches there are before a packet."""
        return bisect_left(self.numbers, number)

    def clear(self) -> None:
        """Forget all: they are about to come anew."""
        self.numbers, self._marks = array("I"), bytearray(1)
