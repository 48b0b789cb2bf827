"""Asks what becomes of comments that are not saved, before the capture that they are on is left."""

from __future__ import annotations

from enum import StrEnum

from inspector.ui.screens.question import PartingDialog
from inspector.views.text import counted


class Parting(StrEnum):
    """How a capture is left; Esc is not to leave it."""

    SAVE = "Save it with them, then leave"
    LEAVE = "Leave without them"
    STAY = "Stay"


class UnsavedDialog(PartingDialog[Parting]):
    """Gives an answer, or None."""

    def __init__(self, comments: int, source: str) -> None:
        words = f"{counted(comments, 'comment')} on packets of {source} would be lost."
        super().__init__("Comments that are not saved", words, Parting)
