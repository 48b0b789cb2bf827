"""Lines in columns: as wide as what stands in them, numbers to the right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

from inspector.views.spans import Line, Span, Tone

_GAP: Final = 2
_LEAST: Final = 12

Row: TypeAlias = Sequence[Span]


def table(
    titles: Sequence[str], rows: Sequence[Row], width: int, *, left: int = 1, optional: Sequence[int] = ()
) -> Iterator[Line]:
    """A line of titles and one of each row.

    The first `left` columns stand left. Where room is scarce, `optional` columns are left out, the first of them
    first; then those at the left show their ends only.
    """
    widths = [max(len(title), *(len(row[index].text) for row in rows), 0) for index, title in enumerate(titles)]
    shown = list(range(len(titles)))
    for index in optional:
        if _over(widths, shown, width) > 0:
            shown.remove(index)
    for index in sorted(range(left), key=lambda index: -widths[index]):
        widths[index] -= min(max(_over(widths, shown, width), 0), max(widths[index] - _LEAST, 0))
    for row in ([Span(title, Tone.DIM) for title in titles], *rows):
        yield Line(tuple(_cell(row[index], widths[index], index, left) for index in shown))


def _over(widths: Sequence[int], shown: Sequence[int], width: int) -> int:
    """How many cells there are too many."""
    return sum(widths[index] + _GAP for index in shown) - _GAP - width


def _cell(cell: Span, width: int, index: int, left: int) -> Span:
    text = cell.text if len(cell.text) <= width else "…" + cell.text[1 - width :]
    gap = " " * _GAP if index else ""
    return Span(gap + (text.ljust(width) if index < left else text.rjust(width)), cell.tone)
