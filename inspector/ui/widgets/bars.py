"""The tabs above a side, and the keys in the last line of the screen.

They replace Textual's `Tabs` and `Footer`, which consist of a dozen widgets each: laying those out and drawing them
takes a large part of the time in which a key should be answered.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.binding import Binding
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Input

from inspector.present.spans import Tone
from inspector.ui.bindings import FOOTER
from inspector.ui.messages import TabChosen
from inspector.ui.rendering import Palette

_RULE: Final = "━"
_RULE_END, _RULE_START = "╸", "╺"
"""The rule before and after the mark of the active tab."""
_PADDING: Final = 1
"""Cells on either side of a label."""


class _TabPlace(NamedTuple):
    """The cells of a tab, with padding, in a line of all tabs."""

    name: str
    start: int
    end: int


class TabBar(Widget):
    """Tabs in a line, a mark below the active one, and a note at the right.

    If not all of them fit, the line is scrolled so that the active one is visible. A click posts `TabChosen` and does
    nothing else.
    """

    def __init__(self, labels: Mapping[str, str], active: str, *, id: str) -> None:  # noqa: A002 - Textual's name
        """`labels` are those of all tabs by their names; `active` is a name."""
        super().__init__(id=id)
        self._labels = dict(labels)
        self._offered = tuple(labels)
        self.active = active
        """The name of the active tab."""
        self._note = ""
        self._has_focus = False
        """True while the focus is on the side of the tabs, which colours the mark."""

    def on_mount(self) -> None:
        """Watch the focus."""
        self.watch(self.screen, "focused", self._focus_changed)

    def _focus_changed(self) -> None:
        has_focus = isinstance(self.parent, Widget) and self.parent.has_focus_within
        if has_focus != self._has_focus:
            self._has_focus = has_focus
            self.refresh()

    def activate(self, name: str) -> None:
        """Mark a tab as the active one."""
        self.active = name
        self.refresh()

    def offer(self, names: Iterable[str]) -> None:
        """Show some of the tabs only. One of them must be activated afterwards."""
        self._offered = tuple(names)

    def further(self, tabs: int) -> str:
        """Return the name of the tab that is so many after the active one, wrapping around."""
        return self._offered[(self._offered.index(self.active) + tabs) % len(self._offered)]

    def relabel(self, name: str, label: str) -> None:
        """Set the label of a tab."""
        if label != self._labels[name]:
            self._labels[name] = label
            self.refresh()

    def say(self, note: str) -> None:
        """Set the note; an empty one removes it."""
        if note != self._note:
            self._note = note
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """Return the labels, or the rule with the mark below them."""
        palette, first = Palette.of_app(self.app), self._first
        if y == 0:
            labels = Strip(self._titles(palette)).crop(first, first + self._room).adjust_cell_length(self._room)
            line = Strip([*labels, Segment(f"{self._note} " if self._note else "", palette.of(Tone.WARN))])
        else:
            line = Strip(self._marks(palette)).crop(first, first + self.size.width)
        return line.adjust_cell_length(self.size.width).apply_style(self.rich_style)

    def _titles(self, palette: Palette) -> Iterator[Segment]:
        for place in self._places():
            tone = Tone.PLAIN if place.name == self.active else Tone.DIM
            yield Segment(f" {self._labels[place.name]} ", palette.of(tone))

    def _marks(self, palette: Palette) -> Iterator[Segment]:
        active = self._active_place
        yield Segment(_RULE * active.start + _RULE_END, palette.rule)
        mark = palette.of(Tone.KEYWORD if self._has_focus else Tone.DIM)
        yield Segment(_RULE * (active.end - active.start - 2 * _PADDING), mark)
        yield Segment(_RULE_START + _RULE * self.size.width, palette.rule)

    def _places(self) -> Iterator[_TabPlace]:
        start = 0
        for name in self._offered:
            width = cell_len(self._labels[name]) + 2 * _PADDING
            yield _TabPlace(name, start, start + width)
            start += width

    @property
    def _active_place(self) -> _TabPlace:
        return next(place for place in self._places() if place.name == self.active)

    @property
    def _room(self) -> int:
        """The cells for tabs, without the note."""
        return max(self.size.width - (cell_len(self._note) + 1 if self._note else 0), 0)

    @property
    def _first(self) -> int:
        """The first visible cell."""
        return max(self._active_place.end - self._room, 0)

    def on_click(self, event: events.Click) -> None:
        """Post `TabChosen` for the clicked tab."""
        x = event.x + self._first
        for place in self._places():
            if event.x < self._room and place.start <= x < place.end:
                self.post_message(TabChosen(place.name))


_GAP, _NARROW_GAP = 3, 2
_NARROW: Final = 110
"""In less cells than this, the gaps are narrow."""
_ALWAYS: Final = ("help", "help.always", "palette", "quit")
_HIDDEN_BY: Final = {"help": "help.always", "find.kind": "find"}
"""Keys that another one makes redundant: it does the same, or is the same key with another meaning."""
_ORDER: Final = {name: number for number, name in enumerate(FOOTER)}


class _KeyHint(NamedTuple):
    """A key and what it does; hints sort in the order of the footer."""

    order: int
    id: str
    key: str
    label: str

    @property
    def width(self) -> int:
        """The width in cells, without a gap."""
        return cell_len(self.key) + 1 + cell_len(self.label)


class KeyBar(Widget):
    """The keys that work where the focus is, as many as fit. A click on one has the effect of the key.

    Help, quit, and the palette, which contains all other actions, are always visible.
    """

    def __init__(self) -> None:
        super().__init__(id="keys")
        self._hints: list[_KeyHint] = []

    def on_mount(self) -> None:
        """Subscribe to changes of the active bindings."""
        self.screen.bindings_updated_signal.subscribe(self, self._bindings_changed)

    def _bindings_changed(self, screen: Screen[object]) -> None:
        found = {
            active.binding.id: active.binding
            for active in screen.active_bindings.values()
            if active.binding.show and active.enabled and active.binding.id in _ORDER
        }
        if isinstance(screen.focused, Input):
            found = {name: binding for name, binding in found.items() if not _is_letter(binding)}
        for name, hidden in _HIDDEN_BY.items():
            if name in found:
                found.pop(hidden, None)
        hints = sorted(
            _KeyHint(_ORDER[name], name, binding.key_display or binding.key, binding.description)
            for name, binding in found.items()
        )
        if hints != self._hints:
            self._hints = hints
            self.refresh()

    def render_line(self, y: int) -> Strip:  # noqa: ARG002 - the widget is one line high
        """Return the line."""
        palette = Palette.of_app(self.app)
        line = [Segment(" ")]
        for hint in self._fitting():
            line += [Segment(hint.key, palette.key), Segment(f" {hint.label}{' ' * self._gap}", palette.of(Tone.PLAIN))]
        return Strip(line).adjust_cell_length(self.size.width).apply_style(self.rich_style)

    @property
    def _gap(self) -> int:
        return _GAP if self.size.width >= _NARROW else _NARROW_GAP

    def _fitting(self) -> list[_KeyHint]:
        always = [hint for hint in self._hints if hint.id in _ALWAYS]
        room = self.size.width - 1 + self._gap - sum(hint.width + self._gap for hint in always)
        fitting = []
        for hint in self._hints:
            if hint.id not in _ALWAYS and hint.width + self._gap <= room:
                fitting.append(hint)
                room -= hint.width + self._gap
        return [*fitting, *always]

    async def on_click(self, event: events.Click) -> None:
        """Run the action of the clicked key."""
        x = 1
        for hint in self._fitting():
            if x <= event.x < x + hint.width:
                for active in self.screen.active_bindings.values():
                    if active.binding.id == hint.id:
                        await self.app.run_action(active.binding.action, active.node)
                        return
            x += hint.width + self._gap


def _is_letter(binding: Binding) -> bool:
    """Return whether an input inserts the key as text."""
    return len(binding.key_display or "") == 1 and str(binding.key_display).isascii()
