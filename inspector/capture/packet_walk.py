"""Where each packet of a capture is, by its number: a walk over the bytes, classic pcap or pcapng.

Sans-IO. Knows what a reader must have read to begin behind any packet: the file header, or the blocks of the section
that say what its packets are (draft-ietf-opsawg-pcap, -pcapng). Counts packets as tshark does.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from typing import Final, TypeAlias

from inspector.capture.blocks import INTERFACE, NAMES, PACKETS, SECRETS, SECTION, Blocks
from inspector.capture.records import HEADER_LENGTH, MAGIC_LENGTH, MOST_IN_A_RECORD, PCAPNG_MAGIC, Pcap, classic_format

_DESCRIPTIONS: Final = frozenset({INTERFACE, NAMES, SECRETS})

Numbered: TypeAlias = tuple[int, bytes]
"""A packet's number and its record, its own header included."""


class PacketWalk:
    """Stands behind a packet of one capture; `number` and `offset` tell which, and where that is."""

    def __init__(self) -> None:
        self.number = 0
        self.offset = 0
        """Bytes of the capture that lie behind."""
        self.preamble = b""
        """What must come before the packets from here on."""
        self._classic: Pcap | None = None
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
        size = len(data)
        while number < last and size - at >= header:
            (length,) = length_at(data, at)
            end = at + header + length
            if length > MOST_IN_A_RECORD:
                raise ValueError("out of step")
            if end > size:
                break
            number += 1
            if number in wanted:
                yield number, data[at:end]
            at = end
        self.number, self.offset = number, self.offset + at - begin

    def _blocks(self, data: bytes, last: int, wanted: Container[int]) -> Iterator[Numbered]:
        blocks = Blocks(self._order)
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
        if blocks.is_broken:
            raise ValueError("out of step")
