"""Asks where to save, and before a file is written over."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Static

from inspector.ui.screens.destination import Destination, default_name, typed_path
from inspector.ui.screens.dialog import Dialog
from inspector.views.text import clean

_HELP: Final = "Enter saves · Esc cancels"


class SaveDialog(Dialog[Path]):
    """Gives the path to write to, or None."""

    def __init__(self, source: str, suffix: str, title: str) -> None:
        """`source` is what the name of the file is made from."""
        super().__init__()
        self._source, self._suffix, self._title = source, suffix, title
        self._destination = Destination()

    def compose(self) -> ComposeResult:
        """A path, and a line that says what Enter does."""
        with Vertical(classes="dialog") as box:
            box.border_title = Content(clean(self._title))
            yield Input(default_name(self._source, self._suffix), id="path")
            yield Static(id="dialog-note", markup=False)

    def on_mount(self) -> None:
        """Say what keys do."""
        self.say(_HELP)

    @on(Input.Changed)
    def _forget(self) -> None:
        self._destination.forget()
        self.say(_HELP)

    @on(Input.Submitted)
    def _decide(self, event: Input.Submitted) -> None:
        path = typed_path(event.value)
        if (objection := self._destination.objection(path)) is None:
            self.dismiss(path)
        else:
            self.say(objection, is_warning=True)
