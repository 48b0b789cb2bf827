"""The left side: the lists of calls and of frames under their tabs, and the words about the tail.

Owns which list is shown. Gives both lists their rows, says nothing of what is selected but by their messages.
"""

from __future__ import annotations

from typing import Any, Final

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import ContentSwitcher, Static, Tab, Tabs

from inspector.schema.catalog import Catalog
from inspector.store.change import Change
from inspector.ui.feed import Feed
from inspector.ui.messages import ListShown, TailMoved
from inspector.ui.widgets.columns import CallRows, FrameRows
from inspector.ui.widgets.row_list import RowList

CALLS, FRAMES = "calls", "frames"
_TITLES: Final = {CALLS: "Calls", FRAMES: "Frames"}


class Listing(Vertical):
    """The tabs of the left side."""

    def __init__(self, feed: Feed, catalog: Catalog, *, following: bool) -> None:
        super().__init__(id="listing")
        self._feed = feed
        self._is_live = following
        self._lists = {
            CALLS: RowList(CallRows(feed, catalog), id=CALLS, following=following),
            FRAMES: RowList(FrameRows(feed, catalog), id=FRAMES, following=following),
        }
        self._tab = FRAMES

    def compose(self) -> ComposeResult:
        """Tabs and the words about the tail above, the chosen list below."""
        with Horizontal(id="listing-head"):
            tabs = Tabs(*(Tab(title, id=f"{name}-tab") for name, title in _TITLES.items()), active=f"{FRAMES}-tab")
            tabs.can_focus = False
            yield tabs
            yield Static(id="tail", markup=False)
        with ContentSwitcher(initial=FRAMES):
            yield from self._lists.values()

    @property
    def shown(self) -> RowList:
        """The list that is shown."""
        return self._lists[self._tab]

    def list_of(self, name: str) -> RowList:
        """One of the two lists."""
        return self._lists[name]

    def update(self, change: Change | None) -> None:
        """The store has changed; None when only the filter has."""
        for table in self._lists.values():
            if change is None or change.rewritten:
                table.forget_lines()
            table.update_rows(is_refiltered=change is None)
        counts = {CALLS: len(self._feed.store.calls), FRAMES: len(self._feed.store.frames)}
        for name, count in counts.items():
            label = f"{_TITLES[name]} {count:,}" if count else _TITLES[name]
            tab = self.query_one(f"#{name}-tab", Tab)
            if tab.label_text != label:
                tab.label = Content(label)

    def show_placeholder(self, *lines: str) -> None:
        """What stands in place of rows while there are none."""
        for table in self._lists.values():
            table.show_placeholder(*lines)

    def open(self, name: str) -> None:
        """Show one of the lists."""
        self.query_one(Tabs).active = f"{name}-tab"

    def turn(self, _tabs: int) -> None:
        """Show the other list."""
        self.open(CALLS if self._tab == FRAMES else FRAMES)

    def select(self, name: str, key: Any, *, hold: bool = False) -> None:
        """Put a list's cursor on a row."""
        self._lists[name].select(key, hold=hold)

    @on(Tabs.TabActivated)
    def _activate(self, event: Tabs.TabActivated) -> None:
        event.stop()
        had_focus = self.shown.has_focus
        self._tab = (event.tab.id or "").removesuffix("-tab") or FRAMES
        self.query_one(ContentSwitcher).current = self._tab
        if had_focus:
            self.shown.focus()
        self._say_tail()
        self.post_message(ListShown(self._tab))

    @on(TailMoved)
    def _say_tail(self) -> None:
        table = self.shown
        new = f" · {table.unseen:,} new" if table.unseen else ""
        words = "" if table.following or not table.count or not self._is_live else f"paused{new} · F follows"
        # The second line goes on with the tabs' underline.
        line = ("\n" + "━" * (len(words) + 1), "$underline")
        self.query_one("#tail", Static).update(Content.assemble(words + " ", line) if words else Content(""))
