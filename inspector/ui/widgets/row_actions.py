"""What keys and mouse do in a list: move, open, mark."""

from __future__ import annotations

from itertools import chain
from typing import Final

from textual import events

from inspector.ui.lists.rows import TIME
from inspector.ui.messages import MarksChanged, RowOpened
from inspector.ui.widgets.line_table import HEADER
from inspector.ui.widgets.pane import RIGHT
from inspector.ui.widgets.row_arrangement import RowArrangement

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
