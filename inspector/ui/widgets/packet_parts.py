"""What the right side has for packets besides documents: the bytes below a tree, and TCP streams to turn to.

The part of `Detail` that nothing else than a packet needs; which tab is shown, and its document, are `Detail`'s.
"""

from __future__ import annotations

from textual import on
from textual.containers import Vertical
from textual.widget import Widget

from inspector.model.dissection import Field
from inspector.model.secrets import Mask
from inspector.ui.documents.document import PaneDocument
from inspector.ui.documents.packet import TreeDocument
from inspector.ui.documents.tabs import TCP, TREE
from inspector.ui.documents.tcp import TcpDocument
from inspector.ui.messages import ByteSelected, LineEntered, LineOpened, PaneOpened
from inspector.ui.widgets.hex_view import HexView
from inspector.ui.widgets.pane import Pane
from inspector.ui.widgets.tree_link import TreeLink
from inspector.views.tcp_follow import TcpForm


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
        if not isinstance(self.document, TreeDocument) or self.pane.cursor >= len(self.pane.rows):
            return ()
        return self.document.headers(self.pane.rows[self.pane.cursor].block)

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
