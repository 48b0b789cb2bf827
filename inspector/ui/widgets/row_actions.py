"""What keys and mouse do in a list: move, open, mark."""

from __future__ import annotations

from textual import events

from inspector.ui.messages import RowOpened
from inspector.ui.widgets.line_table import HEADER, LineTable


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
            self.marks ^= {self.key}
            self.refresh()

    def _action_next_mark(self) -> None:
        # Marks on rows that the filter hides are kept, but not visited.
        rows = sorted(row for key in self.marks if self.rows.key(row := self.rows.near(key)) == key)
        if rows:
            self.go(next((row for row in rows if row > self.cursor), rows[0]))

    def _row_at(self, event: events.Click) -> int | None:
        row = self.scroll_offset.y + event.y - HEADER
        return row if event.y >= HEADER and row < self.count else None

    async def _on_click(self, event: events.Click) -> None:
        row = self._row_at(event)
        if row is not None:
            self.go(row)
            if event.chain == 2:
                self._action_open()
