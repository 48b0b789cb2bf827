"""A table with a cursor, and an end that can be followed.

Owns where the cursor is and whether the list stays at its end as rows come. It follows while the cursor, or the
screen, is at the end, and ceases when the user moves up. Tells by messages where the cursor went.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from inspector.ui.bindings import Place, bindings
from inspector.ui.lists.rows import ListRows
from inspector.ui.messages import RowSelected, TailMoved
from inspector.ui.widgets.line_table import LineTable
from inspector.ui.widgets.row_actions import RowActions


class RowList(RowActions, LineTable, can_focus=True):
    """One of the lists of the left side."""

    BINDINGS = bindings(Place.LIST)
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
