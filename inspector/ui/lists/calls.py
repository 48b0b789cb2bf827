"""The list of calls."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable
from typing import Final

from inspector.model.call import StreamKey
from inspector.schema.catalog import Catalog
from inspector.ui.feed import Feed
from inspector.ui.lists.rows import dim
from inspector.ui.subject import FrameAt, Subject
from inspector.ui.widgets.painting import Column
from inspector.views.as_text import call_line
from inspector.views.rows import CallRow, call_row
from inspector.views.spans import Span, Tone
from inspector.views.times import Times

_COLUMNS: Final = (
    Column("Stream", lambda row: (Span(str(row.key)),), least=6, most=12, right=True),
    Column("Start", lambda row: dim(row.start), least=8, most=12, right=True, gap=2),
    Column("Method", lambda row: row.method, least=18, most=44, gap=2),
    Column("Status", lambda row: row.status, least=8, most=20, gap=2),
    Column("Duration", lambda row: dim(row.duration), least=8, most=12, right=True, gap=2),
    Column("Sent", lambda row: (Span(f"{row.requests}", Tone.CLIENT),), least=4, most=7, right=True, gap=2),
    Column("Got", lambda row: (Span(f"{row.responses}", Tone.SERVER),), least=4, most=7, right=True, gap=1),
    Column("Info", lambda row: (*dim(row.kind), Span("  "), *row.info), gap=2),
)


class CallRows:
    """The calls that the filter lets through; a row's key is the call's stream."""

    columns = _COLUMNS

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

    def subject(self, key: StreamKey) -> Subject:
        """The call's first frame."""
        return FrameAt(self._feed.store.calls[key].frames[0])

    def key_of(self, subject: Subject) -> StreamKey | None:
        """The call of a frame."""
        call = subject.call(self._feed.store) if isinstance(subject, FrameAt) else None
        return None if call is None else call.key

    def text(self, key: StreamKey) -> tuple[str, str]:
        """The line that the headless list prints."""
        return call_line(self.row(key)), f"the row of call {key}"

    def _first(self, key: StreamKey) -> int:
        call = self._feed.store.calls.get(key)
        return call.frames[0] if call and call.frames else 0
