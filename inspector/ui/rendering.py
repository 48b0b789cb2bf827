"""Turns spans into what Textual draws: styles of the theme, segments, and lines wrapped to a width."""

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
    """The styles of one theme. It is the same object until the theme changes, so it can be part of a cache key."""

    _latest: ClassVar[tuple[Mapping[str, str], Palette] | None] = None
    """The palette that was used last, and the variables that it was made from."""

    @classmethod
    def of_app(cls, app: App[object]) -> Palette:
        """Return the palette of an app's current theme."""
        variables = app.theme_variables
        if cls._latest is None or cls._latest[0] is not variables:
            cls._latest = variables, cls(variables)
        return cls._latest[1]

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self._styles = {tone: self._style(*names) for tone, names in _VARIABLES.items()}

    def of(self, tone: Tone, *, strong: bool = False) -> Style:
        """Return the style of a tone, in bold if it is strong."""
        style = self._styles[tone]
        return style + _BOLD if strong else style

    def colour(self, variable: str) -> Color:
        """Return the colour of a theme variable, in which `red 50%` is a half-transparent red."""
        name, _, share = self._variables[variable].partition(" ")
        colour = Color.parse(self._variables["foreground"] if name == "auto" else name)
        # The values of ANSI colours are up to the terminal, so they cannot be mixed with others.
        return colour.with_alpha(float(share.rstrip("%")) / 100) if share and colour.ansi is None else colour

    def background(self, variable: str) -> Style:
        """Return a style with a theme variable as background colour, mixed with the theme's if transparent."""
        colour = self.colour(variable)
        if colour.a < 1:
            colour = self.colour("background") + colour
        return Style(bgcolor=colour.rich_color)

    @property
    def match(self) -> Style:
        """Text that a search matches."""
        return Style(color=self.colour("background").rich_color, bgcolor=self.colour("warning").rich_color, bold=True)

    @property
    def rule(self) -> Style:
        """The line below tabs."""
        return Style(color=self.colour("underline").rich_color)

    @property
    def chip(self) -> Style:
        """The name of the program, at the start of the status line."""
        text, ground = self.colour("background").rich_color, self.colour("primary").rich_color
        return Style(color=text, bgcolor=ground, bold=True)

    @property
    def key(self) -> Style:
        """A key in the key bar."""
        return Style(color=self.colour("tone-shortcut").rich_color, bold=True)

    def _style(self, variable: str, decoration: str) -> Style:
        return Style.parse(decoration) + Style(color=self.colour(variable).rich_color)


def segments(spans: Iterable[Span], palette: Palette, *, strong: bool = False) -> list[Segment]:
    """Return spans as styled segments, in bold if they are `strong`, except subdued ones."""
    return [
        Segment(span.text, palette.of(span.tone, strong=strong and span.tone is not Tone.DIM))
        for span in spans
        if span.text
    ]


def highlighted(strip: Strip, matcher: Matcher | None, style: Style) -> Strip:
    """Return a strip with a style applied to the text that a search matches."""
    text = strip.text
    matches = matcher.spans(text) if matcher is not None else []
    if not matches:
        return strip
    cuts = [cell_len(text[:offset]) for match in matches for offset in match]
    parts = strip.divide([*cuts, strip.cell_length])
    return Strip.join(_restyled(part, style) if number % 2 else part for number, part in enumerate(parts))


def _restyled(strip: Strip, style: Style) -> Strip:
    # `Strip.apply_style` would let the styles of the segments win.
    return Strip(Segment.apply_style(strip, post_style=style), strip.cell_length)


def fitted(parts: list[Segment], width: int, *, right: bool = False, keep_end: bool = False) -> list[Segment]:
    """Return segments that are exactly `width` cells wide: padded, or cut off with `…` at the end or the start."""
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
"""Cells by which all lines but the first of a wrapped line are indented further."""
_MIN_WIDTH: Final = 8
"""In less cells than this, text is cut off instead of broken letter by letter."""

_FACT_SEPARATORS: Final = (" · ", "   ")


def wrap(spans: Sequence[Span], width: int, indent: int = 0) -> list[tuple[Span, ...]]:
    """Wrap a line to a width; return at least one line, each of which begins with its indent as a span."""
    first, later = max(width - indent, _MIN_WIDTH), max(width - indent - HANG, _MIN_WIDTH)
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
        # Drop the blank at which the line is broken.
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
    """Return where to break text that fills a line up to `end`: between two facts, or else at a blank.

    Gaps in the first half are not used, as they would waste more room than breaking a word is worth avoiding.
    """
    between = max(text.rfind(separator, start + 1, end) for separator in _FACT_SEPARATORS) + 2
    blank = end if text[end] == " " else text.rfind(" ", start + 1, end)
    half = start + (end - start) // 2
    return next((gap for gap in (between, blank) if half < gap), end)


def _fill(text: str, start: int, width: int) -> int:
    """Return the end of the text that fits into a width from `start` on, at least one character."""
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
