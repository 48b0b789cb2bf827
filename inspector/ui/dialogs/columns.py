"""Chooses which columns a list shows, and in which order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from inspector.present.columns import Column, usual_layout
from inspector.ui.dialogs.base import Dialog

_NOTE: Final = (
    "Space, a click: show or hide · J K, Shift+↓ ↑, the mouse: move · r: as at first · Enter, a click beside: keep · "
    "Esc cancels"
)
_UNTITLED: Final = "→ ←"


class ColumnsDialog(Dialog[tuple[int, ...]]):
    """Gives the indexes of the columns to show, in their order, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "keep", "Keep", priority=True),
        Binding("space", "toggle", "Show or hide", priority=True),
        Binding("J,shift+down", "shift(1)", "Further to the right", priority=True),
        Binding("K,shift+up", "shift(-1)", "Further to the left", priority=True),
        Binding("r", "reset", "As at first"),
    ]

    def __init__(self, title: str, columns: Sequence[Column], layout: Sequence[int]) -> None:
        """`layout` is what is shown now."""
        super().__init__()
        self._title, self._columns = title, columns
        self._held: int | None = None
        """The row that the mouse holds."""
        self._is_dragged = False
        self._arrange(layout)

    def _arrange(self, layout: Sequence[int]) -> None:
        """Those that are hidden stand behind the others."""
        self._shown = set(layout)
        self._order = [*layout, *(index for index in range(len(self._columns)) if index not in self._shown)]

    def compose(self) -> ComposeResult:
        """The columns, and a line that says what keys do."""
        with Vertical(classes="dialog") as box:
            box.border_title = Content(f"Columns of {self._title}")
            yield OptionList(id="choices", markup=False, compact=True)
            yield Static(Content.assemble((_NOTE, "$tone-dim")), id="dialog-note")

    def on_mount(self) -> None:
        """Show them."""
        self._draw(0)

    @property
    def _list(self) -> OptionList:
        return self.query_one(OptionList)

    def _draw(self, row: int) -> None:
        self._list.clear_options()
        self._list.add_options(map(self._option, self._order))
        self._list.highlighted = row

    def _option(self, index: int) -> Option:
        mark = ("■ ", "$tone-ok") if index in self._shown else ("□ ", "$tone-dim")
        return Option(Content.assemble(mark, self._columns[index].title or _UNTITLED))

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Take hold of a column."""
        self._held, self._is_dragged = _row_at(event), False

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Move the column that is held."""
        row = _row_at(event) if event.button else None
        if row is not None and self._held is not None and row != self._held:
            self._order.insert(row, self._order.pop(self._held))
            self._held, self._is_dragged = row, True
            self._draw(row)

    @on(OptionList.OptionSelected)
    def _toggle_clicked(self) -> None:
        if not self._is_dragged:
            self._action_toggle()

    def _action_toggle(self) -> None:
        row = self._list.highlighted or 0
        changed = self._shown ^ {self._order[row]}
        if changed:  # a list without columns would have nothing to say
            self._shown = changed
            self._draw(row)

    def _action_shift(self, rows: int) -> None:
        row = self._list.highlighted or 0
        if 0 <= (goal := row + rows) < len(self._order):
            self._order[row], self._order[goal] = self._order[goal], self._order[row]
            self._draw(goal)

    def _action_reset(self) -> None:
        self._arrange(usual_layout(self._columns))
        self._draw(0)

    def leave(self) -> None:
        """A click beside it keeps what was clicked in it."""
        self._action_keep()

    def _action_keep(self) -> None:
        self.dismiss(tuple(index for index in self._order if index in self._shown))


def _row_at(event: events.MouseEvent) -> int | None:
    """The row of the list that the mouse is on."""
    row = event.style.meta.get("option")
    return row if isinstance(row, int) else None
