"""A frame's fields, and its messages, as documents."""

from __future__ import annotations

from collections.abc import Hashable
from functools import partial

from inspector.schema.catalog import Catalog
from inspector.schema.payload import Format
from inspector.store.store import Store
from inspector.ui.documents.document import LinesDocument
from inspector.views.detail import frame_detail, message_detail
from inspector.views.reading import first_ending_at


def frame_document(store: Store, catalog: Catalog, position: int) -> LinesDocument:
    """Every field of a frame."""
    version = partial(_known, store, catalog, position)
    return LinesDocument(lambda: frame_detail(store, catalog, position), "the frame's fields", version)


def message_document(store: Store, catalog: Catalog, position: int, form: Format | None = None) -> LinesDocument:
    """The messages of a frame, in the form asked for."""
    version = partial(_known, store, catalog, position)
    return LinesDocument(lambda: message_detail(store, catalog, position, form), "the message", version)


def _known(store: Store, catalog: Catalog, position: int) -> Hashable:
    """What a frame and its messages say depends on this, and on nothing that comes later."""
    frame = store.frames[position]
    call = store.call_of(frame)
    if call is None:
        return catalog.revision, store.comments.get(frame.packet)
    messages = call.messages(store.side(frame))
    # A message of which the frame holds a part ends in a later one.
    ended = min(first_ending_at(messages, position + 1) + 1, len(messages))
    types = call.response_headers is None, call.trailers is None
    return catalog.revision, call.method, call.method_source, ended, types, store.comments.get(frame.packet)
