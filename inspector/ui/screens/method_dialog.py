"""The choice of a method: those that schemas know, those that were seen on the wire, and any whose path is typed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from inspector.schema.untyped import WITHOUT_SCHEMA, untyped_method
from inspector.ui.draft import KIND_WORDS
from inspector.ui.screens.choice import Choice, ChoiceDialog

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
