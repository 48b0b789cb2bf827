"""Tabs in a line, a mark under the one that is shown, and at the right what there is to say beside them.

Owns which one is shown, how they are drawn, and what is seen of them where there is no room for all. Which tabs there
are, and what is shown for them, is for those who hear of the one that is clicked. One widget, where Textual's `Tabs`
are a dozen, each of which would take its share of the time in which a key is answered.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.strip import Strip
from textual.widget import Widget

from inspector.present.spans import Tone
from inspector.ui.messages import TabChosen
from inspector.ui.rendering import Palette

_RULE: Final = "━"
_BEFORE_MARK: Final = "╸"
_AFTER_MARK: Final = "╺"
_GAP: Final = 1
"""Cells on either side of a label."""


class _Place(NamedTuple):
    """Where a tab is drawn."""

    name: str
    start: int
    """The cell of the gap before its label."""
    end: int
    """The one behind the gap after it."""


class TabBar(Widget):
    """The tabs; by their names, which stay, they have labels, which may be others at any time."""

    def __init__(self, labels: Mapping[str, str], active: str, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._labels = dict(labels)
        self._offered = tuple(labels)
        self.active = active
        """The name of the tab that is shown."""
        self._aside = ""
        self._is_lit = False
        """True while the focus is on their side."""

    def on_mount(self) -> None:
        """Be told where the focus goes."""
        self.watch(self.screen, "focused", self._look_for_focus)

    def _look_for_focus(self) -> None:
        is_lit = isinstance(self.parent, Widget) and self.parent.has_focus_within
        if is_lit != self._is_lit:
            self._is_lit = is_lit
            self.refresh()

    def activate(self, name: str) -> None:
        """Mark another tab as the one that is shown."""
        self.active = name
        self.refresh()

    def offer(self, names: Iterable[str]) -> None:
        """Let these tabs be there and no others; one of them is made the shown one right afterwards."""
        self._offered = tuple(names)

    def further(self, tabs: int) -> str:
        """The name of the tab that is so many further on than the shown one, round the end."""
        return self._offered[(self._offered.index(self.active) + tabs) % len(self._offered)]

    def relabel(self, name: str, label: str) -> None:
        """Another label for a tab, or the same."""
        if label != self._labels[name]:
            self._labels[name] = label
            self.refresh()

    def say(self, words: str) -> None:
        """Say something beside the tabs, or nothing."""
        if words != self._aside:
            self._aside = words
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """The labels, and under them a rule with the mark."""
        palette, first = Palette.of_app(self.app), self._first
        if y == 0:
            seen = Strip(self._titles(palette)).crop(first, first + self._room).adjust_cell_length(self._room)
            line = Strip([*seen, Segment(f"{self._aside} " if self._aside else "", palette.of(Tone.WARN))])
        else:
            line = Strip(self._marks(palette)).crop(first, first + self.size.width)
        return line.adjust_cell_length(self.size.width).apply_style(self.rich_style)

    def _titles(self, palette: Palette) -> Iterator[Segment]:
        for place in self._places():
            tone = Tone.PLAIN if place.name == self.active else Tone.DIM
            yield Segment(f" {self._labels[place.name]} ", palette.of(tone))

    def _marks(self, palette: Palette) -> Iterator[Segment]:
        shown = self._shown
        yield Segment(_RULE * shown.start + _BEFORE_MARK, palette.rule)
        mark = palette.of(Tone.KEYWORD if self._is_lit else Tone.DIM)
        yield Segment(_RULE * (shown.end - shown.start - 2 * _GAP), mark)
        yield Segment(_AFTER_MARK + _RULE * self.size.width, palette.rule)

    def _places(self) -> Iterator[_Place]:
        at = 0
        for name in self._offered:
            cells = cell_len(self._labels[name]) + 2 * _GAP
            yield _Place(name, at, at + cells)
            at += cells

    @property
    def _shown(self) -> _Place:
        return next(place for place in self._places() if place.name == self.active)

    @property
    def _room(self) -> int:
        """Cells for tabs: those that the words beside them leave."""
        return max(self.size.width - (cell_len(self._aside) + 1 if self._aside else 0), 0)

    @property
    def _first(self) -> int:
        """The cell that is seen first: as far on as it takes for the shown tab to be seen."""
        return max(self._shown.end - self._room, 0)

    async def _on_click(self, event: events.Click) -> None:
        at = event.x + self._first
        for place in self._places():
            if event.x < self._room and place.start <= at < place.end:
                self.post_message(TabChosen(place.name))
