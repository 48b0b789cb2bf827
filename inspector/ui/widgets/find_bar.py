"""The find bar: what to search for, how to match it and where, and the result. Searching is left to the receiver."""

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
from inspector.ui.messages import FindLeft, FindRequested, SearchQuery

_PAUSE: Final = 0.15
"""Seconds without a key after which the search starts."""
_Option = TypeVar("_Option", bound=StrEnum)


class FindText(Input):
    """The text to search for."""

    BINDINGS = bindings(KeyContext.FIND)

    def __init__(self, bar: FindBar) -> None:
        super().__init__(id="find-text", compact=True, placeholder="text, regular expression, or bytes in hex")
        self._bar = bar

    def action_keep(self) -> None:
        """Search, and go to where the text is found."""
        self._bar.search()
        self.post_message(FindLeft())

    def action_end_search(self) -> None:
        """End the search."""
        self.post_message(FindLeft(is_over=True))

    def action_turn_kind(self) -> None:
        """Match the text in the next way."""
        self._bar.turn_kind()

    def action_turn_where(self, places: int) -> None:
        """Search in another place."""
        self._bar.turn_where(places)


class FindBar(Horizontal):
    """The bar above the keys, hidden until a search starts."""

    def __init__(self) -> None:
        super().__init__(id="find")
        self.display = False
        self._kind, self._where = Kind.TEXT, Where.ANYWHERE
        self._timer: Timer | None = None
        self._query: SearchQuery | None = None
        """The query that was posted last."""

    def compose(self) -> ComposeResult:
        """Lay out the text, how to match it, where to search, and the result, from left to right."""
        yield Static("Find", id="find-label")
        yield FindText(self)
        yield Static(id="find-kind", markup=False)
        yield Static(id="find-where", markup=False)
        yield Static(id="find-said", markup=False)

    def on_mount(self) -> None:
        """Show the initial options."""
        self.query_one("#find-kind").tooltip = "How it is meant: text, regex, hex (Ctrl+F, or a click)"
        self.query_one("#find-where").tooltip = "Where it is looked for (↑, ↓, or a click)"
        self._draw()

    @property
    def input(self) -> FindText:
        """The input of the text."""
        return self.query_one(FindText)

    def open(self) -> None:
        """Show the bar, with the text of the last search selected."""
        self.display = True
        self.say("")
        self.input.select_all()

    def close(self) -> None:
        """Hide the bar; the text is kept for the next search."""
        self.display = False
        self._query = None

    def say(self, text: str, *, is_fault: bool = False) -> None:
        """Show the result, or why the text cannot be searched for."""
        self.set_class(is_fault, "-faulty")
        for result in self.query("#find-said").results(Static):  # there is none while the app exits
            result.update(Content(clean(text)))

    def _draw(self) -> None:
        self.query_one("#find-kind", Static).update(Content(self._kind))
        self.query_one("#find-where", Static).update(Content(self._where))

    @on(Input.Changed)
    def _input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(_PAUSE, self.search)

    def search(self) -> None:
        """Post `FindAsked`, unless the query is the same as before."""
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        query = SearchQuery(self.input.value, self._kind, self._where)
        if self.display and query != self._query:
            self._query = query
            self.post_message(FindRequested(query))

    def on_click(self, event: events.Click) -> None:
        """Change the option that was clicked."""
        if event.widget is not None and event.widget.id == "find-kind":
            self.turn_kind()
        elif event.widget is not None and event.widget.id == "find-where":
            self.turn_where(1)

    def turn_kind(self) -> None:
        """Match the text in the next way: as text, as a regular expression, or as bytes in hex."""
        self._kind = _next(self._kind, 1)
        self._draw()
        self.search()

    def turn_where(self, places: int) -> None:
        """Search in the place that is so many further on, wrapping around."""
        self._where = _next(self._where, places)
        self._draw()
        self.search()


def _next(option: _Option, steps: int) -> _Option:
    options = list(type(option))
    return options[(options.index(option) + steps) % len(options)]
