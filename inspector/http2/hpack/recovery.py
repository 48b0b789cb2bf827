"""Decodes with our own HPACK tables the headers that tshark could not read, and rates each value."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Final, NamedTuple

import msgspec

from inspector.http2.framings import BINARY_SUFFIX, binary_value
from inspector.http2.hpack.header_order import BlockRole
from inspector.http2.hpack.inference import Known, Placeholders
from inspector.http2.hpack.table import HeaderEntry, HpackTable, KeptBlocks, LostEntries, Shape, UnknownEntry, block_of
from inspector.model.frame import Frame, FrameType, Header, HeaderNote, HeaderSource

_SHARED_LISTS: Final = 1024


@lru_cache(maxsize=_SHARED_LISTS)
def plain_headers(entries: tuple[HeaderEntry, ...]) -> tuple[Header, ...]:
    """The headers of a block of which every entry is known. Calls of one client repeat theirs: the list is shared."""
    return tuple((text_of(entry.name or b""), value_of(entry)) for entry in entries)


def text_of(raw: bytes) -> str:
    """A name, or a value that is no binary metadata."""
    return raw.decode(errors="replace")


def value_of(entry: HeaderEntry, name: str | None = None) -> str:
    """A value as text; `name` is what the header is thought to be called where the entry has no name."""
    is_binary = (name or text_of(entry.name or b"")).endswith(BINARY_SUFFIX)
    return binary_value(entry.value or b"") if is_binary else text_of(entry.value or b"")


UNKNOWN_NAME: Final = "<unknown>"
_SHAPES_BOUND: Final = 256
_PATHS_BOUND: Final = 256
_LOSSES_BOUND: Final = 64
"""Losses of which it is still asked what they inserted: entries from before older ones are hardly used any more."""
_RECORDS_BOUND: Final = 20_000
_LOST: Final = "it came through the table of headers after bytes were lost"


class _Record(NamedTuple):
    """A frame with headers through unseen entries, as tshark read it."""

    frame: Frame
    entries: list[HeaderEntry]
    is_lossy: bool


class HeaderRecovery:
    """Give `read` every frame with headers of one direction, in order."""

    def __init__(self, earlier_paths: Callable[[], frozenset[str]] = frozenset) -> None:
        """Begin with nothing read; `earlier_paths` gives the methods of earlier connections, when asked."""
        self._kept = KeptBlocks()
        self._table = HpackTable()
        """As the blocks leave it that are not kept any more."""
        self._is_helping = False
        """True when every block is decoded at once."""
        self._is_relayed = False
        """True when tshark has not seen all of the direction that we have."""
        self._shapes: set[Shape] = set()
        self._losses: dict[int, LostEntries] = {}
        self._records: dict[int, _Record] = {}
        self._placeholders = Placeholders(earlier_paths)
        self._paths: set[str] = set()
        self._is_lossy = False

    def lose(self) -> None:
        """Bytes of this direction were not captured."""
        self._help()
        self._begin_epoch()
        self._is_lossy = True

    def relay(self) -> None:
        """A tshark goes on from here that has seen nothing before.

        What was kept is decoded with the next block: on most of a thousand connections none comes any more.
        """
        self._is_helping = self._is_relayed = True

    def is_clean(self, frame: Frame) -> bool:
        """True where tshark's reading of this frame needs no help; the frame's block is kept."""
        if frame.header_sources or self._is_helping:
            return False
        if self._kept.keep(block_of(frame)):
            self._decode_kept()
        return True

    def is_settled(self, frame: Frame) -> bool:
        """True for a frame that was read, of which nothing more can be learnt."""
        return self._is_relayed and not frame.header_sources

    def read(self, frame: Frame, position: int, ask: Callable[[], tuple[BlockRole | None, bool]]) -> Frame:
        """The same frame, or one with headers read, recovered, guessed or marked as doubtful.

        `ask` tells, where it is needed, what the block is to its call, as far as that is certain, and whether the
        server sent a message.
        """
        self._help()
        block = block_of(frame)
        entries = None if block is None else self._decode(block)
        if entries is None:
            if frame.type != FrameType.CONTINUATION:
                self._begin_epoch()
            return self._doubted(frame) if self._is_lossy else frame
        if any(entry.place is not None for entry in entries):
            if len(self._records) < _RECORDS_BOUND:
                self._records[position] = _Record(frame, entries, self._is_lossy)
            self._weigh(entries)
            part, has_reply = ask()
            self._placeholders.use(position, entries, part, has_reply=has_reply)
        elif self._is_relayed:
            return msgspec.structs.replace(frame, headers=plain_headers(tuple(entries)), header_sources=())
        return self._merged(_Record(frame, entries, self._is_lossy))

    def revised(self) -> Iterator[tuple[int, Frame]]:
        """The earlier frames of which more is known than when they were told, with their positions."""
        for position in self._placeholders.changed():
            if (record := self._records.get(position)) is not None:
                yield position, self._merged(record)

    def place_of_path(self, position: int) -> UnknownEntry | None:
        """The placeholder that stands for `:path` in the frame at a position."""
        record = self._records.get(position)
        for entry in record.entries if record else ():
            if entry.place is not None and entry.value is None and self._placeholders.name(entry.place) == ":path":
                return entry.place
        return None

    def call_by_hand(self, place: UnknownEntry, path: str | None) -> None:
        """A person says what a placeholder's path is; None takes it back."""
        self._placeholders.call_by_hand(place, path)

    def paths(self) -> frozenset[str]:
        """The methods that were called, as far as they were plainly read."""
        self._decode_kept()
        return frozenset(self._paths)

    def _help(self) -> None:
        """Decode every block from now on, and before that those that were kept."""
        self._decode_kept()
        self._is_helping = True

    def _decode_kept(self) -> None:
        for block in self._kept.take():
            if block is None or self._decode(block) is None:
                self._begin_epoch()

    def _decode(self, block: bytes) -> list[HeaderEntry] | None:
        entries = self._table.decode(block)
        if entries and all(entry.place is None for entry in entries):
            if len(self._shapes) < _SHAPES_BOUND:
                self._shapes.add(tuple(entry.name for entry in entries))
            if len(self._paths) < _PATHS_BOUND:
                self._paths.update(text_of(entry.value) for entry in entries if entry.name == b":path" and entry.value)
        return entries

    def _begin_epoch(self) -> None:
        before, self._table = self._table, self._table.after_loss()
        self._losses[self._table.epoch] = LostEntries(
            before, self._table.epoch, self._shapes, self._placeholders.known_name
        )
        if len(self._losses) > _LOSSES_BOUND:
            del self._losses[oldest := next(iter(self._losses))]
            self._placeholders.forget(oldest)

    def _weigh(self, entries: list[HeaderEntry]) -> None:
        """See what a block says of the losses before it."""
        for epoch in {entry.place.epoch for entry in entries if entry.place is not None}:
            if (loss := self._losses.get(epoch)) is not None:
                loss.observe(entries)
                for place in {*self._placeholders.places(epoch), *(e.place for e in entries if e.place)}:
                    if place.epoch == epoch:
                        self._learn(place, self._believed(loss, place))

    def _learn(self, place: UnknownEntry, believed: Known | None) -> None:
        """Take in what a loss says of a placeholder; where that is nothing, it takes back only what it said before."""
        before = self._placeholders.get(place)
        if believed is not None or (before is not None and before.reason == _LOST):
            self._placeholders.learn(place, believed)

    def _believed(self, loss: LostEntries, place: UnknownEntry) -> Known | None:
        entry = loss.find(place.depth)
        if entry is None:
            return None
        older = self._placeholders.get(entry.place) if entry.place is not None else None
        name = text_of(entry.name) if entry.name is not None else older.name if older else None
        value = value_of(entry) if entry.value is not None else older.value if older else None
        if name is None or value is None:
            return None
        return Known(name, value, HeaderSource.DOUBTFUL, _LOST)

    def _merged(self, record: _Record) -> Frame:
        frame, known = record.frame, dict(record.frame.header_sources)
        read = frame.headers or ()
        if len(read) != len(record.entries):
            read = ((UNKNOWN_NAME, ""),) * len(record.entries)
            known = dict.fromkeys(range(len(read)), HeaderSource.UNKNOWN)
        elif record.is_lossy:
            known = {i: HeaderSource.UNKNOWN for i, entry in enumerate(record.entries) if entry.place is not None}
        each = [
            (header, known.get(i), entry) for i, (header, entry) in enumerate(zip(read, record.entries, strict=True))
        ]
        once = {one: self._merge(*one) for one in each}  # a long value may be named ten thousand times: kept once
        merged = [once[one] for one in each]
        return msgspec.structs.replace(
            frame,
            headers=tuple(header for header, _ in merged),
            header_sources=tuple((index, source) for index, (_, source) in enumerate(merged) if source is not None),
            header_notes=tuple(self._notes(frame, record.entries, merged)),
        )

    def _merge(
        self, header: Header, source: HeaderSource | None, entry: HeaderEntry
    ) -> tuple[Header, HeaderSource | None]:
        if entry.name is not None and entry.value is not None:
            name, value = text_of(entry.name), value_of(entry)
            # Where the table holds the entry, a value that tshark merely could not print is read like any other.
            was_unread = name != header[0] or (value != header[1] and not name.endswith(BINARY_SUFFIX))
            is_news = was_unread and entry.from_table and not self._is_relayed
            return (name, value), HeaderSource.RECOVERED if is_news else None
        if source is None:
            return header, None
        known = self._placeholders.get(entry.place) if entry.place is not None else None
        if known is not None and known.value is not None:
            name = text_of(entry.name) if entry.name is not None else known.name
            return (name, known.value if entry.value is None else value_of(entry, name)), known.source
        name = UNKNOWN_NAME if entry.name is None else text_of(entry.name)
        return (name, "" if entry.value is None else value_of(entry)), HeaderSource.UNKNOWN

    def _notes(
        self, frame: Frame, entries: list[HeaderEntry], merged: list[tuple[Header, HeaderSource | None]]
    ) -> Iterator[tuple[int, HeaderNote]]:
        for index, (entry, (_, source)) in enumerate(zip(entries, merged, strict=True)):
            if entry.place is not None and source is not None:
                yield index, HeaderNote(place_name(frame, entry.place), self._placeholders.note(entry.place))

    def _doubted(self, frame: Frame) -> Frame:
        """After a loss nothing of a block whose bytes cannot be had is certain."""
        unknown, doubtful = HeaderSource.UNKNOWN, HeaderSource.DOUBTFUL
        sources = (unknown if name == UNKNOWN_NAME else doubtful for name, _ in frame.headers or ())
        return msgspec.structs.replace(frame, header_sources=tuple(enumerate(sources)))


def place_name(frame: Frame, place: UnknownEntry) -> str:
    """The identity of a placeholder in the whole capture, such as `0:40050:0.5`."""
    return f"{frame.connection}:{frame.source.port}:{place.epoch}.{place.depth}"
