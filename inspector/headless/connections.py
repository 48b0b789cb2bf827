"""`connections`: one line per connection.

Of a live capture, or one that comes through a pipe, each when it has ended; those still open at the end then. Of a
file, all at the end, or when they have to make room for others.
"""

from __future__ import annotations

from collections.abc import Iterable

from inspector.headless.output import Output
from inspector.headless.runner import CommandRunner, Limits
from inspector.present.connections import CONNECTION_COLUMNS, connection_row
from inspector.present.export.json import connection_object, json_line
from inspector.present.export.text import heading_line, row_line
from inspector.present.times import Times
from inspector.schema.catalog import Catalog
from inspector.session import FileSource, Session
from inspector.store.store import Change


class _Printer:
    def __init__(self, session: Session, limits: Limits, *, as_json: bool) -> None:
        self._store, self._as_json, self._left = session.store, as_json, limits.count
        self._output = Output()
        self._printed: set[int] = set()

    @property
    def is_done(self) -> bool:
        """True when as many lines were printed as were asked for."""
        return self._left == 0

    def print(self, indices: Iterable[int]) -> None:
        """Print the connections that were not printed yet, in the order in which they began."""
        wanted = [index for index in indices if index not in self._printed][: self._left]
        wanted.sort(key=lambda index: self._store.connections[index].started)
        if self._as_json:
            self._output.lines(json_line(connection_object(self._store, index)) for index in wanted)
        elif wanted:
            times = Times.of(self._store)
            self._output.texts([] if self._printed else [heading_line(CONNECTION_COLUMNS)])
            rows = (connection_row(self._store, index, times) for index in wanted)
            self._output.texts(row_line(CONNECTION_COLUMNS, row, colour=self._output.in_colour) for row in rows)
        self._printed.update(wanted)
        if self._left is not None:
            self._left -= len(wanted)


async def print_connections(session: Session, _catalog: Catalog, limits: Limits, *, as_json: bool) -> int:
    """Print every connection of a session, as JSON or as a table; returns the exit status."""
    run, store = CommandRunner(session, limits), session.store
    printer = _Printer(session, limits, as_json=as_json)

    is_file = isinstance(session.source, FileSource)

    def tell(change: Change) -> None:
        over = () if is_file else (i for i in change.connections if len(store.connections[i].endings) > 1)
        printer.print((*over, *store.leaving))
        if printer.is_done:
            run.enough()

    try:
        return await run.until_done(tell)
    finally:
        printer.print(store.connections)
