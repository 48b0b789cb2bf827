"""The list of frames."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import replace
from typing import Final

from inspector.present.export.text import row_line
from inspector.present.rows import FRAME_COLUMNS, FrameRow, frame_row
from inspector.present.times import TimeStyle
from inspector.schema.catalog import Catalog
from inspector.text import delta
from inspector.ui.feed import Feed
from inspector.ui.subject import FrameAt, PacketAt, Subject


class FrameRows:
    """The frames that match the filter. The key of a row is the position of its frame in the store."""

    columns = FRAME_COLUMNS.columns

    def __init__(self, feed: Feed, catalog: Catalog) -> None:
        self._feed = feed
        self._catalog = catalog

    def __len__(self) -> int:
        return len(self._feed.frames.positions)

    def key(self, row: int) -> int:
        """Return the position of a row's frame."""
        return self._feed.frames.positions[row]

    def near(self, key: int) -> int:
        """Return the row of a frame, or of the next one that matches the filter, or the last row."""
        return min(self._feed.frames.nearest_row(key), len(self) - 1)

    def version(self, key: int) -> Hashable:
        """Return a value that is equal as long as the row looks the same: its time may depend on the row before."""
        feed = self._feed
        times = feed.time_style, feed.time_reference, _row_before(feed, key)
        return self._catalog.revision, times, FRAME_COLUMNS.version(feed.store, feed.store.frames[key])

    def row(self, key: int) -> FrameRow:
        """Return the row with its deltas."""
        row = self._row(key)
        before, in_stream = (self._since(key, find(self._feed, key)) for find in (_row_before, _before_in_stream))
        return replace(row, delta=before, stream_delta=in_stream)

    def subject(self, key: int) -> Subject:
        """Return the frame."""
        return FrameAt(key)

    def key_of(self, subject: Subject) -> int | None:
        """Return the frame itself, or the first of a packet."""
        match subject:
            case FrameAt(position) if self._feed.store.frames.holds(position):
                return position
            case PacketAt(number):
                return next(self._feed.store.positions_of(number), None)
            case _:
                return None

    def text(self, key: int) -> tuple[str, str]:
        """Return the line that `frames` prints."""
        row = self._row(key)
        return row_line(FRAME_COLUMNS, row), f"the row of {row.type} in packet {row.packet}"

    def _row(self, key: int) -> FrameRow:
        """Return the row without deltas."""
        return frame_row(self._feed.store, self._catalog, key, self._feed.times, self._previous(key))

    def _since(self, key: int, before: int | None) -> str:
        frames = self._feed.store.frames
        return "" if before is None else delta(frames[key].time - frames[before].time)

    def _previous(self, key: int) -> float | None:
        """Return the time of the frame from which the Time column counts; None if it counts from no frame."""
        position = _BEFORE.get(self._feed.time_style, _none)(self._feed, key)
        return None if position is None else self._feed.store.frames[position].time


def _none(_feed: Feed, _position: int) -> None:
    return None


def _row_before(feed: Feed, position: int) -> int | None:
    row = feed.frames.nearest_row(position)
    return feed.frames.positions[row - 1] if row else None


def _before_in_stream(feed: Feed, position: int) -> int | None:
    call = feed.store.call_of(feed.store.frames[position])
    if call is None:
        return None
    index = call.frames.find(position, key=int)
    return call.frames[index - 1] if index > call.frames.first else None


_BEFORE: Final[Mapping[TimeStyle, Callable[[Feed, int], int | None]]] = {
    TimeStyle.PREVIOUS: _row_before,
    TimeStyle.STREAM: _before_in_stream,
}
"""How to find the position of the frame from which times count, for the styles that count from one."""
