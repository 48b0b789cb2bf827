"""The input for a request, with its history, and the state of running calls in its border.

Posts `Requested` and sends nothing itself. Text of several lines, from the editor, is shown in one line; it is sent as
it was written unless it is changed here.
"""

from __future__ import annotations

from collections.abc import Iterable
from time import monotonic
from typing import Final

from textual import events
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Input

from inspector.client.active_call import TAKES_ONE, Outcome
from inspector.client.options import CallSettings
from inspector.schema.catalog import Method
from inspector.text import clean, counted, duration
from inspector.ui.active_calls import ActiveCalls, SentCall
from inspector.ui.bindings import KeyContext, bindings
from inspector.ui.draft import KIND_WORDS, Draft, one_line
from inspector.ui.history import InputHistory
from inspector.ui.messages import InputLeft, SendRequested

_KEYS: Final = ("Enter send", "↑ history", "F2 edit", "^T method")
_TICK: Final = 0.1
"""Seconds between two drawings while a call runs."""
_SPINNER: Final = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_KEYS_APART: Final = ("f5", "ctrl+j", "ctrl+enter")
_BORDER: Final = 6
"""Cells of the border that text cannot use."""


class RequestBox(Input):
    """The input."""

    BINDINGS = bindings(KeyContext.REQUEST)

    def __init__(self, calls: ActiveCalls) -> None:
        """`calls` are the running calls, whose state is shown."""
        super().__init__(id="request")
        self.method: Method | None = None
        self._settings = CallSettings()
        self._calls = calls
        self._written = ""
        """The text as it was written in the editor."""
        self._history = InputHistory()
        self._timer: Timer | None = None
        self._outcome: tuple[str, str] = ("", "")
        """How the last call ended, and the style of that text."""

    @property
    def draft(self) -> Draft | None:
        """The request that Enter would send; None without a method."""
        if self.method is None:
            return None
        is_as_written = self.value == one_line(self._written)
        kind = None if self.method.request_type else self.method.kind
        return Draft(self.method.path, self._written if is_as_written else self.value, self._settings, kind)

    def show_method(self, method: Method | None, placeholder: str, texts: Iterable[str]) -> None:
        """Switch to another method; `texts` are the messages that were sent to it before."""
        if method is None or self.method is None or method.path != self.method.path:
            self._settings = CallSettings()
        self.method, self.placeholder = method, placeholder
        self._history = InputHistory(texts)
        self._draw_method()

    def show_draft(self, draft: Draft) -> None:
        """Replace the text and the settings by those of a draft for the method that is shown."""
        self._written, self._settings = draft.text, draft.settings
        self._replace(one_line(draft.text))
        self._draw_method()

    def begin(self) -> None:
        """Show the state of calls, and keep it current, from the start of one on."""
        if self._timer is None:
            self._timer = self.set_interval(_TICK, self._draw_state)
        self._draw_state()

    def end(self, call: SentCall, outcome: Outcome | None) -> None:
        """Show how a call ended; `outcome` is None for a call that could not be sent."""
        if not self._calls and self._timer is not None:
            self._timer.stop()
            self._timer = None
        if outcome is None:
            self.not_sent()
            return
        style = "$tone-ok" if outcome.status.code == 0 else "$error"
        replies = () if call.method.kind in TAKES_ONE and call.received < 2 else (_replies(call),)
        facts = (clean(outcome.status.name), *replies, duration(outcome.seconds))
        self._outcome = (" · ".join(facts) if replies else " ".join(facts), style)
        self._draw_state()

    def not_sent(self) -> None:
        """Show that nothing was sent, as for text that is not a valid message."""
        self._outcome = ("not sent", "$error")
        self._draw_state()

    def _draw_method(self) -> None:
        if self.method is None:
            self.border_title = Content("no method")
            return
        is_known = bool(self.method.request_type)
        kind = KIND_WORDS[self.method.kind] if self.method.kind not in TAKES_ONE or not is_known else ""
        path = clean(self.method.path.removeprefix("/"))
        facts = (path, kind, "" if is_known else "no schema", *map(clean, self._settings.summary))
        self.border_title = Content(" · ".join(fact for fact in facts if fact))
        self._draw_state()

    def _draw_state(self) -> None:
        path = self.method.path if self.method else None
        call = self._calls.current(path)
        if call is None:
            self.border_subtitle = _fitting(self.size.width, self._outcome, *_KEYS)
            return
        mark = _SPINNER[int((monotonic() - call.started) / _TICK) % len(_SPINNER)]
        state, *keys = _call_state(call, is_shown=call.method.path == path)
        count = f"{_ordinal(self._calls, call)}{len(self._calls)} calls run, F4" if len(self._calls) > 1 else ""
        self.border_subtitle = _fitting(self.size.width, (f"{mark} {state}", "$tone-warn"), count, *keys)

    async def _on_key(self, event: events.Key) -> None:
        # Textual looks bindings up after it has handled the keys that follow: letters typed right after Enter, meant
        # for another widget, would be added to the text before it is sent.
        if event.key == "enter":
            event.stop()
            event.prevent_default()
            await self.action_submit()
        elif event.key in _KEYS_APART:
            event.stop()
            event.prevent_default()
            self.action_apart()

    def _on_paste(self, event: events.Paste) -> None:
        # Textual's handler would insert the first line only.
        event.prevent_default()
        event.stop()
        self.replace(one_line(event.text.strip("\r\n")), *sorted(self.selection))

    def _on_resize(self, _event: events.Resize) -> None:
        self._draw_state()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Offer to start another call only while Enter sends a further message of an open one."""
        return action != "apart" or (self.method is not None and self._calls.open_call(self.method.path) is not None)

    async def action_submit(self) -> None:
        """Send the request, or a further message of the open call."""
        self._submit(is_apart=False)

    def action_apart(self) -> None:
        """Send the request as a call of its own."""
        self._submit(is_apart=True)

    def _submit(self, *, is_apart: bool) -> None:
        self._history.add(self.value)
        self.post_message(SendRequested(self.draft, is_apart))
        self.select_all()

    def action_back_in_history(self) -> None:
        """Show the text that was sent before."""
        self._replace(self._history.back(self.value))

    def action_forward_in_history(self) -> None:
        """Show the text that was sent after."""
        self._replace(self._history.forward(self.value))

    def action_leave(self) -> None:
        """Go to the list."""
        self.post_message(InputLeft())

    def _replace(self, text: str) -> None:
        self.value = text
        self.cursor_position = len(text)


def _fitting(width: int, first: tuple[str, str], *texts: str) -> Content:
    """Return a styled text and as many others as fit into a border; all of them while the width is still 0."""
    fitting = []
    left = width + 2 - _BORDER - len(first[0])
    for text in filter(None, texts):
        left -= len(text) + 3
        if left < 0 and width:
            break
        fitting.append(text)
    dot = " · " if first[0] and fitting else ""
    return Content.assemble(first, dot + " · ".join(fitting))


def _ordinal(calls: ActiveCalls, call: SentCall) -> str:
    """Return the number of a call among those of its method, if there are several."""
    count = calls.of_method(call.method.path)
    return f"call {calls.place(call)} of {count} · " if count > 1 else ""


def _call_state(call: SentCall, *, is_shown: bool) -> tuple[str, ...]:
    """Return the state of a running call, with its name if another method is shown, and the keys that affect it."""
    seconds = f"{max(monotonic() - call.started, 0.0):.1f} s"
    name = "" if is_shown else call.method.path.rpartition("/")[2]
    if call.method.kind in TAKES_ONE:
        state = f"{_replies(call)} · {seconds}" if call.received else f"sending… {seconds}"
        return clean(f"{name} {state}".strip()), "^X cancel"
    state = f"{call.sent} sent · {_replies(call)} · {seconds}"
    keys = ("Enter send", "^D end", "^X cancel", "F5 another call") if call.takes_more else ("ended", "^X cancel")
    return clean(f"{name} {state}".strip()), *keys


def _replies(call: SentCall) -> str:
    return counted(call.received, "reply", "replies")
