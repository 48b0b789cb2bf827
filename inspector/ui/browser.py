"""The lists on the left, details on the right, and the selection that connects them."""

from __future__ import annotations

from typing import Final

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal

from inspector.model.call import Call, StreamKey
from inspector.schema.catalog import Catalog
from inspector.store.filters.syntax import method_filter
from inspector.store.store import Change
from inspector.ui.bindings import KeyContext, bindings
from inspector.ui.detail.tabs import FOLLOW, Detail
from inspector.ui.feed import Feed
from inspector.ui.lists.listing import CALLS, FRAMES, PACKETS, Listing
from inspector.ui.messages import (
    FilterRequested,
    FocusRequested,
    RowOpened,
    RowSelected,
    StepSelected,
)
from inspector.ui.subject import (
    ClientTraces,
    FrameAt,
    MethodAt,
    PacketAt,
    Subject,
    TracedCall,
    of_call,
)
from inspector.ui.widgets.row_list import RowList

_PACKET_ACTIONS: Final = frozenset({"filter_field", "open_all"})


class Browser(Horizontal):
    """Both sides and the selection: the right side shows documents about what is selected in a list."""

    BINDINGS = bindings(KeyContext.BROWSER)

    def __init__(self, feed: Feed, catalog: Catalog, *, following: bool) -> None:
        super().__init__(id="browser")
        self.feed = feed
        self.subject: Subject | None = None
        """What is selected; None before the first row."""
        self.listing = Listing(feed, catalog, self._bring_cursor, following=following)
        self.detail = Detail(feed, catalog)
        self._pending: PacketAt | None = None
        """A packet to select when it is in the list."""
        self._pending_tab = ""
        """The tab to open then, if any."""

    def compose(self) -> ComposeResult:
        """Yield the two sides."""
        yield self.listing
        yield self.detail

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - Textual's
        """Return False for actions on a packet while something else is selected."""
        return action not in _PACKET_ACTIONS or isinstance(self.subject, PacketAt)

    def update(self, change: Change | None) -> None:
        """Draw a change of the store; None if only the filter has changed."""
        self.listing.update(change)
        if change is not None:
            self.detail.update(change)
        self._select_pending()

    def redraw(self) -> None:
        """Draw all rows and the document again after something else than the store has changed."""
        self.feed.redraw()
        self.detail.show_document()

    def reread(self) -> None:
        """Draw everything again after the schema has changed, which may also change the order of calls."""
        self.listing.sort_again()
        self.redraw()

    def show_call(self, key: StreamKey, *, with_tail: bool = False) -> None:
        """Select the first frame of a call while the list follows its tail. `with_tail` scrolls to the call's end."""
        subject = of_call(self.feed.store, key)
        if not self.listing.shown_leads_to(subject):
            self.listing.open(FRAMES)
        self.select(subject, hold=True)
        if with_tail:
            self.detail.pane_of(FOLLOW).viewport.follow_end()

    def show_traces(self, traces: ClientTraces) -> None:
        """Show the client's traces of its calls, until a row is selected."""
        self.show(TracedCall(traces))
        self.detail.update_trace()

    def select(self, subject: Subject, *, hold: bool = False) -> None:
        """Select something in the lists and show it. With `hold`, a list keeps following its tail."""
        self.show(subject)
        self.listing.select(subject, hold=hold)

    def show(self, subject: Subject) -> None:
        """Show documents about something, without selecting it in the lists."""
        is_other_kind, self.subject = type(subject) is not type(self.subject), subject
        self.detail.show(subject)
        if is_other_kind:
            self.refresh_bindings()

    @property
    def call(self) -> Call | None:
        """The call of the selected frame; None if there is none."""
        return self._call_of(self.subject)

    def go_to(self, subject: FrameAt | PacketAt, tab: str = "") -> None:
        """Select a frame, or a packet when it is in its list, and open a tab about it."""
        if isinstance(subject, PacketAt):
            self.listing.open(PACKETS)
            self._pending, self._pending_tab = subject, tab
            self._select_pending()
        else:
            if not self.listing.shown_leads_to(subject):
                self.listing.open(FRAMES)
            self.select(subject)

    @property
    def marked_call(self) -> Call | None:
        """The call that was marked last, itself or by one of its frames, other than the selected one."""
        marked = (self._call_of(subject) for subject in self.listing.marks.subjects(self.listing.shown))
        return next((call for call in marked if call is not None and call is not self.call), None)

    def _call_of(self, subject: Subject | None) -> Call | None:
        return subject.call(self.feed.store) if isinstance(subject, FrameAt) else None

    @on(RowSelected)
    def _select_row(self, event: RowSelected) -> None:
        event.stop()
        table = self.listing.shown
        if (event.table, event.key) == (table.id, table.cursor.key):  # no other row was selected since
            self.show(table.rows.subject(event.key))

    def _bring_cursor(self, table: RowList) -> None:
        """Move the cursor of a list that came to the front to the selection, or select what its cursor is at."""
        key = None if self.subject is None else table.rows.key_of(self.subject)
        if table.id == PACKETS and key is not None and not table.cursor.following:
            self._pending = self._pending or PacketAt(key)
            self._select_pending()
        elif key is not None and not table.cursor.following:
            table.cursor.select(key)
        subject = None if table.cursor.key is None else table.rows.subject(table.cursor.key)
        if subject is not None and type(subject) is not type(self.subject):
            self.show(subject)

    @on(RowOpened)
    def _open_row(self, event: RowOpened) -> None:
        event.stop()
        subject = self.listing.list_of(event.table).rows.subject(event.key)
        if isinstance(subject, MethodAt):
            self.listing.open(CALLS)
            self.post_message(FilterRequested(method_filter(subject.path)))
        else:
            self.show(subject)  # not shown yet if Enter was typed ahead
            self.post_message(FocusRequested(self.detail.pane))

    @on(StepSelected)
    def _select_step(self, event: StepSelected) -> None:
        event.stop()
        if not (event.leave or isinstance(self.subject, FrameAt)):
            return  # a single click leads from one frame to another, but not away from a connection or packet
        self.listing.open(FRAMES)
        self.select(FrameAt(event.position))
        if event.leave:
            self.post_message(FocusRequested(self.listing.list_of(FRAMES)))

    def _select_pending(self) -> None:
        if self.listing.shown.id != PACKETS:  # the user has left the list meanwhile
            self._pending, self._pending_tab = None, ""
        packet, tab = self._pending, self._pending_tab
        if packet is not None and self.feed.packets.total >= packet.number:
            self._pending, self._pending_tab = None, ""
            self.select(packet)
            if tab:
                self.open_pane(tab)

    def open_pane(self, tab: str) -> None:
        """Show a tab and focus it."""
        self.detail.open(tab)
        self.post_message(FocusRequested(self.detail.pane_of(tab)))
