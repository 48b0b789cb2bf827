"""What keys and mouse do in the right pane: move line by line, and from a step to its frame."""

from __future__ import annotations

from typing import Final

from textual import events

from inspector.ui.bindings import Place, bindings
from inspector.ui.messages import LineEntered, LineOpened, StepSelected
from inspector.ui.widgets.document_view import GUTTER, DocumentView
from inspector.views.packet_tree import MARKS
from inspector.views.spans import plain

RIGHT: Final = 3
"""The right button of a mouse, which asks what can be done."""


class Pane(DocumentView, can_focus=True):
    """One tab of the right pane: a document with a cursor line."""

    BINDINGS = bindings(Place.PANE)

    def _go(self, row: int) -> None:
        self.cursor = max(0, min(row, len(self.rows) - 1))
        self.following = self.following and self.cursor == len(self.rows) - 1
        self.reveal(self.cursor)
        self.refresh()
        self._tell_line()

    def fit(self) -> None:
        """Lay out anew; what shows something of the cursor's line hears of it, if only now there is one."""
        super().fit()
        self._tell_line()

    def _tell_line(self) -> None:
        if self.rows:
            self.post_message(LineEntered(self.rows[self.cursor].block))

    def _choose(self, row: int, *, leave: bool) -> None:
        if not 0 <= row < len(self.rows):
            return
        if (position := self.rows[row].position) is not None:
            self.post_message(StepSelected(position, leave))
        elif leave:
            self.post_message(LineOpened(self.rows[row].block))

    def _action_move(self, rows: int) -> None:
        self._go(self.cursor + rows)

    def _action_page(self, pages: int) -> None:
        self._go(self.cursor + pages * max(self.size.height - 1, 1))

    def _action_first(self) -> None:
        self.lay_out_start()
        self._go(0)

    def _action_last(self) -> None:
        self.follow_end()
        self._tell_line()
        self.refresh()

    def _action_open(self) -> None:
        self._choose(self.cursor, leave=True)

    async def _on_click(self, event: events.Click) -> None:
        row = self.scroll_offset.y + event.y
        self._go(row)
        if event.button == RIGHT:
            await self.run_action("screen.menu")
        else:
            self._choose(row, leave=event.chain == 2 or self._is_mark(row, event.x))

    def _is_mark(self, row: int, x: int) -> bool:
        """True at the sign that a line can be folded or opened."""
        text = plain(self.rows[row].spans) if 0 <= row < len(self.rows) else ""
        at = x - GUTTER
        return 0 <= at < len(text) and text[at] in MARKS
