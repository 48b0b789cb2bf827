"""Dialogs about requests, calls that are active, and the request history."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum

from inspector.client.sender import ConnectionState
from inspector.errors import RequestError, SourceError
from inspector.schema.catalog import Catalog
from inspector.text import counted
from inspector.ui.active_calls import CallSender, SentCall
from inspector.ui.browser import Browser
from inspector.ui.controllers.captions import how_to_send
from inspector.ui.controllers.context import Actions, Hears, ScreenContext
from inspector.ui.controllers.focus import FocusController
from inspector.ui.controllers.send import NO_METHOD, CallController, RequestForm, SentCallView
from inspector.ui.dialogs.base import QuestionDialog
from inspector.ui.dialogs.choice import ChoiceDialog, Chosen, MethodDialog
from inspector.ui.dialogs.editor import Edited, EditorScreen
from inspector.ui.dialogs.menu_items import CLEAR, EDIT, END, SEND, call_choices, history_choices, method_choices
from inspector.ui.draft import Draft, as_json, draft_of_call, method_of
from inspector.ui.history import RequestHistory
from inspector.ui.launch import Launch
from inspector.ui.messages import ClearAsked, SecretAsked
from inspector.ui.widgets.request_box import RequestBox


class ActiveCallController:
    """Acts on calls that run."""

    def __init__(
        self, stage: ScreenContext, form: RequestForm, room: FocusController, sending: CallSender, view: SentCallView
    ) -> None:
        self._stage, self._form, self._room = stage, form, room
        self._sending, self._view = sending, view

    @property
    def actions(self) -> Actions:
        """What ends a call, and the way to it."""
        return {
            "choose_call": self._choose_call,
            "half_close": self._half_close,
            "cancel": self._cancel,
            "reconnect": lambda: self._stage.work(self._reconnect()),
        }

    def allows(self, action: str) -> bool:
        """False for what ends a call while there is none to end, and while its key means something to the filter."""
        if action not in ("half_close", "cancel"):
            return True
        call = self._current
        is_of_use = call is not None and (action == "cancel" or call.takes_more)
        return is_of_use and not self._room.is_filter_entered

    @property
    def _current(self) -> SentCall | None:
        method = self._form.method
        return self._sending.calls.current(method.path if method else None)

    def _half_close(self) -> None:
        if (call := self._current) is not None:
            call.half_close()
            self._stage.renew_keys()

    def _cancel(self) -> None:
        if (call := self._current) is not None:
            call.cancel()

    def _choose_call(self) -> None:
        note = "Enter goes to the call: what is sent goes into it · ^D half-closes it · ^X cancels it · Esc closes"
        dialog = ChoiceDialog("Running calls", call_choices(self._sending.calls), note, END)
        self._stage.ask(dialog, self._take_call)

    def _take_call(self, chosen: Chosen) -> None:
        call: SentCall = chosen.value
        if chosen.key == "ctrl+d":
            call.half_close()
        elif chosen.key == "ctrl+x":
            call.cancel()
        else:
            self._go_to(call)
        self._stage.renew_keys()

    def _go_to(self, call: SentCall) -> None:
        """Put a running call before the user: its method and settings in the box, its stream in the right pane."""
        self._form.take(replace(call.draft, text=""))
        self._sending.calls.pick(call)
        self._view.show(call)

    async def _reconnect(self) -> None:
        await self._sending.reconnect()
        self._stage.say("The connection is given up; the next call makes a new one.")


class RequestDialogs:
    """Asks what to send."""

    def __init__(
        self,
        stage: ScreenContext,
        form: RequestForm,
        calling: CallController,
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


class SendController:
    """The service that the request box calls."""

    def __init__(
        self,
        stage: ScreenContext,
        room: FocusController,
        browser: Browser,
        sending: CallSender,
        box: RequestBox,
        launch: Launch,
        history: RequestHistory,
    ) -> None:
        catalog, target = launch.catalog, sending.target
        self._sending, self._launch = sending, launch
        self.form = RequestForm(stage, box, room, catalog, history, target=target, is_greet=sending.is_greet)
        self.view = SentCallView(browser.feed, browser, room, sending, catalog)
        self._calling = CallController(stage, self.form, box, sending, self.view, catalog, history)
        self._requests = RequestDialogs(stage, self.form, self._calling, browser, catalog, history, target)
        self.running = ActiveCallController(stage, self.form, room, sending, self.view)

    @property
    def actions(self) -> Actions:
        """Those of its parts."""
        return {**self._requests.actions, **self.running.actions}

    @property
    def hears(self) -> Hears:
        """What the request box tells."""
        return {**self._calling.hears, **self._requests.hears}

    @property
    def connection(self) -> ConnectionState | None:
        """The state of the connection that was used last; None before there was any."""
        return self._sending.state

    @property
    def how_to_send(self) -> tuple[str, ...]:
        """What stands in the list before the first frame."""
        return how_to_send(self.form.method, is_unseen=self._sending.is_unseen)

    def begin(self, *, is_continued: bool) -> None:
        """Show the method to begin with; `is_continued` as of a session."""
        if is_continued:
            self.form.go_on(self._launch.draft)
        else:
            self.form.begin(self._launch.method, is_awaited=self._launch.prepare is not None)


class _Clear(StrEnum):
    KEEP = "Keep it"
    CLEAR = "Clear it, and delete its file"


class HistoryController:
    """Clears the history."""

    def __init__(self, stage: ScreenContext, history: RequestHistory) -> None:
        self._stage, self._history = stage, history

    @property
    def actions(self) -> Actions:
        """From the palette."""
        return {"clear_history": self._ask}

    @property
    def hears(self) -> Hears:
        """From the dialog that shows the history."""
        return {ClearAsked: lambda _: self._ask()}

    def _ask(self) -> None:
        sent = counted(len(self._history.entries), "request")
        words = f"{sent}, of this session and of earlier ones, would be forgotten."
        self._stage.ask(QuestionDialog("Clear the request history", words, _Clear), self._decide)

    def _decide(self, answer: _Clear) -> None:
        if answer is not _Clear.CLEAR:
            return
        try:
            self._history.clear()
        except SourceError as error:
            self._stage.tell(error.message, error.hint)
        else:
            self._stage.say("The request history is cleared, and its file deleted.")
