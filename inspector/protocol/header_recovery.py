"""Reads with our own HPACK table what tshark could not read, and says of each such header how it is known.

One for each direction of a connection. Clean captures pay nothing: header blocks are only kept, and decoded from the
first on when a header is met that tshark marked as unknown, or when bytes were lost. After a loss tshark goes on
with indices that point to the wrong entries; whatever came through an entry older than the loss is doubtful.
"""

from __future__ import annotations

import msgspec

from inspector.model.frame import END_HEADERS, Frame, FrameType, Header, HeaderSource
from inspector.protocol.hpack_table import HeaderEntry, HpackTable
from inspector.protocol.metadata import BINARY_SUFFIX, binary_value


class HeaderRecovery:
    """Give `read` every frame with headers of one direction, in order."""

    __slots__ = ("_kept", "_lossy", "_table")

    def __init__(self) -> None:
        self._kept: list[bytes | None] = []
        """Blocks not decoded yet; None stands for one whose bytes cannot be had."""
        self._table: HpackTable | None = None
        self._lossy = False

    def lose(self) -> None:
        """Bytes of this direction were not captured."""
        self._decode_kept().forget()
        self._lossy = True

    def read(self, frame: Frame) -> Frame:
        """The same frame, or one with headers read, recovered or marked as doubtful."""
        is_whole = frame.type != FrameType.CONTINUATION and bool(frame.flags & END_HEADERS)
        block = frame.payload if is_whole else None
        if not frame.header_sources and not self._lossy and self._table is None:
            self._kept.append(block)
            return frame
        table = self._decode_kept()
        if block is None:
            table.forget()
            return frame
        entries = table.decode(block)
        if entries is None:
            table.forget()
            return frame
        if not (frame.header_sources or self._lossy) or len(entries) != len(frame.headers or ()):
            return frame
        return self._merged(frame, entries)

    def _decode_kept(self) -> HpackTable:
        if self._table is None:
            self._table = HpackTable()
            for block in self._kept:
                if block is None or self._table.decode(block) is None:
                    self._table.forget()
            self._kept.clear()
        return self._table

    def _merged(self, frame: Frame, entries: list[HeaderEntry]) -> Frame:
        known = dict(frame.header_sources)
        headers: list[Header] = []
        sources: list[tuple[int, HeaderSource]] = []
        for index, (header, entry) in enumerate(zip(frame.headers or (), entries, strict=True)):
            merged, source = self._merge(header, known.get(index), entry)
            headers.append(merged)
            if source is not None:
                sources.append((index, source))
        return msgspec.structs.replace(frame, headers=tuple(headers), header_sources=tuple(sources))

    def _merge(
        self, header: Header, source: HeaderSource | None, entry: HeaderEntry
    ) -> tuple[Header, HeaderSource | None]:
        if entry.name is None or entry.value is None:
            if source is None and self._lossy:
                source = HeaderSource.DOUBTFUL
            return (header[0] if entry.name is None else entry.name.decode(errors="replace"), header[1]), source
        name = entry.name.decode(errors="replace")
        is_binary = name.endswith(BINARY_SUFFIX)
        value = binary_value(entry.value) if is_binary else entry.value.decode(errors="replace")
        # Where the table holds the entry, a value that tshark merely could not print is read like any other.
        was_unread = name != header[0] or (value != header[1] and not is_binary)
        return (name, value), HeaderSource.RECOVERED if was_unread and entry.from_table else None
