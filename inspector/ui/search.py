"""Searches lists and documents for the find bar.

A `SearchTarget` is a list or a pane; its `SearchScope` is what the target shows, as a sequence of units: rows, or the
blocks of a document. `Search` examines units in slices, and keeps its hits as units are added, changed or evicted.
"""

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
    """The position of a hit: a row, or a block of a document and a line in it."""

    unit: int
    part: int = 0


class SearchScope(Protocol):
    """What a search examines. A hit is a value that stays the same as rows are added or removed; its type varies."""

    def __len__(self) -> int:
        """Return the current number of units."""

    def find_in(self, unit: int) -> Iterable[Any | None]:
        """Yield the hits in a unit in order, and None in between if examining it takes long."""

    def place(self, hit: Any) -> SearchPosition:
        """Return the current position of a hit."""

    def holds(self, hit: Any) -> bool:
        """Return whether a hit still exists."""


@dataclass(slots=True)
class _SearchRun:
    """A range of units, examined from its start."""

    begin: int
    end: int | None
    """None for the range that grows as units are added."""
    next: int
    """The unit to examine next."""
    hits: list[Any] = field(default_factory=list)


class Search:
    """A search through a scope, from the cursor to the end and then from the beginning to the cursor."""

    def __init__(self, scope: SearchScope, start: int) -> None:
        """Prepare to examine unit `start` first."""
        start = max(0, min(start, max(len(scope) - 1, 0)))
        self.scope = scope
        self._first, self._last = _SearchRun(0, start, 0), _SearchRun(start, None, start)
        self._revision = 0
        """Incremented whenever units change."""

    def __len__(self) -> int:
        """Return the number of hits so far."""
        return len(self._first.hits) + len(self._last.hits)

    @property
    def share(self) -> float:
        """The share of units that have been examined, from 0 to 1."""
        done = self._first.next - self._first.begin + self._last.next - self._last.begin
        return done / len(self.scope) if len(self.scope) else 1.0

    @property
    def is_done(self) -> bool:
        """True if all current units have been examined."""
        return self._last.next >= len(self.scope) and self._first.next >= (self._first.end or 0)

    def steps(self) -> Iterator[None]:
        """Examine the remaining units, at most one at each step."""
        while not self.is_done:
            run = self._last if self._last.next < len(self.scope) else self._first
            revision, found = self._revision, []
            for hit in self.scope.find_in(run.next):
                if hit is None:
                    yield
                    if revision != self._revision:
                        break
                else:
                    found.append(hit)
            else:
                run.hits += found
                run.next += 1
            yield

    def changed_from(self, unit: int) -> None:
        """Discard the hits from a unit on, which have to be examined again."""
        self._revision += 1
        for run in (self._first, self._last):
            if unit < run.next:
                run.next = max(unit, run.begin)
                del run.hits[bisect_left(run.hits, SearchPosition(unit), key=self.scope.place) :]
        if unit < self._last.begin:
            self._first.end = min(unit, self._first.end or 0)
            self._last = _SearchRun(self._first.end, None, self._first.end)
            self._first.next = min(self._first.next, self._first.end)

    def dropped(self, units: int) -> None:
        """Discard the hits of the first units, which were evicted; the other units have moved up."""
        self._revision += 1
        for run in (self._first, self._last):
            run.begin, run.next = max(run.begin - units, 0), max(run.next - units, 0)
            run.end = None if run.end is None else max(run.end - units, 0)
            del run.hits[: next((index for index, hit in enumerate(run.hits) if self.scope.holds(hit)), len(run.hits))]

    def next(self, here: SearchPosition, direction: int) -> Any | None:
        """Return the next hit after a position, or before it for direction -1, wrapping around; None without hits."""
        if not len(self):
            return None
        find = bisect_right if direction > 0 else bisect_left
        before = self._before(here, find)
        index = before if direction > 0 else before - 1
        return self._hit(index % len(self))

    def number(self, here: SearchPosition) -> int:
        """Return the number of hits up to a position, which is the ordinal of a hit at it."""
        return self._before(here, bisect_right)

    def _before(self, here: SearchPosition, find: Any) -> int:
        return sum(find(run.hits, here, key=self.scope.place) for run in (self._first, self._last))

    def _hit(self, index: int) -> Any:
        in_first = len(self._first.hits)
        return self._first.hits[index] if index < in_first else self._last.hits[index - in_first]


_FRAMES_PER_SLICE: Final = 20
"""Frames of a call that are examined before keys are handled again: some milliseconds."""


class RowsScope:
    """The rows of a list, and the frames they stand for. A hit is the key of a row."""

    def __init__(self, rows: ListRows, store: Store, catalog: Catalog, pattern: Pattern, where: Where) -> None:
        self._rows, self._store, self._pattern = rows, store, pattern
        self._frames = FrameFind(store, catalog, pattern, where)
        self._includes_rows = where in (Where.ANYWHERE, Where.ROWS)

    def __len__(self) -> int:
        return len(self._rows)

    def find_in(self, unit: int) -> Iterator[Any | None]:
        """Yield the key of a row if its text, or one of its frames, matches."""
        key = self._rows.key(unit)
        is_found = self._row_matches(key)
        for number, position in enumerate(() if is_found else self._positions(key), 1):
            if self._frames.holds(position):
                is_found = True
                break
            if number % _FRAMES_PER_SLICE == 0:
                yield None
        if is_found:
            yield key

    def place(self, hit: Any) -> SearchPosition:
        """Return the current row of a key."""
        return SearchPosition(self._rows.near(hit))

    def holds(self, hit: Any) -> bool:
        """Return whether the list still has the row."""
        return self.place(hit).unit < len(self._rows) and self._rows.key(self.place(hit).unit) == hit

    def _row_matches(self, key: Any) -> bool:
        return self._includes_rows and self._pattern.in_text(self._rows.text(key)[0])

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
    """The lines of a document. A hit is its position."""

    def __init__(self, document: Document, pattern: Pattern) -> None:
        self.document, self._pattern = document, pattern

    def __len__(self) -> int:
        return len(self.document)

    def find_in(self, unit: int) -> Iterator[SearchPosition]:
        """Yield the positions of the lines of a block that match."""
        is_in = self._pattern.shown.is_in
        for number, line in enumerate(self.document.block(unit).lines):
            if is_in(line.text):
                yield SearchPosition(unit, number)

    def place(self, hit: SearchPosition) -> SearchPosition:
        """Return the hit itself."""
        return hit

    def holds(self, hit: SearchPosition) -> bool:
        """Return whether the document still has the block."""
        return hit.unit < len(self.document)


Widget: TypeAlias = RowList | Pane


class SearchTarget(Protocol):
    """A list or a pane that is searched."""

    @property
    def scope(self) -> SearchScope:
        """What the widget shows."""

    @property
    def widget(self) -> Widget:
        """The list or pane."""

    @property
    def here(self) -> SearchPosition:
        """The position of the cursor."""

    @property
    def is_current(self) -> bool:
        """False once the widget shows other units, or in another order, so that the search has to start again."""

    def go(self, hit: Any) -> None:
        """Move the cursor to a hit."""


class ListTarget:
    """A list that is searched."""

    def __init__(self, widget: RowList, scope: RowsScope) -> None:
        self.widget, self.scope = widget, scope
        self._generation = widget.cursor.generation

    @property
    def here(self) -> SearchPosition:
        """The row of the cursor."""
        return SearchPosition(self.widget.cursor.row)

    @property
    def is_current(self) -> bool:
        """False after rows were filtered, sorted, folded or unfolded."""
        return self.widget.cursor.generation == self._generation

    def go(self, hit: Any) -> None:
        """Move the cursor to the row of a hit."""
        self.widget.cursor.go(self.widget.rows.near(hit))


class PaneTarget:
    """A pane that is searched."""

    def __init__(self, widget: Pane, scope: DocumentScope) -> None:
        self.widget, self.scope = widget, scope

    @property
    def here(self) -> SearchPosition:
        """The line of the cursor."""
        row = self.widget.viewport.cursor_row
        return SearchPosition(0) if row is None else SearchPosition(row.block, row.line)

    @property
    def is_current(self) -> bool:
        """False after another document was shown."""
        return self.widget.viewport.document is self.scope.document

    def go(self, hit: SearchPosition) -> None:
        """Move the cursor to the line of a hit."""
        self.widget.viewport.show_line(*hit)


def target_of(
    widget: Widget, store: Store, catalog: Catalog, pattern: Pattern, kind: Kind, where: Where
) -> SearchTarget | None:
    """Return a widget as the target of a search, whose matches it highlights from now on; None for an empty pane."""
    if isinstance(widget, RowList):
        highlight(widget, None if kind is Kind.HEX else pattern.shown)
        return ListTarget(widget, RowsScope(widget.rows, store, catalog, pattern, where))
    highlight(widget, pattern.shown)
    document = widget.viewport.document
    return None if document is None else PaneTarget(widget, DocumentScope(document, pattern))


def highlight(widget: Widget, matcher: Matcher | None) -> None:
    """Highlight what a search matches, or nothing."""
    (widget.renderer if isinstance(widget, RowList) else widget).highlight(matcher)
