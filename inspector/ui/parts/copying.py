"""What can be copied of a call, and the way to the clipboard for whatever a part of the screen copies."""

from __future__ import annotations

import os

from inspector.errors import RequestError
from inspector.schema.catalog import Catalog
from inspector.session.schema import SchemaSources
from inspector.ui.clipboard import copy_sequence
from inspector.ui.copies import Copy, SecretSwitch, copy_choices, masked_words
from inspector.ui.messages import Copied
from inspector.ui.parts.stage import Actions, Hears, Stage
from inspector.ui.screens.choice import ChoiceDialog, Chosen
from inspector.ui.widgets.browser import Browser


class Copying:
    """Copies, with secrets masked unless they are asked for."""

    def __init__(
        self,
        stage: Stage,
        browser: Browser,
        catalog: Catalog,
        schema: SchemaSources,
        target: str | None,
        secrets: SecretSwitch,
    ) -> None:
        """`target` is where a command that is copied sends to; None for the call's own server."""
        self._stage, self._browser, self._secrets = stage, browser, secrets
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
        store, secrets = self._browser.feed.store, self._secrets.mask().secrets
        choices = copy_choices(store, self._catalog, call, self._target, self._schema, secrets)
        self._stage.ask(ChoiceDialog(f"Copy call {call.key} as", choices, "Enter copies · Esc cancels"), self._take)

    def _take(self, chosen: Chosen) -> None:
        copy: Copy = chosen.value
        self._stage.post(Copied(lambda mask: (copy.make(mask), copy.name), shows_secrets=copy.shows_secrets))

    def _copy(self, event: Copied) -> None:
        mask = self._secrets.mask(is_on=event.shows_secrets or None)
        try:
            text, name = event.make(mask)
        except RequestError as error:
            self._stage.tell(error.message, error.hint)
            return
        self._stage.write(copy_sequence(text, os.environ))
        remark = "raw bytes, secrets in them too" if event.is_raw and not mask.secrets.are_shown else masked_words(mask)
        self._stage.say(f"Copied {name}: {len(text):,} characters{remark and f' · {remark}'}")
