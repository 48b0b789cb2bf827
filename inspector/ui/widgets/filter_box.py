"""The filter's input, with errors as it is typed and a list of field names."""

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
from inspector.store.filters.filter import EVERYTHING, Filter, parse
from inspector.store.filters.syntax import Language, display_text, is_sure, language
from inspector.text import clean
from inspector.tshark.sharkd import FieldName
from inspector.ui.bindings import KeyContext, bindings
from inspector.ui.history import FilterHistory
from inspector.ui.messages import DisplayFiltered, FilterBegun, Filtered, Left, PassCancelled

_WORD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*$")


class NamePosition(NamedTuple):
    """A name that is being typed."""

    start: int
    end: int
    text: str


def name_before(text: str, cursor: int) -> NamePosition | None:
    """The name that ends at a cursor."""
    found = _WORD.search(text[:cursor])
    return None if found is None else NamePosition(found.start(), cursor, found[0])


class NameList(OptionList, can_focus=False):
    """The list."""

    def __init__(self) -> None:
        super().__init__(id="candidates", markup=False, compact=True)
        self.display = False
        self._names: Sequence[FieldName] = ()

    def offer(self, names: Sequence[FieldName], *, is_marked: bool) -> None:
        """Show names, or nothing for none; where somebody asked for them one is marked, the first or that which was."""
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
        """The name that would be taken; "" for none."""
        return self._names[self.highlighted].name if self.display and self.highlighted is not None else ""

    def dismiss(self) -> bool:
        """Away with it; False when it was not there."""
        was_shown, self.display = self.display, False
        return bool(was_shown)


_PAUSE: Final = 0.15
"""Seconds without a key after which what was typed is tried."""
_EXAMPLES: Final = "words, method:greet, -type:DATA; or, as in Wireshark, http2.streamid == 3"
_TITLES: Final = {Language.WORDS: "Filter: words", Language.DISPLAY: "Wireshark display filter"}
_STILL_ON: Final = "The filter before is still on."


class DisplayFilters(Protocol):
    """Who knows display filters."""

    async def check(self, text: str) -> None:
        """Raises FilterError for what is none."""

    async def complete(self, start: str) -> tuple[FieldName, ...]:
        """Names that begin like that."""


class FilterBox(Input):
    """The filter's input."""

    BINDINGS = bindings(KeyContext.FILTER)

    def __init__(self, wireshark: DisplayFilters, names: NameList, history: FilterHistory | None = None) -> None:
        super().__init__(id="filter", placeholder=_EXAMPLES)
        self.border_title = "Filter"
        self._wireshark, self._names = wireshark, names
        self._history = history or FilterHistory()
        self._filter = EVERYTHING
        self._good = self._before = ""
        """The text that is on, and the one that was on before it."""
        self._counts = ""
        self._timer: Timer | None = None
        self.is_searching = False
        """True while packets are looked through for a display filter: Esc breaks that off."""

    @property
    def good(self) -> str:
        """The text of the filter that is on."""
        return self._good

    def put(self, text: str) -> None:
        """Have a text as the filter, as if it had been typed."""
        self.value = text
        self.cursor_position = len(text)
        self._history.add(text)
        self._try()

    def withhold(self, secret: str) -> None:
        """Keep filters that hold a secret out of the file of earlier filters."""
        self._history.withhold(secret)

    def put_back(self) -> None:
        """Have the filter that was on before this one."""
        self.put(self._before)

    def show_counts(self, text: str) -> None:
        """How many frames are shown, and how many are hidden."""
        self._counts = text
        if not self.has_class("-faulty"):
            self.border_subtitle = Content(text)

    @on(Input.Changed)
    def _wait(self, event: Input.Changed) -> None:
        event.stop()
        self._show_language(language(self.value))
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(_PAUSE, self._pause)

    def _pause(self) -> None:
        """Nothing more has been typed for a while."""
        if self._completes():
            self._offer(is_asked=False)
        self._try()

    def _show_language(self, known: Language) -> None:
        self.set_class(known is Language.DISPLAY, "-display")
        self.border_title = _TITLES[known] if self.value.strip() else "Filter"

    def _try(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        text = self.value
        if language(text) is Language.DISPLAY:
            self.run_worker(self._try_display(text), group="check", exclusive=True)
        else:
            self.workers.cancel_group(self, "check")
            self._try_words(text)

    def _try_words(self, text: str) -> None:
        try:
            found = parse(text)
        except FilterError as error:
            self._refuse(error)
            return
        self._accept(text)
        if found.terms != self._filter.terms:
            self._filter = found
            self.post_message(Filtered(found))

    async def _try_display(self, text: str) -> None:
        asked = display_text(text)
        try:
            if asked:
                await self._wireshark.check(asked)
        except FilterError as error:
            hint = "" if is_sure(text) else f'To search for the word, quote it: "{asked}".'
            error = FilterError(error.message, hint)
            if self.value == text:
                self._refuse(error)
            return
        except InspectorError as error:
            self._refuse(error)
            return
        if self.value == text and asked:
            self._accept(text)
            if self._filter.text != asked or self._filter.packets is None:
                self.post_message(DisplayFiltered(asked))

    def take(self, filter_: Filter) -> None:
        """A display filter has been put on."""
        self._filter = filter_

    def _accept(self, text: str) -> None:
        if text != self._good:
            self._before, self._good = self._good, text
        self.remove_class("-faulty")
        self.border_subtitle = Content(self._counts)

    def _refuse(self, error: InspectorError) -> None:
        self.add_class("-faulty")
        said = (f"{error} {_STILL_ON}", str(error), f"{error.message} {_STILL_ON}")
        self.border_subtitle = Content(next((words for words in said if len(words) < self.size.width), said[-1]))

    def _action_leave(self) -> None:
        self._try()
        self._history.add(self.value)
        self.post_message(Left())

    def _action_back_out(self) -> None:
        if self.is_searching:
            self.post_message(PassCancelled())
        else:
            self._action_leave()

    def _action_clear_filter(self) -> None:
        self.clear()
        self._try()

    def _action_older(self) -> None:
        self._show(self._history.back(self.value))

    def _action_newer(self) -> None:
        self._show(self._history.forward(self.value))

    def _show(self, text: str) -> None:
        self.value = text
        self.cursor_position = len(text)

    def _action_complete(self) -> None:
        self._offer(is_asked=True)

    def _offer(self, *, is_asked: bool) -> None:
        group = "asked" if is_asked else "offered"  # what was asked for is not given up for what was not
        self.run_worker(self._complete(is_asked=is_asked), group=group, exclusive=True)

    async def _complete(self, *, is_asked: bool) -> None:
        """Offer names; those that were asked for are marked, and the only one is taken at once."""
        typed = name_before(self.value, self.cursor_position)
        try:
            names = await self._wireshark.complete(typed.text) if typed else ()
        except InspectorError:
            names = ()
        is_wanted = is_asked or self.has_focus
        if not is_wanted or typed is None or typed != name_before(self.value, self.cursor_position):
            self._names.dismiss()
            return
        is_whole = len(names) == 1 and names[0].name == typed.text
        self._names.offer(() if is_whole and not is_asked else names, is_marked=is_asked or bool(self._names.marked))
        if is_asked and len(names) == 1:
            self.take_name()
        self._names.absolute_offset = self.cursor_screen_offset + Offset(-len(typed.text) - 1, 1)

    def take_name(self) -> None:
        """Put the marked name in the place of what was typed of it."""
        typed, name = name_before(self.value, self.cursor_position), self._names.marked
        self._names.dismiss()
        if typed is not None and name:
            self.value = self.value[: typed.start] + name + self.value[typed.end :]
            self.cursor_position = typed.start + len(name)

    async def _on_key(self, event: events.Key) -> None:
        if self._names.display and self._is_for_names(event.key):
            event.stop()
            event.prevent_default()
        elif event.key == "tab" and self._completes():
            event.stop()
            event.prevent_default()
            self._action_complete()
        elif self._names.display:
            await super()._on_key(event)
            event.prevent_default()
            self._offer(is_asked=False)

    def _completes(self) -> bool:
        """True where there may be a name: in a display filter, behind the beginning of one."""
        typed = name_before(self.value, self.cursor_position)
        return typed is not None and (language(self.value) is Language.DISPLAY or "." in typed.text)

    def _is_for_names(self, key: str) -> bool:
        match key:
            case "tab" | "enter" if self._names.marked:
                self.take_name()
            case "down":
                self._names.action_cursor_down()
            case "up" if self._names.marked:
                self._names.action_cursor_up()
            case "escape":
                self._names.dismiss()
            case _:
                return False
        return True

    def _on_focus(self, event: events.Focus) -> None:
        super()._on_focus(event)
        self.post_message(FilterBegun())

    def _on_blur(self, event: events.Blur) -> None:
        super()._on_blur(event)
        self._names.dismiss()
