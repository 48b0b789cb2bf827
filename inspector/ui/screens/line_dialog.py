"""Asks for one line of text: a number to go to, a comment."""

from __future__ import annotations

from collections.abc import Callable

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Static

from inspector.errors import InspectorError
from inspector.ui.screens.dialog import Dialog
from inspector.views.text import clean


class LineDialog(Dialog[str]):
    """Gives the line, or None."""

    def __init__(self, title: str, note: str, text: str = "", check: Callable[[str], object] = str) -> None:
        """`check` raises InspectorError for a line that cannot be taken; the dialog says why, and stays."""
        super().__init__()
        self._title, self._note, self._text, self._check = title, note, text, check

    def compose(self) -> ComposeResult:
        """The line, and what there is to say of it."""
        with Vertical(classes="dialog") as box:
            box.border_title = Content(clean(self._title))
            yield Input(self._text, id="line")
            yield Static(id="dialog-note", markup=False)

    @on(Input.Changed)
    def _explain(self) -> None:
        self.say(self._note)

    @on(Input.Submitted)
    def _decide(self, event: Input.Submitted) -> None:
        try:
            self._check(event.value)
        except InspectorError as error:
            self.say(str(error), is_warning=True)
        else:
            self.dismiss(event.value)

    def on_mount(self) -> None:
        """Say what is asked for."""
        self._explain()
