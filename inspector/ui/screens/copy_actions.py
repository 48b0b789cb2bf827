"""What can be copied of a call, and the way to the clipboard for whatever a part of the screen copies."""

from __future__ import annotations

import os

from textual import on

from inspector.errors import RequestError
from inspector.ui.clipboard import copy_sequence
from inspector.ui.copies import copy_choices
from inspector.ui.messages import Copied
from inspector.ui.screens.choice import ChoiceDialog, Chosen
from inspector.ui.screens.request_actions import RequestActions


class CopyActions(RequestActions):
    """The part of the inspection screen that copies."""

    def _action_copy_as(self) -> None:
        if (call := self.selected_call) is None:
            self.say("Select a call, or a frame of one, to copy it.")
            return
        target = self.sending.target if self.sending else None
        choices = copy_choices(self.session.store, self.launch.catalog, call, target, self.launch.schema)
        self.app.push_screen(
            ChoiceDialog(f"Copy call {call.key} as", choices, "Enter copies · Esc cancels"), self._copy_as
        )

    def _copy_as(self, chosen: Chosen | None) -> None:
        if chosen is None:
            return
        name, make = chosen.value
        try:
            self.post_message(Copied(make(), name))
        except RequestError as error:
            self.tell(error.message, error.hint)

    @on(Copied)
    def _copy(self, event: Copied) -> None:
        driver = self.app._driver
        if driver is not None:
            driver.write(copy_sequence(event.text, os.environ))
        self.say(f"Copied {event.name}: {len(event.text):,} characters")
