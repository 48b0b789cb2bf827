"""`calls`: one line per call.

Of a live capture, or one that comes through a pipe, each when it ends; those still open at the end then. Of a file,
in the order in which they started, all at the end: then every call's line holds all that there is of it. Where there
are thousands, nobody waits for that: one that has ended is printed when so many have begun behind it that nothing more
is to be expected of it. And where there is more than may be kept, those that leave are printed before they do.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final

from inspector.headless.output import Output
from inspector.headless.runner import CommandRunner, Limits, say_what_is_uncertain
from inspector.model.call import CallState, StreamKey
from inspector.present.export.json import call_object, json_line
from inspector.present.export.text import heading_line, row_line
from inspector.present.rows import CALL_COLUMNS, call_row
from inspector.present.times import Times
from inspector.schema.catalog import Catalog
from inspector.session import FileSource, Session
from inspector.store.store import Change, Store

_BEHIND: Final = 2_000
"""Calls of a file that begin behind one that has ended, until it is printed: a second's work."""


class _LongOver:
    """The calls of a long capture that are as good as told."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._begun: set[StreamKey] = set()
        self._latest: deque[StreamKey] = deque()

    def after(self, touched: Iterable[StreamKey]) -> Iterator[StreamKey]:
        """Those that have ended long ago by now; one that is still open is passed over for good."""
        calls = self._store.calls
        fresh = [key for key in touched if key not in self._begun]
        self._begun.update(fresh)
        self._latest.extend(sorted(fresh, key=lambda key: calls[key].started))
        while len(self._latest) > _BEHIND:
            key = self._latest.popleft()
            if key in calls and calls[key].state is not CallState.OPEN:
                yield key

    def forget(self, gone: Iterable[StreamKey]) -> None:
        """Calls that nobody will hear of again."""
        self._begun.difference_update(gone)


class _Printer:
    def __init__(self, session: Session, catalog: Catalog, limits: Limits, *, as_json: bool) -> None:
        self._store, self._catalog, self._as_json = session.store, catalog, as_json
        self._left = limits.count
        self._output = Output()
        self._printed: set[StreamKey] = set()
        self._has_heading = False

    @property
    def is_done(self) -> bool:
        """True when as many lines were printed as were asked for."""
        return self._left == 0

    def print(self, keys: Iterable[StreamKey]) -> None:
        """Print the calls that were not printed yet, in the order in which they started."""
        wanted = [key for key in keys if key not in self._printed][: self._left]
        wanted.sort(key=lambda key: self._store.calls[key].started)
        if self._as_json:
            self._output.lines(json_line(call_object(self._store, self._catalog, key)) for key in wanted)
        elif wanted:
            times = Times.of(self._store)
            self._output.texts([] if self._has_heading else [heading_line(CALL_COLUMNS)])
            self._has_heading = True
            rows = (call_row(self._store, self._catalog, key, times) for key in wanted)
            self._output.texts(row_line(CALL_COLUMNS, row, colour=self._output.in_colour) for row in rows)
        self._printed.update(wanted)
        if self._left is not None:
            self._left -= len(wanted)

    def forget(self, gone: Iterable[StreamKey]) -> None:
        """Calls that will not be asked for again."""
        self._printed.difference_update(gone)


async def print_calls(session: Session, catalog: Catalog, limits: Limits, *, as_json: bool) -> int:
    """Print every call of a session, as JSON or as a table; returns the exit status."""
    run, store = CommandRunner(session, limits), session.store
    printer = _Printer(session, catalog, limits, as_json=as_json)

    long_over = _LongOver(store) if isinstance(session.source, FileSource) else None

    def over(touched: Iterable[StreamKey]) -> Iterator[StreamKey]:
        if long_over is not None:
            return long_over.after(touched)
        return (key for key in touched if store.calls[key].state is not CallState.OPEN)

    def tell(change: Change) -> None:
        printer.print((*over(change.calls), *(change.leaving or ())))
        printer.forget(change.gone)
        if long_over is not None:
            long_over.forget(change.gone)
        if printer.is_done:
            run.enough()

    try:
        return await run.until_done(tell)
    finally:
        printer.print(store.calls)
        say_what_is_uncertain(store, catalog)
