"""Find, and what n and N visit: what it has found while it is on, else what the filter finds.

Owns where it was begun: there the focus goes back to.
"""

from __future__ import annotations

from inspector.ui.find.targets import Widget
from inspector.ui.messages import FindAsked, FindLeft
from inspector.ui.parts.room import Room
from inspector.ui.parts.seeker import Seeker
from inspector.ui.parts.stage import Actions, Hears
from inspector.ui.widgets.browser import Browser
from inspector.ui.widgets.find_bar import FindBar
from inspector.ui.widgets.pane import Pane


class Finding:
    """Finds."""

    def __init__(self, seeker: Seeker, bar: FindBar, browser: Browser, room: Room) -> None:
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
        return widget.rows[widget.cursor].block if widget.cursor < len(widget.rows) else 0
    return max(widget.cursor, 0)
