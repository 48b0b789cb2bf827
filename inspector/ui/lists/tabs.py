"""The tabs of the left side, as a table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from inspector.schema.catalog import Catalog
from inspector.store.store import Store
from inspector.ui.feed import Feed
from inspector.ui.lists.calls import CallRows
from inspector.ui.lists.connections import ConnectionRows
from inspector.ui.lists.frames import FrameRows
from inspector.ui.lists.rows import ListRows


class ListTab(NamedTuple):
    """One list."""

    title: str
    rows: Callable[[Feed, Catalog], ListRows]
    count: Callable[[Store], int]
    """How many there are in all, filtered or not."""


CALLS, FRAMES, CONNECTIONS = "calls", "frames", "connections"
LISTS: Final = {
    CALLS: ListTab("Calls", CallRows, lambda store: len(store.calls)),
    FRAMES: ListTab("Frames", FrameRows, lambda store: len(store.frames)),
    CONNECTIONS: ListTab("Connections", ConnectionRows, lambda store: len(store.connections)),
}
"""In the order in which they stand."""
