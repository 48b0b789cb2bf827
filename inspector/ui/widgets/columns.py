"""The lists of the app as tables: their columns, and where their rows come from."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable
from typing import Final

from inspector.model.call import StreamKey
from inspector.model.frame import HEADER_TYPES
from inspector.schema.catalog import Catalog
from inspector.ui.feed import Feed
from inspector.ui.widgets.painting import Column
from inspector.views.rows import CallRow, FrameRow, call_row, frame_row
from inspector.views.spans import ARROWS, SIDE_TONES, Span, Tone
from inspector.views.times import Times

_HEADER_NAMES: Final = frozenset(kind.name for kind in HEADER_TYPES)


def _dim(text: object) -> tuple[Span, ...]:
    return (Span(str(text), Tone.DIM),)


def _sided(row: FrameRow, text: str) -> tuple[Span, ...]:
    return (Span(text, SIDE_TONES[row.side]),)


FRAME_COLUMNS: Final = (
    Column("Packet", lambda row: _dim(row.packet), least=6, most=9, right=True),
    Column("Time", lambda row: _dim(row.time), least=8, most=12, right=True, gap=2),
    Column("Stream", lambda row: (Span(row.stream),), least=6, most=12, right=True, gap=2),
    Column("", lambda row: _sided(row, ARROWS[row.side]), least=1, most=1, gap=2),
    Column("Type", lambda row: _sided(row, row.type), least=10, most=15, strong=lambda row: row.type in _HEADER_NAMES),
    Column("Len", lambda row: _dim(row.length), least=5, most=8, right=True),
    Column("Info", lambda row: row.info, gap=2),
)

CALL_COLUMNS: Final = (
    Column("Stream", lambda row: (Span(str(row.key)),), least=6, most=12, right=True),
    Column("Start", lambda row: _dim(row.start), least=8, most=12, right=True, gap=2),
    Column("Method", lambda row: row.method, least=18, most=44, gap=2),
    Column("Status", lambda row: row.status, least=8, most=20, gap=2),
    Column("Duration", lambda row: _dim(row.duration), least=8, most=12, right=True, gap=2),
    Column("Sent", lambda row: (Span(f"{row.requests}", Tone.CLIENT),), least=4, most=7, right=True, gap=2),
    Column("Got", lambda row: (Span(f"{row.responses}", Tone.SERVER),), least=4, most=7, right=True, gap=1),
    Column("Info", lambda row: (*_dim(row.kind), Span("  "), *row.info), gap=2),
)


class FrameRows:
    """The frames that the filter lets through; a row's key is its frame's position in the store."""

    columns = FRAME_COLUMNS

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
        call = self._feed.store.call_of(self._feed.store.frames[key])
        known = None if call is None else (call.method, call.started, len(call.requests), len(call.responses))
        return self._catalog.revision, known

    def row(self, key: int) -> FrameRow:
        """What a frame says."""
        return frame_row(self._feed.store, self._catalog, key, Times.of(self._feed.store))


class CallRows:
    """The calls that the filter lets through; a row's key is the call's stream."""

    columns = CALL_COLUMNS

    def __init__(self, feed: Feed, catalog: Catalog) -> None:
        self._feed = feed
        self._catalog = catalog

    def __len__(self) -> int:
        return len(self._feed.calls.keys)

    def key(self, row: int) -> StreamKey:
        """The stream of a row's call."""
        return self._feed.calls.keys[row]

    def near(self, key: StreamKey) -> int:
        """The row of a call or of the next one that is shown; the last row when there is none."""
        first = self._first(key)
        return min(bisect_left(self._feed.calls.keys, first, key=self._first), len(self) - 1)

    def version(self, key: StreamKey) -> Hashable:
        """All that a row says of a call can come later."""
        call = self._feed.store.calls[key]
        counts = len(call.requests), len(call.responses), len(call.problems)
        return self._catalog.revision, call.method, call.state, call.status, call.ended, call.http_status, counts

    def row(self, key: StreamKey) -> CallRow:
        """What a call says."""
        return call_row(self._feed.store, self._catalog, key, Times.of(self._feed.store))

    def _first(self, key: StreamKey) -> int:
        call = self._feed.store.calls.get(key)
        return call.frames[0] if call and call.frames else 0
