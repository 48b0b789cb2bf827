"""HPACK tables (RFC 7541) that tolerate lost bytes, and the blocks that wait to be decoded."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Sequence
from typing import Final, NamedTuple

from hpack.exceptions import HPACKError
from hpack.hpack import decode_integer
from hpack.huffman_table import decode_huffman
from hpack.table import HeaderTable

from inspector.model.frame import END_HEADERS, Frame, FrameType

_MANY: Final = 1_000
"""Blocks, each of which takes some ten microseconds to decode."""
_FIELDS: Final = bytes(range(0x81, 0xFF))
"""Each of these bytes is a whole indexed field (RFC 7541 §6.1)."""


class KeptBlocks:
    """Blocks in the order of the wire; None stands for one whose bytes cannot be had."""

    __slots__ = ("_blocks", "_same")

    def __init__(self) -> None:
        self._blocks: list[bytes | None] = []
        self._same: set[bytes] = set()
        """Blocks of indexed fields alone, since the last block that may have changed what they mean."""

    def keep(self, block: bytes | None) -> bool:
        """Keep a block; True when there are many."""
        if block is None or not is_indexed(block):
            self._same.clear()
        elif block in self._same:
            return False
        else:
            self._same.add(block)
        self._blocks.append(block)
        return len(self._blocks) >= _MANY

    def take(self) -> list[bytes | None]:
        """All of them; they are forgotten here."""
        blocks, self._blocks = self._blocks, []
        self._same.clear()
        return blocks


def is_indexed(block: bytes) -> bool:
    """True for a block of indexed fields alone, which leaves the table as it is."""
    return not block.translate(None, _FIELDS)


def block_of(frame: Frame) -> bytes | None:
    """A frame's whole header block; None where its bytes cannot be had."""
    is_whole = frame.type != FrameType.CONTINUATION and bool(frame.flags & END_HEADERS)
    return frame.payload if is_whole and (frame.payload or not frame.headers) else None


_STATIC: Final = HeaderTable.STATIC_TABLE
_READ_BOUND: Final = 256
_ENTRIES_BOUND: Final = 2048
"""Entries kept: a table of 64 KiB, sixteen times the default, holds as many of the least size, 32 (§4.1)."""

_INTEGER: Final = 12
"""Octets within which an integer ends that means anything."""
_INDEXED: Final = 0x80
_INCREMENTAL: Final = 0x40
_SIZE_UPDATE: Final = 0x20
_HUFFMAN: Final = 0x80


class UnknownEntry(NamedTuple):
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
    place: UnknownEntry | None = None
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
        return HeaderEntry(None, None, True, UnknownEntry(self.epoch, position - self._inserted))

    def _decode_one(self, block: bytes, at: int, headers: list[HeaderEntry]) -> int:
        first = block[at]
        if first & _INDEXED:
            index, used = _integer(block, at, 7)
            headers.append(self._entry(index))
            return at + used
        if first & 0xE0 == _SIZE_UPDATE:
            return at + _integer(block, at, 5)[1]
        incremental = bool(first & _INCREMENTAL)
        index, used = _integer(block, at, 6 if incremental else 4)
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


def _integer(block: bytes, at: int, prefix_bits: int) -> tuple[int, int]:
    """An integer (§5.1) and how many octets it has; without a copy of all that is behind it."""
    return decode_integer(block[at : at + _INTEGER], prefix_bits)


def _string(block: bytes, at: int) -> tuple[bytes, int]:
    """A string literal (§5.2) and the position behind it."""
    huffman = block[at] & _HUFFMAN
    length, used = _integer(block, at, 7)
    start, end = at + used, at + used + length
    if end > len(block):
        raise IndexError
    raw = block[start:end]
    return (decode_huffman(raw) if huffman else raw), end


_MOST: Final = 32
"""Entries that a loss may have inserted; a block of gRPC inserts about ten at most."""

_MARGIN: Final = 3
"""Headers by which a number must explain more than the others to be believed alone. Measured on captures of three
implementations with packets taken away: with 1, one doubtful method in twelve was false; with 3, none of 800."""
_ASKED_BOUND: Final = 4096
"""Different blocks that are weighed; what is the same once more says nothing new."""

Shape = tuple[bytes | None, ...]
"""The names of a block's headers, in order."""


class LostEntries:
    """One loss: the table before it, and what the blocks behind it say."""

    __slots__ = ("_asked", "_before", "_believed", "_name_of", "_scores", "_shapes", "epoch")

    def __init__(
        self,
        before: HpackTable,
        epoch: int,
        shapes: Collection[Shape],
        name_of: Callable[[UnknownEntry], bytes | None] = lambda _place: None,
    ) -> None:
        """Begin with nothing weighed; `name_of` tells what the entries of earlier losses are believed to be called."""
        self.epoch = epoch
        self._before = before
        self._name_of = name_of
        self._shapes = frozenset(shapes)
        self._scores = [0] * (_MOST + 1)
        self._believed: tuple[int, ...] = ()
        self._asked: set[tuple[int | bytes | None, ...]] = set()

    def observe(self, entries: Sequence[HeaderEntry]) -> bool:
        """Weigh a block behind the loss; True when another number is believed now."""
        if not any(map(self._is_ours, entries)):
            return False
        asked = tuple(entry.place.depth if entry.place and self._is_ours(entry) else entry.name for entry in entries)
        if asked in self._asked or len(self._asked) >= _ASKED_BOUND:
            return False
        self._asked.add(asked)
        read = [tuple(self._name(entry, moved) for entry in entries) for moved in range(_MOST + 1)]
        fitting = [any(_fits(names, shape) for shape in self._shapes) for names in read]
        if any(fitting):  # else it is a block such as none before, and says nothing of the loss
            for moved, (names, fits) in enumerate(zip(read, fitting, strict=True)):
                told = sum(self._is_ours(e) and name is not None for e, name in zip(entries, names, strict=True))
                self._scores[moved] += told if fits else -max(told, 1)
        best = max(self._scores)
        near = (moved for moved, score in enumerate(self._scores) if score > best - _MARGIN)
        believed = tuple(near) if best >= _MARGIN else ()
        is_news, self._believed = believed != self._believed, believed
        return is_news

    def find(self, depth: int) -> HeaderEntry | None:
        """The entry that a place of this epoch is believed to be; None where that cannot be told."""
        found = {self._before.at(depth - moved) if depth >= moved else None for moved in self._believed}
        return found.pop() if len(found) == 1 else None

    def _is_ours(self, entry: HeaderEntry) -> bool:
        return entry.place is not None and entry.place.epoch == self.epoch

    def _name(self, entry: HeaderEntry, moved: int) -> bytes | None:
        if entry.place is None or not self._is_ours(entry):
            return entry.name
        depth = entry.place.depth - moved
        if depth < 0:
            return None
        older = self._before.at(depth)
        return self._name_of(older.place) if older.name is None and older.place is not None else older.name


def _fits(names: Shape, shape: Shape) -> bool:
    return len(names) == len(shape) and all(name in (None, seen) for name, seen in zip(names, shape, strict=True))
