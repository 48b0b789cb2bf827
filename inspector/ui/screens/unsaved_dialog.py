"""Asks what becomes of comments that are not saved, before the capture that they are on is left."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from inspector.ui.screens.dialog import Dialog
from inspector.views.text import clean, counted


class Parting(StrEnum):
    """How a capture is left; Esc is not to leave it."""

    SAVE = "Save it with them, then leave"
    LEAVE = "Leave without them"
    STAY = "Stay"


_NOTE: Final = "Enter, or a click · Ctrl+Q again leaves without them · Esc stays"


class UnsavedDialog(Dialog[Parting]):
    """Gives an answer, or None."""

    def __init__(self, comments: int, source: str) -> None:
        super().__init__()
        self._words = f"{counted(comments, 'comment')} on packets of {source} would be lost."

    def compose(self) -> ComposeResult:
        """The question, the answers, and a line that says what keys do."""
        with Vertical(classes="dialog") as box:
            box.border_title = "Comments that are not saved"
            yield Static(Content(clean(self._words)))
            yield OptionList(*(Option(answer.value, answer.name) for answer in Parting), id="ways", compact=True)
            yield Static(Content(_NOTE), id="dialog-note")

    @on(OptionList.OptionSelected)
    def _decide(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(list(Parting)[event.option_index])
