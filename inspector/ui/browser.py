"""Lists on the left, details on the right, and the keys of both sides."""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal

from inspector.model.call import Call, StreamKey
from inspector.schema.catalog import Catalog
from inspector.store.filters.filter import method_filter
from inspector.store.store import Change
from inspector.ui.bindings import KeyContext, bindings
from inspector.ui.detail.packet import file_content, is_raw, tcp_stream_of
from inspector.ui.detail.tabs import FOLLOW, SEQUENCE, TCP, Detail
from inspector.ui.feed import Feed
from inspector.ui.lists.listing import CALLS, FRAMES, PACKETS, Listing
from inspector.ui.messages import (
    Copied,
    FieldChosen,
    FilterAsked,
    PaneOpened,
    RowOpened,
    RowSelected,
    SaveAsked,
    StepSelected,
)
from inspector.ui.subject import (
    ClientTraces,
    ConnectionAt,
    FrameAt,
    MethodAt,
    PacketAt,
    Subject,
    TracedCall,
    connection_of,
    of_call,
)
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
            self.detail.pane_of(FOLLOW).viewport.follow_end()

    def show_told(self, accounts: ClientTraces) -> None:
        """Show what the client says of its calls, until a row is selected."""
        self.show(TracedCall(accounts))
        self.detail.update_trace()

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
        marked = (self._call_of(subject) for subject in self.listing.marks.subjects(self.listing.shown))
        return next((call for call in marked if call is not None and call is not self.call), None)

    def _call_of(self, subject: Subject | None) -> Call | None:
        return subject.call(self.feed.store) if isinstance(subject, FrameAt) else None

    @on(RowSelected)
    def _take_row(self, event: RowSelected) -> None:
        event.stop()
        table = self.listing.shown
        if (event.table, event.key) == (table.id, table.cursor.key):  # else another row was selected since
            self.show(table.rows.subject(event.key))

    def _bring_cursor(self, table: RowList) -> None:
        """Another list was brought to the front: its cursor goes to what is selected, or leads to something else."""
        key = None if self.subject is None else table.rows.key_of(self.subject)
        if table.id == PACKETS and key is not None and not table.cursor.following:
            self._goal = self._goal or PacketAt(key)
            self._reach_goal()
        elif key is not None and not table.cursor.following:
            table.cursor.select(key)
        chosen = None if table.cursor.key is None else table.rows.subject(table.cursor.key)
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


_ABOUT_PACKETS: Final = frozenset({"filter_field", "open_all"})


class Browser(BothSides):
    """The two sides, with the actions of the bindings table at `KeyContext.BROWSER`."""

    BINDINGS = bindings(KeyContext.BROWSER)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - Textual's
        """What is about a packet is of no use for anything else."""
        return action not in _ABOUT_PACKETS or isinstance(self.subject, PacketAt)

    def _action_cross(self, tab: str = "") -> None:
        """From a frame to its packet, and back."""
        match self.subject:
            case FrameAt(position) if self.feed.store.frames.holds(position):
                self.go_to(PacketAt(self.feed.store.frames[position].packet), tab)
            case PacketAt(number):
                first = next(self.feed.store.positions_of(number), None)
                if first is None:
                    self.notify(f"Packet {number} holds no HTTP/2 frame.", markup=False, timeout=4)
                else:
                    self.go_to(FrameAt(first))

    def _action_open_all(self) -> None:
        self.detail.tree_page.toggle_all()

    def _action_filter_field(self) -> None:
        if (field := self.detail.tree_page.field) is not None:
            self.post_message(FieldChosen(field, self.detail.tree_page.headers))

    def _action_follow_tcp(self) -> None:
        if isinstance(self.subject, FrameAt):
            self._action_cross(TCP)
        else:
            self.open_pane(TCP)

    def _action_turn_stream(self, streams: int) -> None:
        """The next TCP stream; from a frame, the next call in the order of Calls."""
        if isinstance(self.subject, PacketAt):
            self.detail.turn_tcp(streams)
        elif (call := self.call) is not None:
            calls = self.feed.calls
            row = calls.nearest_row(call.key) + streams
            if 0 <= row < len(calls.keys):
                self.select(of_call(self.feed.store, calls.keys[row]))

    def _action_write(self) -> None:
        detail = self.detail
        if detail.document is not None:
            self.post_message(SaveAsked(lambda mask: file_content(detail.document, mask), is_raw(detail.document)))

    def _action_follow(self) -> None:
        if isinstance(self.subject, PacketAt):
            if next(self.feed.store.positions_of(self.subject.number), None) is None:
                self.open_pane(TCP)  # it has no stream of HTTP/2
                return
            self._action_cross()
        tab = SEQUENCE if isinstance(self.subject, ConnectionAt) else FOLLOW
        self.detail.open(tab)
        has_tab = isinstance(self.subject, FrameAt | ConnectionAt)
        self.post_message(PaneOpened(self.detail.pane_of(tab) if has_tab else self.detail.pane))

    def _action_narrow(self) -> None:
        """Only what is of the selected connection, and back; of packets also those that hold no frame."""
        if isinstance(self.subject, PacketAt):
            stream = tcp_stream_of(self.feed.packets, self.subject.number)
            if isinstance(stream, int):
                self._turn_filter(f"tcp.stream == {stream}")
            else:
                self.notify(stream, markup=False, timeout=4)
        elif (connection := connection_of(self.subject, self.feed.store)) is not None:
            self.listing.open(FRAMES if isinstance(self.subject, ConnectionAt) else self.listing.shown.id or FRAMES)
            self._turn_filter(f"connection:{connection}")

    def _turn_filter(self, wanted: str) -> None:
        self.post_message(FilterAsked("" if self.feed.frames.filter.text == wanted else wanted))

    def _action_row(self, rows: int) -> None:
        cursor = self.listing.shown.cursor
        cursor.go(cursor.row + rows)

    def _action_turn(self, tabs: int) -> None:
        if self.detail.pane.has_focus and self.detail.tree_page.set_fold(is_open=tabs > 0):
            return
        (self.detail if self.detail.has_focus_within_pane else self.listing).turn(tabs)

    def _action_step(self, direction: int) -> None:
        """The next frame of the same stream, whether the filter shows it or not; hidden control frames are passed."""
        if (call := self.call) is None or not isinstance(self.subject, FrameAt):
            return
        frames, with_control = self.feed.store.frames, self.feed.frames.show_control
        stops = [each for each in call.frames if with_control or not frames[each].is_control]
        index = bisect_left(stops, self.subject.position) + direction
        if 0 <= index < len(stops):
            self.select(FrameAt(stops[index]))

    def visit_match(self, rows: int) -> None:
        """Select the frame that is so many further on among those that the filter finds, round the end."""
        found = self.feed.frames.positions
        if found:
            here = self.subject.position if isinstance(self.subject, FrameAt) else 0
            self.listing.open(FRAMES)
            self.select(FrameAt(found[(self.feed.frames.nearest_row(here) + rows) % len(found)]))

    def _action_reading(self) -> None:
        self.detail.turn_form()

    def _action_copy(self) -> None:
        table, document = self.listing.shown, self.detail.document
        if self.detail.has_focus_within_pane:
            if document is not None:
                self.post_message(Copied(document.copied, is_raw(document)))
        elif table.cursor.key is not None:
            row = table.rows.text(table.cursor.key)
            self.post_message(Copied(lambda _: row))  # no row shows the value of a header that may be a secret
