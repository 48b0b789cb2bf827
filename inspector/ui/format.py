"""From spans to what Textual paints: tones to styles, spans to segments and content.

Owns the one mapping from tones to the theme's variables. Text is never read as markup here: it is put into segments
and content as it stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar, Final

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.app import App
from textual.color import Color
from textual.strip import Strip

from inspector.views.pattern import Sought
from inspector.views.spans import Span, Tone

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


def highlighted(strip: Strip, sought: Sought | None, style: Style) -> Strip:
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
