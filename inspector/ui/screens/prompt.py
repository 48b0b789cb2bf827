"""Where one types in a dialog. The keys that decide do so at once, before anything that was typed behind them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from textual import events
from textual.widgets import Input

ENTER: Final = "enter"


class Prompt(Input):
    """An input whose deciding keys are its own."""

    def __init__(
        self,
        take: Callable[[str], None],
        keys: frozenset[str] = frozenset(),
        *,
        name: str,
        text: str = "",
        placeholder: str = "",
    ) -> None:
        """`take` is told which key decided: Enter, or one of `keys`; `name` is the id."""
        super().__init__(text, placeholder, id=name)
        self._take, self._taking = take, keys | {ENTER}

    async def _on_key(self, event: events.Key) -> None:
        # Here, not where the key would bubble to: by then, more may have been typed, or less found.
        if event.key in self._taking:
            event.stop()
            event.prevent_default()
            self._take(event.key)
