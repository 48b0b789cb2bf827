"""Decodes headers that tshark could not read, with our own HPACK tables, and rates each value."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Final, NamedTuple

import msgspec

from inspector.http2.framings import BINARY_SUFFIX
from inspector.http2.hpack.header_order import BlockRole
from inspector.http2.hpack.inference import Losses, UnknownEntries, text_of, value_of
from inspector.http2.hpack.table import HeaderEntry, HpackTable, PendingBlocks, UnknownEntry, block_of
from inspector.model.frame import Frame, FrameType, Header, HeaderNote, HeaderSource

_SHARED_LISTS: Final = 1024


@lru_cache(maxsize=_SHARED_LISTS)
def plain_headers(entries: tuple[HeaderEntry, ...]) -> tuple[Header, ...]:
    """Return the headers of a fully known block; calls of one client repeat theirs, so the tuple is shared."""
    return tuple((text_of(entry.name or b""), value_of(entry)) for entry in entries)


UNKNOWN_NAME: Final = "<unknown>"
"""What tshark shows as the name of a header from an entry that it has not seen."""
_MAX_PATHS: Final = 256
_MAX_RECORDS: Final = 20_000
"""Frames of one direction that can be revised."""


class _Record(NamedTuple):
    """A frame that uses unknown entries, as tshark read it."""

    frame: Frame
    entries: list[HeaderEntry]
    is_after_loss: bool


class HeaderRecovery:
    """The headers of one direction; pass every frame with headers to `is_clean`, and to `read` unless it is."""

    def __init__(self, earlier_paths: Callable[[], frozenset[str]] = frozenset) -> None:
        """Begin at the start of a connection; `earlier_paths` returns the methods called on earlier connections."""
        self.unknown_entries = UnknownEntries(earlier_paths)
        self._pending = PendingBlocks()
        self._table = HpackTable()
        """As the blocks before the pending ones leave it."""
        self._is_decoding = False
        """True when every block is decoded as it arrives; until then, tshark's reading is enough."""
        self._is_resumed = False
        """True when the current tshark has not seen all of the direction."""
        self._is_after_loss = False
        self._losses = Losses(self.unknown_entries)
        self._records: dict[int, _Record] = {}
        """By position of the frame."""
        self._paths: set[str] = set()

    def mark_gap(self) -> None:
        """Record that bytes of this direction were not captured."""
        self._decode_from_now_on()
        self._begin_epoch()
        self._is_after_loss = True

    def resume(self) -> None:
        """Continue with a fresh tshark that has seen nothing of this direction.

        Pending blocks are decoded with the next one: of a thousand connections, most never send another.
        """
        self._is_decoding = self._is_resumed = True

    def is_clean(self, frame: Frame) -> bool:
        """Return True where tshark's reading of a frame is enough; its block is kept."""
        if frame.header_sources or self._is_decoding:
            return False
        if self._pending.add(block_of(frame)):
            self._decode_pending()
        return True

    def is_settled(self, frame: Frame) -> bool:
        """Return True for a frame from `read` that later frames cannot revise."""
        return self._is_resumed and not frame.header_sources

    def read(self, frame: Frame, position: int, context: Callable[[], tuple[BlockRole | None, bool]]) -> Frame:
        """Return the frame with headers read, recovered, guessed or marked as doubtful.

        `context` is called only where needed. It returns the role of the block, None where that is not certain, and
        whether the server has sent a message.
        """
        self._decode_from_now_on()
        block = block_of(frame)
        entries = None if block is None else self._decode(block)
        if entries is None:
            if frame.type != FrameType.CONTINUATION:
                self._begin_epoch()
            return _doubted(frame) if self._is_after_loss else frame
        record = _Record(frame, entries, self._is_after_loss)
        if any(entry.unknown is not None for entry in entries):
            if len(self._records) < _MAX_RECORDS:
                self._records[position] = record
            self._losses.observe(entries)
            role, has_reply = context()
            self.unknown_entries.use(position, entries, role, has_reply=has_reply)
        elif self._is_resumed:
            return msgspec.structs.replace(frame, headers=plain_headers(tuple(entries)), header_sources=())
        return self._merged(record)

    def revised(self) -> Iterator[tuple[int, Frame]]:
        """Yield the earlier frames whose headers are known differently since the last call, with their positions."""
        for position in self.unknown_entries.take_changed():
            if (record := self._records.get(position)) is not None:
                yield position, self._merged(record)

    def path_entry(self, position: int) -> UnknownEntry | None:
        """Return the unknown entry that is the `:path` of the frame at a position."""
        record = self._records.get(position)
        for entry in record.entries if record else ():
            if (
                entry.unknown is not None
                and entry.value is None
                and self.unknown_entries.name(entry.unknown) == ":path"
            ):
                return entry.unknown
        return None

    def paths(self) -> frozenset[str]:
        """Return the methods that were called, without inferred ones."""
        self._decode_pending()
        return frozenset(self._paths)

    def _decode_from_now_on(self) -> None:
        self._decode_pending()
        self._is_decoding = True

    def _decode_pending(self) -> None:
        for block in self._pending.take():
            if block is None or self._decode(block) is None:
                self._begin_epoch()

    def _decode(self, block: bytes) -> list[HeaderEntry] | None:
        entries = self._table.decode(block)
        if entries and all(entry.unknown is None for entry in entries):
            self._losses.add_shape(entries)
            if len(self._paths) < _MAX_PATHS:
                self._paths.update(text_of(entry.value) for entry in entries if entry.name == b":path" and entry.value)
        return entries

    def _begin_epoch(self) -> None:
        before, self._table = self._table, self._table.after_loss()
        self._losses.add(before, self._table.epoch)

    def _merged(self, record: _Record) -> Frame:
        """Return a frame with each header from tshark or from our table, whichever knows more."""
        frame, sources = record.frame, dict(record.frame.header_sources)
        headers = frame.headers or ()
        if len(headers) != len(record.entries):
            headers = ((UNKNOWN_NAME, ""),) * len(record.entries)
            sources = dict.fromkeys(range(len(headers)), HeaderSource.UNKNOWN)
        elif record.is_after_loss:
            sources = {i: HeaderSource.UNKNOWN for i, entry in enumerate(record.entries) if entry.unknown is not None}
        each = [
            (header, sources.get(i), entry)
            for i, (header, entry) in enumerate(zip(headers, record.entries, strict=True))
        ]
        once = {one: self._merge(*one) for one in each}  # a block may use one long value ten thousand times
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
            # tshark 4.0 shows true binary values as empty; a value that it merely could not print counts as read.
            was_unread = name != header[0] or (value != header[1] and not name.endswith(BINARY_SUFFIX))
            is_news = was_unread and entry.from_table and not self._is_resumed
            return (name, value), HeaderSource.RECOVERED if is_news else None
        if source is None:
            return header, None
        inferred = self.unknown_entries.get(entry.unknown) if entry.unknown is not None else None
        if inferred is not None and inferred.value is not None:
            name = text_of(entry.name) if entry.name is not None else inferred.name
            return (name, inferred.value if entry.value is None else value_of(entry, name)), inferred.source
        if (
            entry.name is None
            and entry.value is not None
            and (guess := self.unknown_entries.name_of(entry)) is not None
        ):
            return (guess, value_of(entry, guess)), HeaderSource.GUESSED
        name = UNKNOWN_NAME if entry.name is None else text_of(entry.name)
        return (name, "" if entry.value is None else value_of(entry)), HeaderSource.UNKNOWN

    def _notes(
        self, frame: Frame, entries: list[HeaderEntry], merged: list[tuple[Header, HeaderSource | None]]
    ) -> Iterator[tuple[int, HeaderNote]]:
        for index, (entry, (_, source)) in enumerate(zip(entries, merged, strict=True)):
            if entry.unknown is not None and source is not None:
                yield index, HeaderNote(entry_id(frame, entry.unknown), self.unknown_entries.note(entry.unknown))


def _doubted(frame: Frame) -> Frame:
    """Return a frame after a loss, whose block cannot be decoded: no header of it is certain."""
    unknown, doubtful = HeaderSource.UNKNOWN, HeaderSource.DOUBTFUL
    sources = (unknown if name == UNKNOWN_NAME else doubtful for name, _ in frame.headers or ())
    return msgspec.structs.replace(frame, header_sources=tuple(enumerate(sources)))


def entry_id(frame: Frame, entry: UnknownEntry) -> str:
    """Return the identity of an unknown entry in the whole capture, such as `0:40050:0.5`."""
    return f"{frame.connection}:{frame.source.port}:{entry.epoch}.{entry.depth}"
