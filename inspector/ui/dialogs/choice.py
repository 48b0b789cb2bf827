"""Lists to choose from by typing: methods, schemas, and others."""

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
from inspector.ui.dialogs.base import ENTER, Dialog, Prompt
from inspector.ui.draft import KIND_WORDS

_LONGEST: Final = 200
_MOVES: Final = {
    "down": "cursor_down",
    "up": "cursor_up",
    "pagedown": "page_down",
    "pageup": "page_up",
}


class Choice(NamedTuple):
    """Something to choose."""

    value: Any
    """What it stands for. Any: each list has values of its own kind."""
    name: str
    """What is searched, and shown first."""
    facts: str = ""
    """What is shown dimmed behind it."""


class Chosen(NamedTuple):
    """What was chosen, and by which key."""

    value: Any
    key: str = ENTER


class ChoiceDialog(Dialog[Chosen]):
    """Gives what was chosen, or None."""

    ASKED = "Type to search"
    """What stands where one types."""

    def __init__(
        self,
        title: str,
        choices: Sequence[Choice],
        note: str,
        keys: Sequence[str] = (),
        *,
        all_keys: Sequence[str] = (),
    ) -> None:
        """`note` says what keys do; `keys` choose, beside Enter; `all_keys` are about all choices, marked or not."""
        super().__init__()
        self.choices = choices
        self._title, self._note = title, note
        self._keys, self._all_keys = frozenset((*keys, *all_keys)), frozenset(all_keys)
        self._found: list[Choice] = []
        self._searched = ""

    def compose(self) -> ComposeResult:
        """What is typed, what is found, and a line that says what keys do."""
        with Vertical(classes="dialog -choice") as box:
            box.border_title = Content(clean(self._title))
            yield Prompt(self._search_and_take, self._keys, name="wanted", placeholder=self.ASKED)
            yield OptionList(id="choices", markup=False, compact=True)
            yield Static(Content(self._note), id="dialog-note")

    def on_mount(self) -> None:
        """Everything is found at first."""
        self.offer(self.choices)

    def offer(self, choices: Sequence[Choice]) -> None:
        """Other choices, or the same in other words; the mark stays in its place."""
        self.choices = choices
        here = self._list.highlighted
        self._show(self.query_one(Prompt).value)
        if here is not None and self._found:
            self._list.highlighted = min(here, len(self._found) - 1)

    def found(self, wanted: str) -> list[Choice]:
        """What fits to what was typed, the best first; all in their order where nothing was typed."""
        if not wanted.strip():
            return list(self.choices)
        matcher = Matcher(wanted.strip())
        scored = [(matcher.match(f"{choice.name} {choice.facts}"), choice) for choice in self.choices]
        return [choice for score, choice in sorted(scored, key=lambda each: -each[0]) if score > 0]

    @property
    def marked(self) -> Choice | None:
        """The choice that Enter would take."""
        at = self._list.highlighted
        return None if at is None or at >= len(self._found) else self._found[at]

    def take(self, key: str) -> None:
        """Something was chosen by a key."""
        if key in self._all_keys:
            self.dismiss(Chosen(None, key))
        elif (marked := self.marked) is not None:
            self.dismiss(Chosen(marked.value, key))

    @property
    def _list(self) -> OptionList:
        return self.query_one("#choices", OptionList)

    @on(Input.Changed, "#wanted")
    def _search(self, event: Input.Changed) -> None:
        if event.value != self._searched:
            self._show(event.value)

    def _show(self, wanted: str) -> None:
        self._searched, self._found = wanted, self.found(wanted)
        room = max((len(choice.name) for choice in self._found[:500]), default=0)
        self._list.clear_options()
        options = [Option(_prompt(choice, min(room, 48))) for choice in self._found]
        self._list.add_options(options or [_nothing(is_searched=bool(wanted.strip()))])
        self._list.highlighted = 0 if self._found else None

    def _search_and_take(self, key: str) -> None:
        wanted = self.query_one(Prompt).value
        if wanted != self._searched:
            self._show(wanted)
        self.take(key)

    @on(OptionList.OptionSelected)
    def _select(self) -> None:
        self.take(ENTER)

    def on_key(self, event: events.Key) -> None:
        """Keys that move go to the list although the focus is where one types; so do those that choose."""
        if event.key in self._keys:
            event.stop()
            self.take(event.key)
        elif event.key in _MOVES and not self._list.has_focus:
            event.stop()
            getattr(self._list, f"action_{_MOVES[event.key]}")()
        elif event.is_printable and event.character:  # typed ahead, or with the focus on the list
            self.query_one(Prompt).insert_text_at_cursor(event.character)


def _nothing(*, is_searched: bool) -> Option:
    words = "Nothing fits what is typed." if is_searched else "There is none."
    return Option(Content.styled(words, "$tone-dim"), disabled=True)


def _prompt(choice: Choice, room: int) -> Content:
    name, facts = (clean(shortened(text, _LONGEST)) for text in (choice.name, choice.facts))
    return Content.assemble(name.ljust(room), "  ", (facts, "$tone-dim"))


class TypedChoiceDialog(ChoiceDialog):
    """Gives what was chosen or typed, or None."""

    def __init__(
        self,
        title: str,
        choices: Sequence[Choice],
        note: str,
        typed: Callable[[str], Choice | None],
        keys: Sequence[str] = (),
    ) -> None:
        """`typed` makes a choice of what was typed; None where it can be none."""
        super().__init__(title, choices, note, keys)
        self._typed = typed

    def found(self, wanted: str) -> list[Choice]:
        """What fits to what was typed, and that itself."""
        found, typed = super().found(wanted), self._typed(wanted) if wanted.strip() else None
        is_new = typed is not None and all(choice.value != typed.value for choice in found)
        return [*found, typed] if typed is not None and is_new else found


_PATH: Final = re.compile(r"/?([!-.0-~]+/[!-.0-~]+)")
"""`package.Service/Method` in printable ASCII, as `:path` has it."""


class MethodDialog(ChoiceDialog):
    """Gives a method that may be one that no schema knows, of the kind that was chosen."""

    ASKED = "Type to search; package.Service/Method calls one that no schema knows"

    def found(self, wanted: str) -> list[Choice]:
        """What fits; a path that is typed whole can be called as any of the four kinds."""
        found = super().found(wanted)
        typed = _PATH.fullmatch(wanted.strip())
        if typed is None or any(_names(choice, typed[1], wanted) for choice in self.choices):
            return found
        return [*found, *_of_every_kind(typed[1])]


def _names(choice: Choice, path: str, wanted: str) -> bool:
    """True when what was typed is a method that is offered, or looks for one; with a slash before it is a path."""
    return path == choice.name or (not wanted.strip().startswith("/") and path.lower() in choice.name.lower())


def _of_every_kind(path: str) -> Sequence[Choice]:
    return [
        Choice(untyped_method(f"/{path}", kind), path, f"{KIND_WORDS[kind]:<13}  {WITHOUT_SCHEMA}")
        for kind in KIND_WORDS
    ]


RELOAD: Final = "f6"
_NOTE: Final = "Enter switches a source off and on · F6 reads all again · Esc closes"
_PROBLEMS: Final = 6


class SchemaDialog(ChoiceDialog):
    """The sources in the order in which they are asked; gives a choice only for F6."""

    def __init__(self, catalog: Catalog, changed: Callable[[], None]) -> None:
        """`changed` is called when a source was switched."""
        super().__init__("Schema", list(_choices(catalog)), _NOTE, (RELOAD,))
        self._catalog, self._changed = catalog, changed

    def on_mount(self) -> None:
        """What is wrong stands below."""
        super().on_mount()
        self._tell()

    def take(self, key: str) -> None:
        """Enter switches, and the dialog stays."""
        if key != ENTER:
            super().take(key)
        elif (marked := self.marked) is not None:
            source: Source = marked.value
            self._catalog.switch(source.origin, is_on=not source.is_on)
            self._changed()
            self.offer(list(_choices(self._catalog)))
            self._tell()

    def _tell(self) -> None:
        problems = self._catalog.problems
        more = len(problems) - _PROBLEMS
        told = [*problems[:_PROBLEMS], *([f"… and {counted(more, 'more problem')}"] if more > 0 else [])]
        words = "".join(f"{clean(each)}\n" for each in told)
        self.query_one("#dialog-note", Static).update(Content.assemble((words, "$tone-warn"), _NOTE))


def _choices(catalog: Catalog) -> Iterator[Choice]:
    for source in catalog.sources:
        facts = ["on" if source.is_on else "off", counted(source.methods, "method")]
        if source.problems:
            facts.append(counted(len(source.problems), "problem"))
        yield Choice(source, f"{'●' if source.is_on else '○'} {source.origin}", "  ".join(facts))
