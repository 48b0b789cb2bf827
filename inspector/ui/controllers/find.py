"""Find: search the focused list or pane in the background, and go from match to match."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Final

from inspector.errors import PatternError
from inspector.present.find import Where, parse_pattern
from inspector.scheduling import run_slice, yield_to_ui
from inspector.schema.catalog import Catalog
from inspector.store.filters.frame_selection import SelectionChange
from inspector.store.store import Store
from inspector.ui.browser import Browser
from inspector.ui.controllers.context import ScreenContext
from inspector.ui.controllers.navigation import FocusController
from inspector.ui.lists.listing import FRAMES, PACKETS
from inspector.ui.messages import FindLeft, FindRequested, SearchQuery
from inspector.ui.search import Search, SearchPosition, SearchTarget, Widget, highlight, target_of
from inspector.ui.subject import FrameAt
from inspector.ui.widgets.document import Pane
from inspector.ui.widgets.find_bar import FindBar

_NOT_IN_FRAMES: Final = "not found in frames · packets: / frame contains …"


class FindSession:
    """One query, with its matches so far in the list or pane that is searched."""

    def __init__(self, store: Store, catalog: Catalog, query: SearchQuery, widget: Widget, start: int) -> None:
        """Prepare a search from a row of a list, or a block of a pane.

        Raises:
            PatternError: the query is not a regular expression, or not hex.
        """
        self._store, self._catalog = store, catalog
        self._query, self._pattern = query, parse_pattern(query.text, query.kind)
        self._pending_step: tuple[SearchPosition, int] | None = None
        """Where from, and 1 or -1: go to the next match in this direction when it is found."""
        self._is_stopped = False
        self._widget = widget
        self._restart(widget, start)

    def _restart(self, widget: Widget, start: int | None) -> None:
        if widget is not self._widget:
            self.end()
        query, self._widget = self._query, widget
        self._target = target_of(widget, self._store, self._catalog, self._pattern, query.kind, query.where)
        if self._target is not None:
            self._search = Search(self._target.scope, self._target.here.unit if start is None else start)
        self._is_stopped, self._is_stale = False, False

    @property
    def target(self) -> SearchTarget | None:
        """What is searched; None for an empty pane."""
        return self._target

    @property
    def is_running(self) -> bool:
        """True until everything is searched, or the search is stopped."""
        return self._target is not None and not self._search.is_done and not self._is_stopped

    def stop(self) -> None:
        """Stop the search and keep its matches."""
        self._is_stopped, self._pending_step = True, None

    def go_to_first(self, start: int) -> None:
        """Go to the first match at or after a row or block, as soon as it is found."""
        self._pending_step = SearchPosition(start, -1), 1

    def step(self, widget: Widget, direction: int) -> None:
        """Go to the next or previous match in a list or pane. Search again if its contents have changed."""
        is_same = self._target is not None and self._target.widget is widget and self._target.is_current
        if not is_same or self._is_stale:
            self._restart(widget, None)
        self._is_stopped = False
        if self._target is None:
            return
        self._pending_step = self._target.here, direction
        self._try_step(self._target)

    def left(self, rows: int) -> None:
        """Shift all positions after the first rows of the list were evicted."""
        if self._target is not None and rows:
            self._search.dropped(rows)
            if self._pending_step is not None:
                (unit, part), direction = self._pending_step
                self._pending_step = SearchPosition(max(unit - rows, -1), part), direction

    def changed_from(self, row: int | None) -> None:
        """Search the list again from a row on; None when it is unknown which rows changed."""
        if row is None:
            self._is_stale = True
        elif self._target is not None:
            self._search.changed_from(row)

    def steps(self) -> Iterator[None]:
        """Search what is left, in small steps, and go to the match that was requested when it is found."""
        if self._target is None:
            return
        for _ in self._search.steps():
            self._try_step(self._target)
            yield
            if self._is_stopped:
                return
        self._try_step(self._target)

    def _try_step(self, target: SearchTarget) -> None:
        """Go to the requested match if it is known already."""
        if self._pending_step is None or not len(self._search):
            return
        here, direction = self._pending_step
        match = self._search.next(here, direction)
        # The search goes forward, so a match ahead is final. One behind, or round the end, may not be the nearest yet.
        if self._search.is_done or (direction > 0 and target.scope.place(match) > here):
            self._pending_step = None
            target.go(match)

    def summary(self) -> str:
        """Return the text for the find bar: `3 of 41`, `not found`, or the progress."""
        if self._target is None:
            return "nothing to search"
        count = len(self._search)
        found = f"{self._search.number(self._target.here):,} of {count:,}" if count else ""
        if self._is_stopped:
            return f"{found} · stopped at {self._search.share:.0%}".removeprefix(" · ")
        if self._search.is_done:
            return found or (_NOT_IN_FRAMES if self._omits_packet_bytes else "not found")
        return f"{found} · searching … {self._search.share:.0%}".removeprefix(" · ")

    @property
    def _omits_packet_bytes(self) -> bool:
        """True when the user may expect a search in the bytes of packets: only those of frames are searched."""
        return self._widget.id == PACKETS and self._query.where in (Where.ANYWHERE, Where.BYTES)

    def end(self) -> None:
        """Remove the highlights."""
        highlight(self._widget, None)


_PROGRESS_SECONDS: Final = 0.1


class SearchRunner:
    """Runs at most one search in the background, and shows its progress in the find bar."""

    def __init__(self, context: ScreenContext, store: Store, catalog: Catalog, bar: FindBar) -> None:
        self._context, self._bar = context, bar
        self._store, self._catalog = store, catalog
        self._session: FindSession | None = None

    @property
    def is_active(self) -> bool:
        """True from a query on until the find bar is closed, whether anything matches or not."""
        return self._session is not None

    def search(self, query: SearchQuery, widget: Widget, start: int) -> None:
        """Replace the current search, and go to the first match at or after a row or block."""
        self.end()
        if not query.text:
            self._bar.say("")
            return
        try:
            session = FindSession(self._store, self._catalog, query, widget, start)
        except PatternError as error:
            self._bar.say(error.message, is_fault=True)
            return
        session.go_to_first(start)
        self._session = session
        self._resume()

    def step(self, widget: Widget, direction: int) -> None:
        """Go to the next or previous match in a list or pane."""
        if self._session is not None:
            self._session.step(widget, direction)
            self._resume()

    def changed(self, rows: SelectionChange | None, *, has_evicted: bool = False) -> None:
        """Search again what the store changed.

        `rows` are the changed rows of the list of frames, None when all may have changed. `has_evicted` is True when
        frames were evicted.
        """
        session = self._session
        if session is None or session.target is None:
            return
        if session.target.widget.id == FRAMES:
            if rows is not None:
                session.left(rows.left)
            session.changed_from(0 if rows is None else rows.first_row)
        else:
            session.changed_from(None)
            if has_evicted:
                session.stop()
        if session.is_running:
            self._resume()

    def stop(self) -> bool:
        """Stop the search and keep its matches. Return False when none is running."""
        session = self._session
        if session is None or not session.is_running:
            return False
        session.stop()
        self._bar.say(session.summary())
        return True

    def end(self) -> None:
        """Forget the query, and remove the highlights."""
        if self._session is not None:
            self._session.end()
            self._session = None

    def _resume(self) -> None:
        if self._session is not None:
            self._context.run_exclusive(self._run(self._session), "find")

    async def _run(self, session: FindSession) -> None:
        clock, steps = asyncio.get_running_loop().time, session.steps()
        shown_at = clock()
        try:
            while not run_slice(steps):
                if clock() - shown_at > _PROGRESS_SECONDS:
                    shown_at = clock()
                    self._bar.say(session.summary())
                await yield_to_ui()
        except PatternError as error:
            self.end()
            self._bar.say(error.message, is_fault=True)
        else:
            self._bar.say(session.summary())


class FindController:
    """Opens and closes the find bar, and steps through matches."""

    def __init__(self, runner: SearchRunner, bar: FindBar, browser: Browser, focus: FocusController) -> None:
        self._runner, self._bar = runner, bar
        self._browser, self._focus = browser, focus
        self._origin: Widget | None = None
        """The list or pane that had the focus when the bar was opened; it is the one that is searched."""
        self._start = 0

    def back(self) -> bool:
        """Stop the search, else close the find bar. Return False if neither applies."""
        if self._runner.stop():
            return True
        if not self._bar.display:
            return False
        self._runner.end()
        had_focus = self._bar.input.has_focus
        self._bar.close()
        if had_focus:
            self._focus.show(self._searched)
        return True

    @property
    def _searched(self) -> Widget:
        return self._origin or self._browser.listing.shown

    @property
    def _active(self) -> Widget:
        """The pane if it has the focus, else the list."""
        pane = self._browser.detail.pane
        return pane if pane.has_focus else self._browser.listing.shown

    def action_find(self) -> None:
        """Open the find bar. When it has the focus already, switch between text, regular expression and hex."""
        if self._bar.input.has_focus:
            self._bar.turn_kind()
            return
        self._origin = self._active
        self._start = _position(self._origin)
        self._bar.open()
        self._focus.focus(self._bar.input)

    def action_match(self, direction: int) -> None:
        """Go to the next or previous match of the search, or of the filter when no search is active."""
        if self._runner.is_active:
            self._runner.step(self._active, direction)
        else:
            self._go_to_filter_match(direction)

    def _go_to_filter_match(self, rows: int) -> None:
        """Select a frame that matches the filter, counted from the selected one and wrapping around."""
        browser, frames = self._browser, self._browser.feed.frames
        if found := frames.positions:
            here = browser.subject.position if isinstance(browser.subject, FrameAt) else 0
            browser.listing.open(FRAMES)
            browser.select(FrameAt(found[(frames.nearest_row(here) + rows) % len(found)]))

    def on_find_requested(self, message: FindRequested) -> None:
        """Search for what was typed in the find bar."""
        self._runner.search(message.query, self._searched, self._start)

    def on_find_left(self, message: FindLeft) -> None:
        """Return to the list or pane that is searched."""
        if message.is_over:
            self.back()
        else:
            self._focus.show(self._searched)


def _position(widget: Widget) -> int:
    if isinstance(widget, Pane):
        row = widget.viewport.cursor_row
        return 0 if row is None else row.block
    return max(widget.cursor.row, 0)
