"""A box that scrolls and is drawn line by line.

Owns what all lines of one drawing have in common: to ask for it costs more than to draw a line, so it is asked once.
Owns too the room that lines have, known before a box is brought to the front: it is drawn once then, and not again
when Textual has laid it out. What the lines say is for each kind of box.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil
from typing import Final, NamedTuple

from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.scrollbar import ScrollBar
from textual.strip import Strip
from textual.widget import Widget

from inspector.ui.rendering import Palette

_EIGHTHS: Final = 8


class LineStyle(NamedTuple):
    """What all lines are drawn with."""

    top: int
    """How far down it is scrolled."""
    width: int
    palette: Palette
    style: Style
    """Behind what a line says: the box's own colours."""
    has_focus: bool


def _thumb(bar: ScrollBar) -> tuple[int, int]:
    """Where a scrollbar's thumb begins and ends, in the eighths of a cell in which Textual draws it."""
    height, whole, window = bar.size.height, bar.window_virtual_size, bar.window_size
    if not height or whole <= window:
        return -1, whole  # there is none, or it was never drawn
    length = max(1, window * height / whole)
    start = int((height - length) * bar.position / (whole - window) * _EIGHTHS)
    return start, start + ceil(length * _EIGHTHS)


class LineView(ScrollView):
    """A box whose `render_line` draws on the `ground`."""

    _drawn_on: LineStyle | None = None
    """While lines are drawn."""
    _fitted = Size(0, 0)
    """The room that it was made fit for."""

    @property
    def room(self) -> Size:
        """Cells for lines and their scrollbar; of a box that is not laid out, those that it had or is likely to get."""
        around = self.parent
        return self.size or self.container_size or (around.size if isinstance(around, Widget) else self.size)

    def fit(self) -> None:
        """Make what is drawn fit the room, which is another one, and draw it."""
        self._fitted = self.room
        self.refresh()

    def _on_resize(self, _event: events.Resize) -> None:
        if self.room != self._fitted:  # else it only came to the front again
            self.fit()

    @property
    def ground(self) -> LineStyle:
        """What a line is drawn with."""
        return self._drawn_on or self._new_ground()

    def render_lines(self, crop: Region) -> list[Strip]:
        """The visible lines."""
        self._drawn_on = self._new_ground()
        try:
            return super().render_lines(crop)
        finally:
            self._drawn_on = None

    def lengthen(self, size: Size) -> None:
        """Other lines can be scrolled through, as wide as those before.

        Textual would lay out the whole screen anew and draw all of it; where the scrollbar comes or goes, even twice.
        """
        has_bar = size.height > self.room.height
        self.set_reactive(LineView.virtual_size, size)
        if has_bar:
            with self._moving_thumb() as bar:
                bar.set_reactive(ScrollBar.window_virtual_size, size.height)
                bar.set_reactive(ScrollBar.window_size, self.room.height)
                bar.set_reactive(ScrollBar.position, bar.validate_position(self.scroll_y))
        if has_bar != self.show_vertical_scrollbar:
            self.vertical_scrollbar.display = self.show_vertical_scrollbar = has_bar
            self.scroll_y = self.validate_scroll_y(self.scroll_y)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Draw what is seen now."""
        with self._moving_thumb() as bar:  # it may only come with the next layout
            bar.set_reactive(ScrollBar.position, bar.validate_position(new_value))
        if round(old_value) != round(new_value):
            self.refresh(self.size.region)

    @contextmanager
    def _moving_thumb(self) -> Iterator[ScrollBar]:
        """Tell the scrollbar something: it is drawn only where it looks other by that, which is rare in a long list."""
        bar = self.vertical_scrollbar
        before = _thumb(bar)
        yield bar
        if _thumb(bar) != before:
            bar.refresh()

    def _new_ground(self) -> LineStyle:
        # Textual remembers the visual style, and works the other one out every time.
        style = self.visual_style.rich_style
        width, palette = self.scrollable_content_region.width, Palette.of_app(self.app)
        return LineStyle(self.scroll_offset.y, width, palette, style, self.has_focus)
