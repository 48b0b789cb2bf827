"""What one looks at: go to a number, from when times count, which columns there are, what can be done with it."""

from __future__ import annotations

from inspector.ui.bindings import MENU, entries
from inspector.ui.goal import parse_goal
from inspector.ui.lists.tabs import FRAMES, LISTS, PACKETS
from inspector.ui.screens.choice import Choice, ChoiceDialog, Chosen
from inspector.ui.screens.columns_dialog import ColumnsDialog
from inspector.ui.screens.export_actions import ExportActions
from inspector.ui.screens.line_dialog import LineDialog
from inspector.ui.subject import FrameAt, PacketAt, packet_of
from inspector.views.times import TimeStyle

_COUNTED: frozenset[TimeStyle] = frozenset({TimeStyle.CALL, TimeStyle.CAPTURE})
"""Styles in which a time zero shows."""


class LookActions(ExportActions):
    """The part of the inspection screen that goes somewhere, and says from when times count."""

    def _action_go_to(self) -> None:
        note = "14 is a packet, f 120 a frame, 0/3 a call · Enter goes there · Esc cancels"
        self.app.push_screen(LineDialog("Go to", note, check=self._goal), self._go_there)

    def _goal(self, text: str) -> FrameAt | PacketAt:
        return parse_goal(text, self.session.store, max(self.session.store.packets, self.feed.packets.total))

    def _go_there(self, text: str | None) -> None:
        if text is None:
            return
        goal = self._goal(text)
        if isinstance(goal, PacketAt) and self.browser.listing.shown.id != PACKETS:
            first = next(self.session.store.positions_of(goal.number), None)
            if first is None:
                self.say(f"Packet {goal.number} holds no HTTP/2 frame; here it is among all packets.")
            else:
                goal = FrameAt(first)
        self.browser.go_to(goal)
        if isinstance(goal, FrameAt) and self.feed.frames.row_of(goal.position) is None:
            self.say("The filter hides its row; the other pane shows it.")

    def _action_choose_columns(self) -> None:
        table = self.browser.listing.shown
        title = LISTS[table.id or FRAMES].title
        self.app.push_screen(ColumnsDialog(title, table.rows.columns, table.layout_of_columns), self._arrange)

    def _arrange(self, layout: tuple[int, ...] | None) -> None:
        if layout is not None:
            self.browser.listing.show_columns(layout)

    def _action_comment(self) -> None:
        if (number := packet_of(self.browser.subject, self.session.store)) is None:
            self.say("Select a frame, a call or a packet to write a comment on its packet.")
            return

        def put(text: str | None) -> None:
            if text is not None:
                self.session.comments.put(number, text)
                self.redraw()
                self.say(f"The comment on packet {number} goes with the capture when that is saved (Ctrl+S).")

        note = "It is saved with the capture, as pcapng · Enter keeps it, an empty one takes it away · Esc cancels"
        text = " · ".join(self.session.store.comments.get(number, ()))
        self.app.push_screen(LineDialog(f"Comment on packet {number}", note, text), put)

    @property
    def _selected_time(self) -> float | None:
        match self.browser.subject:
            case PacketAt(number):
                return self.feed.packets.line(number).time
            case FrameAt(position) if self.session.store.frames.holds(position):
                return self.session.store.frames[position].time
            case _:
                return None

    def _action_set_reference(self) -> None:
        feed, time = self.feed, self._selected_time
        if time is None:
            self.say("Select a frame, a call or a packet to count times from it.")
            return
        feed.time_reference = None if time == feed.time_reference else time
        if feed.time_reference is not None and feed.time_style not in _COUNTED:
            feed.time_style = TimeStyle.CAPTURE
        feed.redraw()
        self.say("Times count from the selected row." if feed.time_reference is not None else "No time zero any more.")

    def _action_menu(self) -> None:
        keys = {key.id: key for _, key in entries()}
        known = {active.binding.id: active for active in self.active_bindings.values() if active.enabled}
        choices = [Choice(known[id_], keys[id_].tooltip, keys[id_].shown) for id_ in MENU if id_ in known]
        note = "Type to search · Enter does it · Esc cancels"
        self.app.push_screen(ChoiceDialog("What can be done here", choices, note), self._do)

    async def _do(self, chosen: Chosen | None) -> None:
        if chosen is not None:
            await self.app.run_action(chosen.value.binding.action, chosen.value.node)
