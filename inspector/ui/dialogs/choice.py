"""Dialogs with a list that is searched by typing: a general one, methods, and the sources of the schema."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.fuzzy import Matcher
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from inspector.schema.catalog import Catalog
from inspector.schema.sources import Source
from inspector.schema.untyped import WITHOUT_SCHEMA, untyped_method
from inspector.text import clean, counted, shortened
from inspector.ui.dialogs.base import ENTER, Dialog, Prompt, move_selection
from inspector.ui.draft import KIND_WORDS

_MAX_LENGTH: Final = 200
"""In characters; the rest of a name or its facts is cut off."""
_NAMES_MEASURED: Final = 500
_MAX_NAME_WIDTH: Final = 48


class Choice(NamedTuple):
    """An item of the list."""

    value: Any
    """What the dialog returns for it. Any, since each list has its own type of values."""
    name: str
    facts: str = ""
    """Shown dimmed after the name, and searched like it."""


class Chosen(NamedTuple):
    """The value that was chosen, and the key that chose it."""

    value: Any
    key: str = ENTER


class ChoiceDialog(Dialog[Chosen]):
    """Asks for one item of a list."""

    PLACEHOLDER = "Type to search"

    def __init__(
        self,
        title: str,
        choices: Sequence[Choice],
        note: str,
        keys: Sequence[str] = (),
        *,
        all_keys: Sequence[str] = (),
    ) -> None:
        """`note` explains the keys. `keys` choose an item like Enter; `all_keys` apply to all items and return None."""
        super().__init__()
        self.choices = choices
        self._title, self._note = title, note
        self._keys, self._all_keys = frozenset((*keys, *all_keys)), frozenset(all_keys)
        self._found: list[Choice] = []
        self._query = ""

    def compose(self) -> ComposeResult:
        """Yield the input, the list, and the help."""
        with Vertical(classes="dialog -choice") as box:
            box.border_title = Content(clean(self._title))
            yield Prompt(self._search_and_choose, self._keys, name="query", placeholder=self.PLACEHOLDER)
            yield OptionList(id="choices", markup=False, compact=True)
            yield Static(Content(self._note), id="dialog-note")

    def on_mount(self) -> None:
        """Show all choices."""
        self.offer(self.choices)

    def offer(self, choices: Sequence[Choice]) -> None:
        """Replace the choices; the selection stays at its row."""
        self.choices = choices
        here = self._list.highlighted
        self._show(self.query_one(Prompt).value)
        if here is not None and self._found:
            self._list.highlighted = min(here, len(self._found) - 1)

    def found(self, query: str) -> list[Choice]:
        """Return the choices that match a query, the best first; all in their order for an empty one."""
        if not query.strip():
            return list(self.choices)
        matcher = Matcher(query.strip())
        scored = [(matcher.match(f"{choice.name} {choice.facts}"), choice) for choice in self.choices]
        return [choice for score, choice in sorted(scored, key=lambda each: -each[0]) if score > 0]

    @property
    def selected(self) -> Choice | None:
        """The choice that Enter takes."""
        at = self._list.highlighted
        return None if at is None or at >= len(self._found) else self._found[at]

    def choose(self, key: str) -> None:
        """Choose the selected item by a key, and close the dialog."""
        if key in self._all_keys:
            self.dismiss(Chosen(None, key))
        elif (selected := self.selected) is not None:
            self.dismiss(Chosen(selected.value, key))

    @property
    def _list(self) -> OptionList:
        return self.query_one("#choices", OptionList)

    @on(Input.Changed, "#query")
    def _search(self, event: Input.Changed) -> None:
        if event.value != self._query:
            self._show(event.value)

    def _show(self, query: str) -> None:
        self._query, self._found = query, self.found(query)
        width = max((len(choice.name) for choice in self._found[:_NAMES_MEASURED]), default=0)
        self._list.clear_options()
        options = [Option(_prompt(choice, min(width, _MAX_NAME_WIDTH))) for choice in self._found]
        self._list.add_options(options or [_empty(is_searched=bool(query.strip()))])
        self._list.highlighted = 0 if self._found else None

    def _search_and_choose(self, key: str) -> None:
        query = self.query_one(Prompt).value
        if query != self._query:
            self._show(query)
        self.choose(key)

    @on(OptionList.OptionSelected)
    def _select(self) -> None:
        self.choose(ENTER)

    def on_key(self, event: events.Key) -> None:
        """Choose, move the selection, or type, wherever the focus is."""
        if event.key in self._keys:
            event.stop()
            self.choose(event.key)
        elif not move_selection(self._list, event) and event.is_printable and event.character:
            # Typed ahead, or typed with the focus on the list.
            self.query_one(Prompt).insert_text_at_cursor(event.character)


def _empty(*, is_searched: bool) -> Option:
    text = "No match." if is_searched else "The list is empty."
    return Option(Content.styled(text, "$tone-dim"), disabled=True)


def _prompt(choice: Choice, width: int) -> Content:
    name, facts = (clean(shortened(text, _MAX_LENGTH)) for text in (choice.name, choice.facts))
    return Content.assemble(name.ljust(width), "  ", (facts, "$tone-dim"))


class TypedChoiceDialog(ChoiceDialog):
    """Asks for one item of a list, or something typed that is not in it."""

    def __init__(
        self,
        title: str,
        choices: Sequence[Choice],
        note: str,
        typed: Callable[[str], Choice | None],
        keys: Sequence[str] = (),
    ) -> None:
        """`typed` makes a choice of what was typed; None if it is not valid."""
        super().__init__(title, choices, note, keys)
        self._typed = typed

    def found(self, query: str) -> list[Choice]:
        """Return the choices that match a query, then the query itself if it is valid and not among them."""
        found, typed = super().found(query), self._typed(query) if query.strip() else None
        is_new = typed is not None and all(choice.value != typed.value for choice in found)
        return [*found, typed] if typed is not None and is_new else found


_PATH: Final = re.compile(r"/?([!-.0-~]+/[!-.0-~]+)")
"""`package.Service/Method` in printable ASCII, as in `:path` but for the optional slash."""


class MethodDialog(ChoiceDialog):
    """Asks for a method: one of the list, or one without a schema whose path is typed."""

    PLACEHOLDER = "Type to search, or type package.Service/Method to call one without a schema"

    def found(self, query: str) -> list[Choice]:
        """Return the methods that match a query. If it is the path of another one, add that as each kind of call."""
        found = super().found(query)
        typed = _PATH.fullmatch(query.strip())
        if typed is None or any(_is_meant(choice, typed[1], query) for choice in self.choices):
            return found
        return [*found, *_untyped_choices(typed[1])]


def _is_meant(choice: Choice, path: str, query: str) -> bool:
    """Return whether a query means a choice: it is its path, or part of it unless it starts with a slash."""
    return path == choice.name or (not query.strip().startswith("/") and path.lower() in choice.name.lower())


def _untyped_choices(path: str) -> Sequence[Choice]:
    """Return one choice for each of the four kinds of calls."""
    return [
        Choice(untyped_method(f"/{path}", kind), path, f"{KIND_WORDS[kind]:<13}  {WITHOUT_SCHEMA}")
        for kind in KIND_WORDS
    ]


RELOAD: Final = "f6"
_SCHEMA_HELP: Final = "Enter switches a source off and on · F6 reloads all · Esc closes"
_MAX_PROBLEMS: Final = 6


class SchemaDialog(ChoiceDialog):
    """Lists the sources of the schema by precedence, to switch them on and off. Its only result is F6."""

    def __init__(self, catalog: Catalog, on_switch: Callable[[], None]) -> None:
        """`on_switch` is called when a source was switched on or off."""
        super().__init__("Schema", list(_source_choices(catalog)), _SCHEMA_HELP, (RELOAD,))
        self._catalog, self._on_switch = catalog, on_switch

    def on_mount(self) -> None:
        """Show the sources and their problems."""
        super().on_mount()
        self._show_problems()

    def choose(self, key: str) -> None:
        """Switch the selected source by Enter, or close the dialog by F6."""
        if key != ENTER:
            super().choose(key)
        elif (selected := self.selected) is not None:
            source: Source = selected.value
            self._catalog.switch(source.origin, is_on=not source.is_on)
            self._on_switch()
            self.offer(list(_source_choices(self._catalog)))
            self._show_problems()

    def _show_problems(self) -> None:
        problems = [clean(each) for each in self._catalog.problems]
        shown, more = problems[:_MAX_PROBLEMS], len(problems) - _MAX_PROBLEMS
        if more > 0:
            shown.append(f"… and {counted(more, 'more problem')}")
        text = "".join(f"{problem}\n" for problem in shown)
        self.query_one("#dialog-note", Static).update(Content.assemble((text, "$tone-warn"), _SCHEMA_HELP))


def _source_choices(catalog: Catalog) -> Iterator[Choice]:
    for source in catalog.sources:
        facts = ["on" if source.is_on else "off", counted(source.methods, "method")]
        if source.problems:
            facts.append(counted(len(source.problems), "problem"))
        yield Choice(source, f"{'●' if source.is_on else '○'} {source.origin}", "  ".join(facts))
