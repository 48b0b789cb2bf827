"""Numbers over time as a plot in block characters, and few numbers as a line of them.

Pure. A plot fills the room that it is given, to the eighth of a cell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from inspector.views.spans import Line, Span, Tone

_BLOCKS: Final = " ▁▂▃▄▅▆▇█"
_LABEL: Final = 12
"""Cells for what stands at the left of a plot."""


def spark(values: Sequence[float]) -> str:
    """Values as one character each; something is seen of every value that is not nothing."""
    most = max(values, default=0)
    return "".join(_BLOCKS[_eighths(value, most, 8)] for value in values)


def plot(
    counts: Sequence[int], width: float, room: int, height: int, label: Callable[[float], str], tone: Tone
) -> Iterator[Line]:
    """Rates over time: `counts` are of `width` seconds each; `room` and `height` are cells, `label` names a rate."""
    columns, each = _gathered(counts, room - _LABEL - 1)
    most, seconds = max(columns, default=0), width * each
    cells = _cells_each(len(columns), room)
    names = {height - 1: label(most / seconds), height // 2 - 1: label(most / seconds * (height // 2) / height)}
    for row in reversed(range(height)):
        bars = (_BLOCKS[min(max(_eighths(count, most, height * 8) - row * 8, 0), 8)] * cells for count in columns)
        edge = "┤" if row in names else "│"
        yield Line((Span(f"{names.get(row, ''):>{_LABEL}}{edge}", Tone.DIM), Span("".join(bars), tone)))
    yield Line((Span(f"{'0':>{_LABEL}}└" + "─" * (len(columns) * cells), Tone.DIM),))


def axis(start: str, end: str, counts: int, room: int) -> Line:
    """What stands below plots of so many counts."""
    columns = len(_gathered(range(counts), room - _LABEL - 1)[0])
    gap = max(columns * _cells_each(columns, room) - len(start) - len(end), 1)
    return Line((Span(" " * (_LABEL + 1) + start + " " * gap + end, Tone.DIM),))


def _gathered(counts: Sequence[int], columns: int) -> tuple[list[int], int]:
    """Counts in at most so many columns, each the sum of equally many of them; and how many those are."""
    each = max(-(-len(counts) // max(columns, 1)), 1)
    return [sum(counts[at : at + each]) for at in range(0, len(counts), each)], each


def _cells_each(columns: int, room: int) -> int:
    """How wide each column is drawn where there are few."""
    return max((room - _LABEL - 1) // max(columns, 1), 1)


def _eighths(value: float, most: float, whole: int) -> int:
    return max(round(value / most * whole), 1) if value else 0
