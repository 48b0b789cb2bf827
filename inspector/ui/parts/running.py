"""What can be done with calls that run: go to one, half-close it, cancel it; and give up the connection."""

from __future__ import annotations

from dataclasses import replace

from inspector.ui.offers import END, call_choices
from inspector.ui.parts.form import Form
from inspector.ui.parts.room import Room
from inspector.ui.parts.sent_view import SentView
from inspector.ui.parts.stage import Actions, Stage
from inspector.ui.screens.choice import ChoiceDialog, Chosen
from inspector.ui.sending import Sending
from inspector.ui.sent_call import SentCall


class Running:
    """Acts on calls that run."""

    def __init__(self, stage: Stage, form: Form, room: Room, sending: Sending, view: SentView) -> None:
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
