"""One quiet line below the filter: what is not certain because the capture was joined late."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from inspector.schema.catalog import Catalog
from inspector.store.change import Change
from inspector.store.store import Store
from inspector.ui.slices import go_on
from inspector.views.late_joins import LateJoins


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
