"""What one looks at in the lists: go to a number, from when times count and how, which columns there are."""

from __future__ import annotations

from typing import Final

from inspector.ui.goal import parse_goal
from inspector.ui.lists.tabs import FRAMES, LISTS, PACKETS
from inspector.ui.parts.stage import Actions, Stage
from inspector.ui.screens.columns_dialog import ColumnsDialog
from inspector.ui.screens.line_dialog import LineDialog
from inspector.ui.subject import FrameAt, PacketAt
from inspector.ui.widgets.browser import Browser
from inspector.views.times import TimeStyle

_COUNTED: Final = frozenset({TimeStyle.CALL, TimeStyle.CAPTURE})
"""Styles in which a time zero shows."""
_OF_FRAMES: Final = frozenset({TimeStyle.CALL, TimeStyle.STREAM})
"""Of no meaning for packets, which are of no call or of several."""


class Looking:
    """Goes to rows, and has them drawn otherwise."""

    def __init__(self, stage: Stage, browser: Browser) -> None:
        self._stage, self._browser = stage, browser
        self._feed, self._store = browser.feed, browser.feed.store

    @property
    def actions(self) -> Actions:
        """Rows, times, columns."""
        return {
            "go_to": self._ask_where,
            "turn_times": self._turn_times,
            "set_reference": self._set_reference,
            "choose_columns": self._choose_columns,
        }

    def _ask_where(self) -> None:
        note = "14 is a packet, f 120 a frame, 0/3 a call · Enter goes there · Esc cancels"
        self._stage.show(LineDialog("Go to", note, self._go_to))

    def _go_to(self, text: str) -> None:
        goal = parse_goal(text, self._store, max(self._store.packets, self._feed.packets.total))
        if isinstance(goal, PacketAt) and self._browser.listing.shown.id != PACKETS:
            first = next(self._store.positions_of(goal.number), None)
            if first is None:
                self._stage.say(f"Packet {goal.number} holds no HTTP/2 frame; here it is among all packets.")
            else:
                goal = FrameAt(first)
        self._browser.go_to(goal)
        if isinstance(goal, FrameAt) and self._feed.frames.row_of(goal.position) is None:
            self._stage.say("The filter hides its row; the other pane shows it.")

    def _turn_times(self) -> None:
        without = _OF_FRAMES if self._browser.listing.shown.id == PACKETS else ()
        styles = [style for style in TimeStyle if style not in without]
        shown = self._feed.time_style if self._feed.time_style in styles else TimeStyle.CAPTURE  # so it looks there
        self._feed.time_style = styles[(styles.index(shown) + 1) % len(styles)]
        self._feed.redraw()
        self._stage.say(f"Times: {self._feed.time_style.words}.")

    @property
    def _selected_time(self) -> float | None:
        match self._browser.subject:
            case PacketAt(number):
                return self._feed.packets.line(number).time
            case FrameAt(position) if self._store.frames.holds(position):
                return self._store.frames[position].time
            case _:
                return None

    def _set_reference(self) -> None:
        feed, time = self._feed, self._selected_time
        if time is None:
            self._stage.say("Select a frame, a call or a packet to count times from it.")
            return
        feed.time_reference = None if time == feed.time_reference else time
        if feed.time_reference is not None and feed.time_style not in _COUNTED:
            feed.time_style = TimeStyle.CAPTURE
        feed.redraw()
        is_set = feed.time_reference is not None
        self._stage.say("Times count from the selected row." if is_set else "No time zero any more.")

    def _choose_columns(self) -> None:
        table = self._browser.listing.shown
        title = LISTS[table.id or FRAMES].title
        dialog = ColumnsDialog(title, table.rows.columns, table.layout_of_columns)
        self._stage.ask(dialog, self._browser.listing.show_columns)
