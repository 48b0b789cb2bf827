"""The right side: tabs about the selected subject, each of which shows a document."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widget import Widget
from textual.widgets import ContentSwitcher

from inspector.model.call import StreamKey
from inspector.present.detail import message_forms
from inspector.present.latency import latency_lines
from inspector.present.tcp_stream import TcpForm
from inspector.scheduling import yield_to_ui
from inspector.schema.catalog import Catalog
from inspector.schema.decode import READERS, Format
from inspector.store.stats import MethodTotals
from inspector.store.store import Change, Store
from inspector.ui.detail.call import ClientTraceDocument, FollowDocument, TimingDocument
from inspector.ui.detail.documents import (
    BytesDocument,
    ConnectionDocument,
    GoneDocument,
    LinesDocument,
    PaneDocument,
    SequenceDocument,
    frame_document,
    message_document,
)
from inspector.ui.detail.packet import TcpDocument, TreeDocument, TreePage
from inspector.ui.feed import Feed, PacketFeed
from inspector.ui.messages import TabChosen
from inspector.ui.subject import ConnectionAt, FrameAt, MethodAt, PacketAt, Subject, TracedCall, connection_of, is_gone
from inspector.ui.widgets.bars import TabBar
from inspector.ui.widgets.document import DocumentViewport, Pane

FOLLOW, FRAME, MESSAGE, BYTES, TIMING, LATENCY = "follow", "frame", "message", "bytes", "timing", "latency"
TREE, TCP, ACCOUNT = "tree", "tcp", "account"
CONNECTION, SEQUENCE = "connection", "sequence"
_WIDE_DUMP: Final = 80
"""Cells from which on 16 bytes fit on a line."""
_MARGIN: Final = 3
"""Cells of a pane without text: the mark of the selected step, and the scrollbar."""


class TabContext(NamedTuple):
    """What documents are made from, besides the subject."""

    store: Store
    catalog: Catalog
    form: Format | None
    """The format of messages; None for the most likely one."""
    width: int
    """The cells of a line."""
    methods: MethodTotals
    packets: PacketFeed
    tcp_form: TcpForm = TcpForm.TEXT
    tcp_stream: int | None = None
    """The number of the TCP stream to show; None for that of the packet."""

    @property
    def dump_width(self) -> int:
        """The bytes on a line of a hex dump."""
        return 16 if self.width >= _WIDE_DUMP else 8


class DetailTab(NamedTuple):
    """One of the tabs."""

    title: str
    about: type
    """The type of the subjects that have this tab."""
    make: Callable[[TabContext, Any], PaneDocument]
    """Returns the document about a subject, whose type is `about`."""


def _follow(context: TabContext, subject: FrameAt) -> PaneDocument:
    key = call_key(context.store, subject)
    if key is None:
        return _sequence(context, subject)
    return FollowDocument(context.store, context.catalog, key, context.form)


def _timing(context: TabContext, subject: FrameAt) -> PaneDocument:
    key = call_key(context.store, subject)
    if key is None:
        return _sequence(context, subject)
    return TimingDocument(context.store, key, context.width - _MARGIN)


def _sequence(context: TabContext, subject: FrameAt | ConnectionAt) -> PaneDocument:
    if isinstance(subject, ConnectionAt):
        connection = subject.connection
    else:
        connection = context.store.frames[subject.position].connection
    return SequenceDocument(context.store, context.catalog, connection)


def _message(context: TabContext, subject: FrameAt) -> PaneDocument:
    return message_document(context.store, context.catalog, subject.position, context.form)


def _tcp(context: TabContext, subject: PacketAt) -> PaneDocument:
    return TcpDocument(context.packets, subject.number, context.tcp_form, context.dump_width, context.tcp_stream)


def _latency(context: TabContext, subject: MethodAt) -> PaneDocument:
    methods = context.methods
    return LinesDocument(
        lambda: latency_lines(methods.methods.get(subject.path), subject.path, context.width - _MARGIN),
        f"the figures of {subject.path}",
        lambda: methods.revision,
    )


TABS: Final = {
    FOLLOW: DetailTab("Follow", FrameAt, _follow),
    FRAME: DetailTab("Frame", FrameAt, lambda on, at: frame_document(on.store, on.catalog, at.position)),
    MESSAGE: DetailTab("Message", FrameAt, _message),
    BYTES: DetailTab("Bytes", FrameAt, lambda on, at: BytesDocument(on.store, at.position, on.dump_width)),
    TIMING: DetailTab("Timing", FrameAt, _timing),
    LATENCY: DetailTab("Latency", MethodAt, _latency),
    CONNECTION: DetailTab("Connection", ConnectionAt, lambda on, at: ConnectionDocument(on.store, at.connection)),
    SEQUENCE: DetailTab("Sequence", ConnectionAt, _sequence),
    ACCOUNT: DetailTab("Client's account", TracedCall, lambda on, at: ClientTraceDocument(at.traces, on.form)),
    TREE: DetailTab("Tree and bytes", PacketAt, lambda on, at: TreeDocument(on.packets, at.number)),
    TCP: DetailTab("TCP", PacketAt, _tcp),
}
"""From left to right."""


def call_key(store: Store, subject: object) -> StreamKey | None:
    """Return the stream of a subject's call."""
    call = subject.call(store) if isinstance(subject, FrameAt) else None
    return None if call is None else call.key


_PAUSE: Final = 0.05
"""Seconds before the rest of a long document is made, in case the user goes on to another subject at once."""


class Detail(Vertical):
    """The tabs, and the pane of the active one."""

    def __init__(self, feed: Feed, catalog: Catalog) -> None:
        super().__init__(id="detail")
        self._store = feed.store
        self._packets = feed.packets
        self._catalog = catalog
        self._methods = feed.methods
        self._tabs = TabBar({name: tab.title for name, tab in TABS.items()}, FOLLOW, id="detail-tabs")
        self._tabs.offer(_tabs_about(FrameAt))
        self._last_tabs: dict[type, str] = {}
        """For each type of subject, the tab that was active last."""
        self._subject: Subject | None = None
        self.document: PaneDocument | None = None
        """What the active tab shows."""
        self.tree_page = TreePage(id=_page(TREE))
        self._form: Format | None = None
        """The format of messages; None for the most likely one."""
        self._tcp_form = TcpForm.TEXT
        self._tcp_stream: int | None = None
        """The TCP stream that the user went on to; None for that of the packet."""

    def compose(self) -> ComposeResult:
        """Lay out the tabs above the panes, of which one is visible."""
        yield self._tabs
        with ContentSwitcher(initial=_page(FOLLOW)):
            yield from (Pane(id=_page(name)) for name in TABS if name != TREE)
            yield self.tree_page

    @property
    def pane(self) -> Pane:
        """The pane of the active tab."""
        return self.pane_of(self._tabs.active)

    def pane_of(self, tab: str) -> Pane:
        """Return the pane of a tab."""
        return self.tree_page.pane if tab == TREE else self.query_one(f"#{_page(tab)}", Pane)

    @property
    def stops(self) -> list[Widget]:
        """The visible widgets that can have the focus."""
        return [self.tree_page.pane, self.tree_page.bytes] if self._tabs.active == TREE else [self.pane]

    @property
    def has_focus_within_pane(self) -> bool:
        """True while one of `stops` has the focus."""
        return any(widget.has_focus for widget in self.stops)

    def show(self, subject: Subject) -> None:
        """Show another subject, in the tab that was active last for its type."""
        if subject == self._subject:
            return
        is_of_same_type = type(subject) is type(self._subject)
        if not is_of_same_type:
            names = _tabs_about(type(subject))
            self._tabs.offer(names)
            self._activate(self._last_tabs.get(type(subject), names[0]))
        self._subject, self._tcp_stream = subject, None
        if is_of_same_type and _shows_too(self.document, self._store, subject):
            self.pane.viewport.show_current(_block_of(self.document, subject))
        else:
            self.show_document()

    def show_document(self) -> None:
        """Make the document of the active tab again, and show it."""
        subject, tab = self._subject, TABS[self._tabs.active]
        if subject is None or not isinstance(subject, tab.about):
            self.document = None
        elif is_gone(subject, self._store):
            self.document = GoneDocument()
        else:
            context = TabContext(
                self._store,
                self._catalog,
                self._form,
                self.size.width,
                self._methods,
                self._packets,
                self._tcp_form,
                self._tcp_stream,
            )
            self.document = tab.make(context, subject)
        self.tree_page.document = self.document if isinstance(self.document, TreeDocument) else None
        viewport = self.pane.viewport
        viewport.show(self.document, _block_of(self.document, subject))
        self._read_rest()
        self.tree_page.mark_bytes()
        if isinstance(self.document, ClientTraceDocument):
            viewport.follow_end()
        key = call_key(self._store, subject)
        self._tabs.relabel(FOLLOW, "Follow" if key is None else f"Follow {key}")

    def update(self, change: Change) -> None:
        """Update the document after a change of the store that affects it."""
        if self._subject is None:
            return
        is_evicted = change.first_kept and is_gone(self._subject, self._store)
        if self.document is None or change.rewritten or (is_evicted and not isinstance(self.document, GoneDocument)):
            self.show_document()
        elif self._subject.is_touched(self._store, change):
            first = self.document.refresh()
            self.pane.viewport.changed_from(first)
            self._read_rest()
            if first < len(self.document):
                self.tree_page.mark_bytes()

    def update_trace(self) -> None:
        """Update the document after the client has recorded more of its calls."""
        if isinstance(self.document, ClientTraceDocument):
            self.pane.viewport.changed_from(self.document.refresh())

    def open(self, tab: str) -> None:
        """Activate a tab, if the selected subject has it."""
        if tab == self._tabs.active and self.document is not None:
            return
        if TABS[tab].about is TABS[self._tabs.active].about:
            self._activate(tab)
            self.show_document()

    def turn(self, tabs: int) -> None:
        """Activate the tab that is so many further on, wrapping around."""
        self.open(self._tabs.further(tabs))

    def turn_form(self) -> None:
        """Show messages in their next format, and after the last one in the most likely one again.

        For a packet, show TCP streams in the next form.
        """
        if isinstance(self._subject, PacketAt):
            forms = tuple(TcpForm)
            self._tcp_form = forms[(forms.index(self._tcp_form) + 1) % len(forms)]
        else:
            if self._tabs.active not in (FOLLOW, MESSAGE):
                self.open(MESSAGE)
            formats = (None, *self._formats())
            index = formats.index(self._form) if self._form in formats else 0
            self._form = formats[(index + 1) % len(formats)]
        self.show_document()

    def turn_tcp(self, streams: int) -> None:
        """Show the TCP stream that is so many further on; at first, that of the packet."""
        document = self.document
        if not isinstance(document, TcpDocument):
            self.open(TCP)
        elif (number := document.stream) is not None and not (document.is_missing and streams > 0):
            self._tcp_stream = max(number + streams, 0)
            self.show_document()

    def _formats(self) -> Sequence[Format]:
        """Return the formats of the selected frame's message, or all if it has none."""
        subject = self._subject
        found = message_forms(self._store, self._catalog, subject.position) if isinstance(subject, FrameAt) else ()
        return found or tuple(READERS)

    def _activate(self, tab: str) -> None:
        # The focus moves at once, as `set_focus` for another widget may follow.
        had_focus = self.has_focus_within_pane
        self._last_tabs[TABS[tab].about] = tab
        self._tabs.activate(tab)
        self.query_one(ContentSwitcher).current = _page(tab)
        if had_focus:
            self.screen.set_focus(self.pane)

    def _read_rest(self) -> None:
        if isinstance(self.document, SequenceDocument) and self.document.is_behind:
            self.run_worker(_read_rest(self.document, self.pane.viewport), group="read-rest", exclusive=True)

    @on(TabChosen)
    def _open_chosen(self, event: TabChosen) -> None:
        event.stop()
        self.open(event.name)


async def _read_rest(document: SequenceDocument, viewport: DocumentViewport) -> None:
    """Make the rest of a document, while keys are handled in between."""
    await asyncio.sleep(_PAUSE)
    first = len(document)
    while document.is_behind:
        await yield_to_ui()
        first = min(first, document.read_slice())
    if viewport.document is document:
        viewport.changed_from(first)


def _tabs_about(subject_type: type) -> list[str]:
    """Return the names of the tabs for a type of subject."""
    return [name for name, tab in TABS.items() if tab.about is subject_type]


def _page(tab: str) -> str:
    """Return the id of what is visible while a tab is active: its pane, or the tree with the bytes."""
    return f"{tab}-page" if tab == TREE else f"{tab}-pane"


def _block_of(document: PaneDocument | None, subject: Subject | None) -> int | None:
    """Return the block of a document that shows the selected frame."""
    return document.block_of(subject.position) if document is not None and isinstance(subject, FrameAt) else None


def _shows_too(document: PaneDocument | None, store: Store, subject: Subject) -> bool:
    """Return whether a document is also that of another subject, so that only another block is to be marked."""
    if not isinstance(subject, FrameAt):
        return False
    key = call_key(store, subject)
    if isinstance(document, SequenceDocument):
        return key is None and document.connection == connection_of(subject, store)
    return isinstance(document, FollowDocument | TimingDocument) and document.key == key
