"""Find: the session, the search between keys, and n and N."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Final

from inspector.errors import PatternError
from inspector.present.find import Where, parse_pattern
from inspector.scheduling import run_slice, yield_to_ui
from inspector.schema.catalog import Catalog
from inspector.store.filters.frames import SelectionChange
from inspector.store.store import Store
from inspector.ui.browser import Browser
from inspector.ui.controllers.context import Actions, Hears, ScreenContext
from inspector.ui.controllers.focus import FocusController
from inspector.ui.lists.listing import FRAMES, PACKETS
from inspector.ui.messages import FindAsked, FindLeft, SearchQuery
from inspector.ui.search import Search, SearchPosition, SearchTarget, Widget, highlight, target_of
from inspector.ui.widgets.document import Pane
from inspector.ui.widgets.find_bar import FindBar

_NOT_IN_FRAMES: Final = "not found in frames · packets: / frame contains …"


class FindSession:
    """What Find has found."""

    def __init__(self, store: Store, catalog: Catalog, asked: SearchQuery, widget: Widget, start: int) -> None:
        """Look through a list or a pane, from a row or a block on. Raises PatternError."""
        self._store, self._catalog = store, catalog
        self._asked, self._pattern = asked, parse_pattern(asked.text, asked.kind)
        self._wanted: tuple[SearchPosition, int] | None = None
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
            self._search = Search(self._target.scope, self._target.here.unit if start is None else start)
        self._is_stopped, self._is_stale = False, False

    @property
    def target(self) -> SearchTarget | None:
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
        self._wanted = SearchPosition(start, -1), 1

    def step(self, widget: Widget, direction: int) -> None:
        """Go to the next hit, or the one before, in a list or a pane; what has changed is looked through again."""
        is_same = self._target is not None and self._target.widget is widget and self._target.is_current
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
            self._search.dropped(rows)
            if self._wanted is not None:
                (unit, part), direction = self._wanted
                self._wanted = SearchPosition(max(unit - rows, -1), part), direction

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

    def _reach(self, target: SearchTarget) -> None:
        """Go to what is wanted, where it is known by now."""
        if self._wanted is None or not len(self._search):
            return
        here, direction = self._wanted
        hit = self._search.next(here, direction)
        # Forward, nothing nearer can come any more: that is where the search goes.
        if self._search.is_done or (direction > 0 and target.scope.place(hit) > here):
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
        highlight(self._widget, None)


_TELL_SECONDS: Final = 0.1
"""Between two words about how far it is."""


class SearchRunner:
    """Has at most one finder."""

    def __init__(self, stage: ScreenContext, store: Store, catalog: Catalog, bar: FindBar) -> None:
        self._stage, self._bar = stage, bar
        self._store, self._catalog = store, catalog
        self._finder: FindSession | None = None

    @property
    def is_on(self) -> bool:
        """True while something is asked for, found or not."""
        return self._finder is not None

    def seek(self, asked: SearchQuery, widget: Widget, start: int) -> None:
        """Look through a list or a pane, from a row or a block on, for this instead."""
        self.end()
        if not asked.text:
            self._bar.say("")
            return
        try:
            finder = FindSession(self._store, self._catalog, asked, widget, start)
        except PatternError as error:
            self._bar.say(error.message, is_fault=True)
            return
        finder.want_first(start)
        self._finder = finder
        self._go_on()

    def step(self, widget: Widget, rows: int) -> None:
        """Go to the next thing found, or the one before, in a list or a pane."""
        if self._finder is not None:
            self._finder.step(widget, rows)
            self._go_on()

    def changed(self, rows: SelectionChange | None, *, has_lost: bool = False) -> None:
        """The store has changed: so became of the rows of the frames, and anything that is not a frame may be another.

        None where all rows may be others; `has_lost` where frames are not kept any more, shown before or not.
        """
        finder = self._finder
        if finder is None or finder.target is None:
            return
        if finder.target.widget.id == FRAMES:
            if rows is not None:
                finder.left(rows.left)
            finder.changed_from(0 if rows is None else rows.first_row)
        else:
            finder.changed_from(None)
            if has_lost:
                finder.stop()
        if finder.is_running:
            self._go_on()

    def stop(self) -> bool:
        """Look no further; False when nothing was being looked for."""
        finder = self._finder
        if finder is None or not finder.is_running:
            return False
        finder.stop()
        self._bar.say(finder.words())
        return True

    def end(self) -> None:
        """Let nothing stand out any more."""
        if self._finder is not None:
            self._finder.end()
            self._finder = None

    def _go_on(self) -> None:
        if self._finder is not None:
            self._stage.work_anew(self._look(self._finder), "find")

    async def _look(self, finder: FindSession) -> None:
        clock, steps = asyncio.get_running_loop().time, finder.steps()
        told = clock()
        try:
            while not run_slice(steps):
                if clock() - told > _TELL_SECONDS:
                    told = clock()
                    self._bar.say(finder.words())
                await yield_to_ui()
        except PatternError as error:
            self.end()
            self._bar.say(error.message, is_fault=True)
        else:
            self._bar.say(finder.words())


class FindController:
    """Finds."""

    def __init__(self, seeker: SearchRunner, bar: FindBar, browser: Browser, room: FocusController) -> None:
        self._seeker, self._bar = seeker, bar
        self._browser, self._room = browser, room
        self._begun_in: Widget | None = None
        self._begun_at = 0

    @property
    def actions(self) -> Actions:
        """To begin, and to go from one to the next."""
        return {"find": self._open, "match": self._visit}

    @property
    def hears(self) -> Hears:
        """What is typed in the bar."""
        return {FindAsked: self._look_for, FindLeft: self._leave}

    def back(self) -> bool:
        """Look no further; then away with the bar, and with what stands out; False when there was none of it."""
        if self._seeker.stop():
            return True
        if not self._bar.display:
            return False
        self._seeker.end()
        had_focus = self._bar.input.has_focus
        self._bar.close()
        if had_focus:
            self._room.enter(self._ground)
        return True

    @property
    def _ground(self) -> Widget:
        """What is looked through first."""
        return self._begun_in or self._browser.listing.shown

    @property
    def _used(self) -> Widget:
        """The pane where that has the focus, else the list."""
        pane = self._browser.detail.pane
        return pane if pane.has_focus else self._browser.listing.shown

    def _open(self) -> None:
        if self._bar.input.has_focus:
            self._bar.turn_kind()
            return
        self._begun_in = self._used
        self._begun_at = _here(self._begun_in)
        self._bar.open()
        self._room.focus(self._bar.input)

    def _look_for(self, event: FindAsked) -> None:
        self._seeker.seek(event.asked, self._ground, self._begun_at)

    def _visit(self, rows: int) -> None:
        if self._seeker.is_on:
            self._seeker.step(self._used, rows)
        else:
            self._browser.visit_match(rows)

    def _leave(self, event: FindLeft) -> None:
        if event.is_over:
            self.back()
        else:
            self._room.enter(self._ground)


def _here(widget: Widget) -> int:
    if isinstance(widget, Pane):
        row = widget.viewport.cursor_row
        return 0 if row is None else row.block
    return max(widget.cursor.row, 0)
