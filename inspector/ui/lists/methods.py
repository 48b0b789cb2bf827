"""The list of methods with the totals of their calls. It shows all calls, whatever the filter lets through."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from inspector.present.latency import PERCENTILES, MethodRow, method_row
from inspector.present.spans import Span, Tone
from inspector.schema.catalog import Catalog
from inspector.store.stats import UNKNOWN, MethodTotal
from inspector.text import size
from inspector.ui.feed import Feed
from inspector.ui.subject import FrameAt, MethodAt, Subject
from inspector.ui.widgets.rows import Column, SortOrder, dim, received, sent


def _method(row: MethodRow) -> tuple[Span, ...]:
    return (Span(row.method, Tone.UNKNOWN if row.method == UNKNOWN else Tone.PLAIN),)


def _error(row: MethodRow, text: object) -> tuple[Span, ...]:
    return (Span(f"{text}", Tone.ERROR if row.errors else Tone.DIM),)


def _percentile(index: int) -> Callable[[MethodRow], tuple[Span, ...]]:
    return lambda row: (Span(row.percentiles[index]),) if row.percentiles else ()


_COLUMNS: Final = (
    Column("Method", _method, least=18, most=70, yields=True),
    Column("Kind", lambda row: dim(row.kind), least=5, most=16, gap=2, rank=9),
    Column("Calls", lambda row: (Span(f"{row.calls:,}"),), least=5, most=9, right=True, gap=2),
    Column("Open", lambda row: dim(f"{row.open:,}" if row.open else ""), least=4, most=7, right=True, rank=6),
    Column("Errors", lambda row: _error(row, f"{row.errors:,}"), least=6, most=9, right=True, rank=2),
    Column("Rate", lambda row: _error(row, row.rate), least=6, most=6, right=True),
    Column("p50", _percentile(0), least=7, most=10, right=True, gap=2),
    Column("p95", _percentile(1), least=7, most=10, right=True),
    Column("p99", _percentile(2), least=7, most=10, right=True),
    Column("Sent", lambda row: sent(f"{row.requests:,}"), least=4, most=9, right=True, gap=2, rank=4),
    Column("Got", lambda row: received(f"{row.responses:,}"), least=4, most=9, right=True, rank=5),
    Column("→Bytes", lambda row: sent(size(row.request_bytes)), least=6, most=9, right=True, gap=2, rank=7),
    Column("←Bytes", lambda row: received(size(row.response_bytes)), least=6, most=9, right=True, rank=8),
)

_Value: TypeAlias = Callable[[MethodTotal], Any]
"""What a method is sorted by; None for one without it. Any: a number for all but the method itself."""


def _nth_percentile(index: int) -> _Value:
    return lambda total: next(iter(total.durations.percentiles(PERCENTILES[index])), None)


_VALUES: Final[Mapping[str, _Value]] = {
    "Calls": lambda total: total.calls,
    "Open": lambda total: total.open,
    "Errors": lambda total: total.errors,
    "Rate": lambda total: total.error_rate,
    "p50": _nth_percentile(0),
    "p95": _nth_percentile(1),
    "p99": _nth_percentile(2),
    "Sent": lambda total: total.requests,
    "Got": lambda total: total.responses,
    "→Bytes": lambda total: total.request_bytes,
    "←Bytes": lambda total: total.response_bytes,
}
_BY_METHOD: Final = SortOrder(0)


class MethodRows:
    """All methods that were called; a row's key is the method's path."""

    columns = _COLUMNS
    orders = (
        _BY_METHOD,
        *(SortOrder(index, descending=True) for index, each in enumerate(_COLUMNS) if each.title in _VALUES),
    )
    grows_at_end = False

    def __init__(self, feed: Feed, catalog: Catalog) -> None:
        self._totals = feed.methods
        self._store = feed.store
        self._catalog = catalog
        self._paths: list[str] = []
        self._sorted_at = -1
        self.order = _BY_METHOD

    def __len__(self) -> int:
        return len(self._in_order())

    def sort(self, order: SortOrder) -> Iterator[object]:
        """Sort by a column, at once: methods are few."""
        self.order, self._sorted_at = order, -1
        return iter(())

    def key(self, row: int) -> str:
        """The path of a row's method."""
        return self._in_order()[row]

    def near(self, key: str) -> int:
        """The row of a method; the first one for a method that has no calls any more."""
        paths = self._in_order()
        return paths.index(key) if key in self._totals.methods else 0

    def version(self, key: str) -> Hashable:  # noqa: ARG002 - they are few, and all of them change
        """Rows say something else with every change."""
        return self._catalog.revision, self._totals.revision

    def row(self, key: str) -> MethodRow:
        """What a method's calls add up to."""
        return method_row(self._totals.methods[key], key, self._catalog)

    def subject(self, key: str) -> Subject:
        """The method."""
        return MethodAt(key)

    def key_of(self, subject: Subject) -> str | None:
        """The method, or that of a frame's call."""
        if isinstance(subject, MethodAt):
            return subject.path
        call = subject.call(self._store) if isinstance(subject, FrameAt) else None
        return None if call is None else call.method or UNKNOWN

    def text(self, key: str) -> tuple[str, str]:
        """The figures, as in the list."""
        row = self.row(key)
        percentiles = (f"{name} {each}" for name, each in zip(("p50", "p95", "p99"), row.percentiles, strict=False))
        facts = (f"{row.calls} calls", f"{row.errors} errors", row.rate, *percentiles)
        return "  ".join((row.method, *(fact for fact in facts if fact))), f"the row of {row.method}"

    def _in_order(self) -> list[str]:
        """The paths by the order; those without a value last, ties by their name."""
        if self._sorted_at != self._totals.revision:
            self._sorted_at, (column, descending) = self._totals.revision, self.order
            methods, value = self._totals.methods, _VALUES.get(_COLUMNS[column].title)
            paths = sorted(methods)
            if value is None:
                self._paths = paths[::-1] if descending else paths
            else:
                values = {path: value(methods[path]) for path in paths}
                known = [path for path in paths if values[path] is not None]
                known.sort(key=values.__getitem__, reverse=descending)
                self._paths = [*known, *(path for path in paths if values[path] is None)]
        return self._paths
