"""Copies a capture: with some of its packets, without its secrets, with comments on its packets.

Sans-IO: bytes in any pieces go in, a well-formed capture comes out. A pcapng stays a pcapng, with all its other blocks.
A classic pcap becomes one only to hold comments.
"""

from __future__ import annotations

import struct
from collections.abc import Container, Iterator, Mapping
from typing import Final

from inspector.pcap.pcapng import INTERFACE, PACKET, PACKETS, SECRETS, SECTION, PcapngBlock, PcapngBlocks, make_block
from inspector.pcap.records import HEADER_LENGTH, MAX_RECORD, PCAPNG_MAGIC, Pcap, Remainder, classic_format

_UNSPECIFIED_LENGTH: Final = 0xFFFFFFFFFFFFFFFF
"""The length of a section that does not specify it."""
_IF_TSRESOL: Final = 9
"""The option of an interface for the resolution of its timestamps."""


class Extract:
    """One copy. Pass all bytes to `take`, then call `finish`."""

    def __init__(
        self,
        wanted: Container[int] | None = None,
        *,
        keeps_secrets: bool = False,
        comments: Mapping[int, tuple[str, ...]] | None = None,
        as_pcapng: bool = False,
        first: int = 0,
    ) -> None:
        """Choose what to copy.

        Args:
            wanted: The numbers of the packets to copy, from 1; None for all.
            keeps_secrets: Whether TLS keys are copied.
            comments: By packet, the comments that replace those in the capture.
            as_pcapng: Whether a classic pcap becomes a pcapng in any case.
            first: How many packets of the capture precede the bytes that are passed.
        """
        self.packets = 0
        """Packets that were copied."""
        self.secrets = 0
        """Blocks of secrets that were left out."""
        self.problem = ""
        """A sentence about what could not be copied; empty for nothing."""
        self._wanted, self._keeps_secrets, self._comments = wanted, keeps_secrets, comments or {}
        self._as_pcapng = as_pcapng or any(self._comments.values())
        self._number = first
        self._start = b""
        self._copier: _PcapngCopier | _ClassicCopier | None = None

    @property
    def is_pcapng(self) -> bool:
        """True when the copy is a pcapng."""
        return isinstance(self._copier, _PcapngCopier) or self._as_pcapng

    def take(self, data: bytes) -> bytes:
        """Return the bytes of the copy for the next bytes of the capture."""
        if self._copier is None:
            data, self._start = self._start + data, b""
            if len(data) < HEADER_LENGTH:
                self._start = data
                return b""
            is_pcapng = data.startswith(PCAPNG_MAGIC)
            self._copier = _PcapngCopier(self) if is_pcapng else _ClassicCopier(self, data[:HEADER_LENGTH])
        return b"".join(self._copier.take(data))

    def finish(self) -> None:
        """Note the end of the capture, and set `problem` where it is incomplete."""
        if self._copier is not None and self._copier.has_rest:
            self.problem = f"What comes behind packet {self._number} is damaged or cut short, and was left out."

    def next_packet(self) -> tuple[bool, tuple[str, ...] | None]:
        """Count a packet; return whether it is wanted, and the comments that replace its own, None for no change."""
        self._number += 1
        is_wanted = self._wanted is None or self._number in self._wanted
        self.packets += is_wanted
        return is_wanted, self._comments.get(self._number)

    def next_secrets(self) -> bool:
        """Count a block of secrets, and return whether it is copied."""
        self.secrets += not self._keeps_secrets
        return self._keeps_secrets

    @property
    def converts(self) -> bool:
        """True when a classic pcap becomes a pcapng."""
        return self._as_pcapng


class _PcapngCopier:
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
                yield _without_length(block)
            elif block.type != SECRETS or self._extract.next_secrets():
                yield block.data


class _ClassicCopier:
    def __init__(self, extract: Extract, header: bytes) -> None:
        self._extract, self._header = extract, header
        self._format = classic_format(header) or Pcap.LITTLE
        self._rest = Remainder()
        self._has_begun = self._is_broken = False

    @property
    def has_rest(self) -> bool:
        return bool(self._rest) or self._is_broken

    def take(self, data: bytes) -> Iterator[bytes]:
        if not self._has_begun:
            self._has_begun = True
            data = data[HEADER_LENGTH:]
            yield self._description() if self._extract.converts else self._header
        if (joined := self._rest.join(data)) is None:
            return
        data, at = joined, 0
        header_length, length_at = self._format.header_length, self._format.captured_length.unpack_from
        needed = header_length
        while not self._is_broken and len(data) - at >= header_length:
            (length,) = length_at(data, at)
            end = at + header_length + length
            self._is_broken = length > MAX_RECORD
            if self._is_broken or end > len(data):
                needed = end - at
                break
            is_wanted, comments = self._extract.next_packet()
            if is_wanted:
                yield self._block(data[at:end], comments) if self._extract.converts else data[at:end]
            at = end
        if not self._is_broken:
            self._rest.keep(data[at:], needed)

    def _description(self) -> bytes:
        """Return the section header and interface description blocks that replace the file header."""
        order = self._format.byte_order
        snap_length, link = struct.unpack_from(f"{order}II", self._header, 16)
        section = make_block(SECTION, struct.pack("<IHHQ", 0x1A2B3C4D, 1, 0, _UNSPECIFIED_LENGTH))
        exponent = len(str(self._format.units)) - 1
        resolution = struct.pack("<HHBxxxHH", _IF_TSRESOL, 1, exponent, 0, 0)
        return (
            section.data + make_block(INTERFACE, struct.pack("<HHI", link & 0xFFFF, 0, snap_length) + resolution).data
        )

    def _block(self, record: bytes, comments: tuple[str, ...] | None) -> bytes:
        seconds, fraction, captured, length = self._format.record_header.unpack_from(record)
        high, low = divmod(seconds * self._format.units + fraction, 1 << 32)
        body = struct.pack("<IIIII", 0, high, low, captured, length) + record[self._format.header_length :]
        return make_block(PACKET, body).with_comments(comments or ()).data


def _without_length(block: PcapngBlock) -> bytes:
    """Return a section header without the section's length, which the copy changes."""
    return block.data[:16] + b"\xff" * 8 + block.data[24:]
