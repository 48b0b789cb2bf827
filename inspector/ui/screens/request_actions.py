"""The dialogs of sending: choose a method, edit, search what was sent before, end a running call, send a call again.

Owns what each dialog offers and what its answer leads to. How it is sent is `Calling`'s.
"""

from __future__ import annotations

from inspector.errors import RequestError
from inspector.model.call import Call
from inspector.ui.draft import Draft
from inspector.ui.draft_source import as_json, draft_of_call
from inspector.ui.offers import EDIT, END, SEND, call_choices, history_choices, method_choices
from inspector.ui.screens.calling import NO_METHOD, Calling
from inspector.ui.screens.choice import ChoiceDialog, Chosen
from inspector.ui.screens.editor import Edited, EditorScreen
from inspector.ui.sending import Sending


class RequestActions(Calling):
    """The part of the inspection screen that asks what to send."""

    @property
    def selected_call(self) -> Call | None:
        """The call that keys for a call are about."""
        raise NotImplementedError

    def _action_choose_method(self) -> None:
        note = "Enter chooses · F2 chooses and edits · Esc cancels"
        choices = method_choices(self.launch.catalog)
        self.app.push_screen(ChoiceDialog("Choose a method", choices, note, EDIT), self._choose)

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
        self.edit(as_json(box.draft, self.method_of(box.draft.path), self.launch.catalog))

    def edit(self, draft: Draft) -> None:
        """Open the editor with a draft; its method is the one that is called from then on."""
        method = self.method_of(draft.path)
        self.app.push_screen(EditorScreen(draft, method, self.launch.catalog), self._take_edited)

    def _take_edited(self, edited: Edited | None) -> None:
        if edited is not None:
            self.take_draft(edited.draft)
            if edited.is_sent:
                self._send_shown(edited.draft)

    def take_draft(self, draft: Draft) -> None:
        """Put a draft into the request box, with its method."""
        if (box := self.box) is None:
            return
        if box.method is None or box.method.path != draft.path:
            self.is_chosen = True
            self.choose(self.method_of(draft.path))
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
            self.edit(as_json(chosen.value, self.method_of(chosen.value.path), self.launch.catalog))
            return
        self.take_draft(chosen.value)
        if chosen.key in SEND:
            self._send_shown(chosen.value)

    def _action_choose_call(self) -> None:
        if self.sending is not None:
            note = "^X or Enter cancels the call · ^D half-closes it · Esc closes"
            dialog = ChoiceDialog("Running calls", call_choices(self.sending.calls), note, END)
            self.app.push_screen(dialog, self._end_call)

    def _end_call(self, chosen: Chosen | None) -> None:
        if chosen is None:
            return
        if chosen.key == "ctrl+d":
            chosen.value.half_close()
        else:
            chosen.value.cancel()
        self.refresh_bindings()

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
