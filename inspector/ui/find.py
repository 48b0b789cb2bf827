"""Search through rows and documents: positions, scopes and targets."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Protocol, TypeAlias

from inspector.model.call import StreamKey
from inspector.present.find import FrameFind, Kind, Matcher, Pattern, Where
from inspector.schema.catalog import Catalog
from inspector.store.store import Store
from inspector.ui.subject import FrameAt, PacketAt
from inspector.ui.widgets.document import Pane
from inspector.ui.widgets.layout import Document
from inspector.ui.widgets.row_list import RowList
from inspector.ui.widgets.rows import ListRows


class SearchPosition(NamedTuple):
    """Where something was found: a row, or a block of a document and the line in it."""

    unit: int
    part: int = 0


class SearchScope(Protocol):
    """Something to look through. A hit is known by a value that stays when rows come and go: Any."""

    def __len__(self) -> int:
        """How many units there are by now."""

    def look(self, unit: int) -> Iterable[Any | None]:
        """What is found in a unit, in order, with None in between where looking takes long."""

    def place(self, hit: Any) -> SearchPosition:
        """Where a hit is now."""

    def holds(self, hit: Any) -> bool:
        """False for a hit that is gone."""


@dataclass(slots=True)
class _SearchRun:
    """Units that are looked through one after the other."""

    begin: int
    end: int | None
    """None for the one that goes on as units come."""
    at: int
    hits: list[Any] = field(default_factory=list)


class Search:
    """One search through one space."""

    def __init__(self, space: SearchScope, start: int) -> None:
        """Begin at unit `start`, which is looked through first."""
        start = max(0, min(start, max(len(space) - 1, 0)))
        self.space = space
        self._first, self._last = _SearchRun(0, start, 0), _SearchRun(start, None, start)
        self._turns = 0
        """How often units changed."""

    def __len__(self) -> int:
        """How much was found so far."""
        return len(self._first.hits) + len(self._last.hits)

    @property
    def share(self) -> float:
        """How much of all has been looked through, from 0 to 1."""
        done = self._first.at - self._first.begin + self._last.at - self._last.begin
        return done / len(self.space) if len(self.space) else 1.0

    @property
    def is_done(self) -> bool:
        """True when everything that is there has been looked through."""
        return self._last.at >= len(self.space) and self._first.at >= (self._first.end or 0)

    def steps(self) -> Iterator[None]:
        """Look through what is left, a unit at each step, or less."""
        while not self.is_done:
            run, turns, found = self._last if self._last.at < len(self.space) else self._first, self._turns, []
            for hit in self.space.look(run.at):
                if hit is None:
                    yield
                    if turns != self._turns:
                        break
                else:
                    found.append(hit)
            else:
                run.hits += found
                run.at += 1
            yield

    def changed_from(self, unit: int) -> None:
        """Units from this one on may be others now: they have to be looked through anew."""
        self._turns += 1
        for run in (self._first, self._last):
            if unit < run.at:
                run.at = max(unit, run.begin)
                del run.hits[bisect_left(run.hits, SearchPosition(unit), key=self.space.place) :]
        if unit < self._last.begin:
            self._first.end = min(unit, self._first.end or 0)
            self._last = _SearchRun(self._first.end, None, self._first.end)
            self._first.at = min(self._first.at, self._first.end)

    def left(self, units: int) -> None:
        """So many of the first units are gone, with what was found in them; all others moved up."""
        self._turns += 1
        for run in (self._first, self._last):
            run.begin, run.at = max(run.begin - units, 0), max(run.at - units, 0)
            run.end = None if run.end is None else max(run.end - units, 0)
            del run.hits[: next((index for index, hit in enumerate(run.hits) if self.space.holds(hit)), len(run.hits))]

    def next(self, here: SearchPosition, direction: int) -> Any | None:
        """The hit behind a place, or with -1 before it, round the end; None where nothing was found."""
        if not len(self):
            return None
        find = bisect_right if direction > 0 else bisect_left
        behind = self._before(here, find)
        index = behind if direction > 0 else behind - 1
        return self._hit(index % len(self))

    def number(self, here: SearchPosition) -> int:
        """Which hit is at a place, counted from 1; of one that is none, how many there are before it."""
        return self._before(here, bisect_right)

    def _before(self, here: SearchPosition, find: Any) -> int:
        return sum(find(run.hits, here, key=self.space.place) for run in (self._first, self._last))

    def _hit(self, index: int) -> Any:
        in_first = len(self._first.hits)
        return self._first.hits[index] if index < in_first else self._last.hits[index - in_first]


_FRAMES_AT_ONCE: Final = 20
"""Frames of a call between two looks at the keyboard: some milliseconds."""


class RowsScope:
    """The rows of a list. A hit is a row's key."""

    def __init__(self, rows: ListRows, store: Store, catalog: Catalog, pattern: Pattern, where: Where) -> None:
        self._rows, self._store, self._pattern = rows, store, pattern
        self._frames = FrameFind(store, catalog, pattern, where)
        self._asks_rows = where in (Where.ANYWHERE, Where.ROWS)

    def __len__(self) -> int:
        return len(self._rows)

    def look(self, unit: int) -> Iterator[Any | None]:
        """The row's key, when the row says it or a frame behind it holds it."""
        key = self._rows.key(unit)
        is_found = self._says(key)
        for number, position in enumerate(() if is_found else self._positions(key), 1):
            if self._frames.holds(position):
                is_found = True
                break
            if number % _FRAMES_AT_ONCE == 0:
                yield None
        if is_found:
            yield key

    def place(self, hit: Any) -> SearchPosition:
        """The row that a key is in now."""
        return SearchPosition(self._rows.near(hit))

    def holds(self, hit: Any) -> bool:
        """True while the row is there."""
        return self.place(hit).unit < len(self._rows) and self._rows.key(self.place(hit).unit) == hit

    def _says(self, key: Any) -> bool:
        return self._asks_rows and self._pattern.in_text(self._rows.text(key)[0])

    def _positions(self, key: Any) -> Iterable[int]:
        if isinstance(key, StreamKey):
            call = self._store.calls.get(key)
            return () if call is None else tuple(call.frames)
        match self._rows.subject(key):
            case FrameAt(position):
                return (position,)
            case PacketAt(number):
                return tuple(self._store.positions_of(number))
            case _:
                return ()


class DocumentScope:
    """The lines of a document. A hit is its place."""

    def __init__(self, document: Document, pattern: Pattern) -> None:
        self.document, self._pattern = document, pattern

    def __len__(self) -> int:
        return len(self.document)

    def look(self, unit: int) -> Iterator[SearchPosition]:
        """The lines of a block that say it."""
        is_in = self._pattern.shown.is_in
        for number, line in enumerate(self.document.block(unit).lines):
            if is_in(line.text):
                yield SearchPosition(unit, number)

    def place(self, hit: SearchPosition) -> SearchPosition:
        """As it is."""
        return hit

    def holds(self, hit: SearchPosition) -> bool:
        """True for every line of the document."""
        return hit.unit < len(self.document)


Widget: TypeAlias = RowList | Pane


class SearchTarget(Protocol):
    """A list or a pane, as Find deals with it."""

    @property
    def space(self) -> SearchScope:
        """What is looked through."""

    @property
    def widget(self) -> Widget:
        """What draws it."""

    @property
    def here(self) -> SearchPosition:
        """Where its cursor is."""

    @property
    def is_as_it_was(self) -> bool:
        """False once it shows something else, or in another order, so that all has to be looked through again."""

    def go(self, hit: Any) -> None:
        """Put the cursor on a hit."""


class ListTarget:
    """A list."""

    def __init__(self, widget: RowList, space: RowsScope) -> None:
        self.widget, self.space = widget, space
        self._generation = widget.cursor.generation

    @property
    def here(self) -> SearchPosition:
        """The cursor's row."""
        return SearchPosition(self.widget.cursor.row)

    @property
    def is_as_it_was(self) -> bool:
        """False after a refilter, after sorting, and when rows were folded or unfolded."""
        return self.widget.cursor.generation == self._generation

    def go(self, hit: Any) -> None:
        """To the hit's row."""
        self.widget.cursor.go(self.widget.rows.near(hit))


class PaneTarget:
    """A pane."""

    def __init__(self, widget: Pane, space: DocumentScope) -> None:
        self.widget, self.space = widget, space

    @property
    def here(self) -> SearchPosition:
        """The cursor's line."""
        row = self.widget.viewport.cursor_row
        return SearchPosition(0) if row is None else SearchPosition(row.block, row.line)

    @property
    def is_as_it_was(self) -> bool:
        """False once it shows another document."""
        return self.widget.viewport.document is self.space.document

    def go(self, hit: SearchPosition) -> None:
        """To the hit's line."""
        self.widget.viewport.show_line(*hit)


def target_of(
    widget: Widget, store: Store, catalog: Catalog, pattern: Pattern, kind: Kind, where: Where
) -> SearchTarget | None:
    """How to look through a widget, in which what is looked for stands out from now on; None for an empty pane."""
    if isinstance(widget, RowList):
        highlight(widget, None if kind is Kind.HEX else pattern.shown)
        return ListTarget(widget, RowsScope(widget.rows, store, catalog, pattern, where))
    highlight(widget, pattern.shown)
    document = widget.viewport.document
    return None if document is None else PaneTarget(widget, DocumentScope(document, pattern))


def highlight(widget: Widget, matcher: Matcher | None) -> None:
    """Highlight what a search matches, or nothing."""
    (widget.renderer if isinstance(widget, RowList) else widget).highlight(matcher)
