"""What dialogs have in common, and the smallest of them: a question, a line of text."""

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


ENTER: Final = "enter"


class Prompt(Input):
    """An input whose deciding keys are its own."""

    def __init__(
        self,
        take: Callable[[str], None],
        keys: frozenset[str] = frozenset(),
        *,
        name: str,
        text: str = "",
        placeholder: str = "",
    ) -> None:
        """`take` is told which key decided: Enter, or one of `keys`; `name` is the id."""
        super().__init__(text, placeholder, id=name)
        self._take, self._taking = take, keys | {ENTER}

    async def _on_key(self, event: events.Key) -> None:
        # Here, not where the key would bubble to: by then, more may have been typed, or less found.
        if event.key in self._taking:
            event.stop()
            event.prevent_default()
            self._take(event.key)


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
