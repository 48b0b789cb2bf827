"""Screens with reports: the comparison of two calls, and the statistics of a capture."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import ClassVar, Final

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen

from inspector.model.call import StreamKey
from inspector.present.compare import Comparison
from inspector.present.spans import Line
from inspector.present.statistics import conversation_lines, method_lines, time_lines, type_lines
from inspector.schema.catalog import Catalog
from inspector.store.store import Store
from inspector.ui.detail.documents import LinesDocument
from inspector.ui.dialogs.base import Dialog
from inspector.ui.feed import Feed
from inspector.ui.messages import TabChosen
from inspector.ui.widgets.bars import TabBar
from inspector.ui.widgets.document import Pane
from inspector.ui.widgets.layout import DocumentBlock

_PANE_MARGIN: Final = 3
"""Cells of a line that hold no text: the cursor mark and the scrollbar."""


class _ComparisonDocument:
    """A comparison as a document for a pane, with one block for each part."""

    def __init__(self, comparison: Comparison) -> None:
        self._comparison = comparison

    def __len__(self) -> int:
        return len(self._comparison)

    def block(self, index: int) -> DocumentBlock:
        """Return one part of the comparison."""
        return DocumentBlock(self._comparison.part(index))


class CompareScreen(ModalScreen[None]):
    """Compares two calls as they were when the screen was opened."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,equals_sign", "dismiss", "Close")]

    def __init__(self, store: Store, catalog: Catalog, left: StreamKey, right: StreamKey) -> None:
        super().__init__()
        self._store, self._catalog, self._calls = store, catalog, (left, right)

    def compose(self) -> ComposeResult:
        """Yield a pane in a box."""
        left, right = self._calls
        with Vertical(classes="dialog -compare") as box:
            box.border_title = Content(f"Call {left} and call {right}")
            box.border_subtitle = "Esc closes"
            yield Pane(id="compare-pane")

    def on_mount(self) -> None:
        """Focus the pane so that its keys scroll, and compare when its width is known."""
        self.query_one(Pane).focus()
        self.call_after_refresh(self._compare)

    def _compare(self) -> None:
        pane = self.query_one(Pane)
        width = pane.size.width - _PANE_MARGIN
        pane.viewport.show(_ComparisonDocument(Comparison(self._store, self._catalog, *self._calls, width)))


_REFRESH_SECONDS: Final = 0.5
_PLOTS, _LINES_BESIDE_PLOTS = 3, 7
"""How many plots there are, and how many lines are needed for their titles, time lines and axis."""
_MIN_PLOT_HEIGHT: Final = 3

_TABS: Final[dict[str, tuple[str, Callable[[Feed, int, int], Iterator[Line]]]]] = {
    "types": ("Frames", lambda feed, width, _: type_lines(feed.store, width)),
    "time": ("Over time", lambda feed, width, height: time_lines(feed.timeline, width, height)),
    "talks": ("Conversations", lambda feed, width, _: conversation_lines(feed.store, width)),
    "latency": ("Latency", lambda feed, width, _: method_lines(feed.methods.methods, width)),
}


class StatisticsScreen(Dialog[None]):
    """Shows statistics that are updated while the capture runs."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,s", "dismiss", "Close"),
        Binding("right,tab", "turn(1)", "Next"),
        Binding("left,shift+tab", "turn(-1)", "Previous"),
    ]

    def __init__(self, feed: Feed) -> None:
        super().__init__()
        self._feed = feed
        titles = {name: title for name, (title, _) in _TABS.items()}
        self._tabs = TabBar(titles, next(iter(_TABS)), id="statistics-tabs")

    def compose(self) -> ComposeResult:
        """Yield the tabs and a pane in a box."""
        with Vertical(classes="dialog -compare") as box:
            box.border_title = "Statistics"
            box.border_subtitle = "← → other tabs · Esc closes"
            yield self._tabs
            yield Pane(id="statistics-pane")

    def on_mount(self) -> None:
        """Focus the pane so that its keys scroll, and start to update."""
        self.query_one(Pane).focus()
        self.set_interval(_REFRESH_SECONDS, self._refresh)

    def on_resize(self, _event: events.Resize) -> None:
        """Make the lines again for the new width."""
        self.call_after_refresh(self._show)

    def action_turn(self, tabs: int) -> None:
        """Open another tab, wrapping around at both ends."""
        self._open(self._tabs.further(tabs))

    @on(TabChosen)
    def _open_chosen(self, event: TabChosen) -> None:
        event.stop()
        self._open(event.name)

    def _open(self, tab: str) -> None:
        self._tabs.activate(tab)
        self._show()

    def _show(self) -> None:
        if self.query_one(Pane).size.width:
            make = _TABS[self._tabs.active][1]
            document = LinesDocument(
                lambda: tuple(make(self._feed, *self._available())), "statistics", lambda: self._feed.revision
            )
            self.query_one(Pane).viewport.show(document)

    def _available(self) -> tuple[int, int]:
        """Return the width of a line in cells, and the height of a plot in lines."""
        size = self.query_one(Pane).size
        return size.width - _PANE_MARGIN, max((size.height - _LINES_BESIDE_PLOTS) // _PLOTS, _MIN_PLOT_HEIGHT)

    def _refresh(self) -> None:
        viewport = self.query_one(Pane).viewport
        if isinstance(viewport.document, LinesDocument):
            viewport.changed_from(viewport.document.refresh())
