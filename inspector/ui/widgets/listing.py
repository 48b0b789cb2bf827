"""The left side: the lists under their tabs, and the words about the tail.

Owns which list is shown. Says nothing of what is selected but by its lists' messages.
"""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import ContentSwitcher, Static, Tab, Tabs

from inspector.schema.catalog import Catalog
from inspector.store.change import Change
from inspector.ui.feed import Feed
from inspector.ui.lists.tabs import FRAMES, LISTS, PACKETS
from inspector.ui.messages import ListShown, TailMoved
from inspector.ui.subject import Subject
from inspector.ui.widgets.row_list import RowList


class Listing(Vertical):
    """The tabs of the left side."""

    def __init__(self, feed: Feed, catalog: Catalog, *, following: bool) -> None:
        super().__init__(id="listing")
        self._feed = feed
        self._is_live = following
        self._lists = {
            name: RowList(each.rows(feed, catalog), id=name, following=following) for name, each in LISTS.items()
        }
        self._tab = FRAMES

    def compose(self) -> ComposeResult:
        """Tabs and the words about the tail above, the chosen list below."""
        with Horizontal(id="listing-head"):
            tabs = Tabs(*(Tab(each.title, id=f"{name}-tab") for name, each in LISTS.items()), active=f"{FRAMES}-tab")
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
        """One of the lists."""
        return self._lists[name]

    def update(self, change: Change | None) -> None:
        """The store has changed; None when only the filter has."""
        for table in self._lists.values():
            if change is None or change.rewritten:
                table.forget_lines()
            table.update_rows(is_refiltered=change is None)
        for name, each in LISTS.items():
            count = each.count(self._feed)
            label = f"{each.title} {count:,}" if count else each.title
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

    def turn(self, tabs: int) -> None:
        """Show the list that is so many tabs further on, round the end."""
        names = list(LISTS)
        self.open(names[(names.index(self._tab) + tabs) % len(names)])

    def select(self, subject: Subject, *, hold: bool = False) -> None:
        """Put the cursor of each list on the row of what is selected, where it has one."""
        for table in self._lists.values():
            if (key := table.rows.key_of(subject)) is not None:
                table.select(key, hold=hold)

    @on(Tabs.TabActivated)
    def _activate(self, event: Tabs.TabActivated) -> None:
        event.stop()
        had_focus = self.shown.has_focus
        self._tab = (event.tab.id or "").removesuffix("-tab") or FRAMES
        self.query_one(ContentSwitcher).current = self._tab
        if had_focus:
            self.shown.focus()
        self._say_tail()
        if self._tab == PACKETS:
            self._feed.packets.begin()
        self.post_message(ListShown(self._tab))

    @on(TailMoved)
    def _say_tail(self) -> None:
        table = self.shown
        new = f" · {table.unseen:,} new" if table.unseen else ""
        words = "" if table.following or not table.count or not self._is_live else f"paused{new} · F follows"
        # The second line goes on with the tabs' underline.
        line = ("\n" + "━" * (len(words) + 1), "$underline")
        self.query_one("#tail", Static).update(Content.assemble(words + " ", line) if words else Content(""))
