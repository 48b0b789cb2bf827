"""The cursor of a list: where it stays when rows come, go or move, and whether the list follows its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from textual.geometry import Size

from inspector.ui.messages import RowSelected, TailMoved
from inspector.ui.widgets.line_view import LineView, scroll_into_view, set_content_height
from inspector.ui.widgets.rows import ListState
from inspector.ui.widgets.table_renderer import HEADER_HEIGHT


class RowCursor:
    """Moves the cursor, and scrolls so that it, or the end of the list, stays visible."""

    def __init__(self, view: LineView, state: ListState, redraw: Callable[[], None], *, following: bool) -> None:
        """Create the cursor of an empty list; `following` sets whether it goes to the end as rows are added."""
        self._view = view
        self._state = state
        self._redraw = redraw
        self.following = following
        """True while the list stays at its end as rows are added."""
        self.unseen = 0
        """Rows added since the list stopped following its end."""
        self.generation = 0
        """Incremented whenever rows are filtered, sorted, folded or unfolded."""
        self._is_held = False
        """True while the cursor stays on its row although the list follows its end."""
        self._is_scrolling = False
        """True while the list scrolls itself, as opposed to the user."""
        self._last_row = -1
        """The row of the cursor when the list was last updated."""
        self._preferred: Any = None
        """The key that the user chose. While a filter hides it, the cursor is on the nearest row."""

    @property
    def key(self) -> Any:
        """The key of the cursor's row; None in an empty list."""
        return self._state.key if self._state.count else None

    @property
    def row(self) -> int:
        """The index of the cursor's row; -1 in an empty list."""
        state = self._state
        return -1 if state.key is None or not state.count else state.rows.near(state.key)

    @property
    def has_tail(self) -> bool:
        """True while new rows are appended at the end, so that it can be followed."""
        sortable = self._state.sortable
        return sortable is None or sortable.grows_at_end

    @property
    def page(self) -> int:
        """How many rows fit on the screen."""
        return max(self._view.room.height - HEADER_HEIGHT, 1)

    def move(self, step: str) -> None:
        """Move by a step that the bindings table names, such as `page_down`."""
        state, row = self._state, self.row
        match step:
            case "down" | "up":
                self.go(row + (1 if step == "down" else -1))
            case "page_down" | "page_up":
                self.go(row + (self.page if step == "page_down" else -self.page))
            case "first":
                self.go(0)
            case "last":
                self.go(state.count - 1)
            case "next_mark" if (marked := state.marks.next_row(state.rows, row, state.count)) is not None:
                self.go(marked)

    def go(self, row: int, *, by_user: bool = True) -> None:
        """Move to the nearest existing row, make it visible, and post `RowSelected`."""
        state = self._state
        if not state.count:
            return
        row = max(0, min(row, state.count - 1))
        state.key, self._last_row, self._is_held = state.rows.key(row), row, False
        if by_user:
            self._preferred = state.key
            self._follow(following=row == state.count - 1)
        self._reveal(row)
        self._redraw()
        self._view.post_message(RowSelected(self._view.id or "", state.key))

    def select(self, key: Any, *, hold: bool = False) -> None:
        """Move to the row of a key, or the nearest one, without posting a message.

        With `hold` the list follows its end from now on while the cursor stays.
        """
        state = self._state
        if state.count:
            row = state.rows.near(key)
            state.key, self._last_row, self._is_held, self._preferred = state.rows.key(row), row, True, key
            self._follow(following=hold or self.following)
            self._reveal(row)
            self._redraw()

    def settle(self) -> None:
        """Make the current row the one to return to, wherever a filter has moved the cursor."""
        self._preferred = self._state.key

    def update_rows(self, *, is_refiltered: bool = False) -> None:
        """Count and draw the rows, and keep the cursor and the scroll position in place.

        After a refilter the cursor returns to the row that the user chose, if that is visible.
        """
        state = self._state
        added = len(state.rows) - state.count
        self.generation += is_refiltered
        self._is_held = self._is_held or is_refiltered
        self._follow(following=self.following)
        with self._scrolling():
            if added:
                self._resize()
            if state.count:
                self._keep_position(self._preferred if is_refiltered else state.key)
        self._last_row = self.row
        if added:
            is_new = added > 0 and not self.following and not is_refiltered
            self.unseen = min(self.unseen + added, state.count) if is_new else self.unseen if added > 0 else 0
            self._view.post_message(TailMoved())
        if is_refiltered and state.count and not self._is_visible(self.row):
            self._follow(following=False)
            self._reveal(self.row)
        self._redraw()

    def fit(self) -> None:
        """Scroll to the end that is followed, or else to the cursor, after the size has changed."""
        with self._scrolling():
            self._resize()
            if self.following:
                self._scroll_to(self._view.max_scroll_y)
            elif self._state.count:
                self._reveal(self.row)

    def scrolled(self, top: float) -> None:
        """Follow the end if the user has scrolled there, by wheel or scrollbar, and stop following if not."""
        if not self._is_scrolling and self._state.count:
            self._is_held = True
            self._follow(following=round(top) >= self._view.max_scroll_y)

    def _keep_position(self, key: Any) -> None:
        """Stay at the end if it is followed, at the start if that is visible, or else scroll along with the cursor.

        `key` is that of the row that the cursor belongs on.
        """
        state, last, top = self._state, self._last_row, self._view.scroll_offset.y
        tracks_end = self.following and not self._is_held
        if state.key is None or tracks_end:
            self.go(state.count - 1 if self.following else 0, by_user=False)
            self._preferred = state.key
        elif state.rows.key(row := state.rows.near(key)) != state.key:
            self.go(row, by_user=False)
        if self.following:
            self._scroll_to(self._view.max_scroll_y)
        elif last >= 0 and (moved := self.row - last) and (top or self.row >= self.page):
            self._scroll_to(top + moved)

    def _follow(self, *, following: bool) -> None:
        following = following and self.has_tail
        if following != self.following:
            self.following = following
            self.unseen = 0
            self._view.post_message(TailMoved())

    def _resize(self) -> None:
        """Count the rows, and set what can be scrolled through."""
        view, state = self._view, self._state
        state.count = len(state.rows)
        if not view.display:
            return  # `fit` runs when it is shown
        before, size = view.virtual_size, Size(view.room.width, state.count + HEADER_HEIGHT)
        if view.show_vertical_scrollbar and size.width == before.width and size.height >= before.height:
            set_content_height(view, size)
        else:
            view.virtual_size = size

    def _is_visible(self, row: int) -> bool:
        top = self._view.scroll_offset.y
        return top <= row < top + self.page

    def _reveal(self, row: int) -> None:
        with self._scrolling():
            scroll_into_view(self._view, row, HEADER_HEIGHT)

    def _scroll_to(self, row: int) -> None:
        self._view.scroll_to(y=max(row, 0), animate=False, force=True)

    @contextmanager
    def _scrolling(self) -> Iterator[None]:
        """Mark scrolling within the block as the list's own."""
        before, self._is_scrolling = self._is_scrolling, True
        try:
            yield
        finally:
            self._is_scrolling = before
