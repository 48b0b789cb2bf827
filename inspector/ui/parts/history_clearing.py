"""Clears the request history, after asking: what is known of it here, and its file."""

from __future__ import annotations

from enum import StrEnum

from inspector.errors import SourceError
from inspector.ui.messages import ClearAsked
from inspector.ui.parts.stage import Actions, Hears, Stage
from inspector.ui.request_history import RequestHistory
from inspector.ui.screens.question import QuestionDialog
from inspector.views.text import counted


class _Clear(StrEnum):
    KEEP = "Keep it"
    CLEAR = "Clear it, and delete its file"


class HistoryClearing:
    """Clears the history."""

    def __init__(self, stage: Stage, history: RequestHistory) -> None:
        self._stage, self._history = stage, history

    @property
    def actions(self) -> Actions:
        """From the palette."""
        return {"clear_history": self._ask}

    @property
    def hears(self) -> Hears:
        """From the dialog that shows the history."""
        return {ClearAsked: lambda _: self._ask()}

    def _ask(self) -> None:
        sent = counted(len(self._history.entries), "request")
        words = f"{sent}, of this session and of earlier ones, would be forgotten."
        self._stage.ask(QuestionDialog("Clear the request history", words, _Clear), self._decide)

    def _decide(self, answer: _Clear) -> None:
        if answer is not _Clear.CLEAR:
            return
        try:
            self._history.clear()
        except SourceError as error:
            self._stage.tell(error.message, error.hint)
        else:
            self._stage.say("The request history is cleared, and its file deleted.")
