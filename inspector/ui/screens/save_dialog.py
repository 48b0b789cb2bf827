"""Asks where to save, and before a file is written over."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Checkbox, Input, Static

from inspector.ui.screens.destination import Destination, default_name, typed_path
from inspector.ui.screens.dialog import Dialog
from inspector.views.text import clean

_HELP: Final = "Enter saves · Esc cancels"
_HELP_WITH_BOX: Final = "Enter saves · Tab, Space the box · Esc cancels"


class Place(NamedTuple):
    """Where to write to."""

    path: Path
    shows_secrets: bool


class SaveDialog(Dialog[Place]):
    """Gives where to write to, or None."""

    def __init__(self, source: str, suffix: str, title: str, secrets: str = "") -> None:
        """`source` is what the name of the file is made from; `secrets` the label of a box that shows them, if any."""
        super().__init__()
        self._source, self._suffix, self._title, self._secrets = source, suffix, title, secrets
        self._destination = Destination()

    def compose(self) -> ComposeResult:
        """A path, and a line that says what Enter does."""
        with Vertical(classes="dialog") as box:
            box.border_title = Content(clean(self._title))
            yield Input(default_name(self._source, self._suffix), id="path")
            if self._secrets:
                yield Checkbox(self._secrets, id="secrets", compact=True)
            yield Static(id="dialog-note", markup=False)

    def on_mount(self) -> None:
        """Say what keys do."""
        self.say(_HELP_WITH_BOX if self._secrets else _HELP)

    @on(Input.Changed)
    def _forget(self) -> None:
        self._destination.forget()
        self.say(_HELP_WITH_BOX if self._secrets else _HELP)

    @on(Input.Submitted)
    def _decide(self, event: Input.Submitted) -> None:
        path = typed_path(event.value)
        if (objection := self._destination.objection(path)) is None:
            shows_secrets = any(box.value for box in self.query(Checkbox))
            self.dismiss(Place(path, shows_secrets))
        else:
            self.say(objection, is_warning=True)
