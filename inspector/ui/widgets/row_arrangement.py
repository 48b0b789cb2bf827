"""How the rows of a list are arranged: sorted by a column, folded and unfolded, where its rows can be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from inspector.ui.lists.rows import UNFOLDED, FoldableRows, SortableRows
from inspector.ui.slices import begin, go_on
from inspector.ui.widgets.line_table import FOLD, LineTable
from inspector.ui.widgets.painting import Order

_NEEDED: Final[Mapping[str, type]] = {
    "sort": SortableRows,
    "turn_order": SortableRows,
    "unfold": FoldableRows,
    "fold": FoldableRows,
}
"""What rows must be for an action."""


class RowArrangement(LineTable):
    """Actions of the bindings table at `Place.LIST`; the list they act in says where the cursor is."""

    @property
    def cursor(self) -> int:
        """The row of the cursor."""
        raise NotImplementedError

    def go(self, row: int, *, by_user: bool = True) -> None:
        """Put the cursor on a row."""
        raise NotImplementedError

    def rearranged(self) -> None:
        """Rows stand elsewhere, or others among them."""
        raise NotImplementedError

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
        """Sort the rows, behind the screen where they are many; the cursor stays on its own."""
        if isinstance(self.rows, SortableRows):
            work = self.rows.sort(order)
            self.mark_order()
            self.workers.cancel_group(self, "sort")
            if begin(work):
                self.rearranged()
            else:
                self.run_worker(self._sort_on(work), group="sort")

    async def _sort_on(self, work: Iterator[object]) -> None:
        await go_on(work)
        self.rearranged()

    def sort_by(self, column: int | None) -> None:
        """Sort by a column, or where that is done already from its other end."""
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
            self.rearranged()

    def _action_fold(self) -> None:
        if self.count and isinstance(self.rows, FoldableRows):
            left = self.rows.fold(self.key)
            self.rearranged()
            self.go(self.rows.near(left))

    def turn_fold(self, row: int) -> None:
        """Unfold a row, or fold it."""
        self.go(row)
        if isinstance(self.rows, FoldableRows):
            (self._action_fold if self.rows.fold_mark(self.key) == UNFOLDED else self._action_unfold)()

    def is_on_fold_mark(self, x: int, row: int) -> bool:
        """True where a cell of a row is the mark that says whether it is folded."""
        return (
            isinstance(self.rows, FoldableRows) and x <= FOLD and bool(self.rows.fold_mark(self.rows.key(row)).strip())
        )
