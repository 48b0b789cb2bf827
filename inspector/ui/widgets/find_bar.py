"""Where one types what is looked for. Not there while nothing is.

Owns the text, how it is meant, and where it is looked for; what is found is said here, and is somebody else's business.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, TypeVar

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Input, Static

from inspector.present.find import Kind, Where
from inspector.text import clean
from inspector.ui.bindings import KeyContext, bindings
from inspector.ui.messages import FindAsked, FindLeft, SearchQuery

_PAUSE: Final = 0.15
"""Seconds without a key after which what was typed is looked for."""
_Word = TypeVar("_Word", bound=StrEnum)


class FindText(Input):
    """What is looked for."""

    BINDINGS = bindings(KeyContext.FIND)

    def __init__(self, bar: FindBar) -> None:
        super().__init__(id="find-text", compact=True, placeholder="text, regular expression, or bytes in hex")
        self._bar = bar

    def _action_keep(self) -> None:
        self._bar.leave()

    def _action_end(self) -> None:
        self._bar.post_message(FindLeft(is_over=True))

    def _action_turn_kind(self) -> None:
        self._bar.turn_kind()

    def _action_turn_where(self, words: int) -> None:
        self._bar.turn_where(words)


class FindBar(Horizontal):
    """The bar above the keys."""

    def __init__(self) -> None:
        super().__init__(id="find")
        self.display = False
        self._kind, self._where = Kind.TEXT, Where.ANYWHERE
        self._timer: Timer | None = None
        self._tried: SearchQuery | None = None

    def compose(self) -> ComposeResult:
        """A label, what is typed, how and where, and what was found."""
        yield Static("Find", id="find-label")
        yield FindText(self)
        yield Static(id="find-kind", markup=False)
        yield Static(id="find-where", markup=False)
        yield Static(id="find-said", markup=False)

    def on_mount(self) -> None:
        """Say how it is meant."""
        self.query_one("#find-kind").tooltip = "How it is meant: text, regex, hex (Ctrl+F, or a click)"
        self.query_one("#find-where").tooltip = "Where it is looked for (↑, ↓, or a click)"
        self._draw()

    @property
    def input(self) -> FindText:
        """Where one types."""
        return self.query_one(FindText)

    def open(self) -> None:
        """Show it, with what was looked for last, ready to be typed over."""
        self.display = True
        self.say("")
        self.input.select_all()

    def close(self) -> None:
        """Away with it; what was typed is kept for the next time."""
        self.display = False
        self._tried = None

    def say(self, words: str, *, is_fault: bool = False) -> None:
        """What was found, or what is wrong with what was typed."""
        self.set_class(is_fault, "-faulty")
        for said in self.query("#find-said").results(Static):  # none while the app ends
            said.update(Content(clean(words)))

    def _draw(self) -> None:
        self.query_one("#find-kind", Static).update(Content(self._kind))
        self.query_one("#find-where", Static).update(Content(self._where))

    @on(Input.Changed)
    def _wait(self, event: Input.Changed) -> None:
        event.stop()
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(_PAUSE, self._ask)

    def _ask(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        asked = SearchQuery(self.input.value, self._kind, self._where)
        if self.display and asked != self._tried:
            self._tried = asked
            self.post_message(FindAsked(asked))

    async def _on_click(self, event: events.Click) -> None:
        if event.widget is not None and event.widget.id == "find-kind":
            self.turn_kind()
        elif event.widget is not None and event.widget.id == "find-where":
            self.turn_where(1)

    def turn_kind(self) -> None:
        """Mean it in the next way: as text, as a regular expression, as bytes."""
        self._kind = _next(self._kind, 1)
        self._draw()
        self._ask()

    def turn_where(self, words: int) -> None:
        """Look in another place, so many further on."""
        self._where = _next(self._where, words)
        self._draw()
        self._ask()

    def leave(self) -> None:
        """Look for what was typed; the focus goes to where it is found."""
        self._ask()
        self.post_message(FindLeft())


def _next(word: _Word, steps: int) -> _Word:
    words = list(type(word))
    return words[(words.index(word) + steps) % len(words)]
