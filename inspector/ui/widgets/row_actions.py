"""What keys and mouse do in a list: move, open, mark, sort, fold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from textual import events

from inspector.ui.lists.rows import UNFOLDED, FoldableRows, SortableRows
from inspector.ui.messages import RowOpened
from inspector.ui.widgets.line_table import FOLD, HEADER, LineTable
from inspector.ui.widgets.painting import Order

_NEEDED: Final[Mapping[str, type]] = {
    "sort": SortableRows,
    "turn_order": SortableRows,
    "unfold": FoldableRows,
    "fold": FoldableRows,
}
"""What rows must be for an action."""


class RowActions(LineTable):
    """The actions of the bindings table at `Place.LIST`; the list they act in says where the cursor is."""

    @property
    def cursor(self) -> int:
        """The row of the cursor."""
        raise NotImplementedError

    def go(self, row: int, *, by_user: bool = True) -> None:
        """Put the cursor on a row."""
        raise NotImplementedError

    def _action_move(self, rows: int) -> None:
        self.go(self.cursor + rows)

    def _action_page(self, pages: int) -> None:
        self.go(self.cursor + pages * self.page)

    def _action_first(self) -> None:
        self.go(0)

    def _action_last(self) -> None:
        self.go(self.count - 1)

    def _action_open(self) -> None:
        if self.count:
            self.post_message(RowOpened(self.id or "", self.key))

    def _action_mark(self) -> None:
        if self.count:
            if self.key in self.marks:
                del self.marks[self.key]
            else:
                self.marks[self.key] = None
            self.refresh()

    def _action_next_mark(self) -> None:
        # Marks on rows that the filter hides are kept, but not visited.
        rows = sorted(row for key in self.marks if self.rows.key(row := self.rows.near(key)) == key)
        if rows:
            self.go(next((row for row in rows if row > self.cursor), rows[0]))

    def _action_sort(self, columns: int) -> None:
        """By the column that is so many further on, of those that can be sorted by; round the end."""
        if isinstance(self.rows, SortableRows):
            orders, here = self.rows.orders, self.rows.order.column
            index = next(index for index, order in enumerate(orders) if order.column == here)
            self.sort(orders[(index + columns) % len(orders)])

    def _action_turn_order(self) -> None:
        if isinstance(self.rows, SortableRows):
            self.sort(self.rows.order.turned)

    def sort(self, order: Order) -> None:
        """Sort the rows; the cursor stays on its own."""
        if isinstance(self.rows, SortableRows):
            self.rows.sort(order)
            self.mark_order()
            self.update_rows(is_refiltered=True)

    def update_rows(self, *, is_refiltered: bool = False) -> None:
        """Rows came, went or moved."""
        raise NotImplementedError

    def _sort_by(self, column: int | None) -> None:
        if isinstance(self.rows, SortableRows):
            here, orders = self.rows.order, self.rows.orders
            if column == here.column:
                self.sort(here.turned)
            elif asked := next((order for order in orders if order.column == column), None):
                self.sort(asked)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - Textual's
        """Only keys that do something here are offered."""
        needed = _NEEDED.get(action)
        return needed is None or isinstance(self.rows, needed)

    def _action_unfold(self) -> None:
        if self.count and isinstance(self.rows, FoldableRows):
            self.rows.unfold(self.key)
            self.update_rows(is_refiltered=True)

    def _action_fold(self) -> None:
        if self.count and isinstance(self.rows, FoldableRows):
            left = self.rows.fold(self.key)
            self.update_rows(is_refiltered=True)
            self.go(self.rows.near(left))

    def _turn_fold(self, row: int) -> None:
        self.go(row)
        if isinstance(self.rows, FoldableRows):
            (self._action_fold if self.rows.fold_mark(self.key) == UNFOLDED else self._action_unfold)()

    def _row_at(self, event: events.Click) -> int | None:
        row = self.scroll_offset.y + event.y - HEADER
        return row if event.y >= HEADER and row < self.count else None

    def _is_on_fold_mark(self, x: int, row: int) -> bool:
        return (
            isinstance(self.rows, FoldableRows) and x <= FOLD and bool(self.rows.fold_mark(self.rows.key(row)).strip())
        )

    async def _on_click(self, event: events.Click) -> None:
        row = self._row_at(event)
        if event.y < HEADER:
            self._sort_by(self.column_at(event.x))
        elif row is not None and self._is_on_fold_mark(event.x, row):
            self._turn_fold(row)
        elif row is not None:
            self.go(row)
            if event.chain == 2:
                self._action_open()
