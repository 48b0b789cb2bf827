"""Where a request is typed and sent, with what was sent before, what runs, and how the last call went.

Owns the text, its history and the words about calls. Sends nothing by itself: it posts what was asked for. A text of
several lines, from the editor, stands here in one; it is sent as it was written as long as it is not changed here.
"""

from __future__ import annotations

from collections.abc import Iterable
from time import monotonic
from typing import Final

from textual import events
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Input

from inspector.client.active_call import TAKES_ONE
from inspector.client.outcome import Outcome
from inspector.schema.catalog import Method
from inspector.text import clean, counted, duration
from inspector.ui.active_calls import ActiveCalls, SentCall
from inspector.ui.bindings import KeyContext, bindings
from inspector.ui.draft import KIND_WORDS, CallSettings, Draft, one_line
from inspector.ui.history import InputHistory
from inspector.ui.messages import Left, Requested

_KEYS: Final = ("Enter send", "↑ history", "F2 edit", "^T method")
_TICK: Final = 0.1
_SPINNER: Final = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_APART: Final = ("f5", "ctrl+j", "ctrl+enter")
_MARGIN: Final = 6
"""Cells of the border that no words can take."""


class RequestBox(Input):
    """The request's input."""

    BINDINGS = bindings(KeyContext.REQUEST)

    def __init__(self, calls: ActiveCalls) -> None:
        """`calls` are those that run, as they come and go."""
        super().__init__(id="request")
        self.method: Method | None = None
        self._settings = CallSettings()
        self._calls = calls
        self._written = ""
        """The text as it was written in the editor."""
        self._history = InputHistory()
        self._timer: Timer | None = None
        self._last: tuple[str, str] = ("", "")

    @property
    def draft(self) -> Draft | None:
        """What would be sent now; None without a method."""
        if self.method is None:
            return None
        is_as_written = self.value == one_line(self._written)
        kind = None if self.method.request_type else self.method.kind
        return Draft(self.method.path, self._written if is_as_written else self.value, self._settings, kind)

    def show_method(self, method: Method | None, placeholder: str, texts: Iterable[str]) -> None:
        """Another method is called from now on; `texts` are the messages it was sent before."""
        if method is None or self.method is None or method.path != self.method.path:
            self._settings = CallSettings()
        self.method, self.placeholder = method, placeholder
        self._history = InputHistory(texts)
        self._say_method()

    def take(self, draft: Draft) -> None:
        """Show what comes from the editor or from the history; its method is shown already."""
        self._written, self._settings = draft.text, draft.settings
        self._replace(one_line(draft.text))
        self._say_method()

    def begin(self) -> None:
        """A call is on its way."""
        if self._timer is None:
            self._timer = self.set_interval(_TICK, self._say)
        self._say()

    def end(self, call: SentCall, outcome: Outcome | None) -> None:
        """A call ended; None for one that never was sent."""
        if not self._calls and self._timer is not None:
            self._timer.stop()
            self._timer = None
        if outcome is None:
            self._last = ("not sent", "$error")
        else:
            style = "$tone-ok" if outcome.status.code == 0 else "$error"
            replies = () if call.method.kind in TAKES_ONE and call.received < 2 else (_replies(call),)
            words = (clean(outcome.status.name), *replies, duration(outcome.seconds))
            self._last = (" · ".join(words) if replies else " ".join(words), style)
        self._say()

    def not_sent(self) -> None:
        """What was typed means nothing."""
        self._last = ("not sent", "$error")
        self._say()

    def _say_method(self) -> None:
        if self.method is None:
            self.border_title = Content("no method")
            return
        is_known = bool(self.method.request_type)
        kind = KIND_WORDS[self.method.kind] if self.method.kind not in TAKES_ONE or not is_known else ""
        path = clean(self.method.path.removeprefix("/"))
        words = (path, kind, "" if is_known else "no schema", *map(clean, self._settings.words))
        self.border_title = Content(" · ".join(word for word in words if word))
        self._say()

    def _say(self) -> None:
        call = self._calls.current(self.method.path if self.method else None)
        if call is not None:
            mark = _SPINNER[int((monotonic() - call.began) / _TICK) % len(_SPINNER)]
            more = f"{self._place(call)}{len(self._calls)} calls run, F4" if len(self._calls) > 1 else ""
            state, *keys = _running_words(
                call, is_shown=self.method is not None and call.method.path == self.method.path
            )
            self._say_fitting((f"{mark} {state}", "$tone-warn"), more, *keys)
        else:
            self._say_fitting(self._last, *_KEYS)

    def _place(self, call: SentCall) -> str:
        """Which of several calls of a method it is about."""
        count = self._calls.of_method(call.method.path)
        return f"call {self._calls.place(call)} of {count} · " if count > 1 else ""

    def _say_fitting(self, first: tuple[str, str], *words: str) -> None:
        """As many of the words as there is room for."""
        said, room = [], self.size.width + 2 - _MARGIN - len(first[0])
        for word in filter(None, words):
            room -= len(word) + 3
            if room < 0 and self.size.width:
                break
            said.append(word)
        dot = " · " if first[0] and said else ""
        self.border_subtitle = Content.assemble(first, dot + " · ".join(said))

    async def _on_key(self, event: events.Key) -> None:
        # Bindings are looked up after keys that came later have been typed: a name typed ahead would go into this one.
        if event.key == "enter":
            event.stop()
            event.prevent_default()
            self._action_submit()
        elif event.key in _APART:
            event.stop()
            event.prevent_default()
            self._action_apart()

    def _on_paste(self, event: events.Paste) -> None:
        # Textual's own takes the first line alone.
        event.prevent_default()
        event.stop()
        self.replace(one_line(event.text.strip("\r\n")), *sorted(self.selection))

    def _on_resize(self, _event: events.Resize) -> None:
        self._say()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """A call apart is something else than the next message only while a call is open."""
        return action != "apart" or (self.method is not None and self._calls.open_call(self.method.path) is not None)

    def _action_submit(self) -> None:
        self._submit(is_apart=False)

    def _action_apart(self) -> None:
        self._submit(is_apart=True)

    def _submit(self, *, is_apart: bool) -> None:
        self._history.add(self.value)
        self.post_message(Requested(self.draft, is_apart))
        self.select_all()

    def _action_back_in_history(self) -> None:
        self._replace(self._history.back(self.value))

    def _action_forward_in_history(self) -> None:
        self._replace(self._history.forward(self.value))

    def _replace(self, text: str) -> None:
        self.value = text
        self.cursor_position = len(text)

    def _action_leave(self) -> None:
        self.post_message(Left())


def _running_words(call: SentCall, *, is_shown: bool) -> tuple[str, ...]:
    """How a running call is, then what can be done; for another method's call its name too."""
    seconds = f"{max(monotonic() - call.began, 0.0):.1f} s"
    name = "" if is_shown else call.method.path.rpartition("/")[2]
    if call.method.kind in TAKES_ONE:
        state = f"{_replies(call)} · {seconds}" if call.received else f"sending… {seconds}"
        return clean(f"{name} {state}".strip()), "^X cancel"
    state = f"{call.sent} sent · {_replies(call)} · {seconds}"
    keys = ("Enter send", "^D end", "^X cancel", "F5 another call") if call.takes_more else ("ended", "^X cancel")
    return clean(f"{name} {state}".strip()), *keys


def _replies(call: SentCall) -> str:
    return counted(call.received, "reply", "replies")
