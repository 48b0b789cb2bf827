"""The dialog for the columns of a list and their order."""

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
    "Space, click: show or hide · J K, Shift+↓ ↑, drag: move · r: reset · Enter, click outside: apply · Esc cancels"
)
_UNTITLED: Final = "→ ←"


class ColumnsDialog(Dialog[tuple[int, ...]]):
    """Asks for columns and their order. Its result is their indexes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "apply", "Apply", priority=True),
        Binding("space", "toggle", "Show or hide", priority=True),
        Binding("J,shift+down", "shift(1)", "Move right", priority=True),
        Binding("K,shift+up", "shift(-1)", "Move left", priority=True),
        Binding("r", "reset", "Reset"),
    ]

    def __init__(self, title: str, columns: Sequence[Column], layout: Sequence[int]) -> None:
        """`layout` holds the indexes of the columns that are shown now, in order."""
        super().__init__()
        self._title, self._columns = title, columns
        self._dragged_row: int | None = None
        """The row that is being dragged."""
        self._has_moved = False
        self._arrange(layout)

    def _arrange(self, layout: Sequence[int]) -> None:
        """List the columns that are shown, then those that are hidden."""
        self._shown = set(layout)
        self._order = [*layout, *(index for index in range(len(self._columns)) if index not in self._shown)]

    def compose(self) -> ComposeResult:
        """Yield the columns and the help."""
        with Vertical(classes="dialog") as box:
            box.border_title = Content(f"Columns of {self._title}")
            yield OptionList(id="choices", markup=False, compact=True)
            yield Static(Content.assemble((_NOTE, "$tone-dim")), id="dialog-note")

    def on_mount(self) -> None:
        """Show the columns."""
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
        """Start to drag a column."""
        self._dragged_row, self._has_moved = _row_at(event), False

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Move the column that is dragged."""
        row = _row_at(event) if event.button else None
        if row is not None and self._dragged_row is not None and row != self._dragged_row:
            self._order.insert(row, self._order.pop(self._dragged_row))
            self._dragged_row, self._has_moved = row, True
            self._draw(row)

    @on(OptionList.OptionSelected)
    def _toggle_clicked(self) -> None:
        if not self._has_moved:
            self._action_toggle()

    def _action_toggle(self) -> None:
        row = self._list.highlighted or 0
        changed = self._shown ^ {self._order[row]}
        if changed:  # at least one column stays
            self._shown = changed
            self._draw(row)

    def _action_shift(self, rows: int) -> None:
        row = self._list.highlighted or 0
        if 0 <= (other := row + rows) < len(self._order):
            self._order[row], self._order[other] = self._order[other], self._order[row]
            self._draw(other)

    def _action_reset(self) -> None:
        self._arrange(usual_layout(self._columns))
        self._draw(0)

    def leave(self) -> None:
        """Apply the choice after a click outside."""
        self._action_apply()

    def _action_apply(self) -> None:
        self.dismiss(tuple(index for index in self._order if index in self._shown))


def _row_at(event: events.MouseEvent) -> int | None:
    """Return the row of the list under the mouse."""
    row = event.style.meta.get("option")
    return row if isinstance(row, int) else None
