"""Follows the bytes of a capture, pcap or pcapng, record by record."""

from __future__ import annotations

from collections.abc import Container, Iterator
from typing import Final, TypeAlias

from inspector.pcap.pcapng import (
    INTERFACE,
    NAMES,
    OBSOLETE_PACKET,
    PACKET,
    PACKETS,
    SECRETS,
    SECTION,
    SIMPLE_PACKET,
    PcapngBlock,
    PcapngBlocks,
)
from inspector.pcap.records import (
    HEADER_LENGTH,
    MAGIC_LENGTH,
    MOST_IN_A_RECORD,
    PCAPNG_MAGIC,
    Pcap,
    Records,
    classic_format,
)

_COUNTED: Final = frozenset({PACKET, OBSOLETE_PACKET, SIMPLE_PACKET})
"""Blocks that every tshark gives a number to. Some versions count other blocks too, so that there may be more."""


class CaptureScan:
    """One capture, whose bytes come in their order and in any pieces."""

    def __init__(self) -> None:
        self._start = b""
        self._pieces: Records | PcapngBlocks | None = None
        self._packets = 0

    @property
    def packets(self) -> int:
        """Whole packets that have come; those behind damage are not counted."""
        return self._pieces.packets if isinstance(self._pieces, Records) else self._packets

    def take(self, data: bytes) -> Iterator[PcapngBlock]:
        """Take the next bytes; yields the blocks of a pcapng that are whole now. Iterate it to its end."""
        if self._pieces is None:
            data = self._start = self._start + data
            if len(data) < MAGIC_LENGTH:
                return
            self._pieces = PcapngBlocks() if data.startswith(PCAPNG_MAGIC) else Records()
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


_DESCRIPTIONS: Final = frozenset({INTERFACE, NAMES, SECRETS})

Numbered: TypeAlias = tuple[int, bytes]
"""A packet's number and its record, its own header included."""


class PacketWalk:
    """Stands behind a packet of one capture; `number` and `offset` tell which, and where that is."""

    def __init__(self, number: int = 0, offset: int = 0, header: bytes = b"") -> None:
        """Begin at the capture's beginning, or behind a packet of a classic pcap with this file header."""
        self.number = number
        self.offset = offset
        """Bytes of the capture that lie behind."""
        self.needed = 0
        """Bytes from there on without which nothing more is whole."""
        self.preamble = header
        """What must come before the packets from here on."""
        self._classic: Pcap | None = classic_format(header)
        self._order = "<"

    def take(self, data: bytes, last: int, wanted: Container[int]) -> Iterator[Numbered]:
        """Go on over the bytes from `offset` on, as far as they are whole and up to a packet; give those wanted.

        What is left of the bytes has to be given again, and more of it.

        Raises:
            ValueError: these bytes are no capture that can be walked over.
        """
        if not self.preamble and len(data) < HEADER_LENGTH:
            return
        start = 0 if self.preamble else self._begin(data)
        if self._classic is not None:
            yield from self._records(self._classic, data, start, last, wanted)
        elif self.preamble or data[:MAGIC_LENGTH] == PCAPNG_MAGIC:
            yield from self._blocks(data, last, wanted)

    def _begin(self, data: bytes) -> int:
        self._classic = classic_format(data)
        if self._classic is None:
            if data[:MAGIC_LENGTH] != PCAPNG_MAGIC:
                raise ValueError("neither pcap nor pcapng")
            return 0
        self.preamble = data[:HEADER_LENGTH]
        self.offset += HEADER_LENGTH
        return HEADER_LENGTH

    def _records(self, form: Pcap, data: bytes, at: int, last: int, wanted: Container[int]) -> Iterator[Numbered]:
        length_at, header, number, begin = form.captured_length.unpack_from, form.header_length, self.number, at
        size, self.needed = len(data), header
        while number < last and size - at >= header:
            (length,) = length_at(data, at)
            end = at + header + length
            if length > MOST_IN_A_RECORD:
                raise ValueError("out of step")
            if end > size:
                self.needed = end - at
                break
            number += 1
            if number in wanted:
                yield number, data[at:end]
            at = end
        self.number, self.offset = number, self.offset + at - begin

    def _blocks(self, data: bytes, last: int, wanted: Container[int]) -> Iterator[Numbered]:
        blocks = PcapngBlocks(self._order)
        for block in blocks.take(data):
            if self.number == last:
                return
            self.offset += len(block.data)
            if block.type in PACKETS:
                self.number += 1
                if self.number in wanted:
                    yield self.number, block.data
            elif block.type == SECTION:
                self.preamble, self._order = block.data, block.order
            elif block.type in _DESCRIPTIONS:
                self.preamble += block.data
        self.needed = blocks.needed
        if blocks.is_broken:
            raise ValueError("out of step")
