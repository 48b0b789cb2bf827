"""The left side: the lists under their tabs, with the columns that the user chose."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Sequence
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
from inspector.store.store import Change
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
    """The choices."""

    def __init__(self, path: Path | None = None) -> None:
        """By default the user's own."""
        self._path = path or platformdirs.user_state_path("grpc-inspector") / "columns.json"

    def layout(self, list_: str, columns: Sequence[Column]) -> tuple[int, ...]:
        """The indexes of the columns that a list shows, in their order."""
        titles = [column.title for column in columns]
        known = [titles.index(title) for title in self._read().get(list_, ()) if title in titles]
        return tuple(dict.fromkeys(known)) or usual_layout(columns)

    def keep(self, list_: str, columns: Sequence[Column], layout: Sequence[int]) -> None:
        """Remember what a list shows."""
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
    """One list."""

    title: str
    rows: Callable[[Feed, Catalog], ListRows]
    noun: str
    count: Callable[[Feed], int]
    """How many there are in all, filtered or not."""
    shown: Callable[[Feed], int] | None = None
    """How many the filter lets through; None where it does not apply."""


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
"""In the order in which they stand."""


_SETTLED: Final = 0.003
"""Seconds until all widgets that another list concerns have asked for their room: all is drawn once then."""
_LOOKED_AT: Final = 10_000
"""Frames of a call that are looked at for a mark: some tenths of a millisecond."""


class Listing(Vertical):
    """The tabs of the left side."""

    def __init__(self, feed: Feed, catalog: Catalog, brought: Callable[[RowList], None], *, following: bool) -> None:
        """`brought` hears of a list that comes to the front, at once: all of it is drawn in one go then."""
        super().__init__(id="listing")
        self._feed, self._brought = feed, brought
        self._is_live = following
        self._lists = {
            name: RowList(each.rows(feed, catalog), id=name, following=following) for name, each in LISTS.items()
        }
        self._tabs = TabBar({name: each.title for name, each in LISTS.items()}, FRAMES, id="lists")
        self._column_file = ColumnFile()
        for name in (FRAMES, CALLS, PACKETS):
            self._lists[name].marks.is_part_marked = partial(self._is_part_marked, name)

    def on_mount(self) -> None:
        """Show the columns that were chosen before."""
        for name, table in self._lists.items():
            table.renderer.show_columns(self._column_file.layout(name, table.rows.columns))

    def show_columns(self, layout: tuple[int, ...]) -> None:
        """Show these columns in the list that is in front, from now on."""
        self.shown.renderer.show_columns(layout)
        self._column_file.keep(self._tabs.active, self.shown.rows.columns, layout)

    def compose(self) -> ComposeResult:
        """Tabs and the words about the tail above, the chosen list below."""
        yield self._tabs
        with ContentSwitcher(initial=FRAMES):
            yield from self._lists.values()

    @property
    def shown(self) -> RowList:
        """The list that is shown."""
        return self._lists[self._tabs.active]

    def shown_leads_to(self, subject: Subject) -> bool:
        """True when the list that is shown has a row for the subject, not only for something that it is part of."""
        rows = self.shown.rows
        key = rows.key_of(subject)
        return key is not None and type(rows.subject(key)) is type(subject)

    def list_of(self, name: str) -> RowList:
        """One of the lists."""
        return self._lists[name]

    def update(self, change: Change | None) -> None:
        """The store has changed; None when only the filter has."""
        for table in self._lists.values():
            if change is None or change.rewritten:
                table.renderer.reset()
            elif change.first_kept:
                self._forget_marks(table)
            table.cursor.update_rows(is_refiltered=change is None)
        for name, each in LISTS.items():
            count = each.count(self._feed)
            self._tabs.relabel(name, f"{each.title} {count:,}" if count else each.title)

    def settle(self) -> None:
        """The cursors are where they shall be: a filter that is typed from now on brings them back there if it can."""
        for table in self._lists.values():
            table.cursor.settle()

    def sort_again(self) -> None:
        """What rows are sorted by may have changed for all of them."""
        for table in self._lists.values():
            table.arrangement.sort_again()

    def _forget_marks(self, table: RowList) -> None:
        """Take the marks away from what is not kept any more."""
        for key in [key for key in table.marks if is_gone(table.rows.subject(key), self._feed.store)]:
            del table.marks[key]

    @property
    def marks(self) -> int:
        """How many rows are marked, in all lists."""
        return sum(len(table.marks) for table in self._lists.values())

    def marked_rows(self) -> Iterator[tuple[Any, Subject]]:
        """Every marked row: its key, and what it leads to."""
        for table in self._lists.values():
            for key in table.marks:
                yield key, table.rows.subject(key)

    def marked(self) -> Iterator[Subject]:
        """What the marks are on, the latest first: those of the list that is shown, then those of the others."""
        others = (table for table in self._lists.values() if table is not self.shown)
        for table in (self.shown, *others):
            yield from map(table.rows.subject, reversed(table.marks))

    def show_placeholder(self, *lines: str) -> None:
        """What stands in place of rows while there are none."""
        for table in self._lists.values():
            table.renderer.show_placeholder(*lines)

    def open(self, name: str) -> None:
        """Show one of the lists."""
        if name != self._tabs.active:
            self._bring(name)

    def turn(self, tabs: int) -> None:
        """Show the list that is so many tabs further on, round the end."""
        self.open(self._tabs.further(tabs))

    def select(self, subject: Subject, *, hold: bool = False) -> None:
        """Put the cursor of each list on the row of what is selected, where it has one."""
        for table in self._lists.values():
            if (key := table.rows.key_of(subject)) is not None:
                table.cursor.select(key, hold=hold)

    def _is_part_marked(self, name: str, key: Any) -> bool:
        """Frames belong to calls and lie in packets: what is marked in one of their lists shows in the others."""
        frames, calls, packets = (self._lists[each].marks for each in (FRAMES, CALLS, PACKETS))
        store = self._feed.store
        if name == CALLS:
            call = store.calls.get(key) if isinstance(key, StreamKey) and frames else None
            return call is not None and any(position in frames for position in islice(call.frames, _LOOKED_AT))
        if name == PACKETS:
            return bool(frames) and any(position in frames for position in store.positions_of(key))
        if not (calls or packets):
            return False
        frame = store.frames[key]
        return (frame.connection, frame.stream) in calls or frame.packet in packets

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
        """Bring a list to the front, at once: the focus may be meant for elsewhere next."""
        held = ExitStack()
        held.enter_context(self.app.batch_update())
        asyncio.get_running_loop().call_later(_SETTLED, held.close)
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
