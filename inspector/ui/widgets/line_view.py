"""The base of widgets that draw single lines and scroll: lists, documents and hex dumps.

Textual's line API calls `render_line` once per visible line. Looking up the style and the palette costs more than
drawing a line, so both are looked up once per drawing. The room for lines is known before a widget is brought to the
front, so it is drawn once then, and not a second time after Textual has laid it out.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil
from typing import Final, NamedTuple

from rich.style import Style
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.scrollbar import ScrollBar
from textual.strip import Strip
from textual.widget import Widget

from inspector.ui.rendering import Palette

LEFT_BUTTON, MIDDLE_BUTTON, RIGHT_BUTTON = 1, 2, 3
"""As `textual.events.Click.button`."""
_STEPS_PER_CELL: Final = 8
"""Textual draws a scrollbar's thumb with block characters of eighths of a cell."""


class LineStyle(NamedTuple):
    """What all lines of one drawing share."""

    top: int
    """The first visible line, counted from the start of the content."""
    width: int
    """In cells, without the scrollbar."""
    palette: Palette
    style: Style
    """The widget's own colours, behind the text."""
    has_focus: bool


class LineView(ScrollView):
    """A scroll view whose `render_line` draws with `line_style`."""

    fitted_size = Size(0, 0)
    """The room that the content was last laid out for."""
    _drawing_style: LineStyle | None = None
    """Cached while `render_lines` runs."""

    @property
    def room(self) -> Size:
        """The cells for lines and scrollbar; before the first layout, what the container has."""
        container = self.parent
        return self.size or self.container_size or (container.size if isinstance(container, Widget) else self.size)

    @property
    def line_style(self) -> LineStyle:
        """What to draw a line with."""
        return self._drawing_style or _line_style(self)

    def fit(self) -> None:
        """Adapt the content to the room, which has changed. Subclasses lay out and scroll."""
        self.fitted_size = self.room
        self.refresh()

    def on_resize(self) -> None:
        """Adapt to another size; a widget that only came to the front again keeps its layout."""
        if self.room != self.fitted_size:
            self.fit()

    def render_lines(self, crop: Region) -> list[Strip]:
        """Return the visible lines, all drawn with one style."""
        self._drawing_style = _line_style(self)
        try:
            return super().render_lines(crop)
        finally:
            self._drawing_style = None

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Draw the lines that are visible now."""
        with _updating_scrollbar(self) as bar:  # a scrollbar that is missing appears with the next layout
            bar.set_reactive(ScrollBar.position, bar.validate_position(new_value))
        if round(old_value) != round(new_value):
            self.refresh(self.size.region)


def set_content_height(view: LineView, size: Size) -> None:
    """Set the virtual size of a view whose width stays the same, and update its scrollbar.

    Assigning `virtual_size` would lay out and draw the whole screen, twice where the scrollbar comes or goes.
    """
    has_bar = size.height > view.room.height
    view.set_reactive(LineView.virtual_size, size)
    if has_bar:
        with _updating_scrollbar(view) as bar:
            bar.set_reactive(ScrollBar.window_virtual_size, size.height)
            bar.set_reactive(ScrollBar.window_size, view.room.height)
            bar.set_reactive(ScrollBar.position, bar.validate_position(view.scroll_y))
    if has_bar != view.show_vertical_scrollbar:
        view.vertical_scrollbar.display = view.show_vertical_scrollbar = has_bar
        view.scroll_y = view.validate_scroll_y(view.scroll_y)


def scroll_into_view(view: LineView, line: int, header: int = 0) -> None:
    """Scroll as little as needed for a line to be visible below a header of some lines, without an animation."""
    top, page = view.scroll_offset.y, max(view.room.height - header, 1)
    if not top <= line < top + page:
        view.scroll_to(y=max(line if line < top else line - page + 1, 0), animate=False, force=True)


@contextmanager
def _updating_scrollbar(view: LineView) -> Iterator[ScrollBar]:
    """Draw the scrollbar after the block only if its thumb looks different, which is rare in a long list."""
    bar = view.vertical_scrollbar
    before = _thumb(bar)
    yield bar
    if _thumb(bar) != before:
        bar.refresh()


def _thumb(bar: ScrollBar) -> tuple[int, int]:
    """Return the start and end of a scrollbar's thumb in eighths of a cell, as Textual computes them."""
    height, virtual_size, window = bar.size.height, bar.window_virtual_size, bar.window_size
    if not height or virtual_size <= window:
        return -1, virtual_size  # no thumb is drawn
    length = max(1, window * height / virtual_size)
    start = int((height - length) * bar.position / (virtual_size - window) * _STEPS_PER_CELL)
    return start, start + ceil(length * _STEPS_PER_CELL)


def _line_style(view: LineView) -> LineStyle:
    # Textual caches `visual_style`, but computes `rich_style` on each access.
    style = view.visual_style.rich_style
    width, palette = view.scrollable_content_region.width, Palette.of_app(view.app)
    return LineStyle(view.scroll_offset.y, width, palette, style, view.has_focus)
