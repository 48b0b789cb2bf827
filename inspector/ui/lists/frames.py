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
    """The frames that the filter lets through; a row's key is its frame's position in the store."""

    columns = FRAME_COLUMNS.columns

    def __init__(self, feed: Feed, catalog: Catalog) -> None:
        self._feed = feed
        self._catalog = catalog

    def __len__(self) -> int:
        return len(self._feed.frames.positions)

    def key(self, row: int) -> int:
        """The position of a row's frame."""
        return self._feed.frames.positions[row]

    def near(self, key: int) -> int:
        """The row of a frame or of the next one that is shown; the last row when there is none."""
        return min(self._feed.frames.nearest_row(key), len(self) - 1)

    def version(self, key: int) -> Hashable:
        """Rows speak of their call's method and start, and of messages, which may come to be known later."""
        feed = self._feed
        times = feed.time_style, feed.time_reference, _row_before(feed, key)
        return self._catalog.revision, times, FRAME_COLUMNS.version(feed.store, feed.store.frames[key])

    def row(self, key: int) -> FrameRow:
        """What a frame says."""
        row = self._row(key)
        before, in_stream = (self._since(key, find(self._feed, key)) for find in (_row_before, _before_in_stream))
        return replace(row, delta=before, stream_delta=in_stream)

    def subject(self, key: int) -> Subject:
        """The frame."""
        return FrameAt(key)

    def key_of(self, subject: Subject) -> int | None:
        """The frame itself, or the first of a packet."""
        match subject:
            case FrameAt(position) if self._feed.store.frames.holds(position):
                return position
            case PacketAt(number):
                return next(self._feed.store.positions_of(number), None)
            case _:
                return None

    def text(self, key: int) -> tuple[str, str]:
        """The line that the headless list prints."""
        row = self._row(key)
        return row_line(FRAME_COLUMNS, row), f"the row of {row.type} in packet {row.packet}"

    def _row(self, key: int) -> FrameRow:
        """Without what only the columns say."""
        return frame_row(self._feed.store, self._catalog, key, self._feed.times, self._previous(key))

    def _since(self, key: int, before: int | None) -> str:
        frames = self._feed.store.frames
        return "" if before is None else delta(frames[key].time - frames[before].time)

    def _previous(self, key: int) -> float | None:
        """When the frame was sent from which the time of this one counts; None where it counts from no frame."""
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
"""The position of the frame from which a time counts."""
