"""Where the schema is from: every source with how much it tells, to be switched on and off; and what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from textual.content import Content
from textual.widgets import Static

from inspector.schema.catalog import Catalog
from inspector.schema.sources import Source
from inspector.ui.screens.choice import Choice, ChoiceDialog
from inspector.ui.screens.prompt import ENTER
from inspector.views.text import clean, counted

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
