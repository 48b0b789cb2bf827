"""HPACK decoding of one direction of a connection that tolerates holes (RFC 7541).

Where a capture began late, or lost bytes, header blocks refer to dynamic table entries that were never seen. Indices
count from the newest entry, so all that were inserted since resolve exactly; the others are told as a place, the same
for the same entry however often it is used, and are never an error. The Huffman code, the integers and the static
table are the hpack library's.
"""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple

from hpack.exceptions import HPACKError
from hpack.hpack import decode_integer
from hpack.huffman_table import decode_huffman
from hpack.table import HeaderTable

from inspector.protocol.kept_blocks import is_indexed

_STATIC: Final = HeaderTable.STATIC_TABLE
_READ_BOUND: Final = 256
_ENTRIES_BOUND: Final = 2048
"""Entries kept: a table of 64 KiB, sixteen times the default, holds as many of the least size, 32 (§4.1)."""

_INDEXED: Final = 0x80
_INCREMENTAL: Final = 0x40
_SIZE_UPDATE: Final = 0x20
_HUFFMAN: Final = 0x80


class Place(NamedTuple):
    """A table entry that was never seen."""

    epoch: int
    """How often the table's beginning was lost before."""
    depth: int
    """Which entry, counted back from the newest one at the beginning of the epoch: 0 is that one."""


class HeaderEntry(NamedTuple):
    """A header as the block gave it; None for a name or value whose table entry was never seen."""

    name: bytes | None
    value: bytes | None
    from_table: bool = False
    """True when name or value came through the dynamic table."""
    place: Place | None = None
    """The entry never seen that the name, and a value that is None, are of."""


class HpackTable:
    """The dynamic table of one direction, newest entry first, as far as it is known."""

    __slots__ = ("_entries", "_inserted", "_read", "epoch")

    def __init__(self) -> None:
        self._read: dict[bytes, list[HeaderEntry]] = {}
        """Blocks of indexed fields alone that were read since the table changed: calls of one client repeat theirs."""
        self._entries: deque[HeaderEntry] = deque(maxlen=_ENTRIES_BOUND)
        self._inserted = 0
        self.epoch = 0

    def after_loss(self) -> HpackTable:
        """The table when bytes were lost: entries may have been inserted unseen, so all older ones are places now."""
        table = HpackTable()
        table.epoch = self.epoch + 1
        return table

    def decode(self, block: bytes) -> list[HeaderEntry] | None:
        """The headers of one whole block (§6), in order; None when it is no HPACK."""
        if (known := self._read.get(block)) is not None:
            return known
        headers: list[HeaderEntry] = []
        try:
            at = 0
            while at < len(block):
                at = self._decode_one(block, at, headers)
        except (HPACKError, IndexError):
            return None
        if is_indexed(block) and len(self._read) < _READ_BOUND:
            self._read[block] = headers
        return headers

    def at(self, position: int) -> HeaderEntry:
        """The dynamic table's entry at a position, 0 for the newest."""
        if position < len(self._entries):
            return self._entries[position]._replace(from_table=True)
        return HeaderEntry(None, None, True, Place(self.epoch, position - self._inserted))

    def _decode_one(self, block: bytes, at: int, headers: list[HeaderEntry]) -> int:
        first = block[at]
        if first & _INDEXED:
            index, used = decode_integer(block[at:], 7)
            headers.append(self._entry(index))
            return at + used
        if first & 0xE0 == _SIZE_UPDATE:
            return at + decode_integer(block[at:], 5)[1]
        incremental = bool(first & _INCREMENTAL)
        index, used = decode_integer(block[at:], 6 if incremental else 4)
        at += used
        place = None
        if index:
            name, _, from_table, place = self._entry(index)
        else:
            name, at = _string(block, at)
            from_table = False
        value, at = _string(block, at)
        headers.append(HeaderEntry(name, value, from_table, place))
        if incremental:
            self._entries.appendleft(HeaderEntry(name, value, False, place))
            self._inserted += 1
            self._read.clear()
        return at

    def _entry(self, index: int) -> HeaderEntry:
        if index == 0:
            raise IndexError  # §6.1: a decoding error
        if index <= len(_STATIC):
            name, value = _STATIC[index - 1]
            return HeaderEntry(name, value)
        return self.at(index - len(_STATIC) - 1)


def _string(block: bytes, at: int) -> tuple[bytes, int]:
    """A string literal (§5.2) and the position behind it."""
    huffman = block[at] & _HUFFMAN
    length, used = decode_integer(block[at:], 7)
    start, end = at + used, at + used + length
    if end > len(block):
        raise IndexError
    raw = block[start:end]
    return (decode_huffman(raw) if huffman else raw), end
