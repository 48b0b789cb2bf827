"""A box that scrolls and is drawn line by line.

Owns what all lines of one drawing have in common: to ask for it costs more than to draw a line, so it is asked once.
What the lines say is for each kind of box.
"""

from __future__ import annotations

from typing import NamedTuple

from rich.style import Style
from textual.geometry import Region
from textual.scroll_view import ScrollView
from textual.strip import Strip

from inspector.ui.format import Palette


class Ground(NamedTuple):
    """What all lines are drawn with."""

    top: int
    """How far down it is scrolled."""
    width: int
    palette: Palette
    style: Style
    """Behind what a line says: the box's own colours."""
    has_focus: bool


class LineView(ScrollView):
    """A box whose `render_line` draws on the `ground`."""

    _drawn_on: Ground | None = None
    """While lines are drawn."""

    @property
    def ground(self) -> Ground:
        """What a line is drawn with."""
        return self._drawn_on or self._new_ground()

    def render_lines(self, crop: Region) -> list[Strip]:
        """The visible lines."""
        self._drawn_on = self._new_ground()
        try:
            return super().render_lines(crop)
        finally:
            self._drawn_on = None

    def _new_ground(self) -> Ground:
        # Textual remembers the visual style, and works the other one out every time.
        style = self.visual_style.rich_style
        width, palette = self.scrollable_content_region.width, Palette.of_app(self.app)
        return Ground(self.scroll_offset.y, width, palette, style, self.has_focus)
