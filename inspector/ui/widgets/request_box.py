"""Where a request is typed and sent, with what was sent before and how the last call went.

Owns the text, its history and the words about running calls. Sends nothing by itself: it posts what was asked for.
"""

from __future__ import annotations

from time import monotonic
from typing import Final

from textual import events
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Input

from inspector.client.caller import Outcome
from inspector.ui.bindings import Place, bindings
from inspector.ui.history import History
from inspector.ui.messages import Left, Requested
from inspector.views.text import clean
from inspector.views.times import duration

_KEYS: Final = "Enter send · ↑ history"
_TICK: Final = 0.1
_SPINNER: Final = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


class RequestBox(Input):
    """The request's input."""

    BINDINGS = bindings(Place.REQUEST)

    def __init__(self, method: str, type_name: str) -> None:
        """`method` as in `:path`; `type_name` is what the request's type is called, for the empty box."""
        super().__init__(id="request", placeholder=f"{type_name}: type and press Enter; empty is fine too")
        self.border_title = Content(clean(method.removeprefix("/")))
        self.border_subtitle = Content(_KEYS)
        self._history = History()
        self._sent_at: list[float] = []
        """When each running call was sent."""
        self._timer: Timer | None = None
        self._last: tuple[str, str] = ("", "")

    def begin(self) -> None:
        """A call is on its way."""
        self._sent_at.append(monotonic())
        if self._timer is None:
            self._timer = self.set_interval(_TICK, self._say)
        self._say()

    def end(self, outcome: Outcome | None) -> None:
        """The longest running call ended; None for one that never was sent."""
        if self._sent_at:
            self._sent_at.pop(0)
        if not self._sent_at and self._timer is not None:
            self._timer.stop()
            self._timer = None
        if outcome is not None:
            style = "$success" if outcome.status.code == 0 else "$error"
            self._last = (f"{clean(outcome.status.name)} {duration(outcome.seconds)}", style)
        else:
            self._last = ("not sent", "$error")
        self._say()

    def _say(self) -> None:
        if self._sent_at:
            seconds = max(monotonic() - self._sent_at[0], 0.0)
            more = f"{len(self._sent_at)} calls " if len(self._sent_at) > 1 else ""
            mark = _SPINNER[int(seconds / _TICK) % len(_SPINNER)]
            self.border_subtitle = Content.assemble((f"{mark} {more}sending… {seconds:.1f} s", "$warning"))
        elif self._last[0]:
            self.border_subtitle = Content.assemble(self._last, f" · {_KEYS}")

    async def _on_key(self, event: events.Key) -> None:
        # Bindings are looked up after keys that came later have been typed: a name typed ahead would go into this one.
        if event.key == "enter":
            event.stop()
            event.prevent_default()
            self._action_submit()

    def _action_submit(self) -> None:
        self._history.add(self.value)
        self.post_message(Requested(self.value))
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
