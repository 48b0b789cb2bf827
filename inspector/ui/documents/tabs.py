"""The tabs of the right side, as a table: which subjects each is about, and how its document is made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from inspector.model.call import StreamKey
from inspector.schema.catalog import Catalog
from inspector.schema.payload import Format
from inspector.store.store import Store
from inspector.ui.documents.bytes import BytesDocument
from inspector.ui.documents.document import LinesDocument, PaneDocument
from inspector.ui.documents.follow import FollowDocument
from inspector.ui.documents.frame import frame_document, message_document
from inspector.ui.documents.packet import TreeDocument
from inspector.ui.documents.tcp import TcpDocument
from inspector.ui.packet_feed import PacketFeed
from inspector.ui.subject import FrameAt, PacketAt
from inspector.views.spans import Line, Span, Tone
from inspector.views.tcp_follow import TcpForm

FOLLOW, FRAME, MESSAGE, BYTES, TREE, TCP = "follow", "frame", "message", "bytes", "tree", "tcp"
_WIDE_DUMP: Final = 80
"""Cells from which 16 bytes fit on a line."""


class Ground(NamedTuple):
    """What documents are made from, besides their subject."""

    store: Store
    catalog: Catalog
    form: Format | None
    """The form in which messages are shown; None for the likeliest."""
    width: int
    """Cells that a line has."""
    packets: PacketFeed
    tcp_form: TcpForm = TcpForm.TEXT
    tcp_stream: int | None = None
    """The TCP stream that is followed; None for that of the packet."""


class DetailTab(NamedTuple):
    """One tab."""

    title: str
    about: type
    """The kind of subject that has this tab."""
    make: Callable[[Ground, Any], PaneDocument]
    """Its document. Any: each tab has subjects of its own kind."""


def _follow(ground: Ground, subject: FrameAt) -> PaneDocument:
    if (key := call_key(ground.store, subject)) is None:
        remark = (Line((Span("This frame is about the connection itself.", Tone.DIM),)),)
        return LinesDocument(lambda: remark, "the remark")
    return FollowDocument(ground.store, ground.catalog, key, ground.form)


def _bytes(ground: Ground, subject: FrameAt) -> PaneDocument:
    return BytesDocument(ground.store, subject.position, 16 if ground.width >= _WIDE_DUMP else 8)


def _tcp(ground: Ground, subject: PacketAt) -> PaneDocument:
    width = 16 if ground.width >= _WIDE_DUMP else 8
    return TcpDocument(ground.packets, subject.number, ground.tcp_form, width, ground.tcp_stream)


TABS: Final = {
    FOLLOW: DetailTab("Follow", FrameAt, _follow),
    FRAME: DetailTab("Frame", FrameAt, lambda on, at: frame_document(on.store, on.catalog, at.position)),
    MESSAGE: DetailTab("Message", FrameAt, lambda on, at: message_document(on.store, on.catalog, at.position, on.form)),
    BYTES: DetailTab("Bytes", FrameAt, _bytes),
    TREE: DetailTab("Tree and bytes", PacketAt, lambda on, at: TreeDocument(on.packets, at.number)),
    TCP: DetailTab("TCP", PacketAt, _tcp),
}
"""In the order in which they stand."""


def tabs_of(kind: type) -> list[str]:
    """The names of the tabs that one kind of subject has."""
    return [name for name, tab in TABS.items() if tab.about is kind]


def call_key(store: Store, subject: object) -> StreamKey | None:
    """The stream of the call that a subject belongs to."""
    call = subject.call(store) if isinstance(subject, FrameAt) else None
    return None if call is None else call.key
