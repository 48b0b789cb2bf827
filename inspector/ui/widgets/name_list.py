"""The names of fields that may stand at the cursor of the filter, in a list below it.

Owns what is offered and which name is marked. The names themselves are Wireshark's; the text is the filter box's.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from inspector.capture.sharkd_answers import FieldName
from inspector.views.text import clean

_WORD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*$")


class Place(NamedTuple):
    """A name that is being typed."""

    start: int
    end: int
    text: str


def name_before(text: str, cursor: int) -> Place | None:
    """The name that ends at a cursor."""
    found = _WORD.search(text[:cursor])
    return None if found is None else Place(found.start(), cursor, found[0])


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
