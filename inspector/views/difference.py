"""What two sides say under the same names, and a mark for each difference that is seen without colour."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple, TypeAlias

from inspector.views.spans import GAP, Line, Span, Tone, plain
from inspector.views.text import clean, shortened

Facts: TypeAlias = Mapping[str, str]
"""What one side says, by name."""

SAME, DIFFERENT, LEFT, RIGHT = "=", "≠", "◀", "▶"
MARK_TONES: Final = {SAME: Tone.DIM, DIFFERENT: Tone.WARN, LEFT: Tone.ERROR, RIGHT: Tone.OK}
_LONGEST: Final = 1_000
"""Characters of a value that are shown."""


class Difference(NamedTuple):
    """One name with what each side says of it; None for a side that does not have it."""

    name: str
    left: str | None
    right: str | None

    @property
    def mark(self) -> str:
        """One of the four marks."""
        if self.left is None:
            return RIGHT
        if self.right is None:
            return LEFT
        return SAME if self.left == self.right else DIFFERENT

    def lines(self, width: int) -> tuple[Line, ...]:
        """One line, or where both sides say something else and that is too much for one, three."""
        name = Span(clean(self.name), Tone.DIM if self.mark is SAME else Tone.KEY)
        start = (Span(f"{self.mark} ", MARK_TONES[self.mark]), name)
        if self.mark is not DIFFERENT:
            value = self.left if self.left is not None else self.right
            return (Line((*start, Span(f": {_shown(value)}", MARK_TONES[self.mark]))),)
        left, right = (
            Span(f"{side} {_shown(value)}", MARK_TONES[side])
            for side, value in ((LEFT, self.left), (RIGHT, self.right))
        )
        beside = (*start, Span(": "), left, GAP, right)
        return (Line(beside),) if len(plain(beside)) <= width else (Line(start), Line((left,), 2), Line((right,), 2))


def differences(left: Facts, right: Facts) -> list[Difference]:
    """Name by name, in the order of the left side, then what only the right one has."""
    return [Difference(name, left.get(name), right.get(name)) for name in {**left, **right}]


def _shown(value: str | None) -> str:
    return clean(shortened(value, _LONGEST)) if value else "(empty)"
