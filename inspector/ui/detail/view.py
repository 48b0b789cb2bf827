"""The right side: tabs about what is selected, with the bytes of packets below."""

from __future__ import annotations

import asyncio
from typing import Final

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widget import Widget
from textual.widgets import ContentSwitcher

from inspector.model.packet import Field
from inspector.model.secrets import Mask
from inspector.present.detail import message_forms
from inspector.present.tcp_stream import TcpForm
from inspector.scheduling import yield_to_ui
from inspector.schema.catalog import Catalog
from inspector.schema.decode import READERS, Format
from inspector.store.store import Change
from inspector.ui.detail.call import ClientTraceDocument
from inspector.ui.detail.connection import SequenceDocument
from inspector.ui.detail.documents import GoneDocument, PaneDocument
from inspector.ui.detail.packet import TcpDocument, TreeDocument, TreeLink
from inspector.ui.detail.tabs import FOLLOW, MESSAGE, TABS, TCP, TREE, TabContext, call_key, is_still_of, tabs_of
from inspector.ui.feed import Feed
from inspector.ui.messages import ByteSelected, LineEntered, LineOpened, PaneOpened, TabChosen
from inspector.ui.subject import FrameAt, PacketAt, Subject, is_gone
from inspector.ui.widgets.document import Pane
from inspector.ui.widgets.hex_view import HexView
from inspector.ui.widgets.tab_bar import TabBar


class PacketParts(Vertical):
    """Tree, bytes and TCP streams."""

    def __init__(self) -> None:
        super().__init__(id="detail")
        self.document: PaneDocument | None = None
        """What the shown tab shows."""
        self.tcp_form = TcpForm.TEXT
        self.tcp_stream: int | None = None
        """The TCP stream that was turned to; None for that of the packet."""
        self.bytes = HexView()
        """The bytes below a packet's tree."""

    @property
    def pane(self) -> Pane:
        """The pane of the tab that is shown."""
        raise NotImplementedError

    def pane_of(self, tab: str) -> Pane:
        """The pane of a tab."""
        raise NotImplementedError

    def open(self, tab: str) -> None:
        """Show a tab, where what is selected has it."""
        raise NotImplementedError

    def show_document(self) -> None:
        """Make the document of the shown tab, and show it."""
        raise NotImplementedError

    @property
    def stops(self) -> list[Widget]:
        """What can have the focus here."""
        return [self.pane, self.bytes] if self.pane is self.pane_of(TREE) else [self.pane]

    @property
    def has_focus_within_pane(self) -> bool:
        """True while the focus is in the shown tab."""
        return any(each.has_focus for each in self.stops)

    @property
    def field(self) -> Field | None:
        """The field of the packet's tree that the cursor is on."""
        return TreeLink.field(self.document, self.pane) if isinstance(self.document, TreeDocument) else None

    @property
    def headers(self) -> tuple[str, ...]:
        """The headers whose values that field shows."""
        if not isinstance(self.document, TreeDocument) or self.pane.viewport.cursor >= len(self.pane.viewport.rows):
            return ()
        return self.document.headers(self.pane.viewport.rows[self.pane.viewport.cursor].block)

    def open_all(self) -> None:
        """Open the whole tree, or fold it."""
        if isinstance(self.document, TreeDocument):
            self._link.open_all(self.document)

    def turn_fold(self, *, is_open: bool) -> bool:
        """Open the line of the tree that the cursor is on, or fold it; False where there is no tree."""
        if isinstance(self.document, TreeDocument):
            self._link.turn(self.document, is_open=is_open)
            return True
        return False

    def turn_tcp_form(self) -> None:
        """Show TCP streams in the next form: text, a hex dump, raw."""
        forms = list(TcpForm)
        self.tcp_form = forms[(forms.index(self.tcp_form) + 1) % len(forms)]
        self.show_document()

    def turn_tcp(self, streams: int) -> None:
        """Show the TCP stream that is so many further on; the packet's own first."""
        if not isinstance(self.document, TcpDocument):
            self.open(TCP)
        elif (here := self.document.stream) is not None and not (self.document.is_none and streams > 0):
            self.tcp_stream = max(here + streams, 0)
            self.show_document()

    @property
    def is_raw(self) -> bool:
        """True where the shown tab shows bytes as they were on the wire."""
        return isinstance(self.document, TcpDocument)

    @property
    def shows_bytes(self) -> bool:
        """True where raw bytes stand in the shown tab, or below it."""
        return isinstance(self.document, TcpDocument | TreeDocument)

    def saved(self, mask: Mask) -> tuple[bytes, str]:
        """Return what of the shown tab goes into a file, and what it is."""
        if self.document is None:
            return b"", "nothing"
        text, name = self.document.copied(mask)
        if isinstance(self.document, TcpDocument):
            return self.document.saved(), name
        return text.encode(errors="replace"), name

    @property
    def _link(self) -> TreeLink:
        return TreeLink(self.pane_of(TREE), self.bytes)

    @on(LineEntered)
    def mark_bytes(self) -> None:
        """Mark the bytes of the field that the cursor is on."""
        if isinstance(self.document, TreeDocument):
            self._link.mark(self.document)

    @on(LineOpened)
    def _toggle(self, event: LineOpened) -> None:
        event.stop()
        if isinstance(self.document, TreeDocument):
            self._link.toggle(self.document, event.block)

    @on(ByteSelected)
    def _reveal_field(self, event: ByteSelected) -> None:
        event.stop()
        if isinstance(self.document, TreeDocument):
            self._link.reveal(self.document, event.source, event.offset)
        if event.leave:
            self.post_message(PaneOpened(self.pane))


_PAUSE: Final = 0.05
"""Seconds without another subject, after which more of a long document is made."""


class Detail(PacketParts):
    """The tabs of the right side."""

    def __init__(self, feed: Feed, catalog: Catalog) -> None:
        super().__init__()
        self._store = feed.store
        self._packets = feed.packets
        self._catalog = catalog
        self._methods = feed.methods
        self._subject: Subject | None = None
        self._tabs = TabBar({name: tab.title for name, tab in TABS.items()}, FOLLOW, id="detail-tabs")
        self._last: dict[type, str] = {}
        """By kind of subject: the tab that was shown last."""
        self._form: Format | None = None
        """The form in which messages are shown; None for the likeliest."""

    def compose(self) -> ComposeResult:
        """Tabs above, the chosen pane below."""
        yield self._tabs
        with ContentSwitcher(initial=_page(FOLLOW)):
            yield from (Pane(id=f"{name}-pane") for name in TABS if name != TREE)
            with Vertical(id=_page(TREE)):
                yield Pane(id=f"{TREE}-pane")
                yield self.bytes

    def on_mount(self) -> None:
        """Begin with the tabs of a frame."""
        self._offer(FrameAt)

    @property
    def pane(self) -> Pane:
        """The pane of the tab that is shown."""
        return self.pane_of(self._tabs.active)

    def pane_of(self, tab: str) -> Pane:
        """The pane of a tab."""
        return self.query_one(f"#{tab}-pane", Pane)

    def show(self, subject: Subject) -> None:
        """Something else is selected in the list."""
        if subject == self._subject:
            return
        is_of_same_kind = type(subject) is type(self._subject)
        if not is_of_same_kind:
            self._offer(type(subject))
        self._subject, self.tcp_stream = subject, None
        if is_of_same_kind and is_still_of(self.document, self._store, subject):
            self.pane.viewport.show_current(self._block())
        else:
            self.show_document()

    def told_more(self) -> None:
        """The client's accounts say more."""
        if isinstance(self.document, ClientTraceDocument):
            self.pane.viewport.changed_from(self.document.refresh())

    def update(self, change: Change) -> None:
        """The store has changed: bring what is shown up to date, if it is about that."""
        if self._subject is None:
            return
        is_news = change.first_kept and is_gone(self._subject, self._store)
        if self.document is None or change.rewritten or (is_news and not isinstance(self.document, GoneDocument)):
            self.show_document()
        elif self._subject.is_touched(self._store, change):
            first = self.document.refresh()
            self.pane.viewport.changed_from(first)
            self._catch_up()
            if first < len(self.document):
                self.mark_bytes()

    def turn(self, tabs: int) -> None:
        """Show the tab that is so many further on, round the end."""
        self.open(self._tabs.further(tabs))

    def turn_form(self) -> None:
        """Show messages in the next form that the selected one has, after the last in the likeliest again.

        For a packet, TCP streams are shown in the next form.
        """
        if isinstance(self._subject, PacketAt):
            self.turn_tcp_form()
            return
        if self._tabs.active not in (FOLLOW, MESSAGE):
            self.open(MESSAGE)
        forms: list[Format | None] = [None, *self._forms()]
        at = forms.index(self._form) if self._form in forms else 0
        self._form = forms[(at + 1) % len(forms)]
        self.show_document()

    def _forms(self) -> tuple[Format, ...]:
        """The forms of the selected message, or all of them where a frame without one is selected."""
        at = self._subject
        found = message_forms(self._store, self._catalog, at.position) if isinstance(at, FrameAt) else ()
        return found or tuple(READERS)

    def open(self, tab: str) -> None:
        """Show a tab, where what is selected has it."""
        if tab == self._tabs.active and self.document is not None:
            return
        if TABS[tab].about is TABS[self._tabs.active].about:
            self._bring(tab)
            self.show_document()

    def show_document(self) -> None:
        """Make the document of the shown tab, and show it."""
        subject = self._subject
        if subject is None or not isinstance(subject, TABS[self._tabs.active].about):
            self.document = None
        elif is_gone(subject, self._store):
            self.document = GoneDocument()
        else:
            ground = TabContext(
                self._store,
                self._catalog,
                self._form,
                self.size.width,
                self._methods,
                self._packets,
                self.tcp_form,
                self.tcp_stream,
            )
            self.document = TABS[self._tabs.active].make(ground, subject)
        self.pane.viewport.show(self.document, self._block())
        self._catch_up()
        self.mark_bytes()
        if isinstance(self.document, ClientTraceDocument):
            self.pane.viewport.follow_end()
        key = call_key(self._store, subject)
        self._tabs.relabel(FOLLOW, "Follow" if key is None else f"Follow {key}")

    def _catch_up(self) -> None:
        if isinstance(self.document, SequenceDocument) and self.document.is_behind:
            self.run_worker(self._catching_up(self.document), group="catch-up", exclusive=True)

    async def _catching_up(self, document: SequenceDocument) -> None:
        await asyncio.sleep(_PAUSE)
        first = len(document)
        while document.is_behind:
            await yield_to_ui()
            first = min(first, document.go_on())
        if self.document is document:
            self.pane.viewport.changed_from(first)

    @on(TabChosen)
    def _open_chosen(self, event: TabChosen) -> None:
        event.stop()
        self.open(event.name)

    def _bring(self, tab: str) -> None:
        """Bring a tab to the front, at once: the focus may be meant for elsewhere next."""
        had_focus = self.has_focus_within_pane
        self._last[TABS[tab].about] = tab
        self._tabs.activate(tab)
        self.query_one(ContentSwitcher).current = _page(tab)
        if had_focus:
            self.screen.set_focus(self.pane)

    def _offer(self, kind: type) -> None:
        """Show the tabs of one kind of subject and no others, the one that was shown last in front."""
        names = tabs_of(kind)
        self._tabs.offer(names)
        self._bring(self._last.get(kind, names[0]))

    def _block(self) -> int | None:
        """The block of the document that is the selected frame's."""
        at, document = self._subject, self.document
        return document.block_of(at.position) if document is not None and isinstance(at, FrameAt) else None


def _page(tab: str) -> str:
    """What is brought to the front for a tab: its pane, or all that is with it."""
    return f"{tab}-page" if tab == TREE else f"{tab}-pane"
