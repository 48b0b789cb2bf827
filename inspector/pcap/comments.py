"""Comments on packets: those that a pcapng holds, found as its bytes pass by, and those that somebody writes.

Owns what was changed, for whoever saves the capture; all of them together are kept in the store, for whoever draws.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from inspector.pcap.pcapng import PACKETS
from inspector.pcap.reader import CaptureScan

LONGEST: Final = 60_000
"""Bytes of UTF-8: an option holds 65,535."""


class Comments:
    """The comments of one capture."""

    def __init__(self, known: dict[int, tuple[str, ...]]) -> None:
        """`known` are all there are, by packet number, and is kept up to date."""
        self._known = known
        self._changed: dict[int, tuple[str, ...]] = {}
        self._unsaved: set[int] = set()
        self.scan = CaptureScan()
        """Follows the same bytes."""
        self._number = 0

    @property
    def changed(self) -> Mapping[int, tuple[str, ...]]:
        """By packet: what stands in the place of the comments that the capture has."""
        return self._changed

    @property
    def unsaved(self) -> int:
        """Of how many packets the comments were changed and not saved."""
        return len(self._unsaved)

    def saved(self) -> None:
        """All that was changed is in a file now."""
        self._unsaved.clear()

    def hear(self, data: bytes) -> None:
        """Look through the next bytes of the capture."""
        for block in self.scan.take(data):
            if block.type in PACKETS:
                self._number += 1
                if (comments := block.comments) and self._number not in self._changed:
                    self._known[self._number] = comments

    def text(self, number: int) -> str:
        """The comments of a packet as one text."""
        return " · ".join(self._known.get(number, ()))

    def put(self, number: int, text: str) -> bool:
        """Let a packet have one comment, or none where the text is empty; False for the text that it has already."""
        if text == self.text(number):
            return False
        text = text.strip().encode(errors="replace")[:LONGEST].decode(errors="ignore")
        if self._known.get(number, ()) != (following := (text,) if text else ()):
            self._changed[number] = following
            self._unsaved.add(number)
        if text:
            self._known[number] = (text,)
        else:
            self._known.pop(number, None)
        return True
