"""A capture copied with some of its packets, without its secrets, with comments on its packets.

Sans-IO: bytes in any pieces go in, a well-formed capture comes out. A pcapng stays one, with all that is not left out;
a classic pcap too, unless comments are to be kept, which only a pcapng can hold.
"""

from __future__ import annotations

import struct
from collections.abc import Container, Iterator, Mapping
from typing import Final

from inspector.pcap.pcapng import INTERFACE, PACKET, PACKETS, SECRETS, SECTION, PcapngBlock, PcapngBlocks, make_block
from inspector.pcap.records import HEADER_LENGTH, MOST_IN_A_RECORD, PCAPNG_MAGIC, Pcap, Remainder, classic_format

_ANY_LENGTH: Final = 0xFFFFFFFFFFFFFFFF
"""Of a section whose length is not told."""
_RESOLUTION: Final = 9
"""if_tsresol: the option for it."""


class Extract:
    """One copy. Give it all bytes by `take`, then call `finish`."""

    def __init__(
        self,
        wanted: Container[int] | None = None,
        *,
        keeps_secrets: bool = False,
        comments: Mapping[int, tuple[str, ...]] | None = None,
        as_pcapng: bool = False,
        first: int = 0,
    ) -> None:
        """`first` is how many packets come before those that are given.

        `wanted` are packet numbers, from 1; None for all. `comments` replace those of the packets they are for.
        """
        self.packets = 0
        """Packets that were copied."""
        self.secrets = 0
        """Blocks of secrets that were left out."""
        self.problem = ""
        """A sentence on what could not be copied; empty when all could."""
        self._wanted, self._keeps_secrets, self._comments = wanted, keeps_secrets, comments or {}
        self._as_pcapng = as_pcapng or any(self._comments.values())
        self._number = first
        self._start = b""
        self._taker: _Pcapng | _Classic | None = None

    @property
    def is_pcapng(self) -> bool:
        """True when what comes out is a pcapng."""
        return isinstance(self._taker, _Pcapng) or self._as_pcapng

    def take(self, data: bytes) -> bytes:
        """What is to be written for these bytes."""
        if self._taker is None:
            data, self._start = self._start + data, b""
            if len(data) < HEADER_LENGTH:
                self._start = data
                return b""
            self._taker = self._recognised(data)
        return b"".join(self._taker.take(data))

    def finish(self) -> None:
        """Nothing more will come."""
        if self._taker is not None and self._taker.has_rest:
            self.problem = f"What comes behind packet {self._number} is damaged or cut short, and was left out."

    def _recognised(self, data: bytes) -> _Pcapng | _Classic:
        if data.startswith(PCAPNG_MAGIC):
            return _Pcapng(self)
        return _Classic(self, data[:HEADER_LENGTH])

    def next_packet(self) -> tuple[bool, tuple[str, ...] | None]:
        """Whether the next packet is wanted, and its comments where it gets others than it has."""
        self._number += 1
        is_wanted = self._wanted is None or self._number in self._wanted
        self.packets += is_wanted
        return is_wanted, self._comments.get(self._number)

    def passes_secrets(self) -> bool:
        """Whether a block of secrets is copied."""
        self.secrets += not self._keeps_secrets
        return self._keeps_secrets

    @property
    def turns_into_pcapng(self) -> bool:
        """True when a classic pcap is to become a pcapng."""
        return self._as_pcapng


class _Pcapng:
    def __init__(self, extract: Extract) -> None:
        self._extract = extract
        self._blocks = PcapngBlocks()

    @property
    def has_rest(self) -> bool:
        return self._blocks.has_rest or self._blocks.is_broken

    def take(self, data: bytes) -> Iterator[bytes]:
        for block in self._blocks.take(data):
            if block.type in PACKETS:
                is_wanted, comments = self._extract.next_packet()
                if is_wanted:
                    yield (block if comments is None else block.with_comments(comments)).data
            elif block.type == SECTION:
                yield _of_any_length(block)
            elif block.type != SECRETS or self._extract.passes_secrets():
                yield block.data


class _Classic:
    def __init__(self, extract: Extract, header: bytes) -> None:
        self._extract, self._header = extract, header
        self._format = classic_format(header) or Pcap.LITTLE
        self._rest = Remainder()
        self._is_begun = self._is_broken = False

    @property
    def has_rest(self) -> bool:
        return bool(self._rest) or self._is_broken

    def take(self, data: bytes) -> Iterator[bytes]:
        if not self._is_begun:
            self._is_begun = True
            data = data[HEADER_LENGTH:]
            yield self._beginning() if self._extract.turns_into_pcapng else self._header
        if (joined := self._rest.join(data)) is None:
            return
        data, at = joined, 0
        header_length, length_at = self._format.header_length, self._format.captured_length.unpack_from
        needed = header_length
        while not self._is_broken and len(data) - at >= header_length:
            (length,) = length_at(data, at)
            end = at + header_length + length
            self._is_broken = length > MOST_IN_A_RECORD
            if self._is_broken or end > len(data):
                needed = end - at
                break
            is_wanted, comments = self._extract.next_packet()
            if is_wanted:
                yield self._block(data[at:end], comments) if self._extract.turns_into_pcapng else data[at:end]
            at = end
        if not self._is_broken:
            self._rest.keep(data[at:], needed)

    def _beginning(self) -> bytes:
        """The section and the interface (section and interface description blocks)."""
        order = self._format.byte_order
        snap_length, link = struct.unpack_from(f"{order}II", self._header, 16)
        section = make_block(SECTION, struct.pack("<IHHQ", 0x1A2B3C4D, 1, 0, _ANY_LENGTH))
        exponent = len(str(self._format.units)) - 1
        resolution = struct.pack("<HHBxxxHH", _RESOLUTION, 1, exponent, 0, 0)
        return (
            section.data + make_block(INTERFACE, struct.pack("<HHI", link & 0xFFFF, 0, snap_length) + resolution).data
        )

    def _block(self, record: bytes, comments: tuple[str, ...] | None) -> bytes:
        seconds, fraction, captured, length = self._format.record_header.unpack_from(record)
        high, low = divmod(seconds * self._format.units + fraction, 1 << 32)
        body = struct.pack("<IIIII", 0, high, low, captured, length) + record[self._format.header_length :]
        return make_block(PACKET, body).with_comments(comments or ()).data


def _of_any_length(block: PcapngBlock) -> bytes:
    """A section header that does not tell the section's length, which may be another now."""
    return block.data[:16] + b"\xff" * 8 + block.data[24:]
