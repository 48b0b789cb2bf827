"""What every list of the left side can be asked, besides what is drawn of it."""

from __future__ import annotations

from typing import Any, Protocol

from inspector.ui.subject import Subject
from inspector.ui.widgets.painting import Rows
from inspector.views.spans import Span, Tone


class ListRows(Rows, Protocol):
    """The rows of a list, each of which leads to a subject."""

    def __len__(self) -> int:
        """How many rows there are."""

    def subject(self, key: Any) -> Subject:
        """What is selected with a row."""

    def key_of(self, subject: Subject) -> Any:
        """The key of the row that a subject belongs to, shown or not; None where it belongs to none."""

    def text(self, key: Any) -> tuple[str, str]:
        """A row as a line of text for the clipboard, and what it is called."""


def dim(text: object) -> tuple[Span, ...]:
    """A cell that stands back."""
    return (Span(str(text), Tone.DIM),)
