"""The tabs of the right side, as a table: which subjects each is about, and how its document is made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from inspector.model.call import StreamKey
from inspector.present.latency import latency_lines
from inspector.present.tcp_stream import TcpForm
from inspector.schema.catalog import Catalog
from inspector.schema.decode import Format
from inspector.store.stats import MethodTotals
from inspector.store.store import Store
from inspector.ui.detail.call import ClientTraceDocument, FollowDocument, TimingDocument
from inspector.ui.detail.connection import ConnectionDocument, SequenceDocument
from inspector.ui.detail.documents import BytesDocument, LinesDocument, PaneDocument, frame_document, message_document
from inspector.ui.detail.packet import TcpDocument, TreeDocument
from inspector.ui.feed import PacketFeed
from inspector.ui.subject import ConnectionAt, FrameAt, MethodAt, PacketAt, Subject, TracedCall, connection_of

FOLLOW, FRAME, MESSAGE, BYTES, TIMING, LATENCY = "follow", "frame", "message", "bytes", "timing", "latency"
TREE, TCP, ACCOUNT = "tree", "tcp", "account"
CONNECTION, SEQUENCE = "connection", "sequence"
_WIDE_DUMP: Final = 80
"""Cells from which 16 bytes fit on a line."""
_BESIDES_TEXT: Final = 3
"""Cells of a pane that no text stands in: the mark before it and the scrollbar."""


class TabContext(NamedTuple):
    """What documents are made from, besides their subject."""

    store: Store
    catalog: Catalog
    form: Format | None
    """The form in which messages are shown; None for the likeliest."""
    width: int
    """Cells that a line has."""
    methods: MethodTotals
    packets: PacketFeed
    tcp_form: TcpForm = TcpForm.TEXT
    tcp_stream: int | None = None
    """The TCP stream that is followed; None for that of the packet."""


class DetailTab(NamedTuple):
    """One tab."""

    title: str
    about: type
    """The kind of subject that has this tab."""
    make: Callable[[TabContext, Any], PaneDocument]
    """Its document. Any: each tab has subjects of its own kind."""


def _follow(ground: TabContext, subject: FrameAt) -> PaneDocument:
    key = call_key(ground.store, subject)
    if key is None:
        return _of_connection(ground, subject)
    return FollowDocument(ground.store, ground.catalog, key, ground.form)


def _timing(ground: TabContext, subject: FrameAt) -> PaneDocument:
    key = call_key(ground.store, subject)
    if key is None:
        return _of_connection(ground, subject)
    return TimingDocument(ground.store, key, ground.width - _BESIDES_TEXT)


def _of_connection(ground: TabContext, subject: FrameAt) -> PaneDocument:
    return SequenceDocument(ground.store, ground.catalog, ground.store.frames[subject.position].connection)


def _bytes(ground: TabContext, subject: FrameAt) -> PaneDocument:
    return BytesDocument(ground.store, subject.position, 16 if ground.width >= _WIDE_DUMP else 8)


def _tcp(ground: TabContext, subject: PacketAt) -> PaneDocument:
    width = 16 if ground.width >= _WIDE_DUMP else 8
    return TcpDocument(ground.packets, subject.number, ground.tcp_form, width, ground.tcp_stream)


def _latency(ground: TabContext, subject: MethodAt) -> PaneDocument:
    methods = ground.methods
    return LinesDocument(
        lambda: latency_lines(methods.methods.get(subject.path), subject.path, ground.width - _BESIDES_TEXT),
        f"the figures of {subject.path}",
        lambda: methods.revision,
    )


TABS: Final = {
    FOLLOW: DetailTab("Follow", FrameAt, _follow),
    FRAME: DetailTab("Frame", FrameAt, lambda on, at: frame_document(on.store, on.catalog, at.position)),
    MESSAGE: DetailTab("Message", FrameAt, lambda on, at: message_document(on.store, on.catalog, at.position, on.form)),
    BYTES: DetailTab("Bytes", FrameAt, _bytes),
    TIMING: DetailTab("Timing", FrameAt, _timing),
    LATENCY: DetailTab("Latency", MethodAt, _latency),
    CONNECTION: DetailTab("Connection", ConnectionAt, lambda on, at: ConnectionDocument(on.store, at.connection)),
    SEQUENCE: DetailTab("Sequence", ConnectionAt, lambda on, at: SequenceDocument(on.store, on.catalog, at.connection)),
    ACCOUNT: DetailTab("Client's account", TracedCall, lambda on, at: ClientTraceDocument(at.accounts, on.form)),
    TREE: DetailTab("Tree and bytes", PacketAt, lambda on, at: TreeDocument(on.packets, at.number)),
    TCP: DetailTab("TCP", PacketAt, _tcp),
}
"""In the order in which they stand."""


def tabs_of(kind: type) -> list[str]:
    """The names of the tabs that one kind of subject has."""
    return [name for name, tab in TABS.items() if tab.about is kind]


def is_still_of(document: PaneDocument | None, store: Store, subject: Subject) -> bool:
    """True when a document is what another frame's tab would show too, so that only another block is to be marked."""
    if not isinstance(subject, FrameAt):
        return False
    key = call_key(store, subject)
    if isinstance(document, SequenceDocument):
        return key is None and document.connection == connection_of(subject, store)
    return isinstance(document, FollowDocument | TimingDocument) and document.key == key


def call_key(store: Store, subject: object) -> StreamKey | None:
    """The stream of the call that a subject belongs to."""
    call = subject.call(store) if isinstance(subject, FrameAt) else None
    return None if call is None else call.key
