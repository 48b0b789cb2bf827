"""The left side: the lists under their tabs, their marks, and the columns that the user chose."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import platformdirs
from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import ContentSwitcher

from inspector.errors import SourceError
from inspector.files import write_private
from inspector.model.call import StreamKey
from inspector.present.columns import Column, usual_layout
from inspector.schema.catalog import Catalog
from inspector.store.store import Change, Store
from inspector.ui.feed import Feed
from inspector.ui.lists.calls import CallTreeRows
from inspector.ui.lists.connections import ConnectionRows
from inspector.ui.lists.frames import FrameRows
from inspector.ui.lists.methods import MethodRows
from inspector.ui.lists.packets import PacketRows
from inspector.ui.messages import ListShown, MarksChanged, TabChosen, TailMoved
from inspector.ui.subject import Subject, is_gone
from inspector.ui.widgets.bars import TabBar
from inspector.ui.widgets.row_list import RowList
from inspector.ui.widgets.rows import ListRows


class ColumnFile:
    """The file with the columns that the user chose, as titles."""

    def __init__(self, path: Path | None = None) -> None:
        """The default is a file in the state folder of the user."""
        self._path = path or platformdirs.user_state_path("grpc-inspector") / "columns.json"

    def layout(self, list_: str, columns: Sequence[Column]) -> tuple[int, ...]:
        """Return the indexes of the columns that a list shows, in their order."""
        titles = [column.title for column in columns]
        known = [titles.index(title) for title in self._read().get(list_, ()) if title in titles]
        return tuple(dict.fromkeys(known)) or usual_layout(columns)

    def save(self, list_: str, columns: Sequence[Column], layout: Sequence[int]) -> None:
        """Save which columns a list shows; a file that cannot be written is ignored."""
        choices = {**self._read(), list_: [columns[index].title for index in layout]}
        if tuple(layout) == usual_layout(columns):
            del choices[list_]
        with contextlib.suppress(OSError, SourceError):
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_private(self._path, msgspec.json.encode(choices))

    def _read(self) -> dict[str, list[str]]:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=dict[str, list[str]])
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            return {}


class ListTab(NamedTuple):
    """What makes up one list."""

    title: str
    rows: Callable[[Feed, Catalog], ListRows]
    noun: str
    count: Callable[[Feed], int]
    """Returns the number of items, filtered or not."""
    shown: Callable[[Feed], int] | None = None
    """Returns the number of items that match the filter; None if the filter does not apply."""


CALLS, FRAMES, PACKETS = "calls", "frames", "packets"
CONNECTIONS, METHODS = "connections", "methods"
LISTS: Final = {
    CALLS: ListTab(
        "Calls", CallTreeRows, "call", lambda feed: len(feed.store.calls), lambda feed: len(feed.calls.keys)
    ),
    FRAMES: ListTab(
        "Frames", FrameRows, "frame", lambda feed: feed.store.frames.kept, lambda feed: len(feed.frames.positions)
    ),
    PACKETS: ListTab(
        "Packets",
        PacketRows,
        "packet",
        lambda feed: feed.packets.total or feed.store.packets,
        lambda feed: len(feed.packets.numbers),
    ),
    CONNECTIONS: ListTab("Connections", ConnectionRows, "connection", lambda feed: len(feed.store.connections)),
    METHODS: ListTab("Methods", MethodRows, "method", lambda feed: len(feed.methods.methods)),
}
"""In the order of their tabs."""


_DRAW_DELAY: Final = 0.003
"""Seconds until all widgets that depend on the shown list have been laid out, so that they are drawn together."""
_MAX_FRAMES: Final = 10_000
"""Frames of a call that are searched for a mark, which takes some tenths of a millisecond."""


class ListMarks:
    """The marked rows of all lists."""

    def __init__(self, lists: Mapping[str, RowList], store: Store) -> None:
        self._lists, self._store = lists, store
        for name in (FRAMES, CALLS, PACKETS):
            lists[name].marks.is_part_marked = partial(self._is_part_marked, name)

    @property
    def count(self) -> int:
        """The number of marked rows."""
        return sum(len(table.marks) for table in self._lists.values())

    def rows(self) -> Iterator[tuple[Any, Subject]]:
        """Yield the key and the subject of every marked row."""
        for table in self._lists.values():
            for key in table.marks:
                yield key, table.rows.subject(key)

    def subjects(self, first: RowList) -> Iterator[Subject]:
        """Yield the subjects of marked rows, the latest first: those of one list, then those of the others."""
        others = (table for table in self._lists.values() if table is not first)
        for table in (first, *others):
            yield from map(table.rows.subject, reversed(table.marks))

    def forget_evicted(self, table: RowList) -> None:
        """Remove the marks of a list from rows that were evicted."""
        for key in [key for key in table.marks if is_gone(table.rows.subject(key), self._store)]:
            del table.marks[key]

    def _is_part_marked(self, name: str, key: Any) -> bool:
        """Return whether a frame of a call or packet, or the call or packet of a frame, is marked in another list."""
        frames, calls, packets = (self._lists[each].marks for each in (FRAMES, CALLS, PACKETS))
        store = self._store
        if name == CALLS:
            call = store.calls.get(key) if isinstance(key, StreamKey) and frames else None
            return call is not None and any(position in frames for position in islice(call.frames, _MAX_FRAMES))
        if name == PACKETS:
            return bool(frames) and any(position in frames for position in store.positions_of(key))
        if not (calls or packets):
            return False
        frame = store.frames[key]
        return (frame.connection, frame.stream) in calls or frame.packet in packets


class Listing(Vertical):
    """The lists of the left side under their tabs."""

    def __init__(self, feed: Feed, catalog: Catalog, brought: Callable[[RowList], None], *, following: bool) -> None:
        """`brought` is called with each list that comes to the front, so that all is drawn together."""
        super().__init__(id="listing")
        self._feed, self._brought = feed, brought
        self._is_live = following
        self._lists = {
            name: RowList(each.rows(feed, catalog), id=name, following=following) for name, each in LISTS.items()
        }
        self._tabs = TabBar({name: each.title for name, each in LISTS.items()}, FRAMES, id="lists")
        self._column_file = ColumnFile()
        self.marks = ListMarks(self._lists, feed.store)

    def on_mount(self) -> None:
        """Show the columns that the user chose before."""
        for name, table in self._lists.items():
            table.renderer.show_columns(self._column_file.layout(name, table.rows.columns))

    def show_columns(self, layout: tuple[int, ...]) -> None:
        """Show these columns in the list at the front, and save the choice."""
        self.shown.renderer.show_columns(layout)
        self._column_file.save(self._tabs.active, self.shown.rows.columns, layout)

    def compose(self) -> ComposeResult:
        """Yield the tabs, and the lists below."""
        yield self._tabs
        with ContentSwitcher(initial=FRAMES):
            yield from self._lists.values()

    @property
    def shown(self) -> RowList:
        """The list at the front."""
        return self._lists[self._tabs.active]

    def shown_leads_to(self, subject: Subject) -> bool:
        """Return whether the list at the front has a row for a subject itself, not only for what contains it."""
        rows = self.shown.rows
        key = rows.key_of(subject)
        return key is not None and type(rows.subject(key)) is type(subject)

    def list_of(self, name: str) -> RowList:
        """Return a list by its name."""
        return self._lists[name]

    def update(self, change: Change | None) -> None:
        """Update the lists after a change of the store, or with None after one of the filter."""
        for table in self._lists.values():
            if change is None or change.rewritten:
                table.renderer.reset()
            elif change.first_kept:
                self.marks.forget_evicted(table)
            table.cursor.update_rows(is_refiltered=change is None)
        for name, each in LISTS.items():
            count = each.count(self._feed)
            self._tabs.relabel(name, f"{each.title} {count:,}" if count else each.title)

    def settle(self) -> None:
        """Accept where the cursors are: filters that are typed from now on return them there if they can."""
        for table in self._lists.values():
            table.cursor.settle()

    def sort_again(self) -> None:
        """Sort again, after what rows are sorted by may have changed."""
        for table in self._lists.values():
            table.arrangement.sort_again()

    def show_placeholder(self, *lines: str) -> None:
        """Show lines in place of rows while there are none."""
        for table in self._lists.values():
            table.renderer.show_placeholder(*lines)

    def open(self, name: str) -> None:
        """Show a list by its name."""
        if name != self._tabs.active:
            self._bring(name)

    def turn(self, tabs: int) -> None:
        """Show the list that is a number of tabs further on, wrapping around."""
        self.open(self._tabs.further(tabs))

    def select(self, subject: Subject, *, hold: bool = False) -> None:
        """Move the cursor of each list to the row of a subject, if it has one."""
        for table in self._lists.values():
            if (key := table.rows.key_of(subject)) is not None:
                table.cursor.select(key, hold=hold)

    @on(MarksChanged)
    def _draw_marks(self) -> None:
        for table in self._lists.values():
            table.renderer.redraw()
        self._feed.request_draw()

    @on(TabChosen)
    def _open_chosen(self, event: TabChosen) -> None:
        event.stop()
        self.open(event.name)

    def _bring(self, name: str) -> None:
        """Bring a list to the front at once, as the caller may move the focus next."""
        held = ExitStack()
        held.enter_context(self.app.batch_update())
        asyncio.get_running_loop().call_later(_DRAW_DELAY, held.close)
        had_focus = self.shown.has_focus
        self._tabs.activate(name)
        self.query_one(ContentSwitcher).current = name
        self.shown.fit()
        if had_focus:
            self.screen.set_focus(self.shown)
        self._say_tail()
        if name == PACKETS:
            self._feed.packets.begin()
        self._brought(self.shown)
        self.post_message(ListShown(name))

    @on(TailMoved)
    def _say_tail(self) -> None:
        cursor = self.shown.cursor
        new = f" · {cursor.unseen:,} new" if cursor.unseen else ""
        is_said = self._is_live and cursor.has_tail and self.shown.count and not cursor.following
        self._tabs.say(f"paused{new} · F follows" if is_said else "")
