"""A list of rows with a cursor: sorted, folded, marked, and followed at its end.

The widget owns the parts and connects them to Textual; `RowCursor` moves, `RowArrangement` sorts and folds, `RowMarks`
marks, and `TableRenderer` draws.
"""

from __future__ import annotations

from collections.abc import Iterator

from textual import events
from textual.geometry import Region
from textual.strip import Strip

from inspector.present.columns import TIME
from inspector.scheduling import run_in_slices, run_slice
from inspector.ui.bindings import KeyContext, bindings
from inspector.ui.messages import MarksChanged, RowOpened
from inspector.ui.widgets.line_view import LEFT_BUTTON, MIDDLE_BUTTON, RIGHT_BUTTON, LineView
from inspector.ui.widgets.row_cursor import RowCursor
from inspector.ui.widgets.rows import UNFOLDED, ListRows, ListState, SortOrder
from inspector.ui.widgets.table_renderer import FOLD_WIDTH, HEADER_HEIGHT, TableRenderer


class RowArrangement:
    """Sorts and folds the rows of a list. Every method does nothing for rows that cannot."""

    def __init__(self, view: LineView, state: ListState, cursor: RowCursor, renderer: TableRenderer) -> None:
        """Arrange the rows of `state`; the cursor stays on its row, and the renderer shows the order in the titles."""
        self._view = view
        self._state = state
        self._cursor = cursor
        self._renderer = renderer

    def sort_again(self) -> None:
        """Sort by the same column, whose values have changed; needless in order of arrival."""
        if self._state.sortable is not None and not self._state.sortable.grows_at_end:
            self.sort(self._state.sortable.order)

    def sort_next(self, columns: int) -> None:
        """Sort by the column that is so many sortable columns further on, wrapping around."""
        if self._state.sortable is not None:
            orders, column = self._state.sortable.orders, self._state.sortable.order.column
            index = next(index for index, order in enumerate(orders) if order.column == column)
            self.sort(orders[(index + columns) % len(orders)])

    def reverse(self) -> None:
        """Sort by the same column in the other direction."""
        if self._state.sortable is not None:
            self.sort(self._state.sortable.order.opposite)

    def sort_by(self, column: int | None) -> None:
        """Sort by a column; in the other direction if rows are sorted by it already."""
        if self._state.sortable is not None:
            if column == self._state.sortable.order.column:
                self.reverse()
            elif order := next((order for order in self._state.sortable.orders if order.column == column), None):
                self.sort(order)

    def sort(self, order: SortOrder) -> None:
        """Sort the rows, in a worker if they are too many for one slice of time."""
        if self._state.sortable is None:
            return
        work = self._state.sortable.sort(order)
        self._renderer.show_order()
        self._view.workers.cancel_group(self._view, "sort")
        if run_slice(work):
            self._changed()
        else:
            self._view.run_worker(self._sort_in_slices(work), group="sort")

    async def _sort_in_slices(self, work: Iterator[object]) -> None:
        await run_in_slices(work)
        self._changed()

    def set_fold(self, *, is_open: bool) -> None:
        """Unfold the row of the cursor, or fold it or its parent."""
        if self._state.count and self._state.foldable is not None:
            if is_open:
                self._state.foldable.unfold(self._state.key)
                self._changed()
            else:
                remaining = self._state.foldable.fold(self._state.key)
                self._changed()
                self._cursor.go(self._state.rows.near(remaining))

    def toggle_fold(self, row: int) -> None:
        """Move the cursor to a row, and unfold it or fold it."""
        self._cursor.go(row)
        if self._state.foldable is not None:
            self.set_fold(is_open=self._state.foldable.fold_mark(self._state.key) != UNFOLDED)

    def is_fold_mark(self, x: int, row: int) -> bool:
        """Return whether a row has a fold mark at a cell."""
        foldable = self._state.foldable
        return foldable is not None and x <= FOLD_WIDTH and bool(foldable.fold_mark(foldable.key(row)).strip())

    def _changed(self) -> None:
        self._cursor.settle()
        self._cursor.update_rows(is_refiltered=True)


class RowList(LineView, can_focus=True):
    """One of the lists of the left side."""

    BINDINGS = bindings(KeyContext.LIST)

    def __init__(self, rows: ListRows, *, id: str, following: bool) -> None:  # noqa: A002 - Textual's name for it
        super().__init__(id=id)
        self.rows = rows
        self._state = ListState(rows)
        self.marks = self._state.marks
        self.renderer = TableRenderer(self, self._state)
        self.cursor = RowCursor(self, self._state, self.renderer.redraw, following=following)
        self.arrangement = RowArrangement(self, self._state, self.cursor, self.renderer)

    @property
    def count(self) -> int:
        """How many rows are drawn, which may differ from `len(rows)` until the next update."""
        return self._state.count

    def fit(self) -> None:
        """Adapt to another size: scroll to the end that is followed, or else to the cursor."""
        super().fit()
        self.cursor.fit()
        self.renderer.redraw()

    def render_lines(self, crop: Region) -> list[Strip]:
        """Return the visible lines, in columns that are wide enough for them."""
        self.renderer.widen_columns()
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        """Return the titles, a row, or a line of the placeholder."""
        return self.renderer.render_line(y, self.line_style)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Draw what is visible now; whether the end is followed depends on where the user has scrolled."""
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self.cursor.scrolled(new_value)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - Textual's
        """Offer sorting and folding only for rows that can be sorted or folded."""
        match action:
            case "sort" | "reverse_order":
                return self._state.sortable is not None
            case "fold":
                return self._state.foldable is not None
        return True

    def action_move(self, step: str) -> None:
        """Move the cursor; see `RowCursor.move` for the steps."""
        self.cursor.move(step)

    def action_open(self) -> None:
        """Open the row of the cursor in the other pane."""
        if self.count:
            self.post_message(RowOpened(self.id or "", self.cursor.key))

    def action_mark(self) -> None:
        """Mark the row of the cursor, or remove its mark."""
        if self.count:
            self.marks.toggle(self.cursor.key)
            self.post_message(MarksChanged())

    def action_mark_all(self, is_marked: bool) -> None:
        """Mark all visible rows, or remove all marks of this list."""
        if is_marked:
            self.marks.update(dict.fromkeys(map(self.rows.key, range(min(self.count, len(self.rows))))))
        else:
            self.marks.clear()
        self.post_message(MarksChanged())

    def action_sort(self, columns: int) -> None:
        """Sort by another column."""
        self.arrangement.sort_next(columns)

    def action_reverse_order(self) -> None:
        """Sort in the other direction."""
        self.arrangement.reverse()

    def action_fold(self, is_open: bool) -> None:
        """Unfold the row of the cursor, or fold it."""
        self.arrangement.set_fold(is_open=is_open)

    async def on_click(self, event: events.Click) -> None:
        """Sort by the clicked title, or select, mark, fold or open the clicked row."""
        row = self.scroll_offset.y + event.y - HEADER_HEIGHT
        if event.y < HEADER_HEIGHT:
            await _click_title(self, event)
        elif row < self.count:
            await _click_row(self, event, row)


async def _click_title(table: RowList, event: events.Click) -> None:
    column = table.renderer.column_at(event.x)
    if event.button == RIGHT_BUTTON:
        await table.run_action("screen.choose_columns")
    elif table.check_action("sort", ()):
        table.arrangement.sort_by(column)
    elif column is not None and table.rows.columns[column].title == TIME:
        await table.run_action("screen.turn_times")


async def _click_row(table: RowList, event: events.Click, row: int) -> None:
    if event.button == LEFT_BUTTON and table.arrangement.is_fold_mark(event.x, row):
        table.arrangement.toggle_fold(row)
        return
    table.cursor.go(row)
    if event.button == RIGHT_BUTTON:
        await table.run_action("screen.menu")
    elif event.button == MIDDLE_BUTTON:
        table.action_mark()
    elif event.chain == 2:
        table.action_open()
