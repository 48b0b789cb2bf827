"""What can be done with two calls: compare them."""

from __future__ import annotations

from inspector.ui.screens.certainty_actions import CertaintyActions
from inspector.ui.screens.compare import CompareScreen


class CallActions(CertaintyActions):
    """The part of the inspection screen that is about calls beside each other."""

    def _action_compare(self) -> None:
        selected, marked = self.selected_call, self.browser.marked_call
        if selected is None or marked is None:
            self.say("Mark a call with m first, then select another one and press =.")
        else:
            self.app.push_screen(CompareScreen(self.session.store, self.launch.catalog, marked.key, selected.key))
