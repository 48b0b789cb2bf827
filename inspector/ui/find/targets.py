"""Where Find looks: in the list that is shown, or in the right pane while it has the focus."""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias

from inspector.schema.catalog import Catalog
from inspector.store.store import Store
from inspector.ui.find.search import Place, Space
from inspector.ui.find.spaces import DocumentSpace, RowsSpace
from inspector.ui.widgets.pane import Pane
from inspector.ui.widgets.row_list import RowList
from inspector.views.pattern import Kind, Pattern, Where

Widget: TypeAlias = RowList | Pane


class Target(Protocol):
    """A list or a pane, as Find deals with it."""

    @property
    def space(self) -> Space:
        """What is looked through."""

    @property
    def widget(self) -> Widget:
        """What draws it."""

    @property
    def here(self) -> Place:
        """Where its cursor is."""

    @property
    def is_as_it_was(self) -> bool:
        """False once it shows something else, or in another order, so that all has to be looked through again."""

    def go(self, hit: Any) -> None:
        """Put the cursor on a hit."""


class ListTarget:
    """A list."""

    def __init__(self, widget: RowList, space: RowsSpace) -> None:
        self.widget, self.space = widget, space
        self._arrangement = widget.arrangement

    @property
    def here(self) -> Place:
        """The cursor's row."""
        return Place(self.widget.cursor)

    @property
    def is_as_it_was(self) -> bool:
        """False after a refilter, after sorting, and when rows were folded or unfolded."""
        return self.widget.arrangement == self._arrangement

    def go(self, hit: Any) -> None:
        """To the hit's row."""
        self.widget.go(self.widget.rows.near(hit))


class PaneTarget:
    """A pane."""

    def __init__(self, widget: Pane, space: DocumentSpace) -> None:
        self.widget, self.space = widget, space

    @property
    def here(self) -> Place:
        """The cursor's line."""
        rows, cursor = self.widget.rows, self.widget.cursor
        return Place(rows[cursor].block, rows[cursor].line) if cursor < len(rows) else Place(0)

    @property
    def is_as_it_was(self) -> bool:
        """False once it shows another document."""
        return self.widget.document is self.space.document

    def go(self, hit: Place) -> None:
        """To the hit's line."""
        self.widget.show_line(*hit)


def target_of(
    widget: Widget, store: Store, catalog: Catalog, pattern: Pattern, kind: Kind, where: Where
) -> Target | None:
    """How to look through a widget, in which what is looked for stands out from now on; None for an empty pane."""
    if isinstance(widget, RowList):
        widget.show_sought(None if kind is Kind.HEX else pattern.shown)
        return ListTarget(widget, RowsSpace(widget.rows, store, catalog, pattern, where))
    widget.show_sought(pattern.shown)
    return None if widget.document is None else PaneTarget(widget, DocumentSpace(widget.document, pattern))
