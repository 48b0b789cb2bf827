"""Breaks lines of spans to a width in cells: at blanks where there are any, with a hanging indent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from rich.cells import cell_len, get_character_cell_size

from inspector.views.spans import Span

HANG: Final = 2
"""Cells by which the later lines of a broken line are indented further."""
_NARROWEST: Final = 8
"""A pane narrower than this cuts text off instead of breaking it letter by letter."""

_BETWEEN_FACTS: Final = (" · ", "   ")


def wrap(spans: Sequence[Span], width: int, indent: int = 0) -> list[tuple[Span, ...]]:
    """The lines that a line becomes, each with its indent as a first span; at least one."""
    first, later = max(width - indent, _NARROWEST), max(width - indent - HANG, _NARROWEST)
    margin, hanging = Span(" " * indent), Span(" " * (indent + HANG))
    lines = [(hanging if number else margin, *line) for number, line in enumerate(_lines(spans, first, later))]
    return lines or [()]


def _lines(spans: Sequence[Span], first: int, later: int) -> Iterator[tuple[Span, ...]]:
    text = "".join(span.text for span in spans)
    if cell_len(text) <= first:
        yield tuple(spans)
        return
    start = 0
    for end in _breaks(text, first, later):
        yield tuple(_cut(spans, start, end))
        # The blank at which a line was broken is not needed at the start of the next.
        start = end + 1 if text[end : end + 1] == " " else end


def _breaks(text: str, first: int, later: int) -> Iterator[int]:
    start, width = 0, first
    while start < len(text):
        end = _fill(text, start, width)
        if end < len(text) and text[end] != " ":
            blank = _gap(text, start, end)
            # A blank in the first half would waste more room than a word broken in two costs.
            end = blank if blank > start + (end - start) // 2 else end
        yield end
        start, width = (end + 1 if text[end : end + 1] == " " else end), later


def _gap(text: str, start: int, end: int) -> int:
    """Where to break before `end`: between two facts where one of them is not the half of the line, else at a blank."""
    between = max(text.rfind(gap, start + 1, end) for gap in _BETWEEN_FACTS) + 2
    return between if start + (end - start) // 2 < between < end else text.rfind(" ", start + 1, end)


def _fill(text: str, start: int, width: int) -> int:
    """Where text from `start` on has filled a width; at least one character further."""
    if (piece := text[start : start + width]).isascii():
        return start + len(piece)
    cells = 0
    for index in range(start, len(text)):
        cells += get_character_cell_size(text[index])
        if cells > width:
            return max(index, start + 1)
    return len(text)


def _cut(spans: Iterable[Span], start: int, end: int) -> Iterator[Span]:
    offset = 0
    for span in spans:
        piece = span.text[max(start - offset, 0) : max(end - offset, 0)]
        if piece:
            yield Span(piece, span.tone)
        offset += len(span.text)
        if offset >= end:
            return
