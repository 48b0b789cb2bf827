"""The dialogs that ask what to send: a method, an editor, what was sent before, a captured call sent again."""

from __future__ import annotations

from inspector.errors import RequestError
from inspector.schema.catalog import Catalog
from inspector.ui.draft import Draft, method_of
from inspector.ui.draft_source import as_json, draft_of_call
from inspector.ui.messages import ClearAsked, SecretAsked
from inspector.ui.offers import CLEAR, EDIT, SEND, history_choices, method_choices
from inspector.ui.parts.calling import NO_METHOD, Calling
from inspector.ui.parts.form import Form
from inspector.ui.parts.stage import Actions, Hears, Stage
from inspector.ui.request_history import RequestHistory
from inspector.ui.screens.choice import ChoiceDialog, Chosen
from inspector.ui.screens.editor import Edited, EditorScreen
from inspector.ui.screens.method_dialog import MethodDialog
from inspector.ui.widgets.browser import Browser


class Requests:
    """Asks what to send."""

    def __init__(
        self,
        stage: Stage,
        form: Form,
        calling: Calling,
        browser: Browser,
        catalog: Catalog,
        history: RequestHistory,
        target: str,
    ) -> None:
        """`target` is where a captured call would be sent to."""
        self._stage, self._form, self._calling, self._browser = stage, form, calling, browser
        self._catalog, self._history, self._target = catalog, history, target

    @property
    def actions(self) -> Actions:
        """A dialog each."""
        return {
            "choose_method": self._choose_method,
            "edit": self._edit_shown,
            "recall": self._recall,
            "resend": self._resend,
        }

    @property
    def hears(self) -> Hears:
        """What cannot be sent before it is completed."""
        return {SecretAsked: lambda event: self._edit(event.draft)}

    def _choose_method(self) -> None:
        note = "Enter chooses · F2 chooses and edits · Esc cancels"
        calls = self._browser.feed.store.calls.values()
        choices = method_choices(self._catalog, calls, is_greet=self._form.is_greet)
        self._stage.ask(MethodDialog("Choose a method", choices, note, EDIT), self._take_method)

    def _take_method(self, chosen: Chosen) -> None:
        self._form.choose(chosen.value)
        if chosen.key in EDIT:
            self._edit_shown()

    def _edit_shown(self) -> None:
        if (draft := self._form.draft) is None:
            self._stage.tell(NO_METHOD.message, NO_METHOD.hint)
        else:
            self._edit(draft)

    def _edit(self, draft: Draft) -> None:
        """Open the editor with a draft, as JSON; its method is the one that is called from then on."""
        method = method_of(draft, self._catalog)
        editor = EditorScreen(as_json(draft, method, self._catalog), method, self._catalog)
        self._stage.ask(editor, self._take_edited)

    def _take_edited(self, edited: Edited) -> None:
        self._form.take(edited.draft)
        if edited.is_sent:
            self._send_shown(edited.draft)

    def _send_shown(self, draft: Draft) -> None:
        """Send what the request box shows now."""
        self._calling.send(draft)
        self._form.let_type_over()

    def _recall(self) -> None:
        note = "Enter takes it · F2 edits · F5 ^J sends · ^X clears all · Esc cancels"
        choices = history_choices(self._history.entries)
        dialog = ChoiceDialog("Sent before", choices, note, (*EDIT, *SEND), all_keys=CLEAR)
        self._stage.ask(dialog, self._take_recalled)

    def _take_recalled(self, chosen: Chosen) -> None:
        if chosen.key in CLEAR:
            self._stage.post(ClearAsked())
        elif chosen.key in EDIT:
            self._edit(chosen.value)
        else:
            self._form.take(chosen.value)
            if chosen.key in SEND:
                self._send_shown(chosen.value)

    def _resend(self) -> None:
        if (call := self._browser.call) is None:
            self._stage.say("Select a call, or a frame of one, to send it again.")
            return
        try:
            self._edit(draft_of_call(call, self._catalog, self._target))
        except RequestError as error:
            self._stage.tell(error.message, error.hint)
