"""Looks for what Find was asked, between keys, and says in the bar how it goes.

Owns the finder, from what was asked first to the end. Which list or pane is looked through, it is told.
"""

from __future__ import annotations

import asyncio
from typing import Final

from inspector.errors import PatternError
from inspector.schema.catalog import Catalog
from inspector.store.matched import SelectionChange
from inspector.store.store import Store
from inspector.turns import give_way
from inspector.ui.asked import Asked
from inspector.ui.find.finder import Finder
from inspector.ui.find.targets import Widget
from inspector.ui.lists.tabs import FRAMES
from inspector.ui.parts.stage import Stage
from inspector.ui.slices import begin
from inspector.ui.widgets.find_bar import FindBar

_TELL_SECONDS: Final = 0.1
"""Between two words about how far it is."""


class Seeker:
    """Has at most one finder."""

    def __init__(self, stage: Stage, store: Store, catalog: Catalog, bar: FindBar) -> None:
        self._stage, self._bar = stage, bar
        self._store, self._catalog = store, catalog
        self._finder: Finder | None = None

    @property
    def is_on(self) -> bool:
        """True while something is asked for, found or not."""
        return self._finder is not None

    def seek(self, asked: Asked, widget: Widget, start: int) -> None:
        """Look through a list or a pane, from a row or a block on, for this instead."""
        self.end()
        if not asked.text:
            self._bar.say("")
            return
        try:
            finder = Finder(self._store, self._catalog, asked, widget, start)
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

    async def _look(self, finder: Finder) -> None:
        clock, steps = asyncio.get_running_loop().time, finder.steps()
        told = clock()
        try:
            while not begin(steps):
                if clock() - told > _TELL_SECONDS:
                    told = clock()
                    self._bar.say(finder.words())
                await give_way()
        except PatternError as error:
            self.end()
            self._bar.say(error.message, is_fault=True)
        else:
            self._bar.say(finder.words())
