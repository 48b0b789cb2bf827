"""The list of methods with the totals of their calls. The filter does not apply to it."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Final

from inspector.present.export.text import row_line
from inspector.present.latency import METHOD_COLUMNS, MethodRow, method_row
from inspector.schema.catalog import Catalog
from inspector.store.stats import UNKNOWN
from inspector.ui.feed import Feed
from inspector.ui.subject import FrameAt, MethodAt, Subject
from inspector.ui.widgets.rows import SortOrder

_BY_METHOD: Final = SortOrder(0)


class MethodRows:
    """All methods that were called. The key of a row is the path of its method."""

    columns = METHOD_COLUMNS.columns
    orders = (
        _BY_METHOD,
        *(SortOrder(index, each.largest_first) for index, each in enumerate(METHOD_COLUMNS.columns) if each.sort_value),
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
        """Sort by a column at once, as methods are few."""
        self.order, self._sorted_at = order, -1
        return iter(())

    def key(self, row: int) -> str:
        """Return the path of a row's method."""
        return self._in_order()[row]

    def near(self, key: str) -> int:
        """Return the row of a method, or the first one if its calls were evicted."""
        paths = self._in_order()
        return paths.index(key) if key in self._totals.methods else 0

    def version(self, key: str) -> Hashable:  # noqa: ARG002 - all rows change together
        """Return a value that changes with every change of the store or the schema."""
        return self._catalog.revision, self._totals.revision

    def row(self, key: str) -> MethodRow:
        """Return the totals of a method."""
        return method_row(self._totals.methods[key], key, self._catalog)

    def subject(self, key: str) -> Subject:
        """Return the method."""
        return MethodAt(key)

    def key_of(self, subject: Subject) -> str | None:
        """Return the method itself, or that of a frame's call."""
        if isinstance(subject, MethodAt):
            return subject.path
        call = subject.call(self._store) if isinstance(subject, FrameAt) else None
        return None if call is None else call.method or UNKNOWN

    def text(self, key: str) -> tuple[str, str]:
        """Return the totals as a line of text."""
        row = self.row(key)
        return row_line(METHOD_COLUMNS, row), f"the row of {row.method}"

    def _in_order(self) -> list[str]:
        """Return the paths in order: those without a value come last, those with the same value are sorted by name."""
        if self._sorted_at != self._totals.revision:
            self._sorted_at, (column, descending) = self._totals.revision, self.order
            methods, value = self._totals.methods, self.columns[column].sort_value
            paths = sorted(methods)
            if value is None:
                self._paths = paths[::-1] if descending else paths
            else:
                values = {path: value(methods[path]) for path in paths}
                known = [path for path in paths if values[path] is not None]
                known.sort(key=values.__getitem__, reverse=descending)
                self._paths = [*known, *(path for path in paths if values[path] is None)]
        return self._paths
