"""Find, and what n and N visit: what it has found while it is on, else what the filter finds."""

from __future__ import annotations

import asyncio
from typing import Final

from textual import on

from inspector.capture.pipe import give_way
from inspector.errors import PatternError
from inspector.ui.find.finder import Finder
from inspector.ui.find.targets import Widget
from inspector.ui.lists.tabs import FRAMES
from inspector.ui.messages import FindAsked, FindLeft
from inspector.ui.screens.filter_actions import FilterActions
from inspector.ui.slices import begin
from inspector.ui.widgets.find_bar import FindBar
from inspector.ui.widgets.pane import Pane

_TELL_SECONDS: Final = 0.1
"""Between two words about how far it is."""


class FindActions(FilterActions):
    """The part of the inspection screen that finds."""

    _finder: Finder | None = None
    _begun_in: Widget | None = None
    _begun_at = 0

    @property
    def _bar(self) -> FindBar:
        return self.query_one(FindBar)

    def _action_find(self) -> None:
        bar = self._bar
        if bar.input.has_focus:
            bar.turn_kind()
            return
        self._begun_in = self._sought_in
        self._begun_at = _here(self._begun_in)
        bar.open()
        self.set_focus(bar.input)

    @property
    def _sought_in(self) -> Widget:
        pane = self.browser.detail.pane
        return pane if pane.has_focus else self.browser.listing.shown

    @on(FindAsked)
    def _look_for(self, event: FindAsked) -> None:
        if self._finder is not None:
            self._finder.end()
            self._finder = None
        if not event.asked.text:
            self._bar.say("")
            return
        widget = self._begun_in or self.browser.listing.shown
        try:
            finder = Finder(self.session.store, self.launch.catalog, event.asked, widget, self._begun_at)
        except PatternError as error:
            self._bar.say(error.message, is_fault=True)
            return
        finder.want_first(self._begun_at)
        self._finder = finder
        self._look()

    def _give_up(self, finder: Finder, fault: PatternError) -> None:
        finder.end()
        self._finder = None
        self._bar.say(fault.message, is_fault=True)

    def _look(self) -> None:
        self.run_worker(self._looking(), group="find", exclusive=True)

    async def _looking(self) -> None:
        finder, clock = self._finder, asyncio.get_running_loop().time
        if finder is None:
            return
        steps, told = finder.steps(), clock()
        try:
            while not begin(steps):
                if clock() - told > _TELL_SECONDS:
                    told = clock()
                    self._bar.say(finder.words())
                await give_way()
        except PatternError as error:
            self._give_up(finder, error)
        else:
            self._bar.say(finder.words())

    def _action_match(self, rows: int) -> None:
        if self._finder is None:
            self.browser.visit_match(rows)
            return
        self._finder.step(self._sought_in, rows)
        self._look()

    def find_again(self, first_row: int | None) -> None:
        """The store has changed: frames from this row on may be others, and so may anything that is not a frame.

        None where the oldest are not kept any more, so that all rows are others.
        """
        finder = self._finder
        if finder is None or finder.target is None:
            return
        if first_row is None:
            finder.stop()
        finder.changed_from(first_row if finder.target.widget.id == FRAMES else None)
        if finder.is_running:
            self._look()

    @on(FindLeft)
    def _leave_find(self, event: FindLeft) -> None:
        if event.is_over:
            self._stop_or_end()
        else:
            self.enter(self._begun_in or self.browser.listing.shown)

    def _stop_or_end(self) -> bool:
        finder, bar = self._finder, self._bar
        if finder is not None and finder.is_running:
            finder.stop()
            bar.say(finder.words())
            return True
        if not bar.display:
            return False
        if finder is not None:
            finder.end()
            self._finder = None
        had_focus = bar.input.has_focus
        bar.close()
        if had_focus:
            self.enter(self._begun_in or self.browser.listing.shown)
        return True

    def _action_back(self) -> None:
        if not self._stop_or_end():
            super()._action_back()


def _here(widget: Widget) -> int:
    if isinstance(widget, Pane):
        return widget.rows[widget.cursor].block if widget.cursor < len(widget.rows) else 0
    return max(widget.cursor, 0)
