"""Asks what becomes of the captures of runs that were killed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from inspector.capture.orphans import DAYS_KEPT, LeftCapture
from inspector.ui.screens.dialog import Dialog
from inspector.views.text import clean

_NOTE: Final = "Enter, or a click · Esc: later"


class Fate(StrEnum):
    """What becomes of one of them; Esc leaves all as they are."""

    OPEN = "Open it"
    SAVE = "Save it as …"
    DELETE = "Delete it"


class Decision(NamedTuple):
    """What was chosen."""

    capture: LeftCapture
    fate: Fate


class LeftDialog(Dialog[Decision]):
    """Gives a decision, or None."""

    def __init__(self, captures: Sequence[tuple[LeftCapture, str]]) -> None:
        """`captures` come with what is known of each, the newest first."""
        super().__init__()
        self._captures = captures

    def compose(self) -> ComposeResult:
        """Each capture with its choices, and a line that says what keys do."""
        with Vertical(classes="dialog") as box:
            box.border_title = "Captured by a run that was killed" if len(self._captures) == 1 else "Killed runs"
            yield OptionList(*self._options(), id="ways", markup=False, compact=True)
            words = f"What stays here is offered again at the next start, and deleted after {DAYS_KEPT} days."
            yield Static(Content(f"{words}\n{_NOTE}"), id="dialog-note")

    def _options(self) -> Iterator[Option]:
        for number, (_, facts) in enumerate(self._captures):
            yield Option(Content(clean(facts)), disabled=True)
            yield from (Option(f"  {fate.value}", f"{number} {fate.name}") for fate in Fate)
        yield Option("Later")

    @on(OptionList.OptionSelected)
    def _decide(self, event: OptionList.OptionSelected) -> None:
        if event.option_id is None:
            self.dismiss(None)
            return
        number, _, name = event.option_id.partition(" ")
        self.dismiss(Decision(self._captures[int(number)][0], Fate[name]))
