"""Follows the bytes of a capture, pcap or pcapng, record by record: to count, to collect comments, to find packets.

Sans-IO.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
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
    MAX_RECORD,
    PCAPNG_MAGIC,
    Pcap,
    Records,
    classic_format,
)

_COUNTED: Final = frozenset({PACKET, OBSOLETE_PACKET, SIMPLE_PACKET})
"""Blocks that every version of tshark numbers. Some versions number others too, so there may be more packets."""


class CaptureScan:
    """Counts the packets of one capture, and finds out whether it is cut short."""

    def __init__(self) -> None:
        self._start = b""
        self._parser: Records | PcapngBlocks | None = None
        self._packets = 0

    @property
    def packets(self) -> int:
        """Whole packets so far; those behind damage are not counted."""
        return self._parser.packets if isinstance(self._parser, Records) else self._packets

    def take(self, data: bytes) -> Iterator[PcapngBlock]:
        """Parse the next bytes, in any pieces, and yield the completed blocks of a pcapng. Iterate to the end."""
        if self._parser is None:
            data = self._start = self._start + data
            if len(data) < MAGIC_LENGTH:
                return
            self._parser = PcapngBlocks() if data.startswith(PCAPNG_MAGIC) else Records()
        if isinstance(self._parser, Records):
            self._parser.take(data)
            return
        for block in self._parser.take(data):
            self._packets += block.type in _COUNTED
            yield block

    def cut(self, name: str) -> str:
        """Return the sentence that the capture called `name` is cut short; "" where it is whole."""
        what = self._incomplete()
        if not what:
            return ""
        count = self.packets
        before = f"The {count:,} packets before it are whole." if count > 1 else "One whole packet comes before it."
        return f"{name} is cut short: it ends in the middle of {what}. {before if count else 'No packet is whole.'}"

    def _incomplete(self) -> str:
        """Name what the bytes so far end in the middle of; "" for nothing, or where that is unknown."""
        parser = self._parser
        if parser is None:
            return "its file header" if self._start else ""
        if isinstance(parser, Records):
            if not parser.rest:
                return ""
            return f"packet {parser.packets + 1:,}" if parser.header else "its file header"
        if not parser.has_rest:
            return ""
        kind = parser.rest_type
        if kind in _COUNTED:
            return f"packet {self._packets + 1:,}"
        return "its file header" if kind in (SECTION, INTERFACE) and not self._packets else "a block"


MAX_COMMENT: Final = 60_000
"""Bytes of UTF-8: an option holds 65,535."""


class Comments:
    """The comments on the packets of one capture: those that it has, and those that the user writes."""

    def __init__(self, known: dict[int, tuple[str, ...]]) -> None:
        """Keep `known` up to date: all current comments, by packet number."""
        self._known = known
        self._changed: dict[int, tuple[str, ...]] = {}
        self._unsaved: set[int] = set()
        self.scan = CaptureScan()
        """The scan of the same bytes."""
        self._number = 0

    @property
    def changed(self) -> Mapping[int, tuple[str, ...]]:
        """By packet: the comments that replace those in the capture."""
        return self._changed

    @property
    def unsaved(self) -> int:
        """How many packets have comments that were changed and not saved."""
        return len(self._unsaved)

    def saved(self) -> None:
        """Note that all changes are in a file."""
        self._unsaved.clear()

    def feed(self, data: bytes) -> None:
        """Collect the comments in the next bytes of the capture."""
        for block in self.scan.take(data):
            if block.type in PACKETS:
                self._number += 1
                if (comments := block.comments) and self._number not in self._changed:
                    self._known[self._number] = comments

    def text(self, number: int) -> str:
        """Return the comments of a packet as one text."""
        return " · ".join(self._known.get(number, ()))

    def put(self, number: int, text: str) -> bool:
        """Give a packet one comment, or none where `text` is empty; return False where it has this text already."""
        if text == self.text(number):
            return False
        text = text.strip().encode(errors="replace")[:MAX_COMMENT].decode(errors="ignore")
        if self._known.get(number, ()) != (following := (text,) if text else ()):
            self._changed[number] = following
            self._unsaved.add(number)
        if text:
            self._known[number] = (text,)
        else:
            self._known.pop(number, None)
        return True


_DESCRIPTIONS: Final = frozenset({INTERFACE, NAMES, SECRETS})

Numbered: TypeAlias = tuple[int, bytes]
"""A packet's number, and its record with the record's header."""


class PacketWalk:
    """A position between two packets of one capture, which moves forward."""

    def __init__(self, number: int = 0, offset: int = 0, header: bytes = b"") -> None:
        """Start at the capture's beginning, or behind a packet of a classic pcap with this file header."""
        self.number = number
        """The packet before the position."""
        self.offset = offset
        """Bytes of the capture before the position."""
        self.needed = 0
        """Bytes from the position on that the next record has, as far as is known."""
        self.preamble = header
        """What makes the packets from here on a capture: a file header, or the blocks that describe a section."""
        self._classic: Pcap | None = classic_format(header)
        self._order = "<"

    def take(self, data: bytes, last: int, wanted: Container[int]) -> Iterator[Numbered]:
        """Move over whole records up to packet `last`, given the bytes from `offset` on; yield the wanted packets.

        Pass what remains of the bytes again, followed by more.

        Raises:
            ValueError: The bytes are not records of a capture.
        """
        if not self.preamble and len(data) < HEADER_LENGTH:
            return
        start = 0 if self.preamble else self._read_header(data)
        if self._classic is not None:
            yield from self._records(self._classic, data, start, last, wanted)
        elif self.preamble or data[:MAGIC_LENGTH] == PCAPNG_MAGIC:
            yield from self._blocks(data, last, wanted)

    def _read_header(self, data: bytes) -> int:
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
            if length > MAX_RECORD:
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
