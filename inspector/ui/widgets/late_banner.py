"""Quiet lines below the filter: what is not certain because the capture was joined late, and what killed runs left."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual.content import Content
from textual.widgets import Static

from inspector.schema.catalog import Catalog
from inspector.store.change import Change
from inspector.store.store import Store
from inspector.ui.slices import go_on
from inspector.views.late_joins import LateJoins
from inspector.views.text import clean


class LateBanner(Static):
    """Not there while everything is certain, nor after it was dismissed."""

    def __init__(self, store: Store, catalog: Catalog) -> None:
        super().__init__(id="late", markup=False)
        self.display = False
        self._joins = LateJoins(store, catalog)
        self._is_dismissed = False
        self._shown = ""

    def learn(self, change: Change) -> None:
        """Take in what changed, and say what is so now."""
        self._joins.update(change)
        self._say()

    def reread(self) -> None:
        """The schema is another: look again at what it tells of methods, between keys where that is much."""
        self.run_worker(self._look_again(), group="reread", exclusive=True)

    async def _look_again(self) -> None:
        await go_on(self._joins.reread())
        self._say()

    def _say(self) -> None:
        sentence = self._joins.sentence()
        if sentence != self._shown:
            self._shown = sentence
            keys = "   M names one · Esc hides this" if self._joins.can_be_named else "   Esc hides this"
            self.update(Content.assemble((f"◌ {sentence}", ""), (keys, "$tone-dim")))
            self.display = bool(sentence) and not self._is_dismissed

    def dismiss(self) -> bool:
        """Away with it, for this capture; False when it was not there."""
        was_shown, self._is_dismissed, self.display = self.display, True, False
        return was_shown


class LeftBanner(Static):
    """Offers the captures of runs that were killed. Takes no focus: what is typed meanwhile goes where it would go."""

    def __init__(self) -> None:
        super().__init__(id="left", markup=False)
        self.display = False
        self.on_chosen: Callable[[], object] = lambda: None
        """Called for a click."""

    def offer(self, captures: Sequence[str]) -> None:
        """Offer captures, the latest first; none takes the offer back."""
        self.display = bool(captures)
        if captures:
            count = len(captures)
            what = "what a killed run captured: " if count == 1 else f"what {count:,} killed runs captured; latest: "
            self.update(Content.assemble("◌ F9 opens ", what, clean(captures[0]), ("   Esc: later", "$tone-dim")))

    def dismiss(self) -> bool:
        """Take the offer back until the next start; False when there was none."""
        was_shown, self.display = self.display, False
        return was_shown

    def on_click(self) -> None:
        """The same as the key."""
        self.on_chosen()
