"""A frame together with what is known around it: what every view of a frame begins with."""

from __future__ import annotations

from typing import NamedTuple

from inspector.model.call import Call
from inspector.model.endpoint import Side
from inspector.model.frame import Frame
from inspector.schema.catalog import Catalog
from inspector.store.store import Store


class Seen(NamedTuple):
    """A frame with what is known around it."""

    store: Store
    catalog: Catalog
    position: int
    frame: Frame
    side: Side
    call: Call | None


def seen(store: Store, catalog: Catalog, position: int) -> Seen:
    """The frame at a position, with its side and its call."""
    frame = store.frames[position]
    return Seen(store, catalog, position, frame, store.side(frame), store.call_of(frame))
