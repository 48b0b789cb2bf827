"""What can be copied of a call, and the way to the clipboard for whatever a part of the screen copies."""

from __future__ import annotations

import os

from inspector.errors import RequestError
from inspector.schema.catalog import Catalog
from inspector.session.schema import SchemaSources
from inspector.ui.clipboard import copy_sequence
from inspector.ui.copies import copy_choices
from inspector.ui.messages import Copied
from inspector.ui.parts.stage import Actions, Hears, Stage
from inspector.ui.screens.choice import ChoiceDialog, Chosen
from inspector.ui.widgets.browser import Browser


class Copying:
    """Copies."""

    def __init__(
        self, stage: Stage, browser: Browser, catalog: Catalog, schema: SchemaSources, target: str | None
    ) -> None:
        """`target` is where a command that is copied sends to; None for the call's own server."""
        self._stage, self._browser = stage, browser
        self._catalog, self._schema, self._target = catalog, schema, target

    @property
    def actions(self) -> Actions:
        """Copy the selected call."""
        return {"copy_as": self._ask}

    @property
    def hears(self) -> Hears:
        """What others want to be copied."""
        return {Copied: self._copy}

    def _ask(self) -> None:
        if (call := self._browser.call) is None:
            self._stage.say("Select a call, or a frame of one, to copy it.")
            return
        choices = copy_choices(self._browser.feed.store, self._catalog, call, self._target, self._schema)
        self._stage.ask(ChoiceDialog(f"Copy call {call.key} as", choices, "Enter copies · Esc cancels"), self._take)

    def _take(self, chosen: Chosen) -> None:
        name, make = chosen.value
        try:
            self._stage.post(Copied(make(), name))
        except RequestError as error:
            self._stage.tell(error.message, error.hint)

    def _copy(self, event: Copied) -> None:
        self._stage.write(copy_sequence(event.text, os.environ))
        self._stage.say(f"Copied {event.name}: {len(event.text):,} characters")
