"""The tabs of the left side, as a table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from inspector.schema.catalog import Catalog
from inspector.ui.feed import Feed
from inspector.ui.lists.call_tree import CallTreeRows
from inspector.ui.lists.connections import ConnectionRows
from inspector.ui.lists.frames import FrameRows
from inspector.ui.lists.methods import MethodRows
from inspector.ui.lists.packets import PacketRows
from inspector.ui.lists.rows import ListRows


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
