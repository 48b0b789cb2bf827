"""What all dialogs have in common: Esc, or a click beside the box, closes them without a result."""

from __future__ import annotations

from typing import ClassVar, TypeVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from inspector.views.text import clean

Result = TypeVar("Result")


class Dialog(ModalScreen[Result | None]):
    """A dialog; gives a result, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss", "Cancel")]

    def say(self, words: str, *, is_warning: bool = False) -> None:
        """Say something in the line below, `#dialog-note`."""
        tone = "$tone-warn" if is_warning else "$tone-dim"
        self.query_one("#dialog-note", Static).update(Content.assemble((clean(words), tone)))

    def leave(self) -> None:
        """Somebody clicked beside it."""
        self.dismiss(None)

    def on_click(self, event: events.Click) -> None:
        """A click on what lies behind closes it."""
        if self.is_current and self.get_widget_at(*event.screen_offset)[0] is self:
            self.leave()
