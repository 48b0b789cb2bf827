"""The list of packets, as Wireshark has it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable
from dataclasses import replace
from typing import Final

from inspector.present.export.text import row_line
from inspector.present.packet import PACKET_COLUMNS, PacketRow, packet_row
from inspector.present.rows import comment_spans
from inspector.present.times import Times
from inspector.schema.catalog import Catalog
from inspector.ui.feed import Feed
from inspector.ui.subject import FrameAt, PacketAt, Subject

_DIGITS: Final = 6
"""Decimal places of times, as in Wireshark: packets are microseconds apart."""


class PacketRows:
    """The packets that match the filter. The key of a row is the number of its packet."""

    columns = PACKET_COLUMNS.columns

    def __init__(self, feed: Feed, catalog: Catalog) -> None:  # noqa: ARG002 - as every list
        self._feed = feed

    def __len__(self) -> int:
        return len(self._feed.packets.numbers)

    def key(self, row: int) -> int:
        """Return the number of a row's packet."""
        return self._feed.packets.numbers[row]

    def near(self, key: int) -> int:
        """Return the row of a packet, or of the next one that matches the filter, or the last row."""
        return min(bisect_left(self._feed.packets.numbers, key), len(self) - 1)

    def version(self, key: int) -> Hashable:
        """Return a value that is equal as long as the row looks the same: ports may be decoded in another way."""
        times = self._feed.time_style, self._feed.time_reference, self._previous(key)
        return self._feed.packets.revision, times, PACKET_COLUMNS.version(self._feed.store, key)

    def row(self, key: int) -> PacketRow:
        """Return the row with its comments."""
        packets, style, reference = self._feed.packets, self._feed.time_style, self._feed.time_reference
        previous = self._previous(key)
        origin = packets.line(1).time if reference is None else reference
        times = Times(origin, style, has_reference=reference is not None, digits=_DIGITS)
        row = packet_row(packets.line(key), times, None if previous is None else packets.line(previous).time)
        comment = comment_spans(self._feed.store, key)
        return replace(row, info=(*comment, *row.info)) if comment else row

    def subject(self, key: int) -> Subject:
        """Return the packet."""
        return PacketAt(key)

    def key_of(self, subject: Subject) -> int | None:
        """Return the packet itself, or that of a frame."""
        match subject:
            case PacketAt(number):
                return number
            case FrameAt(position) if self._feed.store.frames.holds(position):
                return self._feed.store.frames[position].packet
            case _:
                return None

    def text(self, key: int) -> tuple[str, str]:
        """Return the row as a line of text."""
        return row_line(PACKET_COLUMNS, self.row(key)), f"the row of packet {key}"

    def _previous(self, key: int) -> int | None:
        """Return the packet of the previous row."""
        row = bisect_left(self._feed.packets.numbers, key)
        return self._feed.packets.numbers[row - 1] if row else None
