"""The screen on which two calls are compared. What it says is the business of `views.compare`."""

from __future__ import annotations

from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen

from inspector.model.call import StreamKey
from inspector.schema.catalog import Catalog
from inspector.store.store import Store
from inspector.ui.widgets.layout import Block
from inspector.ui.widgets.pane import Pane
from inspector.views.compare import Comparison

_BESIDES_TEXT: Final = 3
"""Cells of a pane that no text stands in: the mark before it and the scrollbar."""


class _Document:
    """A comparison, a block for each of its parts."""

    def __init__(self, comparison: Comparison) -> None:
        self._comparison = comparison

    def __len__(self) -> int:
        return len(self._comparison)

    def block(self, index: int) -> Block:
        """A part."""
        return Block(self._comparison.part(index))


class CompareScreen(ModalScreen[None]):
    """Two calls as they were when this was opened."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,equals_sign", "dismiss", "Close")]

    def __init__(self, store: Store, catalog: Catalog, left: StreamKey, right: StreamKey) -> None:
        super().__init__()
        self._store, self._catalog, self._calls = store, catalog, (left, right)

    def compose(self) -> ComposeResult:
        """A pane in a box."""
        left, right = self._calls
        with Vertical(classes="dialog -compare") as box:
            box.border_title = Content(f"Call {left} and call {right}")
            box.border_subtitle = "Esc closes"
            yield Pane(id="compare-pane")

    def on_mount(self) -> None:
        """Let the keys of a pane scroll, and compare once it is known how wide that is."""
        self.query_one(Pane).focus()
        self.call_after_refresh(self._compare)

    def _compare(self) -> None:
        pane = self.query_one(Pane)
        width = pane.size.width - _BESIDES_TEXT
        pane.show(_Document(Comparison(self._store, self._catalog, *self._calls, width)))
