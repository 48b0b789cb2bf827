"""The screen with what the capture adds up to. What it says is the business of `views.statistics`.

It is made anew twice a second while something comes, from what has been counted: no frame is looked at again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import ClassVar, Final

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from inspector.ui.documents.document import LinesDocument
from inspector.ui.feed import Feed
from inspector.ui.messages import TabChosen
from inspector.ui.screens.dialog import Dialog
from inspector.ui.widgets.pane import Pane
from inspector.ui.widgets.tab_bar import TabBar
from inspector.views.spans import Line
from inspector.views.statistics import conversation_lines, method_lines, time_lines, type_lines

_SECONDS: Final = 0.5
_BESIDES_TEXT: Final = 3
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
            self.query_one(Pane).show(document)

    def _room(self) -> tuple[int, int]:
        """Cells of a line, and lines of a plot."""
        size = self.query_one(Pane).size
        return size.width - _BESIDES_TEXT, max((size.height - _BESIDES_PLOTS) // _PLOTS, _LEAST_HEIGHT)

    def _refresh(self) -> None:
        pane = self.query_one(Pane)
        if isinstance(pane.document, LinesDocument):
            pane.changed_from(pane.document.refresh())
