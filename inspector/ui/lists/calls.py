"""The list of calls."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from inspector.model.call import Call, StreamKey
from inspector.schema.catalog import Catalog
from inspector.store.sorted_calls import CallOrder
from inspector.ui.feed import Feed
from inspector.ui.lists.rows import dim, got, sent
from inspector.ui.subject import FrameAt, Subject, of_call
from inspector.ui.widgets.painting import Column, Order
from inspector.views.as_text import call_line
from inspector.views.naming import naming
from inspector.views.outcome import call_status
from inspector.views.rows import CallRow, call_row, kind_of
from inspector.views.spans import Span, Tone, plain
from inspector.views.text import size


def _problems(row: CallRow) -> tuple[Span, ...]:
    return (Span(f"{row.problems}", Tone.WARN),) if row.problems else ()


_COLUMNS: Final = (
    Column("Stream", lambda row: (Span(str(row.key)),), least=6, most=12, right=True, rank=1),
    Column("Start", lambda row: dim(row.start), least=6, most=12, right=True, gap=2, rank=4),
    Column("Method", lambda row: row.method, least=23, most=60, gap=2, yields=True),
    Column("Kind", lambda row: dim(row.kind), least=5, most=16, gap=2, rank=11),
    Column("Status", lambda row: row.status, least=8, most=20, gap=2),
    Column("State", lambda row: dim(row.state), least=8, most=9, gap=2, rank=10),
    Column("Duration", lambda row: dim(row.duration), least=8, most=12, right=True, gap=2),
    Column("Reply", lambda row: dim(row.first_reply), least=6, most=12, right=True, gap=2, rank=6),
    Column("Sent", lambda row: sent(row.requests), least=4, most=7, right=True, gap=2, rank=2),
    Column("Got", lambda row: got(row.responses), least=4, most=7, right=True, rank=3),
    Column("→Bytes", lambda row: sent(size(row.request_bytes)), least=6, most=9, right=True, gap=2, rank=7),
    Column("←Bytes", lambda row: got(size(row.response_bytes)), least=6, most=9, right=True, rank=8),
    Column("Problems", _problems, least=8, most=8, right=True, gap=2, rank=9),
    Column("Info", lambda row: row.info, least=8, gap=2, rank=5),
)

_Value: TypeAlias = Callable[[Call, Catalog], Any]
"""What a call is sorted by, None for one without it. Any: numbers for some columns, texts for others."""

_BY_NAME: Final[Mapping[str, _Value]] = {
    "Stream": lambda call, _: call.key,
    "Start": lambda call, _: call.started,
    "Method": lambda call, catalog: naming(call, catalog).method,
    "Kind": kind_of,
    "Status": lambda call, _: plain(call_status(call)),
    "State": lambda call, _: call.state,
}
_BY_SIZE: Final[Mapping[str, _Value]] = {
    "Duration": lambda call, _: call.duration,
    "Reply": lambda call, _: call.first_reply,
    "Sent": lambda call, _: len(call.requests),
    "Got": lambda call, _: len(call.responses),
    "→Bytes": lambda call, _: call.request_bytes,
    "←Bytes": lambda call, _: call.response_bytes,
    "Problems": lambda call, _: len(call.problems),
}
"""Sorted downwards at first: the slowest and the largest are what is looked for."""
_VALUES: Final = {**_BY_NAME, **_BY_SIZE}
_START: Final = Order(1)


class CallRows:
    """The calls that the filter lets through; a row's key is the call's stream."""

    columns = _COLUMNS
    orders = tuple(
        Order(index, column.title in _BY_SIZE) for index, column in enumerate(_COLUMNS) if column.title in _VALUES
    )

    def __init__(self, feed: Feed, catalog: Catalog) -> None:
        self._feed = feed
        self._catalog = catalog
        self.order = _START

    def __len__(self) -> int:
        return len(self._feed.calls.keys)

    @property
    def grows_at_end(self) -> bool:
        """True in the order in which the calls started."""
        return self.order == _START

    def sort(self, order: Order) -> Iterator[object]:
        """Sort by a column, some calls at each step."""
        self.order, value, catalog = order, _VALUES[_COLUMNS[order.column].title], self._catalog
        by = None if self.grows_at_end else CallOrder(lambda call: value(call, catalog), order.descending)
        return self._feed.calls.sort(by)

    def key(self, row: int) -> Any:
        """The stream of a row's call. Any: a list in which calls unfold has rows of other kinds."""
        return self._feed.calls.keys[row]

    def near(self, key: StreamKey) -> int:
        """The row of a call or of the next one that is shown; the last row when there is none."""
        return min(self._feed.calls.nearest_row(key), len(self._feed.calls.keys) - 1)

    def version(self, key: StreamKey) -> Hashable:
        """All that a row says of a call can come later."""
        call = self._feed.store.calls[key]
        counts = len(call.requests), len(call.responses), len(call.problems), call.request_bytes, call.response_bytes
        times = self._feed.time_style, self._feed.time_reference
        return self._catalog.revision, call.method, call.state, call.status, call.ended, call.http_status, counts, times

    def row(self, key: StreamKey) -> CallRow:
        """What a call says."""
        return call_row(self._feed.store, self._catalog, key, self._feed.times)

    def subject(self, key: StreamKey) -> Subject:
        """The call's first frame."""
        return of_call(self._feed.store, key)

    def key_of(self, subject: Subject) -> Any:
        """The call of a frame."""
        call = subject.call(self._feed.store) if isinstance(subject, FrameAt) else None
        return None if call is None else call.key

    def text(self, key: StreamKey) -> tuple[str, str]:
        """The line that the headless list prints."""
        return call_line(self.row(key)), f"the row of call {key}"
