"""The list of connections. It shows all of them, whatever the filter lets through."""

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
    """All connections that carry HTTP/2, or were meant to; a row's key is the connection's index."""

    columns = CONNECTION_COLUMNS.columns

    def __init__(self, feed: Feed, _catalog: Catalog) -> None:
        self._store = feed.store
        self._dropped = 0
        self._order: list[int] = []
        """As the store has them: in the order in which they were recognised."""
        self._rows: dict[int, int] = {}

    def __len__(self) -> int:
        if self._dropped != self._store.dropped_connections:
            self._dropped = self._store.dropped_connections
            self._order = [index for index in self._store.connections if index not in self._store.leaving]
            self._rows = {index: row for row, index in enumerate(self._order)}
        for index in islice(self._store.connections, len(self._order) + len(self._store.leaving), None):
            self._rows[index] = len(self._order)
            self._order.append(index)
        return len(self._order)

    def key(self, row: int) -> int:
        """The index of a row's connection."""
        return self._order[row]

    def near(self, key: int) -> int:
        """The row of a connection."""
        return self._rows.get(key, 0)

    def version(self, key: int) -> Hashable:
        """Every packet adds to what a row says."""
        return CONNECTION_COLUMNS.version(self._store, key)

    def row(self, key: int) -> ConnectionRow:
        """What a connection says."""
        return connection_row(self._store, key, Times.of(self._store))

    def subject(self, key: int) -> Subject:
        """The connection."""
        return ConnectionAt(key)

    def key_of(self, subject: Subject) -> int | None:
        """The connection, or that of a frame."""
        return connection_of(subject, self._store)

    def text(self, key: int) -> tuple[str, str]:
        """The line that the headless list prints."""
        return row_line(CONNECTION_COLUMNS, self.row(key)), f"the row of connection {key}"
