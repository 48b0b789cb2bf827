"""Ties the tree of a packet and its bytes together: a field marks its bytes, a byte leads to its field.

Knows the pane that shows the tree and the bytes below it, which know nothing of each other.
"""

from __future__ import annotations

from inspector.model.dissection import ByteSource, Field
from inspector.ui.documents.packet import TreeDocument
from inspector.ui.widgets.hex_view import HexView
from inspector.ui.widgets.pane import Pane


class TreeLink:
    """The two of them."""

    def __init__(self, pane: Pane, bytes_: HexView) -> None:
        self._pane = pane
        self._bytes = bytes_

    @staticmethod
    def field(document: TreeDocument, pane: Pane) -> Field | None:
        """The field that the cursor is on."""
        return document.field(pane.rows[pane.cursor].block) if pane.cursor < len(pane.rows) else None

    def mark(self, document: TreeDocument) -> None:
        """Mark the bytes of the field that the cursor is on."""
        field = self.field(document, self._pane)
        if field is None:
            self._bytes.show(None, None)
        elif field.length or not self._bytes.source.data or document.source(field) != self._bytes.source:
            self._bytes.show(document.source(field), field)
        else:  # a field of no bytes: leave the others in sight
            self._bytes.show(self._bytes.source, None)

    def toggle(self, document: TreeDocument, block: int) -> None:
        """Fold or open a line."""
        if document.toggle(block):
            self._pane.changed_from(block)
            self._pane.put_cursor(block)

    def turn(self, document: TreeDocument, *, is_open: bool) -> None:
        """Open the line that the cursor is on, or fold it; from one that is folded, go to what it is of."""
        if self._pane.cursor < len(self._pane.rows):
            block = document.turn(self._pane.rows[self._pane.cursor].block, is_open=is_open)
            self._pane.changed_from(block)
            self._pane.put_cursor(block)
            self.mark(document)

    def open_all(self, document: TreeDocument) -> None:
        """Open or fold the whole tree."""
        document.open_all()
        self._pane.changed_from(0)
        self._pane.put_cursor(0)
        self.mark(document)

    def reveal(self, document: TreeDocument, source: ByteSource, offset: int) -> None:
        """Bring the field that a byte belongs to into sight."""
        block = document.reveal(source, offset)
        if block is not None:
            self._pane.changed_from(0)
            self._pane.put_cursor(block)
            self.mark(document)
