"""Moves the focus between panes, and the selection between rows, streams, frames and packets."""

from __future__ import annotations

from bisect import bisect_left

from textual.screen import Screen
from textual.widget import Widget

from inspector.ui.browser import Browser
from inspector.ui.controllers.context import ScreenContext
from inspector.ui.detail.packet import tcp_stream_of
from inspector.ui.detail.tabs import FOLLOW, SEQUENCE, TCP
from inspector.ui.dialogs.base import LineDialog
from inspector.ui.lists.listing import FRAMES, PACKETS
from inspector.ui.messages import FilterRequested, FocusRequested, InputLeft
from inspector.ui.subject import ConnectionAt, FrameAt, PacketAt, connection_of, of_call, parse_location
from inspector.ui.widgets.document import Pane
from inspector.ui.widgets.filter_box import FilterBox
from inspector.ui.widgets.hex_view import HexView
from inspector.ui.widgets.request_box import RequestBox


class FocusController:
    """Moves the focus, and makes the focused side visible.

    Three classes of the screen select the layout in the style sheet: `-narrow` by the width of the terminal, `-detail`
    when the right side is the active one, `-zoom` when the active side fills the screen.
    """

    def __init__(
        self, screen: Screen[None], browser: Browser, filter_box: FilterBox, request: RequestBox | None
    ) -> None:
        """`request` is None when nothing can be sent."""
        self._screen, self._browser = screen, browser
        self._filter, self._request = filter_box, request
        self._is_right_active = False

    def on_input_left(self, _message: InputLeft) -> None:
        """Return from an input to the list."""
        self.show_list()

    def on_focus_requested(self, message: FocusRequested) -> None:
        """Focus the widget that a message names."""
        self.show(message.widget)

    @property
    def is_filter_focused(self) -> bool:
        """True while a filter is typed."""
        return self._screen.focused is self._filter

    def show(self, widget: Widget) -> None:
        """Focus a widget, and make it visible where only one side is shown."""
        if isinstance(widget, FilterBox | RequestBox):
            self._screen.remove_class("-zoom")
        else:
            self.set_active_side(right=isinstance(widget, Pane | HexView))
        self.focus(widget)

    def focus(self, widget: Widget) -> None:
        """Focus a widget without changing the layout."""
        # `widget.focus()` is deferred: keys that were typed ahead would go to the previous widget.
        self._screen.set_focus(widget)

    def show_list(self) -> None:
        """Focus the list."""
        self.show(self._browser.listing.shown)

    def set_active_side(self, *, right: bool) -> None:
        """Select the side that is shown where there is room for one."""
        self._is_right_active = right
        self.update_layout()

    def update_layout(self) -> None:
        """Show the active side alone on a narrow or zoomed screen.

        Do nothing on others: changing a class restyles the whole screen, which takes longer than all else that a key
        does.
        """
        if self._screen.has_class("-narrow") or self._screen.has_class("-zoom"):
            self._screen.set_class(self._is_right_active, "-detail")

    def back(self) -> bool:
        """Return from the right side to the list, else leave the zoom. Return False if neither applies."""
        if isinstance(self._screen.focused, Pane | HexView):
            self.show_list()
        elif self._screen.has_class("-zoom"):
            self._screen.remove_class("-zoom")
        else:
            return False
        return True

    def action_focus_filter(self) -> None:
        """Focus the filter box."""
        self.show(self._filter)

    def action_next_pane(self, steps: int) -> None:
        """Focus the next widget in the order of Tab; a negative number of steps goes backwards."""
        stops, focused = self._tab_order(), self._screen.focused
        index = stops.index(focused) if focused in stops else -1
        self.show(stops[(index + steps) % len(stops)])

    def action_zoom(self) -> None:
        """Let the active side fill the screen, or show both sides again."""
        self._screen.toggle_class("-zoom")
        self.update_layout()

    def _tab_order(self) -> list[Widget]:
        inputs = [each for each in (self._request, self._filter) if each is not None]
        shown = [] if self._screen.has_class("-zoom") else inputs
        return [*shown, self._browser.listing.shown, *self._browser.detail.stops]


class SelectionController:
    """Moves the selection from row to row, along streams, and between frames and packets."""

    def __init__(self, context: ScreenContext, browser: Browser) -> None:
        self._context, self._browser = context, browser
        self._feed, self._store = browser.feed, browser.feed.store

    def action_row(self, rows: int) -> None:
        """Move the cursor of the list, also while the right pane has the focus."""
        cursor = self._browser.listing.shown.cursor
        cursor.go(cursor.row + rows)

    def action_step(self, direction: int) -> None:
        """Go to another frame of the stream, even if the filter hides it, but skip hidden control frames."""
        subject, call = self._browser.subject, self._browser.call
        if call is None or not isinstance(subject, FrameAt):
            return
        frames, with_control = self._store.frames, self._feed.frames.show_control
        stops = [each for each in call.frames if with_control or not frames[each].is_control]
        index = bisect_left(stops, subject.position) + direction
        if 0 <= index < len(stops):
            self._browser.select(FrameAt(stops[index]))

    def action_turn_stream(self, streams: int) -> None:
        """Go to another TCP stream; from a frame, to another call in the order of the list of calls."""
        if isinstance(self._browser.subject, PacketAt):
            self._browser.detail.turn_tcp(streams)
        elif (call := self._browser.call) is not None:
            calls = self._feed.calls
            row = calls.nearest_row(call.key) + streams
            if 0 <= row < len(calls.keys):
                self._browser.select(of_call(self._store, calls.keys[row]))

    def action_cross(self) -> None:
        """Go from a frame to its packet, or back."""
        self._cross()

    def _cross(self, tab: str = "") -> None:
        match self._browser.subject:
            case FrameAt(position) if self._store.frames.holds(position):
                self._browser.go_to(PacketAt(self._store.frames[position].packet), tab)
            case PacketAt(number):
                first = next(self._store.positions_of(number), None)
                if first is None:
                    self._context.notify(f"Packet {number} holds no HTTP/2 frame.")
                else:
                    self._browser.go_to(FrameAt(first))

    def action_follow(self) -> None:
        """Show the stream of a frame, the sequence of a connection, or the TCP stream of a packet without frames."""
        subject = self._browser.subject
        if isinstance(subject, PacketAt):
            if next(self._store.positions_of(subject.number), None) is None:
                self._browser.open_pane(TCP)
                return
            self._cross()
        detail, subject = self._browser.detail, self._browser.subject
        tab = SEQUENCE if isinstance(subject, ConnectionAt) else FOLLOW
        detail.open(tab)
        has_tab = isinstance(subject, FrameAt | ConnectionAt)
        self._context.post_message(FocusRequested(detail.pane_of(tab) if has_tab else detail.pane))

    def action_follow_tcp(self) -> None:
        """Show the TCP stream of a packet, or of the packet of a frame."""
        if isinstance(self._browser.subject, FrameAt):
            self._cross(TCP)
        else:
            self._browser.open_pane(TCP)

    def action_narrow(self) -> None:
        """Filter by the selected connection, or remove that filter. From a packet, filter by its TCP stream."""
        subject, listing = self._browser.subject, self._browser.listing
        if isinstance(subject, PacketAt):
            stream = tcp_stream_of(self._feed.packets, subject.number)
            if isinstance(stream, int):
                self._toggle_filter(f"tcp.stream == {stream}")
            else:
                self._context.notify(stream)
        elif (connection := connection_of(subject, self._store)) is not None:
            listing.open(FRAMES if isinstance(subject, ConnectionAt) else listing.shown.id or FRAMES)
            self._toggle_filter(f"connection:{connection}")

    def _toggle_filter(self, text: str) -> None:
        self._context.post_message(FilterRequested("" if self._feed.frames.filter.text == text else text))


class GoToController:
    """Goes to a packet, a frame or a call by its number."""

    def __init__(self, context: ScreenContext, browser: Browser) -> None:
        self._context, self._browser = context, browser
        self._feed, self._store = browser.feed, browser.feed.store

    def action_go_to(self) -> None:
        """Ask for the number."""
        note = "14 is a packet, f 120 a frame, 0/3 a call · Enter goes there · Esc cancels"
        self._context.push_screen(LineDialog("Go to", note, self._go_to))

    def _go_to(self, text: str) -> None:
        location = parse_location(text, self._store, max(self._store.packets, self._feed.packets.total))
        if isinstance(location, PacketAt) and self._browser.listing.shown.id != PACKETS:
            first = next(self._store.positions_of(location.number), None)
            if first is None:
                self._context.notify(f"Packet {location.number} holds no HTTP/2 frame, so it is shown in Packets.")
            else:
                location = FrameAt(first)
        self._browser.go_to(location)
        if isinstance(location, FrameAt) and self._feed.frames.row_of(location.position) is None:
            self._context.notify("The filter hides the row of this frame. The other pane shows it.")
