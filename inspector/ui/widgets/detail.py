"""The right side: what is known of what is selected, under tabs.

Owns which tab is shown, for each kind of subject, and has its document made when it is looked at and not before.
Follows the selection as it is told of it; tells by messages where a step leads.
"""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widget import Widget
from textual.widgets import ContentSwitcher, Tab, Tabs

from inspector.model.dissection import Field
from inspector.schema.catalog import Catalog
from inspector.schema.forms import READERS, Format
from inspector.store.change import Change
from inspector.ui.documents.accounts import AccountsDocument
from inspector.ui.documents.document import PaneDocument
from inspector.ui.documents.packet import TreeDocument
from inspector.ui.documents.tabs import FOLLOW, MESSAGE, TABS, TCP, TREE, Ground, call_key, is_still_of, tabs_of
from inspector.ui.documents.tcp import TcpDocument
from inspector.ui.feed import Feed
from inspector.ui.messages import ByteSelected, LineEntered, LineOpened, PaneOpened
from inspector.ui.subject import FrameAt, PacketAt, Subject
from inspector.ui.widgets.hex_view import HexView
from inspector.ui.widgets.pane import Pane
from inspector.ui.widgets.tree_link import TreeLink
from inspector.views.detail import message_forms
from inspector.views.tcp_follow import TcpForm


class Detail(Vertical):
    """The tabs of the right side."""

    def __init__(self, feed: Feed, catalog: Catalog) -> None:
        super().__init__(id="detail")
        self._store = feed.store
        self._packets = feed.packets
        self._catalog = catalog
        self._methods = feed.methods
        self._subject: Subject | None = None
        self._document: PaneDocument | None = None
        self._tab = FOLLOW
        self._last: dict[type, str] = {}
        """By kind of subject: the tab that was shown last."""
        self._form: Format | None = None
        """The form in which messages are shown; None for the likeliest."""
        self._tcp_form = TcpForm.TEXT
        self._tcp_stream: int | None = None
        """The TCP stream that was turned to; None for that of the packet."""
        self.bytes = HexView()
        """The bytes below a packet's tree."""

    def compose(self) -> ComposeResult:
        """Tabs above, the chosen pane below."""
        tabs = Tabs(*(Tab(tab.title, id=name) for name, tab in TABS.items()), id="detail-tabs")
        tabs.can_focus = False
        yield tabs
        with ContentSwitcher(initial=f"{FOLLOW}-pane"):
            yield from (Pane(id=f"{name}-pane") for name in TABS)
        yield self.bytes

    def on_mount(self) -> None:
        """Begin with the tabs of a frame."""
        self._offer(FrameAt)
        self.bytes.display = False

    @property
    def pane(self) -> Pane:
        """The pane of the tab that is shown."""
        return self.pane_of(self._tab)

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
        self._subject, self._tcp_stream = subject, None
        if is_of_same_kind and is_still_of(self._document, self._store, subject):
            self.pane.show_current(self._block())
        else:
            self._show_document()

    def told_more(self) -> None:
        """The client's accounts say more."""
        if isinstance(self._document, AccountsDocument):
            self.pane.changed_from(self._document.refresh())

    def update(self, change: Change) -> None:
        """The store has changed: bring what is shown up to date, if it is about that."""
        if self._subject is None:
            return
        if self._document is None or change.rewritten:
            self._show_document()
        elif self._subject.is_touched(self._store, change):
            first = self._document.refresh()
            self.pane.changed_from(first)
            if first < len(self._document):
                self._mark_bytes()

    def turn(self, tabs: int) -> None:
        """Show the tab that is so many further on, round the end."""
        names = tabs_of(TABS[self._tab].about)
        self.open(names[(names.index(self._tab) + tabs) % len(names)])

    def turn_form(self) -> None:
        """Show messages in the next form that the selected one has, after the last in the likeliest again.

        A TCP stream is shown as text, as a hex dump, and raw.
        """
        if isinstance(self._subject, PacketAt):
            forms_of_tcp = list(TcpForm)
            self._tcp_form = forms_of_tcp[(forms_of_tcp.index(self._tcp_form) + 1) % len(forms_of_tcp)]
            self._show_document()
            return
        if self._tab not in (FOLLOW, MESSAGE):
            self.open(MESSAGE)
        forms: list[Format | None] = [None, *self._forms()]
        at = forms.index(self._form) if self._form in forms else 0
        self._form = forms[(at + 1) % len(forms)]
        self._show_document()

    def _forms(self) -> tuple[Format, ...]:
        """The forms of the selected message, or all of them where a frame without one is selected."""
        at = self._subject
        found = message_forms(self._store, self._catalog, at.position) if isinstance(at, FrameAt) else ()
        return found or tuple(READERS)

    def open(self, tab: str) -> None:
        """Show a tab, where what is selected has it."""
        if tab == self._tab and self._document is not None:
            return
        if self._subject is None or isinstance(self._subject, TABS[tab].about):
            self._bring(tab)
            self._show_document()

    @property
    def stops(self) -> list[Widget]:
        """What can have the focus here."""
        return [self.pane, self.bytes] if self.bytes.display else [self.pane]

    @property
    def has_focus_within_pane(self) -> bool:
        """True while the focus is in the shown tab."""
        return any(each.has_focus for each in self.stops)

    @property
    def field(self) -> Field | None:
        """The field of the packet's tree that the cursor is on."""
        return TreeLink.field(self._document, self.pane) if isinstance(self._document, TreeDocument) else None

    def open_all(self) -> None:
        """Open the whole tree, or fold it."""
        if isinstance(self._document, TreeDocument):
            self._link.open_all(self._document)

    def turn_tcp(self, streams: int) -> None:
        """Show the TCP stream that is so many further on; the packet's own first."""
        if self._tab != TCP:
            self.open(TCP)
        elif isinstance(self._document, TcpDocument) and (here := self._document.stream) is not None:
            self._tcp_stream = max(here + streams, 0)
            self._show_document()

    def saved(self) -> tuple[str, bytes] | None:
        """What of the shown tab goes into a file: what it is, and its bytes."""
        if self._document is None:
            return None
        text, name = self._document.copied()
        return name, self._document.saved() if isinstance(self._document, TcpDocument) else text.encode()

    def copied(self) -> tuple[str, str] | None:
        """What of the shown tab goes to the clipboard, and what it is called."""
        return None if self._document is None else self._document.copied()

    @on(Tabs.TabActivated)
    def _activate(self, event: Tabs.TabActivated) -> None:
        event.stop()
        tab = self.query_one(Tabs).active
        if tab and tab != self._tab:
            self._bring(tab)
            self._show_document()

    def _bring(self, tab: str) -> None:
        """Bring a tab to the front, at once: the focus may be meant for elsewhere next."""
        had_focus = self.has_focus_within_pane
        self._tab = tab
        self._last[TABS[tab].about] = tab
        self.query_one(Tabs).active = tab
        self.query_one(ContentSwitcher).current = f"{tab}-pane"
        self.bytes.display = tab == TREE
        if had_focus:
            self.screen.set_focus(self.pane)

    def _offer(self, kind: type) -> None:
        """Show the tabs of one kind of subject and no others, the one that was shown last in front."""
        tabs, names = self.query_one(Tabs), tabs_of(kind)
        for name in names:
            tabs.show(name)
        self._bring(self._last.get(kind, names[0]))
        for name in TABS.keys() - set(names):
            tabs.hide(name)

    def _show_document(self) -> None:
        subject = self._subject
        if subject is None or not isinstance(subject, TABS[self._tab].about):
            self._document = None
        else:
            ground = Ground(
                self._store,
                self._catalog,
                self._form,
                self.size.width,
                self._methods,
                self._packets,
                self._tcp_form,
                self._tcp_stream,
            )
            self._document = TABS[self._tab].make(ground, subject)
        self.pane.show(self._document, self._block())
        self._mark_bytes()
        if isinstance(self._document, AccountsDocument):
            self.pane.follow_end()
        key = call_key(self._store, subject)
        self.query_one(f"#{FOLLOW}", Tab).label = "Follow" if key is None else f"Follow {key}"

    @property
    def _link(self) -> TreeLink:
        return TreeLink(self.pane_of(TREE), self.bytes)

    @on(LineEntered)
    def _mark_bytes(self) -> None:
        if isinstance(self._document, TreeDocument):
            self._link.mark(self._document)

    @on(LineOpened)
    def _toggle(self, event: LineOpened) -> None:
        event.stop()
        if isinstance(self._document, TreeDocument):
            self._link.toggle(self._document, event.block)

    @on(ByteSelected)
    def _reveal_field(self, event: ByteSelected) -> None:
        event.stop()
        if isinstance(self._document, TreeDocument):
            self._link.reveal(self._document, event.source, event.offset)
        if event.leave:
            self.post_message(PaneOpened(self.pane))

    def _block(self) -> int | None:
        """The block of the document that is the selected frame's."""
        at, document = self._subject, self._document
        return document.block_of(at.position) if document is not None and isinstance(at, FrameAt) else None
