"""The list of connections. The filter does not apply to it."""

from __future__ import annotations

from collections.abc import Hashable
from itertools import islice

from inspector.present.connections import CONNECTION_COLUMNS, ConnectionRow, connection_row
from inspector.present.export.text import row_line
from inspector.present.times import Times
from inspector.schema.catalog import Catalog
from inspector.ui.feed import Feed
from inspector.ui.subject import ConnectionAt, Subject, connection_of


class ConnectionRows:
    """All connections that carry HTTP/2 or were meant to. The key of a row is the index of its connection."""

    columns = CONNECTION_COLUMNS.columns

    def __init__(self, feed: Feed, _catalog: Catalog) -> None:
        self._store = feed.store
        self._dropped = 0
        self._order: list[int] = []
        """The indexes in the order of the store, in which the connections were recognised."""
        self._rows: dict[int, int] = {}

    def __len__(self) -> int:
        if self._dropped != self._store.evicted_connections:
            self._dropped = self._store.evicted_connections
            self._order = [index for index in self._store.connections if index not in self._store.evicting_connections]
            self._rows = {index: row for row, index in enumerate(self._order)}
        for index in islice(self._store.connections, len(self._order) + len(self._store.evicting_connections), None):
            self._rows[index] = len(self._order)
            self._order.append(index)
        return len(self._order)

    def key(self, row: int) -> int:
        """Return the index of a row's connection."""
        return self._order[row]

    def near(self, key: int) -> int:
        """Return the row of a connection."""
        return self._rows.get(key, 0)

    def version(self, key: int) -> Hashable:
        """Return a value that is equal as long as the row looks the same."""
        return CONNECTION_COLUMNS.version(self._store, key)

    def row(self, key: int) -> ConnectionRow:
        """Return the row of a connection."""
        return connection_row(self._store, key, Times.of(self._store))

    def subject(self, key: int) -> Subject:
        """Return the connection."""
        return ConnectionAt(key)

    def key_of(self, subject: Subject) -> int | None:
        """Return the connection itself, or that of a frame."""
        return connection_of(subject, self._store)

    def text(self, key: int) -> tuple[str, str]:
        """Return the line that `connections` prints."""
        return row_line(CONNECTION_COLUMNS, self.row(key)), f"the row of connection {key}"
