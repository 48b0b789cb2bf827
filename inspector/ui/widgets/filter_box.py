"""The filter's input: checks the filter as it is typed, and completes names of fields.

Text is either words in the program's own syntax, which are parsed here, or a Wireshark display filter, which tshark
checks. Applying a filter is left to the receivers of `Filtered` and `DisplayFiltered`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

from textual import events, on
from textual.content import Content
from textual.geometry import Offset
from textual.timer import Timer
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from inspector.errors import FilterError, InspectorError
from inspector.store.filters.filter import EVERYTHING, Filter
from inspector.store.filters.syntax import Language, display_text, is_unambiguous, language, parse
from inspector.text import clean
from inspector.tshark.sharkd import FieldName
from inspector.ui.bindings import KeyContext, bindings
from inspector.ui.history import FilterHistory
from inspector.ui.messages import DisplayFilterEntered, FilterEntered, FilterFocused, FilterScanCancelled, InputLeft

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*$")


class DisplayFilters(Protocol):
    """The part of Wireshark that knows display filters."""

    async def check(self, text: str) -> None:
        """Raise FilterError for text that is not a display filter."""

    async def complete(self, start: str) -> tuple[FieldName, ...]:
        """Return the names of fields with a prefix."""


class NameList(OptionList, can_focus=False):
    """The names that can be inserted, below the input."""

    def __init__(self) -> None:
        super().__init__(id="candidates", markup=False, compact=True)
        self.display = False
        self._names: Sequence[FieldName] = ()

    def offer(self, names: Sequence[FieldName], *, is_marked: bool) -> None:
        """Show names, or hide the list if there are none; mark the first, or keep the mark of the same names."""
        marked = self.highlighted if names == self._names and self.display else None
        self._names = names
        self.clear_options()
        self.add_options(
            Option(Content.assemble(clean(name), "  ", (clean(title), "$tone-dim"))) for name, title in names
        )
        self.highlighted = (marked or 0) if names and is_marked else None
        self.display = bool(names)

    @property
    def marked(self) -> str:
        """The name that Enter inserts; empty if none is marked."""
        return self._names[self.highlighted].name if self.display and self.highlighted is not None else ""


class NamePosition(NamedTuple):
    """A name, or the start of one, in the text of an input."""

    start: int
    end: int
    text: str


class NameCompleter:
    """Completes the field name before the cursor of an input.

    The list opens by itself in a display filter. A name is marked only if the user has requested the list or moved
    into it, so that Enter otherwise still applies the filter.
    """

    def __init__(self, box: Input, names: NameList, filters: DisplayFilters) -> None:
        self._box = box
        self._names = names
        self._filters = filters

    @property
    def is_possible(self) -> bool:
        """True in a display filter, and after a word that looks like the start of one."""
        typed = self._name()
        return typed is not None and (language(self._box.value) is Language.DISPLAY or "." in typed.text)

    def start(self, *, is_requested: bool) -> None:
        """Look names up in a worker, and show them."""
        group = "requested" if is_requested else "offered"  # typing on must not cancel a request
        self._box.run_worker(self._complete(is_requested=is_requested), group=group, exclusive=True)

    def insert(self) -> None:
        """Replace the name before the cursor with the marked one."""
        typed, name, box = self._name(), self._names.marked, self._box
        self._names.display = False
        if typed is not None and name:
            box.value = box.value[: typed.start] + name + box.value[typed.end :]
            box.cursor_position = typed.start + len(name)

    def handle_key(self, key: str) -> bool:
        """Handle a key while the list is open; return False for keys that are for the input."""
        match key:
            case "tab" | "enter" if self._names.marked:
                self.insert()
            case "down":
                self._names.action_cursor_down()
            case "up" if self._names.marked:
                self._names.action_cursor_up()
            case "escape":
                self._names.display = False
            case _:
                return False
        return True

    async def _complete(self, *, is_requested: bool) -> None:
        typed = self._name()
        try:
            names = await self._filters.complete(typed.text) if typed else ()
        except InspectorError:
            names = ()
        is_wanted = is_requested or self._box.has_focus
        if not is_wanted or typed is None or typed != self._name():
            self._names.display = False
            return
        is_complete = len(names) == 1 and names[0].name == typed.text
        is_marked = is_requested or bool(self._names.marked)
        self._names.offer(() if is_complete and not is_requested else names, is_marked=is_marked)
        if is_requested and len(names) == 1:
            self.insert()
        self._names.absolute_offset = self._box.cursor_screen_offset + Offset(-len(typed.text) - 1, 1)

    def _name(self) -> NamePosition | None:
        cursor = self._box.cursor_position
        found = _NAME.search(self._box.value[:cursor])
        return None if found is None else NamePosition(found.start(), cursor, found[0])


_PAUSE: Final = 0.15
"""Seconds without a key after which the typed filter is applied."""
_EXAMPLES: Final = "words, method:greet, -type:DATA; or, as in Wireshark, http2.streamid == 3"
_TITLES: Final = {Language.WORDS: "Filter: words", Language.DISPLAY: "Wireshark display filter"}
_STILL_ON: Final = "The previous filter is still applied."


class FilterBox(Input):
    """The input. While its text is not a filter, it shows why, and the last valid filter stays applied."""

    BINDINGS = bindings(KeyContext.FILTER)

    def __init__(self, wireshark: DisplayFilters, names: NameList, history: FilterHistory | None = None) -> None:
        super().__init__(id="filter", placeholder=_EXAMPLES)
        self.border_title = "Filter"
        self.history = history or FilterHistory()
        self._wireshark, self._names = wireshark, names
        self.completer = NameCompleter(self, names, wireshark)
        self._filter = EVERYTHING
        self.good = self.previous = ""
        """The text of the applied filter, and of the one before it."""
        self._counts = ""
        self._timer: Timer | None = None
        self.is_searching = False
        """True while packets are examined for a display filter, which Esc cancels."""

    def put(self, text: str) -> None:
        """Apply a filter as if it had been typed."""
        self._replace(text)
        self.history.add(text)
        self._apply()

    def set_display_filter(self, filter_: Filter) -> None:
        """Record that a display filter was applied."""
        self._filter = filter_

    def show_counts(self, text: str) -> None:
        """Show how many rows are visible and hidden, unless an error is shown."""
        self._counts = text
        if not self.has_class("-faulty"):
            self.border_subtitle = Content(text)

    @on(Input.Changed)
    def _input_changed(self, event: Input.Changed) -> None:
        event.stop()
        found = language(self.value)
        self.set_class(found is Language.DISPLAY, "-display")
        self.border_title = _TITLES[found] if self.value.strip() else "Filter"
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(_PAUSE, self._input_paused)

    def _input_paused(self) -> None:
        if self.completer.is_possible:
            self.completer.start(is_requested=False)
        self._apply()

    def _apply(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        text = self.value
        if language(text) is Language.DISPLAY:
            self.run_worker(self._apply_display_filter(text), group="check", exclusive=True)
            return
        self.workers.cancel_group(self, "check")
        try:
            found = parse(text)
        except FilterError as error:
            self._refuse(error)
            return
        self._accept(text)
        if found.terms != self._filter.terms:
            self._filter = found
            self.post_message(FilterEntered(found))

    async def _apply_display_filter(self, text: str) -> None:
        expression = display_text(text)
        try:
            if expression:
                await self._wireshark.check(expression)
        except FilterError as error:
            hint = "" if is_unambiguous(text) else f'To search for the word, quote it: "{expression}".'
            error = FilterError(error.message, hint)
            if self.value == text:
                self._refuse(error)
            return
        except InspectorError as error:
            self._refuse(error)
            return
        if self.value == text and expression:
            self._accept(text)
            if self._filter.text != expression or self._filter.packets is None:
                self.post_message(DisplayFilterEntered(expression))

    def _accept(self, text: str) -> None:
        if text != self.good:
            self.previous, self.good = self.good, text
        self.remove_class("-faulty")
        self.border_subtitle = Content(self._counts)

    def _refuse(self, error: InspectorError) -> None:
        self.add_class("-faulty")
        texts = (f"{error} {_STILL_ON}", str(error), f"{error.message} {_STILL_ON}")
        self.border_subtitle = Content(next((text for text in texts if len(text) < self.size.width), texts[-1]))

    def action_leave(self) -> None:
        """Apply the filter, and go to the list."""
        self._apply()
        self.history.add(self.value)
        self.post_message(InputLeft())

    def action_back_out(self) -> None:
        """Cancel the search that runs for a display filter, or go to the list."""
        if self.is_searching:
            self.post_message(FilterScanCancelled())
        else:
            self.action_leave()

    def action_clear_filter(self) -> None:
        """Remove the filter."""
        self.clear()
        self._apply()

    def action_older(self) -> None:
        """Show the filter used before."""
        self._replace(self.history.back(self.value))

    def action_newer(self) -> None:
        """Show the filter used after."""
        self._replace(self.history.forward(self.value))

    def action_complete(self) -> None:
        """Complete the name before the cursor."""
        self.completer.start(is_requested=True)

    def _replace(self, text: str) -> None:
        self.value = text
        self.cursor_position = len(text)

    async def _on_key(self, event: events.Key) -> None:
        if self._names.display and self.completer.handle_key(event.key):
            event.stop()
            event.prevent_default()
        elif event.key == "tab" and self.completer.is_possible:
            event.stop()
            event.prevent_default()
            self.action_complete()
        elif self._names.display:
            await super()._on_key(event)
            event.prevent_default()
            self.completer.start(is_requested=False)

    def _on_focus(self, event: events.Focus) -> None:
        super()._on_focus(event)
        self.post_message(FilterFocused())

    def _on_blur(self, event: events.Blur) -> None:
        super()._on_blur(event)
        self._names.display = False
