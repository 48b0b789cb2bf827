"""The menu of what can be done with what is selected, made from the table of bindings."""

from __future__ import annotations

from typing import Final

from textual.screen import Screen

from inspector.ui.bindings import MENU, entries
from inspector.ui.parts.stage import Actions
from inspector.ui.screens.choice import Choice, ChoiceDialog, Chosen

_KEYS: Final = 8
"""Cells of the keys in a menu."""


class Menu:
    """Offers actions, and does the one that is chosen."""

    def __init__(self, screen: Screen[None]) -> None:
        """`screen` knows which keys are of use now."""
        self._screen = screen

    @property
    def actions(self) -> Actions:
        """Show it."""
        return {"menu": self._show}

    def _show(self) -> None:
        keys = {key.id: key for _, key in entries()}
        known = {active.binding.id: active for active in self._screen.active_bindings.values() if active.enabled}
        offered = [(known[id_], keys[id_]) for id_ in MENU if id_ in known]
        choices = [Choice(active, f"{key.shown:<{_KEYS}}{key.label}", key.tooltip) for active, key in offered]
        note = "Type to search · Enter does it · Esc cancels"
        self._screen.app.push_screen(ChoiceDialog("What can be done here", choices, note), self._do)

    async def _do(self, chosen: Chosen | None) -> None:
        if chosen is not None:
            await self._screen.app.run_action(chosen.value.binding.action, chosen.value.node)
