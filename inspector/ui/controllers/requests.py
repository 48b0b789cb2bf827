"""Dialogs about requests, calls that are active, and the request history."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from enum import StrEnum

from inspector.client.sender import ConnectionState
from inspector.errors import RequestError, SourceError
from inspector.schema.catalog import GREET_METHOD, Catalog
from inspector.text import counted
from inspector.ui.active_calls import CallSender, SentCall
from inspector.ui.browser import Browser
from inspector.ui.controllers.context import ScreenContext
from inspector.ui.controllers.navigation import FocusController
from inspector.ui.controllers.send import NO_METHOD, RequestForm, SendController, SentCallView
from inspector.ui.dialogs.base import QuestionDialog
from inspector.ui.dialogs.choice import ChoiceDialog, Chosen, MethodDialog
from inspector.ui.dialogs.editor import Edited, EditorScreen
from inspector.ui.dialogs.menu_items import CLEAR, EDIT, END, SEND, call_choices, history_choices, method_choices
from inspector.ui.draft import Draft, as_json, draft_of_call, method_of
from inspector.ui.history import RequestHistory
from inspector.ui.launch import Launch
from inspector.ui.messages import ClearHistoryRequested, SecretsRequired
from inspector.ui.widgets.request_box import RequestBox


class ActiveCallController:
    """Half-closes, cancels and shows calls that are not over, and renews the connection."""

    def __init__(
        self, context: ScreenContext, form: RequestForm, focus: FocusController, sender: CallSender, view: SentCallView
    ) -> None:
        self._context, self._form, self._focus = context, form, focus
        self._sender, self._view = sender, view

    def allows(self, action: str) -> bool:
        """Return False if an action would end a call and there is none, or if its key edits the filter."""
        if action not in ("half_close", "cancel"):
            return True
        call = self._current
        is_possible = call is not None and (action == "cancel" or call.takes_more)
        return is_possible and not self._focus.is_filter_focused

    @property
    def _current(self) -> SentCall | None:
        method = self._form.method
        return self._sender.calls.current(method.path if method else None)

    def action_half_close(self) -> None:
        """Half-close the current call."""
        if (call := self._current) is not None:
            call.half_close()
            self._context.refresh_bindings()

    def action_cancel(self) -> None:
        """Cancel the current call."""
        if (call := self._current) is not None:
            call.cancel()

    def action_choose_call(self) -> None:
        """List the active calls."""
        note = "Enter shows the call and sends further messages to it · ^D half-closes · ^X cancels · Esc closes"
        dialog = ChoiceDialog("Active calls", call_choices(self._sender.calls), note, END)
        self._context.push_dialog(dialog, self._on_call_chosen)

    def _on_call_chosen(self, chosen: Chosen) -> None:
        call: SentCall = chosen.value
        if chosen.key == "ctrl+d":
            call.half_close()
        elif chosen.key == "ctrl+x":
            call.cancel()
        else:
            self._go_to(call)
        self._context.refresh_bindings()

    def _go_to(self, call: SentCall) -> None:
        """Put the method and settings of a call into the box, and show its stream in the right pane."""
        self._form.set_draft(replace(call.draft, text=""))
        self._sender.calls.pick(call)
        self._view.show(call)

    def action_reconnect(self) -> None:
        """Close the connections; the next call opens one."""
        self._context.run_task(self._reconnect())

    async def _reconnect(self) -> None:
        await self._sender.reconnect()
        self._context.notify("The connection is closed. The next call opens a new one.")


class RequestDialogs:
    """The dialogs that choose or edit what to send."""

    def __init__(
        self,
        context: ScreenContext,
        form: RequestForm,
        sending: SendController,
        browser: Browser,
        catalog: Catalog,
        history: RequestHistory,
        target: str,
    ) -> None:
        """`target` is the address that a captured call is sent to again."""
        self._context, self._form, self._sending, self._browser = context, form, sending, browser
        self._catalog, self._history, self._target = catalog, history, target

    def action_choose_method(self) -> None:
        """Choose the method to call."""
        note = "Enter chooses · F2 chooses and edits · Esc cancels"
        calls = self._browser.feed.store.calls.values()
        choices = method_choices(self._catalog, calls, is_greet=self._form.is_greet)
        self._context.push_dialog(MethodDialog("Choose a method", choices, note, EDIT), self._on_method_chosen)

    def _on_method_chosen(self, chosen: Chosen) -> None:
        self._form.choose(chosen.value)
        if chosen.key in EDIT:
            self.action_edit()

    def action_edit(self) -> None:
        """Edit what is in the request box."""
        if (draft := self._form.draft) is None:
            self._context.show_notice(NO_METHOD.message, NO_METHOD.hint)
        else:
            self._edit(draft)

    def on_secrets_required(self, message: SecretsRequired) -> None:
        """Edit a request in which masked values are to be filled in."""
        self._edit(message.draft)

    def _edit(self, draft: Draft) -> None:
        """Open the editor with a draft as JSON; its method is then the one that the box calls."""
        method = method_of(draft, self._catalog)
        editor = EditorScreen(as_json(draft, method, self._catalog), method, self._catalog)
        self._context.push_dialog(editor, self._on_edited)

    def _on_edited(self, edited: Edited) -> None:
        self._form.set_draft(edited.draft)
        if edited.is_sent:
            self._sending.send_and_select(edited.draft)

    def action_recall(self) -> None:
        """Choose from the request history."""
        note = "Enter puts it into the box · F2 edits · F5 ^J sends · ^X clears the history · Esc cancels"
        choices = history_choices(self._history.entries)
        dialog = ChoiceDialog("Sent before", choices, note, (*EDIT, *SEND), all_keys=CLEAR)
        self._context.push_dialog(dialog, self._on_recalled)

    def _on_recalled(self, chosen: Chosen) -> None:
        if chosen.key in CLEAR:
            self._context.post_message(ClearHistoryRequested())
        elif chosen.key in EDIT:
            self._edit(chosen.value)
        else:
            self._form.set_draft(chosen.value)
            if chosen.key in SEND:
                self._sending.send_and_select(chosen.value)

    def action_resend(self) -> None:
        """Edit the selected captured call, to send it again."""
        if (call := self._browser.call) is None:
            self._context.notify("Select a call, or a frame of one, to send it again.")
            return
        try:
            self._edit(draft_of_call(call, self._catalog, self._target))
        except RequestError as error:
            self._context.show_notice(error.message, error.hint)


class ServiceControllers:
    """The controllers for the service that the request box calls."""

    def __init__(
        self,
        context: ScreenContext,
        focus: FocusController,
        browser: Browser,
        sender: CallSender,
        box: RequestBox,
        launch: Launch,
        history: RequestHistory,
    ) -> None:
        catalog, target = launch.catalog, sender.target
        self._sender, self._launch = sender, launch
        self.form = RequestForm(context, box, focus, catalog, history, target=target, is_greet=sender.is_greet)
        self.view = SentCallView(browser.feed, browser, focus, sender, catalog)
        self._sending = SendController(context, self.form, box, sender, self.view, catalog, history)
        self._dialogs = RequestDialogs(context, self.form, self._sending, browser, catalog, history, target)
        self.active_calls = ActiveCallController(context, self.form, focus, sender, self.view)

    def __iter__(self) -> Iterator[object]:
        """Iterate over the controllers that have actions or handle messages."""
        return iter((self.form, self._sending, self._dialogs, self.active_calls))

    @property
    def connection(self) -> ConnectionState | None:
        """The state of the latest connection; None before the first call."""
        return self._sender.state

    @property
    def instructions(self) -> tuple[str, ...]:
        """How to send the first call: the lines of the empty list."""
        if self._sender.is_encrypted:
            return (
                "Calls from here use TLS, so their frames cannot be read.",
                "f shows the client's own record of them.",
            )
        if (method := self.form.method) is None:
            return "Waiting for the first frame.", "Ctrl+T chooses a method to call."
        what = "name" if method.path == GREET_METHOD else "request"
        return "Waiting for the first frame.", f"Type a {what} below and press Enter."

    def start(self, *, is_continued: bool) -> None:
        """Show the first method; or, when an earlier session on the same capture is continued, its draft."""
        if is_continued:
            self.form.restore(self._launch.draft)
        else:
            self.form.start(self._launch.method, is_loading=self._launch.prepare is not None)


class _Clear(StrEnum):
    KEEP = "Keep it"
    CLEAR = "Clear it and delete its file"


class HistoryController:
    """Clears the request history."""

    def __init__(self, context: ScreenContext, history: RequestHistory) -> None:
        self._context, self._history = context, history

    def on_clear_history_requested(self, _message: ClearHistoryRequested) -> None:
        """Clear the history from the dialog that shows it."""
        self.action_clear_history()

    def action_clear_history(self) -> None:
        """Clear the history, if the user confirms it."""
        count = counted(len(self._history.entries), "request")
        question = f"{count} of this and earlier sessions will be deleted."
        self._context.push_dialog(QuestionDialog("Clear the request history", question, _Clear), self._decide)

    def _decide(self, answer: _Clear) -> None:
        if answer is not _Clear.CLEAR:
            return
        try:
            self._history.clear()
        except SourceError as error:
            self._context.show_notice(error.message, error.hint)
        else:
            self._context.notify("Cleared the request history and deleted its file.")
