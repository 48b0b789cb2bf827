"""A table with a cursor: sorted, folded, marked, and followed at its end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from typing import Any, Final

from textual import events

from inspector.scheduling import run_in_slices, run_slice
from inspector.ui.bindings import KeyContext, bindings
from inspector.ui.messages import MarksChanged, RowOpened, RowSelected, TailMoved
from inspector.ui.widgets.document import RIGHT
from inspector.ui.widgets.painting import SortOrder
from inspector.ui.widgets.table import FOLD, HEADER, TIME, UNFOLDED, FoldableRows, LineTable, ListRows, SortableRows

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

    def sort(self, order: SortOrder) -> None:
        """Sort the rows, behind the screen where they are many; the cursor stays on its own."""
        if isinstance(self.rows, SortableRows):
            work = self.rows.sort(order)
            self.mark_order()
            self.workers.cancel_group(self, "sort")
            if run_slice(work):
                self.rearranged()
            else:
                self.run_worker(self._sort_on(work), group="sort")

    async def _sort_on(self, work: Iterator[object]) -> None:
        await run_in_slices(work)
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


_LEFT, _MIDDLE = 1, 2
_MANY: Final = 1_000
"""Marks from which on the next one is sooner found by looking at one row after the other."""


class RowActions(RowArrangement):
    """The other actions of the bindings table at `Place.LIST`, and what a click does."""

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
            self.post_message(MarksChanged())

    def _action_mark_all(self) -> None:
        self.marks.update(dict.fromkeys(map(self.rows.key, range(min(self.count, len(self.rows))))))
        self.post_message(MarksChanged())

    def _action_unmark_all(self) -> None:
        self.marks.clear()
        self.post_message(MarksChanged())

    def _action_next_mark(self) -> None:
        # Marks on rows that the filter hides are kept, but not visited.
        if len(self.marks) > _MANY:
            behind = chain(range(self.cursor + 1, self.count), range(self.cursor + 1))
            found = next((row for row in behind if self.rows.key(row) in self.marks), None)
        else:
            rows = sorted(row for key in self.marks if self.rows.key(row := self.rows.near(key)) == key)
            found = next((row for row in rows if row > self.cursor), rows[0] if rows else None)
        if found is not None:
            self.go(found)

    def _row_at(self, event: events.Click) -> int | None:
        row = self.scroll_offset.y + event.y - HEADER
        return row if event.y >= HEADER and row < self.count else None

    async def _on_click(self, event: events.Click) -> None:
        if event.y < HEADER:
            await self._click_title(event)
        elif (row := self._row_at(event)) is not None:
            await self._click_row(event, row)

    async def _click_title(self, event: events.Click) -> None:
        column = self.column_at(event.x)
        if event.button == RIGHT:
            await self.run_action("screen.choose_columns")
        elif self.sortable is not None:
            self.sort_by(column)
        elif column is not None and self.rows.columns[column].title == TIME:
            await self.run_action("screen.turn_times")

    async def _click_row(self, event: events.Click, row: int) -> None:
        if event.button == _LEFT and self.is_on_fold_mark(event.x, row):
            self.turn_fold(row)
            return
        self.go(row)
        if event.button == RIGHT:
            await self.run_action("screen.menu")
        elif event.button == _MIDDLE:
            self._action_mark()
        elif event.chain == 2:
            self._action_open()


class RowList(RowActions, LineTable, can_focus=True):
    """One of the lists of the left side."""

    BINDINGS = bindings(KeyContext.LIST)
    rows: ListRows

    def __init__(self, rows: ListRows, *, id: str, following: bool) -> None:  # noqa: A002 - Textual's name for it
        super().__init__(rows, id=id)
        self.following = following
        """True while the list stays at its end as rows come."""
        self.unseen = 0
        """Rows that came while the list did not follow."""
        self.arrangement = 0
        """Counts how often rows were filtered, sorted or unfolded anew."""
        self._is_held = False
        """True when the cursor stays on its row although the list follows its end."""
        self._is_placing = False
        self._drawn_row = -1
        """The row in which the cursor was drawn last."""
        self._chosen: Any = None
        """The key that the cursor was put on; where a filter hides its row, the cursor is on the nearest one."""

    @property
    def cursor(self) -> int:
        """The row of the cursor; -1 in an empty list."""
        return -1 if self.key is None or not self.count else self.rows.near(self.key)

    def update_rows(self, *, is_refiltered: bool = False) -> None:
        """Rows came, went, or say something else; after a refilter the cursor is where it was put, if it can be."""
        came = len(self.rows) - self.count
        self.arrangement += is_refiltered
        self._is_held = self._is_held or is_refiltered
        self._follow(following=self.following)
        with self._placing():
            if came:
                self.measure()
            if self.count:
                self._keep_place(self._chosen if is_refiltered else self.key)
        self._drawn_row = self.cursor
        if came:
            is_new = came > 0 and not self.following and not is_refiltered
            self.unseen = min(self.unseen + came, self.count) if is_new else self.unseen if came > 0 else 0
            self.post_message(TailMoved())
        if is_refiltered and self.count:
            self._show_cursor()
        self.redraw()

    def settle(self) -> None:
        """Where a filter has left the cursor is where it shall be."""
        self._chosen = self.key

    def rearranged(self) -> None:
        """Rows stand elsewhere, or others among them: the cursor stays on its own."""
        self.settle()
        self.update_rows(is_refiltered=True)

    def select(self, key: Any, *, hold: bool = False) -> None:
        """Put the cursor on a row, or the nearest one to it, and show it; tells nobody.

        With `hold` the list follows its end from now on, while the cursor stays.
        """
        if self.count:
            row = self.rows.near(key)
            self.key, self._drawn_row, self._is_held, self._chosen = self.rows.key(row), row, True, key
            self._follow(following=hold or self.following)
            with self._placing():
                self._reveal(row)
            self.redraw()

    def go(self, row: int, *, by_user: bool = True) -> None:
        """Put the cursor on a row, show it, and tell."""
        if not self.count:
            return
        row = max(0, min(row, self.count - 1))
        self.key, self._drawn_row, self._is_held = self.rows.key(row), row, False
        if by_user:
            self._chosen = self.key
            self._follow(following=row == self.count - 1)
        with self._placing():
            self._reveal(row)
        self.redraw()
        self.post_message(RowSelected(self.id or "", self.key))

    def _keep_place(self, key: Any) -> None:
        """At the end when following, at the start while that is looked at, else with the cursor where it was drawn.

        `key` is that of the row that the cursor belongs on.
        """
        drawn, top = self._drawn_row, self.scroll_offset.y
        tracks_end = self.following and not self._is_held
        if self.key is None or tracks_end:
            self.go(self.count - 1 if self.following else 0, by_user=False)
            self._chosen = self.key
        elif self.rows.key(row := self.rows.near(key)) != self.key:
            self.go(row, by_user=False)
        if self.following:
            self._scroll_rows(self.max_scroll_y)
        elif drawn >= 0 and (moved := self.cursor - drawn) and (top or self.cursor >= self.page):
            self._scroll_rows(top + moved)

    def _show_cursor(self) -> None:
        row, top = self.cursor, self.scroll_offset.y
        if not top <= row < top + self.page:
            self._follow(following=False)
            with self._placing():
                self._reveal(row)

    def _follow(self, *, following: bool) -> None:
        following = following and (self.sortable is None or self.sortable.grows_at_end)
        if following != self.following:
            self.following = following
            self.unseen = 0
            self.post_message(TailMoved())

    def _reveal(self, row: int) -> None:
        top = self.scroll_offset.y
        if row < top or row >= top + self.page:
            self._scroll_rows(row if row < top else row - self.page + 1)

    def _scroll_rows(self, row: int) -> None:
        self.scroll_to(y=max(row, 0), animate=False, force=True)

    @contextmanager
    def _placing(self) -> Iterator[None]:
        """While the list scrolls itself, so that this is not taken for the user's doing."""
        was, self._is_placing = self._is_placing, True
        try:
            yield
        finally:
            self._is_placing = was

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Wheel and scrollbar: the list follows its end when it is there."""
        super().watch_scroll_y(old_value, new_value)
        if not self._is_placing and self.count and round(old_value) != round(new_value):
            self._is_held = True
            self._follow(following=round(new_value) >= self.max_scroll_y)

    def fit(self) -> None:
        """Scroll so that the end, or else the cursor, is in sight."""
        super().fit()
        with self._placing():
            self.measure()
            if self.following:
                self._scroll_rows(self.max_scroll_y)
            elif self.count:
                self._reveal(self.cursor)
        self.redraw()
