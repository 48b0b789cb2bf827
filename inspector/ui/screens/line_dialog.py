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
from inspector.ui.screens.prompt import Prompt
from inspector.views.text import clean


class LineDialog(Dialog[None]):
    """Hands the line on at Enter, while it is still there: what is typed next finds it taken."""

    def __init__(self, title: str, note: str, take: Callable[[str], object], text: str = "") -> None:
        """`take` raises InspectorError for a line that cannot be taken; the dialog says why, and stays."""
        super().__init__()
        self._title, self._note, self._take, self._text = title, note, take, text

    def compose(self) -> ComposeResult:
        """The line, and what there is to say of it."""
        with Vertical(classes="dialog") as box:
            box.border_title = Content(clean(self._title))
            yield Prompt(self._decide, name="line", text=self._text)
            yield Static(id="dialog-note", markup=False)

    @on(Input.Changed)
    def _explain(self) -> None:
        self.say(self._note)

    def _decide(self, _key: str) -> None:
        try:
            self._take(self.query_one(Prompt).value)
        except InspectorError as error:
            self.say(str(error), is_warning=True)
        else:
            self.dismiss()

    def on_mount(self) -> None:
        """Say what is asked for."""
        self._explain()
