"""The base class of dialogs, and the smallest dialogs: a question, a line of text."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import ClassVar, Final, TypeVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from inspector.errors import InspectorError
from inspector.text import clean, counted

Result = TypeVar("Result")


class Dialog(ModalScreen[Result | None]):
    """A box in front of the screen. Its result is None when it is cancelled."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss", "Cancel")]

    def show_note(self, text: str, *, is_warning: bool = False) -> None:
        """Show a text in the note below, `#dialog-note`: the help, or what is wrong."""
        tone = "$tone-warn" if is_warning else "$tone-dim"
        self.query_one("#dialog-note", Static).update(Content.assemble((clean(text), tone)))

    def leave(self) -> None:
        """Close the dialog after a click outside of it."""
        self.dismiss(None)

    def on_click(self, event: events.Click) -> None:
        """Leave the dialog on a click outside of it."""
        if self.is_current and self.get_widget_at(*event.screen_offset)[0] is self:
            self.leave()


ENTER: Final = "enter"


class Prompt(Input):
    """An input that handles the keys that confirm a dialog."""

    def __init__(
        self,
        on_confirm: Callable[[str], None],
        keys: frozenset[str] = frozenset(),
        *,
        name: str,
        text: str = "",
        placeholder: str = "",
    ) -> None:
        """Call `on_confirm` with Enter, or with one of `keys`; `name` is the id."""
        super().__init__(text, placeholder, id=name)
        self._on_confirm, self._confirming_keys = on_confirm, keys | {ENTER}

    async def _on_key(self, event: events.Key) -> None:
        # Not in the dialog, to which the key bubbles later: more may have been typed then.
        if event.key in self._confirming_keys:
            event.stop()
            event.prevent_default()
            self._on_confirm(event.key)


_MOVES: Final[dict[str, Callable[[OptionList], None]]] = {
    "down": OptionList.action_cursor_down,
    "up": OptionList.action_cursor_up,
    "pagedown": OptionList.action_page_down,
    "pageup": OptionList.action_page_up,
}


def move_selection(options: OptionList, event: events.Key) -> bool:
    """Handle a key that moves the selection of a list that does not have the focus. Return False for other keys."""
    if event.key not in _MOVES or options.has_focus:
        return False
    event.stop()
    _MOVES[event.key](options)
    return True


_HELP: Final = "Enter, or a click · Esc changes nothing"
Answer = TypeVar("Answer", bound=StrEnum)


class QuestionDialog(Dialog[Answer]):
    """Asks a question with a few answers."""

    HELP: ClassVar[str] = _HELP

    def __init__(self, title: str, question: str, answers: type[Answer]) -> None:
        """The values of `answers` are shown; the first is selected."""
        super().__init__()
        self._title, self._question, self._answers = title, question, list(answers)

    def compose(self) -> ComposeResult:
        """Yield the question, the answers, and the help."""
        with Vertical(classes="dialog") as box:
            box.border_title = Content(clean(self._title))
            yield Static(Content(clean(self._question)))
            yield OptionList(*(Option(each.value, each.name) for each in self._answers), id="ways", compact=True)
            yield Static(Content(self.HELP), id="dialog-note")

    @on(OptionList.OptionSelected)
    def _decide(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._answers[event.option_index])


class PartingDialog(QuestionDialog[Answer]):
    """Asks about something that is lost when a capture is left. Ctrl+Q while it is shown quits at once."""

    HELP = "Enter, or a click · Ctrl+Q again leaves without · Esc stays"


class LineDialog(Dialog[None]):
    """Asks for a line of text. Its result is passed to a callback, before later keys are handled."""

    def __init__(self, title: str, note: str, on_submit: Callable[[str], object], text: str = "") -> None:
        """`on_submit` receives the line. If it raises InspectorError, the dialog shows the error and stays open."""
        super().__init__()
        self._title, self._note, self._on_submit, self._text = title, note, on_submit, text

    def compose(self) -> ComposeResult:
        """Yield the line and the note."""
        with Vertical(classes="dialog") as box:
            box.border_title = Content(clean(self._title))
            yield Prompt(self._decide, name="line", text=self._text)
            yield Static(id="dialog-note", markup=False)

    def on_mount(self) -> None:
        """Show the note."""
        self._show_help()

    @on(Input.Changed)
    def _show_help(self) -> None:
        self.show_note(self._note)

    def _decide(self, _key: str) -> None:
        try:
            self._on_submit(self.query_one(Prompt).value)
        except InspectorError as error:
            self.show_note(str(error), is_warning=True)
        else:
            self.dismiss()


class Parting(StrEnum):
    """How to leave a capture; Esc is the same as `STAY`."""

    SAVE = "Save it with them, then leave"
    LEAVE = "Leave without them"
    STAY = "Stay"


class UnsavedDialog(PartingDialog[Parting]):
    """Asks about comments that are not saved."""

    def __init__(self, comments: int, source: str) -> None:
        question = f"{counted(comments, 'comment')} on packets of {source} would be lost."
        super().__init__("Comments that are not saved", question, Parting)
