"""The dialogs of sending: choose a method, edit, search what was sent before, end a running call, send a call again.

Owns what each dialog offers and what its answer leads to. How it is sent is `Calling`'s.
"""

from __future__ import annotations

from dataclasses import replace

from inspector.errors import RequestError
from inspector.model.call import Call
from inspector.ui.draft import Draft, method_of
from inspector.ui.draft_source import as_json, draft_of_call
from inspector.ui.offers import EDIT, END, SEND, call_choices, history_choices, method_choices
from inspector.ui.screens.calling import NO_METHOD, Calling
from inspector.ui.screens.choice import ChoiceDialog, Chosen
from inspector.ui.screens.editor import Edited, EditorScreen
from inspector.ui.screens.method_dialog import MethodDialog
from inspector.ui.sending import Sending
from inspector.ui.sent_call import SentCall


class RequestActions(Calling):
    """The part of the inspection screen that asks what to send."""

    @property
    def selected_call(self) -> Call | None:
        """The call that keys for a call are about."""
        raise NotImplementedError

    def _action_choose_method(self) -> None:
        note = "Enter chooses · F2 chooses and edits · Esc cancels"
        choices = method_choices(self.launch.catalog, self.session.store.calls.values(), is_greet=self.is_greet)
        self.app.push_screen(MethodDialog("Choose a method", choices, note, EDIT), self._choose)

    def _choose(self, chosen: Chosen | None) -> None:
        if chosen is None:
            return
        self.is_chosen = True
        self.choose(chosen.value)
        self.take_focus()
        if chosen.key in EDIT:
            self._action_edit()

    def take_focus(self) -> None:
        """The focus to the request box."""
        if self.box is not None:
            self.enter(self.box)

    def _action_edit(self) -> None:
        box = self.box
        if box is None or box.draft is None:
            self.tell(NO_METHOD.message, NO_METHOD.hint)
            return
        self.edit(box.draft)

    def edit(self, draft: Draft) -> None:
        """Open the editor with a draft, as JSON; its method is the one that is called from then on."""
        catalog = self.launch.catalog
        method = method_of(draft, catalog)
        self.app.push_screen(EditorScreen(as_json(draft, method, catalog), method, catalog), self._take_edited)

    def _take_edited(self, edited: Edited | None) -> None:
        if edited is not None:
            self.take_draft(edited.draft)
            if edited.is_sent:
                self._send_shown(edited.draft)

    def take_draft(self, draft: Draft) -> None:
        """Put a draft into the request box, with its method."""
        if (box := self.box) is None:
            return
        method = method_of(draft, self.launch.catalog)
        if box.method != method:
            self.is_chosen = True
            self.choose(method)
        box.take(draft)
        self.take_focus()

    def _send_shown(self, draft: Draft) -> None:
        """Send what the request box shows now; what is typed next takes its place, as after Enter."""
        self.send_draft(draft)
        if self.box is not None:
            self.box.select_all()

    def _action_recall(self) -> None:
        note = "Enter puts it into the request box · F2 edits it · F5 or ^J sends it · Esc cancels"
        choices = history_choices(self.history.entries)
        self.app.push_screen(ChoiceDialog("Sent before", choices, note, (*EDIT, *SEND)), self._recall)

    def _recall(self, chosen: Chosen | None) -> None:
        if chosen is None:
            return
        if chosen.key in EDIT:
            self.edit(chosen.value)
            return
        self.take_draft(chosen.value)
        if chosen.key in SEND:
            self._send_shown(chosen.value)

    def _action_choose_call(self) -> None:
        if self.sending is not None:
            note = "Enter goes to the call: what is sent goes into it · ^D half-closes it · ^X cancels it · Esc closes"
            dialog = ChoiceDialog("Running calls", call_choices(self.sending.calls), note, END)
            self.app.push_screen(dialog, self._take_call)

    def _take_call(self, chosen: Chosen | None) -> None:
        if chosen is None:
            return
        call: SentCall = chosen.value
        if chosen.key == "ctrl+d":
            call.half_close()
        elif chosen.key == "ctrl+x":
            call.cancel()
        else:
            self._go_to(call)
        self.refresh_bindings()

    def _go_to(self, call: SentCall) -> None:
        """Put a running call before the user: its method and settings in the box, its stream in the right pane."""
        if self.sending is None or self.box is None:
            return
        self.take_draft(replace(call.draft, text=""))
        self.sending.calls.pick(call)
        self.show_sent(call)

    def show_sent(self, call: SentCall) -> None:
        """Show what is known of a call that was sent."""
        raise NotImplementedError

    def _action_resend(self) -> None:
        call = self.selected_call
        if call is None:
            self.say("Select a call, or a frame of one, to send it again.")
            return
        try:
            target = "" if self.sending is None else self.sending.target
            self.edit(draft_of_call(call, self.launch.catalog, target))
        except RequestError as error:
            self.tell(error.message, error.hint)

    def _action_reconnect(self) -> None:
        if self.sending is not None:
            self.work(self._reconnect(self.sending))

    async def _reconnect(self, sending: Sending) -> None:
        await sending.reconnect()
        self.say("The connection is given up; the next call makes a new one.")
