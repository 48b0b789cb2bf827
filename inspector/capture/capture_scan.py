"""Follows the bytes of a capture, classic pcap or pcapng: how many packets there are, and where it was cut off.

Sans-IO. Owns the sentence about a capture that ends in the middle of a packet, which a killed producer or a broken pipe
leaves behind. What is in the packets is for others.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from inspector.capture.blocks import INTERFACE, OBSOLETE_PACKET, PACKET, SECTION, SIMPLE_PACKET, Block, Blocks
from inspector.capture.records import MAGIC_LENGTH, PCAPNG_MAGIC, Records

_COUNTED: Final = frozenset({PACKET, OBSOLETE_PACKET, SIMPLE_PACKET})
"""Blocks that every tshark gives a number to. Some versions count other blocks too, so that there may be more."""


class CaptureScan:
    """One capture, whose bytes come in their order and in any pieces."""

    def __init__(self) -> None:
        self._start = b""
        self._pieces: Records | Blocks | None = None
        self._packets = 0

    @property
    def packets(self) -> int:
        """Whole packets that have come; those behind damage are not counted."""
        return self._pieces.packets if isinstance(self._pieces, Records) else self._packets

    def take(self, data: bytes) -> Iterator[Block]:
        """Take the next bytes; yields the blocks of a pcapng that are whole now. Iterate it to its end."""
        if self._pieces is None:
            data = self._start = self._start + data
            if len(data) < MAGIC_LENGTH:
                return
            self._pieces = Blocks() if data.startswith(PCAPNG_MAGIC) else Records()
        if isinstance(self._pieces, Records):
            self._pieces.take(data)
            return
        for block in self._pieces.take(data):
            self._packets += block.type in _COUNTED
            yield block

    def cut(self, name: str) -> str:
        """Say that the capture called `name` ends in the middle of something; "" where it does not."""
        what = self._half()
        if not what:
            return ""
        count = self.packets
        before = f"The {count:,} packets before it are whole." if count > 1 else "One whole packet comes before it."
        return f"{name} is cut short: it ends in the middle of {what}. {before if count else 'No packet is whole.'}"

    def _half(self) -> str:
        """What has begun at the end and is not whole; "" for nothing, or where that cannot be told."""
        pieces = self._pieces
        if pieces is None:
            return "its file header" if self._start else ""
        if isinstance(pieces, Records):
            if not pieces.rest:
                return ""
            return f"packet {pieces.packets + 1:,}" if pieces.header else "its file header"
        if not pieces.has_rest:
            return ""
        kind = pieces.rest_type
        if kind in _COUNTED:
            return f"packet {self._packets + 1:,}"
        return "its file header" if kind in (SECTION, INTERFACE) and not self._packets else "a block"
