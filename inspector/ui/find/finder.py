"""One find, from its first letter to Esc: what is looked for, where, and how far that has come.

Owns the search and says in words how it goes. Waits for nothing: whoever runs `steps` decides when.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from inspector.schema.catalog import Catalog
from inspector.store.store import Store
from inspector.ui.asked import Asked
from inspector.ui.find.search import Place, Search
from inspector.ui.find.targets import Target, Widget, target_of
from inspector.ui.lists.tabs import PACKETS
from inspector.views.pattern import Where, parse_pattern

_NOT_IN_FRAMES: Final = "not found in frames · packets: / frame contains …"


class Finder:
    """What Find has found."""

    def __init__(self, store: Store, catalog: Catalog, asked: Asked, widget: Widget, start: int) -> None:
        """Look through a list or a pane, from a row or a block on. Raises PatternError."""
        self._store, self._catalog = store, catalog
        self._asked, self._pattern = asked, parse_pattern(asked.text, asked.kind)
        self._wanted: tuple[Place, int] | None = None
        """A place, and 1 or -1: the hit behind it, or before it, shall be gone to once it is found."""
        self._is_stopped = False
        self._widget = widget
        self._begin(widget, start)

    def _begin(self, widget: Widget, start: int | None) -> None:
        if widget is not self._widget:
            self.end()
        self._widget = widget
        self._target = target_of(widget, self._store, self._catalog, self._pattern, self._asked.kind, self._asked.where)
        if self._target is not None:
            self._search = Search(self._target.space, self._target.here.unit if start is None else start)
        self._is_stopped, self._is_stale = False, False

    @property
    def target(self) -> Target | None:
        """What is looked through."""
        return self._target

    @property
    def is_running(self) -> bool:
        """True while there is something left to look through."""
        return self._target is not None and not self._search.is_done and not self._is_stopped

    def stop(self) -> None:
        """Look no further."""
        self._is_stopped, self._wanted = True, None

    def want_first(self, start: int) -> None:
        """Go to the first hit from a row or a block on, as soon as it is found."""
        self._wanted = Place(start, -1), 1

    def step(self, widget: Widget, direction: int) -> None:
        """Go to the next hit, or the one before, in a list or a pane; what has changed is looked through again."""
        is_same = self._target is not None and self._target.widget is widget and self._target.is_as_it_was
        if not is_same or self._is_stale:
            self._begin(widget, None)
        self._is_stopped = False
        if self._target is None:
            return
        self._wanted = self._target.here, direction
        self._reach(self._target)

    def left(self, rows: int) -> None:
        """So many of the first rows of the list are gone, with all others moved up."""
        if self._target is not None and rows:
            self._search.left(rows)
            if self._wanted is not None:
                (unit, part), direction = self._wanted
                self._wanted = Place(max(unit - rows, -1), part), direction

    def changed_from(self, row: int | None) -> None:
        """Rows of the list from this one on may be others; None where that is not known."""
        if row is None:
            self._is_stale = True
        elif self._target is not None:
            self._search.changed_from(row)

    def steps(self) -> Iterator[None]:
        """Look through what is left, and go to what was wanted."""
        if self._target is None:
            return
        for _ in self._search.steps():
            self._reach(self._target)
            yield
            if self._is_stopped:
                return
        self._reach(self._target)

    def _reach(self, target: Target) -> None:
        """Go to what is wanted, where it is known by now."""
        if self._wanted is None or not len(self._search):
            return
        here, direction = self._wanted
        hit = self._search.next(here, direction)
        # Forward, nothing nearer can come any more: that is where the search goes.
        if self._search.is_done or (direction > 0 and target.space.place(hit) > here):
            self._wanted = None
            target.go(hit)

    def words(self) -> str:
        """`3 of 41`, `not found`, and how far it is."""
        if self._target is None:
            return "nothing to look through"
        count = len(self._search)
        found = f"{self._search.number(self._target.here):,} of {count:,}" if count else ""
        if self._is_stopped:
            return f"{found} · stopped at {self._search.share:.0%}".removeprefix(" · ")
        if self._search.is_done:
            return found or (_NOT_IN_FRAMES if self._leaves_bytes_out else "not found")
        return f"{found} · looking … {self._search.share:.0%}".removeprefix(" · ")

    @property
    def _leaves_bytes_out(self) -> bool:
        """True where somebody may mean the bytes of packets: looked through are those of frames."""
        return self._widget.id == PACKETS and self._asked.where in (Where.ANYWHERE, Where.BYTES)

    def end(self) -> None:
        """Let nothing stand out any more."""
        self._widget.show_sought(None)
