"""Screens beside the lists: two calls compared, and the statistics of a capture."""

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

_BESIDES_TEXT: Final = 3
"""Cells of a pane that no text stands in: the mark before it and the scrollbar."""


class _Document:
    """A comparison, a block for each of its parts."""

    def __init__(self, comparison: Comparison) -> None:
        self._comparison = comparison

    def __len__(self) -> int:
        return len(self._comparison)

    def block(self, index: int) -> DocumentBlock:
        """A part."""
        return DocumentBlock(self._comparison.part(index))


class CompareScreen(ModalScreen[None]):
    """Two calls as they were when this was opened."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,equals_sign", "dismiss", "Close")]

    def __init__(self, store: Store, catalog: Catalog, left: StreamKey, right: StreamKey) -> None:
        super().__init__()
        self._store, self._catalog, self._calls = store, catalog, (left, right)

    def compose(self) -> ComposeResult:
        """A pane in a box."""
        left, right = self._calls
        with Vertical(classes="dialog -compare") as box:
            box.border_title = Content(f"Call {left} and call {right}")
            box.border_subtitle = "Esc closes"
            yield Pane(id="compare-pane")

    def on_mount(self) -> None:
        """Let the keys of a pane scroll, and compare once it is known how wide that is."""
        self.query_one(Pane).focus()
        self.call_after_refresh(self._compare)

    def _compare(self) -> None:
        pane = self.query_one(Pane)
        width = pane.size.width - _BESIDES_TEXT
        pane.viewport.show(_Document(Comparison(self._store, self._catalog, *self._calls, width)))


_SECONDS: Final = 0.5
_BESIDE_STATISTICS: Final = 3
"""Cells of a pane that no text stands in: the mark before it and the scrollbar."""
_PLOTS, _BESIDES_PLOTS = 3, 7
"""Plots below each other; lines besides them: titles, time lines, and the axis."""
_LEAST_HEIGHT: Final = 3

_TABS: Final[dict[str, tuple[str, Callable[[Feed, int, int], Iterator[Line]]]]] = {
    "types": ("Frames", lambda feed, width, _: type_lines(feed.store, width)),
    "time": ("Over time", lambda feed, width, height: time_lines(feed.timeline, width, height)),
    "talks": ("Conversations", lambda feed, width, _: conversation_lines(feed.store, width)),
    "latency": ("Latency", lambda feed, width, _: method_lines(feed.methods.methods, width)),
}


class StatisticsScreen(Dialog[None]):
    """What the capture adds up to by now."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,s", "dismiss", "Close"),
        Binding("right,tab", "turn(1)", "Next"),
        Binding("left,shift+tab", "turn(-1)", "Before"),
    ]

    def __init__(self, feed: Feed) -> None:
        super().__init__()
        self._feed = feed
        titles = {name: title for name, (title, _) in _TABS.items()}
        self._tabs = TabBar(titles, next(iter(_TABS)), id="statistics-tabs")

    def compose(self) -> ComposeResult:
        """Tabs and a pane in a box."""
        with Vertical(classes="dialog -compare") as box:
            box.border_title = "Statistics"
            box.border_subtitle = "← → other tabs · Esc closes"
            yield self._tabs
            yield Pane(id="statistics-pane")

    def on_mount(self) -> None:
        """Let the keys of a pane scroll, and go on as long as something comes."""
        self.query_one(Pane).focus()
        self.set_interval(_SECONDS, self._refresh)

    def on_resize(self, _event: events.Resize) -> None:
        """Lines are made for a width."""
        self.call_after_refresh(self._show)

    def action_turn(self, tabs: int) -> None:
        """Another tab, round the end."""
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
                lambda: tuple(make(self._feed, *self._room())), "statistics", lambda: self._feed.revision
            )
            self.query_one(Pane).viewport.show(document)

    def _room(self) -> tuple[int, int]:
        """Cells of a line, and lines of a plot."""
        size = self.query_one(Pane).size
        return size.width - _BESIDE_STATISTICS, max((size.height - _BESIDES_PLOTS) // _PLOTS, _LEAST_HEIGHT)

    def _refresh(self) -> None:
        viewport = self.query_one(Pane).viewport
        if isinstance(viewport.document, LinesDocument):
            viewport.changed_from(viewport.document.refresh())
