"""The blocks of a pcapng (draft-ietf-opsawg-pcapng), cut from its bytes as they come, and the comments on packets.

Sans-IO. The data of packets is not examined.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from inspector.pcap.records import PCAPNG_MAGIC, Remainder

SECTION: Final = 0x0A0D0D0A
INTERFACE: Final = 1
OBSOLETE_PACKET: Final = 2
SIMPLE_PACKET: Final = 3
NAMES: Final = 4
PACKET: Final = 6
SECRETS: Final = 10
"""The Decryption Secrets Block, with TLS keys and the like."""
JOURNAL_ENTRY: Final = 9
SYSTEM_CALLS: Final = frozenset({0x204, 0x208, 0x216, 0x217, 0x221})
PACKETS: Final = SYSTEM_CALLS | {OBSOLETE_PACKET, SIMPLE_PACKET, PACKET, JOURNAL_ENTRY}
"""The blocks that some version of tshark numbers as packets."""

_BYTE_ORDER_MAGIC: Final = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}
_MAX_LENGTH: Final = 1 << 26
"""Bytes of a block, 64 MiB: no packet with TCP in it has more than 256 KiB, and TLS keys of a hundred thousand
connections take 20 MB."""
_MIN_LENGTH: Final = 12
_OPTIONS_AT: Final = 28
"""Bytes before the options of a packet block, plus those of the packet, padded to four."""
_END, _COMMENT = 0, 1
_OPTION_HEADER: Final = 4
_TYPE_LENGTH: Final = 4


class PcapngBlock(NamedTuple):
    """One block."""

    type: int
    data: bytes
    """All of it, header and trailer included."""
    order: str
    """Its byte order for struct: `<` or `>`."""

    @property
    def comments(self) -> tuple[str, ...]:
        """The comments on a packet (opt_comment); empty for other blocks."""
        return tuple(value.decode(errors="replace") for code, value in self._options() if code == _COMMENT)

    def with_comments(self, comments: tuple[str, ...]) -> PcapngBlock:
        """Return the same packet with these comments in place of its own."""
        if not self._may_have_options:
            return self
        kept = [(code, value) for code, value in self._options() if code != _COMMENT]
        options = [*((_COMMENT, comment.encode(errors="replace")[:0xFFFF]) for comment in comments), *kept]
        written = b"".join(self._option(*option) for option in (*options, (_END, b""))) if options else b""
        return make_block(self.type, self.data[8 : self._options_at] + written, self.order)

    @property
    def _may_have_options(self) -> bool:
        return self.type in (PACKET, OBSOLETE_PACKET) and len(self.data) >= _OPTIONS_AT + 4

    @property
    def _options_at(self) -> int:
        (captured,) = struct.unpack_from(f"{self.order}I", self.data, 20)
        return min(_OPTIONS_AT + _padded(captured), len(self.data) - 4)

    def _options(self) -> Iterator[tuple[int, bytes]]:
        if not self._may_have_options:
            return
        at, end = self._options_at, len(self.data) - 4
        while at + _OPTION_HEADER <= end:
            code, length = struct.unpack_from(f"{self.order}HH", self.data, at)
            at += _OPTION_HEADER
            if code == _END or at + length > end:
                return
            yield code, self.data[at : at + length]
            at += _padded(length)

    def _option(self, code: int, value: bytes) -> bytes:
        return struct.pack(f"{self.order}HH", code, len(value)) + value.ljust(_padded(len(value)), b"\0")


class PcapngBlocks:
    """Cuts a pcapng, arriving in any pieces, into blocks."""

    def __init__(self, order: str = "<") -> None:
        """Start at a section header, or within a section of this byte order."""
        self.is_broken = False
        """True after bytes that are not a block: nothing more is yielded."""
        self.needed = _MIN_LENGTH
        """Bytes of the incomplete block; the minimum where its length is unknown."""
        self._rest = Remainder()
        self._order = order

    @property
    def has_rest(self) -> bool:
        """True while a block is incomplete."""
        return bool(self._rest)

    @property
    def rest_type(self) -> int | None:
        """The type of the incomplete block; None where it is unknown."""
        start = self._rest.data
        known = len(start) >= _TYPE_LENGTH and self._order != "?"
        return int(struct.unpack_from(f"{self._order}I", start)[0]) if known else None

    def take(self, data: bytes) -> Iterator[PcapngBlock]:
        """Yield the blocks that these bytes complete."""
        if (joined := self._rest.join(data)) is None:
            return
        data, at = joined, 0
        self.needed = _MIN_LENGTH
        while not self.is_broken and len(data) - at >= _MIN_LENGTH:
            if data[at : at + 4] == PCAPNG_MAGIC:
                self._order = _BYTE_ORDER_MAGIC.get(data[at + 8 : at + 12], "?")
            length = self._length(data, at)
            if length > len(data) - at or self.is_broken:
                self.needed = length
                break
            (kind,) = struct.unpack_from(f"{self._order}I", data, at)
            yield PcapngBlock(kind, data[at : at + length], self._order)
            at += length
        if not self.is_broken:
            self._rest.keep(data[at:], self.needed)

    def _length(self, data: bytes, at: int) -> int:
        (length,) = struct.unpack_from(f"{self._order}I", data, at + 4) if self._order != "?" else (0,)
        self.is_broken = not _MIN_LENGTH <= length <= _MAX_LENGTH or bool(length % 4)
        return int(length)


def make_block(kind: int, body: bytes, order: str = "<") -> PcapngBlock:
    """Build a block around a body, which is padded to four bytes."""
    length = struct.pack(f"{order}I", _MIN_LENGTH + _padded(len(body)))
    return PcapngBlock(
        kind, struct.pack(f"{order}I", kind) + length + body.ljust(_padded(len(body)), b"\0") + length, order
    )


def _padded(length: int) -> int:
    return (length + 3) // 4 * 4
