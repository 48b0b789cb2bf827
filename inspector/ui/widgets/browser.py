"""Both sides together: the lists on the left, and on the right what is known of what is selected.

Owns what is selected. Either side is told of it, and tells by messages when the user chooses another.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal

from inspector.model.call import Call, StreamKey
from inspector.schema.catalog import Catalog
from inspector.store.change import Change
from inspector.store.filter import method_filter
from inspector.ui.accounts import Accounts
from inspector.ui.bindings import Place, bindings
from inspector.ui.documents.tabs import FOLLOW, SEQUENCE, TCP
from inspector.ui.feed import Feed
from inspector.ui.lists.tabs import CALLS, FRAMES, PACKETS
from inspector.ui.messages import (
    Copied,
    FieldChosen,
    FilterAsked,
    ListShown,
    PaneOpened,
    RowOpened,
    RowSelected,
    SaveAsked,
    StepSelected,
)
from inspector.ui.subject import ConnectionAt, FrameAt, MethodAt, PacketAt, Subject, Told, connection_of, of_call
from inspector.ui.widgets.detail import Detail
from inspector.ui.widgets.listing import Listing

_ABOUT_PACKETS: Final = frozenset({"filter_field", "open_all", "turn_tcp"})


class Browser(Horizontal):
    """The two sides."""

    BINDINGS = bindings(Place.BROWSER)

    def __init__(self, feed: Feed, catalog: Catalog, *, following: bool) -> None:
        super().__init__(id="browser")
        self._feed = feed
        self._subject: Subject | None = None
        self.listing = Listing(feed, catalog, following=following)
        self.detail = Detail(feed, catalog)
        self._goes_to_tcp = False
        self._goal: PacketAt | None = None
        """A packet that shall be selected once it is in the list."""

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

    def show_call(self, key: StreamKey, *, with_tail: bool = False) -> None:
        """Select a call's first frame, and go on following the list's tail; with `with_tail` the call's own too."""
        subject = of_call(self._feed.store, key)
        if not self.listing.shown_leads_to(subject):
            self.listing.open(FRAMES)
        self._select(subject, hold=True)
        if with_tail:
            self.detail.pane_of(FOLLOW).follow_end()

    def show_told(self, accounts: Accounts) -> None:
        """Show what the client says of its calls, until a row is selected."""
        self._show(Told(accounts))
        self.detail.told_more()

    def _select(self, subject: Subject, *, hold: bool = False) -> None:
        self._show(subject)
        self.listing.select(subject, hold=hold)

    def _show(self, subject: Subject) -> None:
        is_other_kind, self._subject = type(subject) is not type(self._subject), subject
        self.detail.show(subject)
        if is_other_kind:
            self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - Textual's
        """What is about a packet is of no use for anything else."""
        return action not in _ABOUT_PACKETS or isinstance(self._subject, PacketAt)

    @property
    def call(self) -> Call | None:
        """The call of the selected frame."""
        return self._call_of(self._subject)

    @property
    def subject(self) -> Subject | None:
        """What is selected."""
        return self._subject

    def go_to(self, subject: FrameAt | PacketAt) -> None:
        """Select a frame, or a packet as soon as that is in its list."""
        if isinstance(subject, PacketAt):
            self.listing.open(PACKETS)
            self._goal = subject
            self._reach_goal()
        else:
            if not self.listing.shown_leads_to(subject):
                self.listing.open(FRAMES)
            self._select(subject)

    @property
    def marked_call(self) -> Call | None:
        """The call that was marked last, of those that are not the selected one; itself or one of its frames."""
        marked = (self._call_of(subject) for subject in self.listing.marked())
        return next((call for call in marked if call is not None and call is not self.call), None)

    def _call_of(self, subject: Subject | None) -> Call | None:
        return subject.call(self._feed.store) if isinstance(subject, FrameAt) else None

    @on(RowSelected)
    def _take_row(self, event: RowSelected) -> None:
        event.stop()
        table = self.listing.shown
        if (event.table, event.key) == (table.id, table.selected):  # else another row was selected since
            self._show(table.rows.subject(event.key))

    @on(ListShown)
    def _bring_cursor(self, event: ListShown) -> None:
        table = self.listing.list_of(event.name)
        key = None if self._subject is None else table.rows.key_of(self._subject)
        if event.name == PACKETS and key is not None and not table.following:
            self._goal = self._goal or PacketAt(key)
            self._reach_goal()
        elif key is not None and not table.following:
            table.select(key)
        chosen = None if table.selected is None else table.rows.subject(table.selected)
        if chosen is not None and type(chosen) is not type(self._subject):
            self._show(chosen)

    @on(RowOpened)
    def _open_row(self, event: RowOpened) -> None:
        event.stop()
        subject = self.listing.list_of(event.table).rows.subject(event.key)
        if isinstance(subject, MethodAt):
            self.listing.open(CALLS)
            self.post_message(FilterAsked(method_filter(subject.path)))
        else:
            self._show(subject)  # it may not be yet, where Enter was typed ahead
            self.post_message(PaneOpened(self.detail.pane))

    @on(StepSelected)
    def _take_step(self, event: StepSelected) -> None:
        event.stop()
        if not (event.leave or isinstance(self._subject, FrameAt)):
            return  # a click in what is said of something larger than a frame; to leave it takes two
        self.listing.open(FRAMES)
        self._select(FrameAt(event.position))
        if event.leave:
            self.post_message(PaneOpened(self.listing.list_of(FRAMES)))

    def _reach_goal(self) -> None:
        if self.listing.shown.id != PACKETS:  # somebody went elsewhere before it came
            self._goal, self._goes_to_tcp = None, False
        goal = self._goal
        if goal is not None and self._feed.packets.total >= goal.number:
            self._goal = None
            self._select(goal)
            if self._goes_to_tcp:
                self._goes_to_tcp = False
                self._open_pane(TCP)

    def _open_pane(self, tab: str) -> None:
        self.detail.open(tab)
        self.post_message(PaneOpened(self.detail.pane_of(tab)))

    def _action_cross(self) -> None:
        """From a frame to its packet, and back."""
        match self._subject:
            case FrameAt(position) if self._feed.store.frames.holds(position):
                self._goal = PacketAt(self._feed.store.frames[position].packet)
                self.listing.open(PACKETS)
                self._reach_goal()
            case PacketAt(number):
                position_of_first = next(self._feed.store.positions_of(number), None)
                if position_of_first is None:
                    self.notify(f"Packet {number} holds no HTTP/2 frame.", markup=False, timeout=4)
                    return
                self.listing.open(FRAMES)
                self._select(FrameAt(position_of_first))

    def _action_open_all(self) -> None:
        self.detail.open_all()

    def _action_filter_field(self) -> None:
        if (field := self.detail.field) is not None:
            self.post_message(FieldChosen(field))

    def _action_follow_tcp(self) -> None:
        if isinstance(self._subject, FrameAt):
            self._goes_to_tcp = True
            self._action_cross()
        else:
            self._open_pane(TCP)

    def _action_turn_tcp(self, streams: int) -> None:
        self.detail.turn_tcp(streams)

    def _action_write(self) -> None:
        if (saved := self.detail.saved()) is not None:
            self.post_message(SaveAsked(*saved))

    def _action_follow(self) -> None:
        if isinstance(self._subject, PacketAt):
            self._action_cross()
        tab = SEQUENCE if isinstance(self._subject, ConnectionAt) else FOLLOW
        self.detail.open(tab)
        has_tab = isinstance(self._subject, FrameAt | ConnectionAt)
        self.post_message(PaneOpened(self.detail.pane_of(tab) if has_tab else self.detail.pane))

    def _action_narrow(self) -> None:
        """Only what is of the selected connection, and back."""
        if (connection := connection_of(self._subject, self._feed.store)) is not None:
            wanted = f"connection:{connection}"
            self.listing.open(FRAMES if isinstance(self._subject, ConnectionAt) else self.listing.shown.id or FRAMES)
            self.post_message(FilterAsked("" if self._feed.frames.filter.text == wanted else wanted))

    def _action_row(self, rows: int) -> None:
        self.listing.shown.go(self.listing.shown.cursor + rows)

    def _action_turn(self, tabs: int) -> None:
        if self.detail.pane.has_focus and self.detail.turn_fold(is_open=tabs > 0):
            return
        (self.detail if self.detail.has_focus_within_pane else self.listing).turn(tabs)

    def _action_step(self, direction: int) -> None:
        """The next frame of the same stream, whether the filter shows it or not; hidden control frames are passed."""
        if (call := self.call) is None or not isinstance(self._subject, FrameAt):
            return
        frames, with_control = self._feed.store.frames, self._feed.frames.show_control
        stops = [each for each in call.frames if with_control or not frames[each].is_control]
        index = bisect_left(stops, self._subject.position) + direction
        if 0 <= index < len(stops):
            self._select(FrameAt(stops[index]))

    def visit_match(self, rows: int) -> None:
        """Select the frame that is so many further on among those that the filter finds, round the end."""
        found = self._feed.frames.positions
        if found:
            here = self._subject.position if isinstance(self._subject, FrameAt) else 0
            self.listing.open(FRAMES)
            self._select(FrameAt(found[(self._feed.frames.nearest_row(here) + rows) % len(found)]))

    def _action_reading(self) -> None:
        self.detail.turn_form()

    def _action_copy(self) -> None:
        table = self.listing.shown
        row = None if table.selected is None else table.rows.text(table.selected)
        copied = self.detail.copied() if self.detail.has_focus_within_pane else row
        if copied is not None:
            self.post_message(Copied(*copied))
