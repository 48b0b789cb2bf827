"""What the keys of both sides do: follow, cross over, step, narrow, copy."""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

from inspector.ui.bindings import Place, bindings
from inspector.ui.documents.packet import tcp_stream_of
from inspector.ui.documents.tabs import FOLLOW, SEQUENCE, TCP
from inspector.ui.lists.tabs import FRAMES
from inspector.ui.messages import Copied, FieldChosen, FilterAsked, PaneOpened, SaveAsked
from inspector.ui.subject import ConnectionAt, FrameAt, PacketAt, connection_of, of_call
from inspector.ui.widgets.both_sides import BothSides

_ABOUT_PACKETS: Final = frozenset({"filter_field", "open_all"})


class Browser(BothSides):
    """The two sides, with the actions of the bindings table at `Place.BROWSER`."""

    BINDINGS = bindings(Place.BROWSER)

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
        self.detail.open_all()

    def _action_filter_field(self) -> None:
        if (field := self.detail.field) is not None:
            self.post_message(FieldChosen(field, self.detail.headers))

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
        if self.detail.document is not None:
            self.post_message(SaveAsked(self.detail.saved, self.detail.is_raw))

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
        self.listing.shown.go(self.listing.shown.cursor + rows)

    def _action_turn(self, tabs: int) -> None:
        if self.detail.pane.has_focus and self.detail.turn_fold(is_open=tabs > 0):
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
                self.post_message(Copied(document.copied, self.detail.is_raw))
        elif table.selected is not None:
            row = table.rows.text(table.selected)
            self.post_message(Copied(lambda _: row))  # no row shows the value of a header that may be a secret
