"""The last line of the screen: the keys that work where the focus is, made from the table of bindings.

Shows as many as there is room for; help, quit, and the palette, which has all others, always. A click on one does what
its key does.
"""

from __future__ import annotations

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
from inspector.ui.rendering import Palette

_GAP, _NARROW_GAP = 3, 2
_NARROW: Final = 110
_ALWAYS: Final = ("help", "help.always", "palette", "quit")
_HIDDEN_BY: Final = {"help": "help.always", "find.kind": "find"}
"""Keys that do the same as another where both work, or are the same key with another meaning there."""
_ORDER: Final = {name: number for number, name in enumerate(FOOTER)}


def _is_typed(binding: Binding) -> bool:
    """True for keys that an input takes as a letter."""
    return len(binding.key_display or "") == 1 and str(binding.key_display).isascii()


class _Shown(NamedTuple):
    order: int
    id: str
    key: str
    label: str

    @property
    def width(self) -> int:
        """Without what keeps it apart from the next."""
        return cell_len(self.key) + 1 + cell_len(self.label)


class KeyBar(Widget):
    """The footer."""

    def __init__(self) -> None:
        super().__init__(id="keys")
        self._keys: list[_Shown] = []

    def on_mount(self) -> None:
        """Be told when other keys work."""
        self.screen.bindings_updated_signal.subscribe(self, self._renew)

    def _renew(self, screen: Screen[object]) -> None:
        found = {
            active.binding.id: active.binding
            for active in screen.active_bindings.values()
            if active.binding.show and active.enabled and active.binding.id in _ORDER
        }
        if isinstance(screen.focused, Input):
            found = {name: binding for name, binding in found.items() if not _is_typed(binding)}
        for known, hidden in _HIDDEN_BY.items():
            if known in found:
                found.pop(hidden, None)
        keys = sorted(
            _Shown(_ORDER[name], name, binding.key_display or binding.key, binding.description)
            for name, binding in found.items()
        )
        if keys != self._keys:
            self._keys = keys
            self.refresh()

    def render_line(self, y: int) -> Strip:  # noqa: ARG002 - Textual's
        """The line; the widget is one line high."""
        palette = Palette.of_app(self.app)
        line = [Segment(" ")]
        for shown in self._fitting():
            line += [
                Segment(shown.key, palette.key),
                Segment(f" {shown.label}{' ' * self._gap}", palette.of(Tone.PLAIN)),
            ]
        return Strip(line).adjust_cell_length(self.size.width).apply_style(self.rich_style)

    @property
    def _gap(self) -> int:
        return _GAP if self.size.width >= _NARROW else _NARROW_GAP

    def _fitting(self) -> list[_Shown]:
        always = [shown for shown in self._keys if shown.id in _ALWAYS]
        left = self.size.width - 1 + self._gap - sum(shown.width + self._gap for shown in always)
        fitting = []
        for shown in self._keys:
            if shown.id not in _ALWAYS and shown.width + self._gap <= left:
                fitting.append(shown)
                left -= shown.width + self._gap
        return [*fitting, *always]

    async def _on_click(self, event: events.Click) -> None:
        x = 1
        for shown in self._fitting():
            if x <= event.x < x + shown.width:
                for active in self.screen.active_bindings.values():
                    if active.binding.id == shown.id:
                        await self.app.run_action(active.binding.action, active.node)
                        return
            x += shown.width + self._gap
