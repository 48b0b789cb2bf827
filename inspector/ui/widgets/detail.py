"""The right side: the stream that the selected frame belongs to, the frame, its messages, its bytes.

Owns which tab is shown and makes its document, when it is looked at and not before. Follows the selection as it is told
of it; tells by messages where a step leads.
"""

from __future__ import annotations

from typing import Final

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import ContentSwitcher, Tab, Tabs

from inspector.model.call import StreamKey
from inspector.schema.catalog import Catalog
from inspector.schema.forms import READERS, Format
from inspector.store.change import Change
from inspector.store.store import Store
from inspector.ui.accounts import Accounts, AccountsDocument
from inspector.ui.documents import (
    BytesDocument,
    FollowDocument,
    LinesDocument,
    PaneDocument,
    frame_document,
    message_document,
)
from inspector.ui.widgets.pane import Pane
from inspector.views.detail import message_forms
from inspector.views.spans import Line, Span, Tone

FOLLOW, FRAME, MESSAGE, BYTES = "follow", "frame", "message", "bytes"
_TITLES: Final = {FOLLOW: "Follow", FRAME: "Frame", MESSAGE: "Message", BYTES: "Bytes"}
_WIDE_DUMP: Final = 80
"""Cells from which 16 bytes fit on a line."""


class Detail(Vertical):
    """The tabs of the right side."""

    def __init__(self, catalog: Catalog) -> None:
        super().__init__(id="detail")
        self._catalog = catalog
        self._store: Store | None = None
        self._position: int | None = None
        self._document: PaneDocument | None = None
        self._tab = FOLLOW
        self._accounts: Accounts | None = None
        """Shown while no frame is selected."""
        self._form: Format | None = None
        """The form in which messages are shown; None for the likeliest."""

    def compose(self) -> ComposeResult:
        """Tabs above, the chosen pane below."""
        tabs = Tabs(*(Tab(title, id=name) for name, title in _TITLES.items()), id="detail-tabs")
        tabs.can_focus = False
        yield tabs
        with ContentSwitcher(initial=f"{FOLLOW}-pane"):
            yield from (Pane(id=f"{name}-pane") for name in _TITLES)

    @property
    def pane(self) -> Pane:
        """The pane of the tab that is shown."""
        return self.pane_of(self._tab)

    def pane_of(self, tab: str) -> Pane:
        """The pane of a tab."""
        return self.query_one(f"#{tab}-pane", Pane)

    def show_frame(self, store: Store, position: int | None) -> None:
        """Another frame is selected in the list."""
        if position == self._position and store is self._store:
            return
        self._store, self._position = store, position
        document = self._document
        if position is not None and isinstance(document, FollowDocument) and document.key == self._key:
            self.pane.show_current(document.block_of(position))
        else:
            self._show_document()

    def show_accounts(self, accounts: Accounts) -> None:
        """Show what the client says of its calls, and go on to its end, until a frame is selected."""
        self._accounts, self._position = accounts, None
        self.open(FOLLOW)
        self._show_document()
        self.pane_of(FOLLOW).follow_end()

    def accounts_changed(self) -> None:
        """Calls that the wire tells nothing of have gone on."""
        if isinstance(self._document, AccountsDocument):
            self.pane.changed_from(self._document.refresh())

    def update(self, change: Change) -> None:
        """The store has changed: bring what is shown up to date, if it is about that."""
        key = self._key
        if self._document is None:
            if self._position is not None:
                self._show_document()
        elif change.rewritten:
            self._show_document()
        elif key is not None and (key in change.calls or key.connection in change.connections):
            self.pane.changed_from(self._document.refresh())

    def turn(self, tabs: int) -> None:
        """Show the tab that is so many further on, round the end."""
        names = list(_TITLES)
        self.open(names[(names.index(self._tab) + tabs) % len(names)])

    def turn_form(self) -> None:
        """Show messages in the next form that the selected one has, after the last in the likeliest again."""
        if self._tab not in (FOLLOW, MESSAGE):
            self.open(MESSAGE)
        forms: list[Format | None] = [None, *self._forms()]
        at = forms.index(self._form) if self._form in forms else 0
        self._form = forms[(at + 1) % len(forms)]
        self._show_document()

    def _forms(self) -> tuple[Format, ...]:
        """The forms of the selected message, or all of them where a frame without one is selected."""
        store, position = self._store, self._position
        found = () if store is None or position is None else message_forms(store, self._catalog, position)
        return found or tuple(READERS)

    def open(self, tab: str) -> None:
        """Show a tab."""
        self.query_one(Tabs).active = tab

    def copied(self) -> tuple[str, str] | None:
        """What of the shown tab goes to the clipboard, and what it is called."""
        return None if self._document is None else self._document.copied()

    @property
    def _key(self) -> StreamKey | None:
        if self._store is None or self._position is None:
            return None
        call = self._store.call_of(self._store.frames[self._position])
        return None if call is None else call.key

    @on(Tabs.TabActivated)
    def _activate(self, event: Tabs.TabActivated) -> None:
        event.stop()
        had_focus = self.pane.has_focus
        self._tab = event.tab.id or FOLLOW
        self.query_one(ContentSwitcher).current = f"{self._tab}-pane"
        self._show_document()
        if had_focus:
            self.pane.focus()

    def _show_document(self) -> None:
        document = self._document = self._make_document()
        block = None if document is None or self._position is None else document.block_of(self._position)
        self.pane.show(document, block)
        key = self._key
        name = "Client's account" if isinstance(document, AccountsDocument) else "Follow"
        self.query_one(f"#{FOLLOW}", Tab).label = name if key is None else f"{name} {key}"

    def _make_document(self) -> PaneDocument | None:
        store, position = self._store, self._position
        if position is None and self._accounts is not None and self._tab == FOLLOW:
            return AccountsDocument(self._accounts, self._form)
        return None if store is None or position is None else self._document_of(store, position)

    def _document_of(self, store: Store, position: int) -> PaneDocument:
        if self._tab == FRAME:
            return frame_document(store, self._catalog, position)
        if self._tab == MESSAGE:
            return message_document(store, self._catalog, position, self._form)
        if self._tab == BYTES:
            return BytesDocument(store, position, 16 if self.size.width >= _WIDE_DUMP else 8)
        if (key := self._key) is None:
            remark = Line((Span("This frame is about the connection itself.", Tone.DIM),))
            return LinesDocument(lambda: (remark,), "the remark")
        return FollowDocument(store, self._catalog, key, self._form)
