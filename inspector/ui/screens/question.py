"""Asks a question that is answered by choosing one of a few answers."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, Final, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from inspector.ui.screens.dialog import Dialog
from inspector.views.text import clean

_NOTE: Final = "Enter, or a click · Esc leaves things as they are"
Answer = TypeVar("Answer", bound=StrEnum)


class QuestionDialog(Dialog[Answer]):
    """Gives the answer, or None for Esc."""

    NOTE: ClassVar[str] = _NOTE

    def __init__(self, title: str, words: str, answers: type[Answer]) -> None:
        """The values of `answers` are what stands on the screen; the first is the one that Enter gives."""
        super().__init__()
        self._title, self._words, self._answers = title, words, list(answers)

    def compose(self) -> ComposeResult:
        """The question, the answers, and a line that says what keys do."""
        with Vertical(classes="dialog") as box:
            box.border_title = Content(clean(self._title))
            yield Static(Content(clean(self._words)))
            yield OptionList(*(Option(each.value, each.name) for each in self._answers), id="ways", compact=True)
            yield Static(Content(self.NOTE), id="dialog-note")

    @on(OptionList.OptionSelected)
    def _decide(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._answers[event.option_index])


class PartingDialog(QuestionDialog[Answer]):
    """Asks, before a capture is left, what becomes of something that would be lost; Ctrl+Q again leaves without it."""

    NOTE = "Enter, or a click · Ctrl+Q again leaves without · Esc stays"
