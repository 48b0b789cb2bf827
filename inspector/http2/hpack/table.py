"""HPACK dynamic tables (RFC 7541) that tolerate lost bytes, and blocks that wait to be decoded."""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple

from hpack.exceptions import HPACKError
from hpack.hpack import decode_integer
from hpack.huffman_table import decode_huffman
from hpack.table import HeaderTable

from inspector.model.frame import END_HEADERS, Frame, FrameType

_MAX_PENDING: Final = 1_000
"""Blocks; decoding one takes about ten microseconds, so all of them about ten milliseconds."""
_INDEXED_FIELDS: Final = bytes(range(0x81, 0xFF))
"""Each of these bytes is a whole indexed field (RFC 7541 §6.1)."""


class PendingBlocks:
    """Blocks in the order of the wire, kept in case they have to be decoded; None stands for one without its bytes."""

    __slots__ = ("_blocks", "_repeatable")

    def __init__(self) -> None:
        self._blocks: list[bytes | None] = []
        self._repeatable: set[bytes] = set()
        """Blocks of indexed fields alone, since the last block that may have changed the table."""

    def add(self, block: bytes | None) -> bool:
        """Add a block, unless it repeats one that leaves the table as it is; return True when the list is full."""
        if block is None or not is_indexed(block):
            self._repeatable.clear()
        elif block in self._repeatable:
            return False
        else:
            self._repeatable.add(block)
        self._blocks.append(block)
        return len(self._blocks) >= _MAX_PENDING

    def take(self) -> list[bytes | None]:
        """Remove and return all blocks."""
        blocks, self._blocks = self._blocks, []
        self._repeatable.clear()
        return blocks


def is_indexed(block: bytes) -> bool:
    """Return True for a block of indexed fields alone, which leaves the table unchanged."""
    return not block.translate(None, _INDEXED_FIELDS)


def block_of(frame: Frame) -> bytes | None:
    """Return the whole header block of a frame; None where its bytes were not captured or CONTINUATIONs follow."""
    is_whole = frame.type != FrameType.CONTINUATION and bool(frame.flags & END_HEADERS)
    return frame.payload if is_whole and (frame.payload or not frame.headers) else None


_STATIC: Final = HeaderTable.STATIC_TABLE
_MAX_CACHED: Final = 256
"""Blocks whose headers are cached."""
_MAX_ENTRIES: Final = 2048
"""A table of 64 KiB, sixteen times the default, holds this many entries of the least size, 32 octets (§4.1)."""

_INTEGER: Final = 12
"""Octets; a longer integer is far beyond any length or index."""
_INDEXED: Final = 0x80
_INCREMENTAL: Final = 0x40
_SIZE_UPDATE: Final = 0x20
_HUFFMAN: Final = 0x80


class UnknownEntry(NamedTuple):
    """A dynamic table entry that was inserted unseen."""

    epoch: int
    """How many losses came before; each loss makes all older entries unknown."""
    depth: int
    """Counted back from the newest entry at the beginning of the epoch, which is 0."""


class HeaderEntry(NamedTuple):
    """A decoded header field; name or value is None where it comes from an unknown table entry."""

    name: bytes | None
    value: bytes | None
    from_table: bool = False
    """True when name or value came from the dynamic table."""
    unknown: UnknownEntry | None = None
    """The unknown entry that the name, and a value of None, come from."""


class HpackTable:
    """The dynamic table of one direction, newest entry first, as far as it is known."""

    __slots__ = ("_cache", "_entries", "_inserted", "epoch")

    def __init__(self, epoch: int = 0) -> None:
        self.epoch = epoch
        self._cache: dict[bytes, list[HeaderEntry]] = {}
        """Headers by block, for blocks of indexed fields alone since the table changed: clients repeat them."""
        self._entries: deque[HeaderEntry] = deque(maxlen=_MAX_ENTRIES)
        self._inserted = 0

    def after_loss(self) -> HpackTable:
        """Return the table after lost bytes, which may have inserted entries: all older ones are unknown now."""
        return HpackTable(self.epoch + 1)

    def decode(self, block: bytes) -> list[HeaderEntry] | None:
        """Return the headers of one whole block (§6), in order; None when it is not valid HPACK."""
        if (cached := self._cache.get(block)) is not None:
            return cached
        headers: list[HeaderEntry] = []
        try:
            offset = 0
            while offset < len(block):
                offset = self._decode_field(block, offset, headers)
        except (HPACKError, IndexError):
            return None
        if is_indexed(block) and len(self._cache) < _MAX_CACHED:
            self._cache[block] = headers
        return headers

    def entry(self, index: int) -> HeaderEntry:
        """Return the dynamic table's entry at an index, 0 for the newest."""
        if index < len(self._entries):
            return self._entries[index]._replace(from_table=True)
        return HeaderEntry(None, None, True, UnknownEntry(self.epoch, index - self._inserted))

    def _decode_field(self, block: bytes, offset: int, headers: list[HeaderEntry]) -> int:
        """Decode the field at an offset; return the offset behind it."""
        first = block[offset]
        if first & _INDEXED:
            index, used = _integer(block, offset, 7)
            headers.append(self._indexed(index))
            return offset + used
        if first & 0xE0 == _SIZE_UPDATE:
            return offset + _integer(block, offset, 5)[1]
        incremental = bool(first & _INCREMENTAL)
        index, used = _integer(block, offset, 6 if incremental else 4)
        offset += used
        unknown = None
        if index:
            name, _, from_table, unknown = self._indexed(index)
        else:
            name, offset = _string(block, offset)
            from_table = False
        value, offset = _string(block, offset)
        headers.append(HeaderEntry(name, value, from_table, unknown))
        if incremental:
            self._entries.appendleft(HeaderEntry(name, value, False, unknown))
            self._inserted += 1
            self._cache.clear()
        return offset

    def _indexed(self, index: int) -> HeaderEntry:
        if index == 0:
            raise IndexError  # §6.1: a decoding error
        if index <= len(_STATIC):
            name, value = _STATIC[index - 1]
            return HeaderEntry(name, value)
        return self.entry(index - len(_STATIC) - 1)


def _integer(block: bytes, offset: int, prefix_bits: int) -> tuple[int, int]:
    """Decode an integer (§5.1); return it with its length, without copying the rest of the block."""
    return decode_integer(block[offset : offset + _INTEGER], prefix_bits)


def _string(block: bytes, offset: int) -> tuple[bytes, int]:
    """Decode a string literal (§5.2); return it with the offset behind it."""
    huffman = block[offset] & _HUFFMAN
    length, used = _integer(block, offset, 7)
    start, end = offset + used, offset + used + length
    if end > len(block):
        raise IndexError
    raw = block[start:end]
    return (decode_huffman(raw) if huffman else raw), end
