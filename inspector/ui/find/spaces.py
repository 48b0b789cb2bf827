"""What can be looked through: the rows of a list with the frames behind them, and the document of a pane."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from inspector.model.call import StreamKey
from inspector.schema.catalog import Catalog
from inspector.store.store import Store
from inspector.ui.find.search import Place
from inspector.ui.lists.rows import ListRows
from inspector.ui.subject import FrameAt, PacketAt
from inspector.ui.widgets.layout import Document
from inspector.views.find import FrameFind
from inspector.views.pattern import Pattern, Where

_FRAMES_AT_ONCE: Final = 20
"""Frames of a call between two looks at the keyboard: some milliseconds."""


class RowsSpace:
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

    def place(self, hit: Any) -> Place:
        """The row that a key is in now."""
        return Place(self._rows.near(hit))

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


class DocumentSpace:
    """The lines of a document. A hit is its place."""

    def __init__(self, document: Document, pattern: Pattern) -> None:
        self.document, self._pattern = document, pattern

    def __len__(self) -> int:
        return len(self.document)

    def look(self, unit: int) -> Iterator[Place]:
        """The lines of a block that say it."""
        is_in = self._pattern.shown.is_in
        for number, line in enumerate(self.document.block(unit).lines):
            if is_in(line.text):
                yield Place(unit, number)

    def place(self, hit: Place) -> Place:
        """As it is."""
        return hit

    def holds(self, hit: Place) -> bool:
        """True for every line of the document."""
        return hit.unit < len(self.document)
