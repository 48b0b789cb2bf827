"""Names the method of a call by hand, where the capture does not tell it."""

from __future__ import annotations

from typing import Final

from inspector.model.call import Call, MethodSource
from inspector.schema.catalog import Catalog
from inspector.session import Session
from inspector.ui.parts.stage import Actions, Stage
from inspector.ui.screens.choice import Choice, Chosen
from inspector.ui.screens.typed_choice import TypedChoiceDialog
from inspector.ui.widgets.browser import Browser
from inspector.views.naming import naming
from inspector.views.text import clean, counted

_UNNAME: Final = ""
"""Stands for taking a name back; no path is empty."""
_READ: Final = (MethodSource.WIRE, MethodSource.RECOVERED)


class Naming:
    """Names methods."""

    def __init__(self, stage: Stage, session: Session, browser: Browser, catalog: Catalog) -> None:
        self._stage, self._session = stage, session
        self._browser, self._catalog = browser, catalog

    @property
    def actions(self) -> Actions:
        """Name the selected call."""
        return {"name_method": self._ask}

    def _ask(self) -> None:
        call = self._browser.call
        if call is None:
            self._stage.say("Select a call, or a frame of one, to name its method.")
        elif call.method_source in _READ:
            self._stage.say(f"Its method was read on the wire: {call.method}")
        else:
            self._stage.ask(_dialog(call, self._methods(call)), lambda chosen: self._take(call, chosen))

    def _take(self, call: Call, chosen: Chosen) -> None:
        self._session.name_method(call.key, chosen.value or None)

    def _methods(self, call: Call) -> list[Choice]:
        """What the messages fit first, then all other methods of the schema."""
        known = naming(call, self._catalog)
        fitting = known.candidates or ((known.method,) if known.method and known.method != call.method else ())
        others = [path for path in self._catalog.methods if path not in fitting]
        taken_back = [Choice(_UNNAME, "take the name back", f"{call.method} is a guess")] if call.method else []
        return [
            *taken_back,
            *(Choice(path, path, "fits its messages") for path in fitting),
            *(Choice(path, path, "of the schema") for path in others),
        ]


def _dialog(call: Call, methods: list[Choice]) -> TypedChoiceDialog:
    shared = f", and {counted(len(call.sharing) - 1, 'other')}" if len(call.sharing) > 1 else ""
    return TypedChoiceDialog(
        f"Name the method of call {call.key}{shared}",
        methods,
        "Enter takes it, or what is typed · Esc cancels",
        lambda typed: Choice(_path(typed), _path(typed), "as typed"),
    )


def _path(typed: str) -> str:
    return typed.strip() if typed.strip().startswith("/") else f"/{clean(typed.strip())}"
