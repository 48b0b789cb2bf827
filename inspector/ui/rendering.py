"""From spans to what Textual paints: styles, segments, and lines wrapped to a width."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import ClassVar, Final

from rich.cells import cell_len, get_character_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.app import App
from textual.color import Color
from textual.strip import Strip

from inspector.present.find import Matcher
from inspector.present.spans import Span, Tone

_VARIABLES: Final[Mapping[Tone, tuple[str, str]]] = {
    Tone.PLAIN: ("foreground", ""),
    Tone.DIM: ("tone-dim", ""),
    Tone.CLIENT: ("tone-client", ""),
    Tone.SERVER: ("tone-server", ""),
    Tone.OK: ("tone-ok", ""),
    Tone.ERROR: ("error", ""),
    Tone.WARN: ("tone-warn", ""),
    Tone.KEY: ("secondary", ""),
    Tone.STRING: ("tone-ok", ""),
    Tone.NUMBER: ("tone-number", ""),
    Tone.KEYWORD: ("primary", ""),
    Tone.PREFIX: ("secondary", "bold"),
    Tone.RECOVERED: ("foreground", "italic"),
    Tone.GUESSED: ("tone-warn", "italic"),
    Tone.DOUBTFUL: ("tone-warn", "underline"),
    Tone.UNKNOWN: ("error", "italic"),
}
"""The theme variable that colours a tone, and its text style."""

_BOLD: Final = Style(bold=True)


class Palette:
    """The styles of one theme; the same object as long as the theme is the same, so it can be part of a cache key."""

    _latest: ClassVar[Palette | None] = None

    @classmethod
    def of_app(cls, app: App[object]) -> Palette:
        """The palette of the theme that an app has now."""
        if cls._latest is None or cls._latest._variables is not app.theme_variables:
            cls._latest = cls(app.theme_variables)
        return cls._latest

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self._styles = {tone: self._style(*names) for tone, names in _VARIABLES.items()}

    def of(self, tone: Tone, *, strong: bool = False) -> Style:
        """The style of a tone."""
        style = self._styles[tone]
        return style + _BOLD if strong else style

    def colour(self, variable: str) -> Color:
        """The colour of a theme variable; of `red 50%` the red, as much as it covers."""
        name, _, share = self._variables[variable].partition(" ")
        colour = Color.parse(self._variables["foreground"] if name == "auto" else name)
        # Colours of the terminal's own have no known value to mix with another.
        return colour.with_alpha(float(share.rstrip("%")) / 100) if share and colour.ansi is None else colour

    def background(self, variable: str) -> Style:
        """A style that paints a theme variable's colour behind text; half-transparent ones over the background."""
        colour = self.colour(variable)
        if colour.a < 1:
            colour = self.colour("background") + colour
        return Style(bgcolor=colour.rich_color)

    @property
    def sought(self) -> Style:
        """What Find looks for, where it stands."""
        return Style(color=self.colour("background").rich_color, bgcolor=self.colour("warning").rich_color, bold=True)

    @property
    def rule(self) -> Style:
        """The line under tabs."""
        return Style(color=self.colour("underline").rich_color)

    @property
    def chip(self) -> Style:
        """The program's name."""
        text, ground = self.colour("background").rich_color, self.colour("primary").rich_color
        return Style(color=text, bgcolor=ground, bold=True)

    @property
    def key(self) -> Style:
        """A key in the footer."""
        return Style(color=self.colour("tone-shortcut").rich_color, bold=True)

    def _style(self, variable: str, decoration: str) -> Style:
        return Style.parse(decoration) + Style(color=self.colour(variable).rich_color)


def segments(spans: Iterable[Span], palette: Palette, *, strong: bool = False) -> list[Segment]:
    """Spans as styled segments; `strong` ones are bold, apart from what may be overlooked."""
    return [
        Segment(span.text, palette.of(span.tone, strong=strong and span.tone is not Tone.DIM))
        for span in spans
        if span.text
    ]


def highlighted(strip: Strip, sought: Matcher | None, style: Style) -> Strip:
    """A strip in which what is looked for has a style of its own."""
    text = strip.text
    ends = sought.spans(text) if sought is not None else []
    if not ends:
        return strip
    cuts = [cell_len(text[:at]) for span in ends for at in span]
    parts = strip.divide([*cuts, strip.cell_length])
    return Strip.join(_over(part, style) if number % 2 else part for number, part in enumerate(parts))


def _over(strip: Strip, style: Style) -> Strip:
    """A strip in a style that wins over those that its text has."""
    return Strip(Segment.apply_style(strip, post_style=style), strip.cell_length)


def fitted(parts: list[Segment], width: int, *, right: bool = False, keep_end: bool = False) -> list[Segment]:
    """Segments made exactly `width` cells wide: padded, or cut off with `…`, at their start to keep the end."""
    strip = Strip(parts)
    length = strip.cell_length
    if length > width and keep_end and width:
        kept = strip.crop(length - width + 1, length)
        return [Segment("…" + " " * (width - 1 - kept.cell_length), parts[0].style), *kept]
    if length > width:
        kept = strip.crop(0, max(width - 1, 0))
        style = parts[-1].style if parts else None
        return [*kept, Segment("…" + " " * (width - 1 - kept.cell_length), style)] if width else []
    padding = Segment(" " * (width - length))
    return [padding, *parts] if right else [*parts, padding]


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
        if end < len(text):
            end = _gap(text, start, end)
        yield end
        start, width = (end + 1 if text[end : end + 1] == " " else end), later


def _gap(text: str, start: int, end: int) -> int:
    """Where to break what would fill a line up to `end`: between two facts if there are any, else at a blank.

    A gap in the first half would waste more room than a word broken in two costs.
    """
    between = max(text.rfind(gap, start + 1, end) for gap in _BETWEEN_FACTS) + 2
    blank = end if text[end] == " " else text.rfind(" ", start + 1, end)
    half = start + (end - start) // 2
    return next((gap for gap in (between, blank) if half < gap), end)


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
