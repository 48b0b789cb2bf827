"""Where a filter is typed. It works as it is typed; a faulty one says what is wrong, and the last good one stays.

Owns the text and what it means. Which frames match is the feed's business.
"""

from __future__ import annotations

from typing import Final

from textual import on
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Input

from inspector.errors import FilterError
from inspector.store.filter import EVERYTHING, Filter, parse
from inspector.ui.bindings import Place, bindings
from inspector.ui.messages import Filtered, Left

_PAUSE: Final = 0.15
"""Seconds without a key after which what was typed is tried."""
_EXAMPLES: Final = "words, method:greet, status:OK, stream:3, -type:DATA, tcp.port == 37564"

_STILL_ON: Final = "The filter before is still on."


class FilterBox(Input):
    """The filter's input."""

    BINDINGS = bindings(Place.FILTER)

    def __init__(self) -> None:
        super().__init__(id="filter", placeholder=_EXAMPLES)
        self.border_title = "Filter"
        self._filter = EVERYTHING
        self._counts = ""
        self._timer: Timer | None = None

    @property
    def filter(self) -> Filter:
        """The last filter that means something."""
        return self._filter

    def put(self, text: str) -> None:
        """Have a text as the filter, as if it had been typed."""
        self.value = text
        self._try()

    def show_counts(self, text: str) -> None:
        """How many frames are shown, and how many are hidden."""
        self._counts = text
        if not self.has_class("-faulty"):
            self.border_subtitle = Content(text)

    @on(Input.Changed)
    def _wait(self, event: Input.Changed) -> None:
        event.stop()
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(_PAUSE, self._try)

    def _try(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        try:
            found = parse(self.value)
        except FilterError as error:
            self.add_class("-faulty")
            said = (f"{error} {_STILL_ON}", str(error), f"{error.message} {_STILL_ON}")
            self.border_subtitle = Content(next((words for words in said if len(words) < self.size.width), said[-1]))
            return
        self.remove_class("-faulty")
        self.border_subtitle = Content(self._counts)
        if found.terms != self._filter.terms:
            self._filter = found
            self.post_message(Filtered(found))

    def _action_leave(self) -> None:
        self._try()
        self.post_message(Left())

    def _action_clear_filter(self) -> None:
        self.clear()
        self._try()
