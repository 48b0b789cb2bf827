"""Both sides together: the lists on the left, and on the right what is known of what is selected.

Owns what is selected. Either side is told of it, and tells by messages when the user chooses another. What keys do is
`Browser`'s.
"""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal

from inspector.model.call import Call, StreamKey
from inspector.schema.catalog import Catalog
from inspector.store.change import Change
from inspector.store.filter import method_filter
from inspector.ui.accounts import Accounts
from inspector.ui.documents.tabs import FOLLOW
from inspector.ui.feed import Feed
from inspector.ui.lists.tabs import CALLS, FRAMES, PACKETS
from inspector.ui.messages import (
    FilterAsked,
    PaneOpened,
    RowOpened,
    RowSelected,
    StepSelected,
)
from inspector.ui.subject import FrameAt, MethodAt, PacketAt, Subject, Told, of_call
from inspector.ui.widgets.detail import Detail
from inspector.ui.widgets.listing import Listing
from inspector.ui.widgets.row_list import RowList


class BothSides(Horizontal):
    """The two sides."""

    def __init__(self, feed: Feed, catalog: Catalog, *, following: bool) -> None:
        super().__init__(id="browser")
        self.feed = feed
        self.subject: Subject | None = None
        """What is selected."""
        self.listing = Listing(feed, catalog, self._bring_cursor, following=following)
        self.detail = Detail(feed, catalog)
        self._goal: PacketAt | None = None
        """A packet that shall be selected once it is in the list."""
        self._goal_tab = ""
        """The tab that shall be opened then, if any."""

    def compose(self) -> ComposeResult:
        """Lists left, detail right."""
        yield self.listing
        yield self.detail

    def update(self, change: Change | None) -> None:
        """The store has changed; None when only the filter has."""
        self.listing.update(change)
        if change is not None:
            self.detail.update(change)
        self._reach_goal()

    def redraw(self) -> None:
        """Something besides the store has changed, of which rows and documents speak: draw them anew."""
        self.feed.redraw()
        self.detail.show_document()

    def reread(self) -> None:
        """The schema is another: what rows and documents say may be too, and what calls are sorted by."""
        self.listing.sort_again()
        self.redraw()

    def show_call(self, key: StreamKey, *, with_tail: bool = False) -> None:
        """Select a call's first frame, and go on following the list's tail; with `with_tail` the call's own too."""
        subject = of_call(self.feed.store, key)
        if not self.listing.shown_leads_to(subject):
            self.listing.open(FRAMES)
        self.select(subject, hold=True)
        if with_tail:
            self.detail.pane_of(FOLLOW).follow_end()

    def show_told(self, accounts: Accounts) -> None:
        """Show what the client says of its calls, until a row is selected."""
        self.show(Told(accounts))
        self.detail.told_more()

    def select(self, subject: Subject, *, hold: bool = False) -> None:
        """Select something, in the lists too; with `hold` they go on following their ends."""
        self.show(subject)
        self.listing.select(subject, hold=hold)

    def show(self, subject: Subject) -> None:
        """Show what is known of something, and leave the lists alone."""
        is_other_kind, self.subject = type(subject) is not type(self.subject), subject
        self.detail.show(subject)
        if is_other_kind:
            self.refresh_bindings()

    @property
    def call(self) -> Call | None:
        """The call of the selected frame."""
        return self._call_of(self.subject)

    def go_to(self, subject: FrameAt | PacketAt, tab: str = "") -> None:
        """Select a frame, or a packet as soon as that is in its list, and open a tab of it."""
        if isinstance(subject, PacketAt):
            self.listing.open(PACKETS)
            self._goal, self._goal_tab = subject, tab
            self._reach_goal()
        else:
            if not self.listing.shown_leads_to(subject):
                self.listing.open(FRAMES)
            self.select(subject)

    @property
    def marked_call(self) -> Call | None:
        """The call that was marked last, of those that are not the selected one; itself or one of its frames."""
        marked = (self._call_of(subject) for subject in self.listing.marked())
        return next((call for call in marked if call is not None and call is not self.call), None)

    def _call_of(self, subject: Subject | None) -> Call | None:
        return subject.call(self.feed.store) if isinstance(subject, FrameAt) else None

    @on(RowSelected)
    def _take_row(self, event: RowSelected) -> None:
        event.stop()
        table = self.listing.shown
        if (event.table, event.key) == (table.id, table.selected):  # else another row was selected since
            self.show(table.rows.subject(event.key))

    def _bring_cursor(self, table: RowList) -> None:
        """Another list was brought to the front: its cursor goes to what is selected, or leads to something else."""
        key = None if self.subject is None else table.rows.key_of(self.subject)
        if table.id == PACKETS and key is not None and not table.following:
            self._goal = self._goal or PacketAt(key)
            self._reach_goal()
        elif key is not None and not table.following:
            table.select(key)
        chosen = None if table.selected is None else table.rows.subject(table.selected)
        if chosen is not None and type(chosen) is not type(self.subject):
            self.show(chosen)

    @on(RowOpened)
    def _open_row(self, event: RowOpened) -> None:
        event.stop()
        subject = self.listing.list_of(event.table).rows.subject(event.key)
        if isinstance(subject, MethodAt):
            self.listing.open(CALLS)
            self.post_message(FilterAsked(method_filter(subject.path)))
        else:
            self.show(subject)  # it may not be yet, where Enter was typed ahead
            self.post_message(PaneOpened(self.detail.pane))

    @on(StepSelected)
    def _take_step(self, event: StepSelected) -> None:
        event.stop()
        if not (event.leave or isinstance(self.subject, FrameAt)):
            return  # a click in what is said of something larger than a frame; to leave it takes two
        self.listing.open(FRAMES)
        self.select(FrameAt(event.position))
        if event.leave:
            self.post_message(PaneOpened(self.listing.list_of(FRAMES)))

    def _reach_goal(self) -> None:
        if self.listing.shown.id != PACKETS:  # somebody went elsewhere before it came
            self._goal, self._goal_tab = None, ""
        goal, tab = self._goal, self._goal_tab
        if goal is not None and self.feed.packets.total >= goal.number:
            self._goal, self._goal_tab = None, ""
            self.select(goal)
            if tab:
                self.open_pane(tab)

    def open_pane(self, tab: str) -> None:
        """Show a tab, and give it the focus."""
        self.detail.open(tab)
        self.post_message(PaneOpened(self.detail.pane_of(tab)))
