"""The screens beside the lists: two calls compared, and what the capture adds up to."""

from __future__ import annotations

from inspector.schema.catalog import Catalog
from inspector.ui.parts.stage import Actions, Stage
from inspector.ui.screens.compare import CompareScreen
from inspector.ui.screens.statistics import StatisticsScreen
from inspector.ui.widgets.browser import Browser


class Overviews:
    """Opens them."""

    def __init__(self, stage: Stage, browser: Browser, catalog: Catalog) -> None:
        self._stage, self._browser, self._catalog = stage, browser, catalog

    @property
    def actions(self) -> Actions:
        """One each."""
        return {"compare": self._compare, "statistics": self._show_statistics}

    def _compare(self) -> None:
        selected, marked = self._browser.call, self._browser.marked_call
        if selected is None or marked is None:
            mark_it = "" if self._browser.listing.marks else "Mark a call with m first. "
            self._stage.say(f"{mark_it}Select another call than the marked one and press =.")
        else:
            store = self._browser.feed.store
            self._stage.show(CompareScreen(store, self._catalog, marked.key, selected.key))

    def _show_statistics(self) -> None:
        self._stage.show(StatisticsScreen(self._browser.feed))
