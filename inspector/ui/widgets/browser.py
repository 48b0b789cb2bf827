"""Both sides together: the lists on the left, and on the right what is known of the selected frame.

Owns which frame is selected. Either side is told of it, and tells by messages when the user chooses another.
"""

from __future__ import annotations

from bisect import bisect_left

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal

from inspector.model.call import Call, StreamKey
from inspector.schema.catalog import Catalog
from inspector.store.change import Change
from inspector.ui.bindings import Place, bindings
from inspector.ui.feed import Feed
from inspector.ui.messages import Copied, ListShown, PaneOpened, RowOpened, RowSelected, StepSelected
from inspector.ui.widgets.detail import FOLLOW, Detail
from inspector.ui.widgets.listing import CALLS, FRAMES, Listing
from inspector.views.as_text import call_line, frame_line
from inspector.views.rows import call_row, frame_row
from inspector.views.times import Times


class Browser(Horizontal):
    """The two sides."""

    BINDINGS = bindings(Place.BROWSER)

    def __init__(self, feed: Feed, catalog: Catalog, *, following: bool) -> None:
        super().__init__(id="browser")
        self._feed = feed
        self._catalog = catalog
        self._position: int | None = None
        self.listing = Listing(feed, catalog, following=following)
        self.detail = Detail(catalog)

    def compose(self) -> ComposeResult:
        """Lists left, detail right."""
        yield self.listing
        yield self.detail

    def update(self, change: Change | None) -> None:
        """The store has changed; None when only the filter has."""
        self.listing.update(change)
        if change is not None:
            self.detail.update(change)

    def show_call(self, key: StreamKey, *, with_tail: bool = False) -> None:
        """Select a call's first frame, and go on following the list's tail; with `with_tail` the call's own too."""
        self._select(self._feed.store.calls[key].frames[0], hold=True)
        if with_tail:
            self.detail.pane_of(FOLLOW).follow_end()

    def _select(self, position: int, *, hold: bool = False) -> None:
        self._position = position
        self.detail.show_frame(self._feed.store, position)
        self.listing.select(FRAMES, position, hold=hold)
        if (call := self.call) is not None:
            self.listing.select(CALLS, call.key, hold=hold)

    @property
    def call(self) -> Call | None:
        """The call of the selected frame."""
        store = self._feed.store
        return None if self._position is None else store.call_of(store.frames[self._position])

    @on(RowSelected)
    def _take_row(self, event: RowSelected) -> None:
        event.stop()
        table, key = self.listing.shown, event.key
        if (event.table, key) != (table.id, table.selected):  # another row was selected since
            return
        position = self._feed.store.calls[key].frames[0] if isinstance(key, StreamKey) else key
        self._position = position
        self.detail.show_frame(self._feed.store, position)

    @on(ListShown)
    def _bring_cursor(self, event: ListShown) -> None:
        event.stop()
        table = self.listing.list_of(event.name)
        if self._position is None or table.following:
            return
        if event.name == FRAMES:
            table.select(self._position)
        elif (call := self.call) is not None:
            table.select(call.key)

    @on(RowOpened)
    def _open_row(self, event: RowOpened) -> None:
        event.stop()
        self.post_message(PaneOpened(self.detail.pane))

    @on(StepSelected)
    def _take_step(self, event: StepSelected) -> None:
        event.stop()
        self.listing.open(FRAMES)
        self._select(event.position)
        if event.leave:
            self.post_message(PaneOpened(self.listing.list_of(FRAMES)))

    def _action_follow(self) -> None:
        self.detail.open(FOLLOW)
        self.post_message(PaneOpened(self.detail.pane_of(FOLLOW)))

    def _action_turn(self, tabs: int) -> None:
        (self.detail if self.detail.pane.has_focus else self.listing).turn(tabs)

    def _action_step(self, direction: int) -> None:
        """The next frame of the same stream, whether the filter shows it or not; hidden control frames are passed."""
        if (call := self.call) is None or self._position is None:
            return
        frames, with_control = self._feed.store.frames, self._feed.frames.show_control
        stops = [each for each in call.frames if with_control or not frames[each].is_control]
        index = bisect_left(stops, self._position) + direction
        if 0 <= index < len(stops):
            self._select(stops[index])

    def _action_match(self, rows: int) -> None:
        found = self._feed.frames.positions
        if found:
            here = self._feed.frames.nearest_row(self._position or 0)
            self.listing.open(FRAMES)
            self._select(found[(here + rows) % len(found)])

    def _action_reading(self) -> None:
        self.detail.turn_form()

    def _action_copy(self) -> None:
        copied = self.detail.copied() if self.detail.pane.has_focus else self._row_text()
        if copied is not None:
            self.post_message(Copied(*copied))

    def _row_text(self) -> tuple[str, str] | None:
        key, store = self.listing.shown.selected, self._feed.store
        if key is None:
            return None
        if isinstance(key, StreamKey):
            return call_line(call_row(store, self._catalog, key, Times.of(store))), f"the row of call {key}"
        row = frame_row(store, self._catalog, key, Times.of(store))
        return frame_line(row), f"the row of {row.type} in packet {row.packet}"
