"""`frames`, `calls` and `connections`: a line of text, or of JSON, for each."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Final, Generic, NamedTuple, TypeVar

from inspector.headless.output import Output
from inspector.headless.runner import CommandRunner, Limits, say_what_is_uncertain
from inspector.model.call import CallState, StreamKey
from inspector.present.columns import ColumnTable
from inspector.present.connections import CONNECTION_COLUMNS, connection_row
from inspector.present.export.json import call_object, connection_object, frame_object, json_line
from inspector.present.export.text import heading_line, row_line
from inspector.present.rows import CALL_COLUMNS, FRAME_COLUMNS, call_row, frame_row
from inspector.present.times import Times
from inspector.schema.catalog import Catalog
from inspector.session import FileSource, Session
from inspector.store.store import Change, Store

_Key = TypeVar("_Key")


class _Listed(NamedTuple, Generic[_Key]):
    """What a command lists, by the key of each item."""

    table: ColumnTable
    row: Callable[[_Key, Times], object]
    as_object: Callable[[_Key], dict[str, object]]


class _Printer(Generic[_Key]):
    """Prints items of a store until there are as many lines as the limit allows."""

    def __init__(self, store: Store, listed: _Listed[_Key], limits: Limits, *, as_json: bool) -> None:
        self._store, self._listed, self._as_json = store, listed, as_json
        self._left = limits.count
        self._output = Output()
        self._has_heading = False

    @property
    def is_done(self) -> bool:
        """True when the limit is reached."""
        return self._left == 0

    def within_limit(self, keys: Iterable[_Key]) -> list[_Key]:
        """Return as many of the keys, from the first, as may still be printed."""
        return list(keys)[: self._left]

    def print(self, keys: Iterable[_Key]) -> None:
        """Print a batch of items. Raises ReaderGone."""
        wanted, output, listed = self.within_limit(keys), self._output, self._listed
        if self._left is not None:
            self._left -= len(wanted)
        if self._as_json:
            output.lines(json_line(listed.as_object(key)) for key in wanted)
        elif wanted:
            times = Times.of(self._store)
            output.texts([] if self._has_heading else [heading_line(listed.table)])
            self._has_heading = True
            output.texts(row_line(listed.table, listed.row(key, times), colour=output.in_colour) for key in wanted)


class _PrinterOnce(Generic[_Key]):
    """Prints items that are offered several times: each once, and those of a batch in the order of their start."""

    def __init__(self, printer: _Printer[_Key], started: Callable[[_Key], float]) -> None:
        self._printer, self._started = printer, started
        self._printed: set[_Key] = set()

    def print(self, keys: Iterable[_Key]) -> None:
        """Print those that were not printed yet. Raises ReaderGone."""
        fresh = self._printer.within_limit(key for key in keys if key not in self._printed)
        fresh.sort(key=self._started)
        self._printer.print(fresh)
        self._printed.update(fresh)

    def forget(self, evicted: Iterable[_Key]) -> None:
        """Release the keys of items that are not offered again."""
        self._printed.difference_update(evicted)


async def print_frames(session: Session, catalog: Catalog, limits: Limits, *, as_json: bool) -> int:
    """Print every frame of a session as soon as it is decoded; return the exit status."""
    run, store = CommandRunner(session, limits), session.store
    listed = _Listed[int](
        FRAME_COLUMNS,
        lambda position, times: frame_row(store, catalog, position, times),
        lambda position: frame_object(store, position),
    )
    printer = _Printer(store, listed, limits, as_json=as_json)

    def on_change(change: Change) -> None:
        printer.print(range(change.first_frame, change.end_frame))
        if printer.is_done:
            run.enough()

    try:
        return await run.until_done(on_change)
    finally:
        say_what_is_uncertain(store, catalog)


_CALLS_BEHIND: Final = 2_000
"""How many calls of a file must begin after one that has ended before it is printed: about a second's work."""


class _SettledCalls:
    """The calls of a file that ended so long ago that nothing more is to be expected of them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._begun: set[StreamKey] = set()
        self._latest: deque[StreamKey] = deque()

    def after(self, changed: Iterable[StreamKey]) -> Iterator[StreamKey]:
        """Yield those that are settled now. A call that is still open when its turn comes is skipped for good."""
        calls = self._store.calls
        fresh = [key for key in changed if key not in self._begun]
        self._begun.update(fresh)
        self._latest.extend(sorted(fresh, key=lambda key: calls[key].started))
        while len(self._latest) > _CALLS_BEHIND:
            key = self._latest.popleft()
            if key in calls and calls[key].state is not CallState.OPEN:
                yield key

    def forget(self, evicted: Iterable[StreamKey]) -> None:
        """Release the keys of calls that do not change again."""
        self._begun.difference_update(evicted)


async def print_calls(session: Session, catalog: Catalog, limits: Limits, *, as_json: bool) -> int:
    """Print every call of a session; return the exit status.

    Those of a live capture, or of a pipe, are printed when they end, and those still open at its end. Those of a file
    are printed at its end in the order in which they started, when each line has all that there is of its call. In a
    long file, a call is printed before that when it is settled. A call that is about to be evicted is printed first.
    """
    run, store = CommandRunner(session, limits), session.store
    listed = _Listed[StreamKey](
        CALL_COLUMNS,
        lambda key, times: call_row(store, catalog, key, times),
        lambda key: call_object(store, catalog, key),
    )
    printer = _Printer(store, listed, limits, as_json=as_json)
    once = _PrinterOnce(printer, lambda key: store.calls[key].started)
    settled = _SettledCalls(store) if isinstance(session.source, FileSource) else None

    def complete(changed: Iterable[StreamKey]) -> Iterator[StreamKey]:
        if settled is not None:
            return settled.after(changed)
        return (key for key in changed if store.calls[key].state is not CallState.OPEN)

    def on_change(change: Change) -> None:
        once.print((*complete(change.calls), *(change.evicting or ())))
        once.forget(change.evicted)
        if settled is not None:
            settled.forget(change.evicted)
        if printer.is_done:
            run.enough()

    try:
        return await run.until_done(on_change)
    finally:
        once.print(store.calls)
        say_what_is_uncertain(store, catalog)


async def print_connections(session: Session, _catalog: Catalog, limits: Limits, *, as_json: bool) -> int:
    """Print every connection of a session; return the exit status.

    Those of a live capture, or of a pipe, are printed when both sides have closed them, and the others at its end;
    those of a file at its end. A connection that is about to be evicted is printed first.
    """
    run, store = CommandRunner(session, limits), session.store
    listed = _Listed[int](
        CONNECTION_COLUMNS,
        lambda index, times: connection_row(store, index, times),
        lambda index: connection_object(store, index),
    )
    printer = _Printer(store, listed, limits, as_json=as_json)
    once = _PrinterOnce(printer, lambda index: store.connections[index].started)
    is_file = isinstance(session.source, FileSource)

    def on_change(change: Change) -> None:
        closed = () if is_file else (i for i in change.connections if len(store.connections[i].endings) > 1)
        once.print((*closed, *store.evicting_connections))
        if printer.is_done:
            run.enough()

    try:
        return await run.until_done(on_change)
    finally:
        once.print(store.connections)
