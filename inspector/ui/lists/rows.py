"""What every list of the left side can be asked, besides what is drawn of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, Protocol, runtime_checkable

from inspector.ui.subject import Subject
from inspector.ui.widgets.painting import Order, Rows
from inspector.views.spans import Span, Tone

TIME: Final = "Time"
"""The title of the column of which a click turns how times are shown, where no sorting does."""
FOLDED: Final = "▸"
UNFOLDED: Final = "▾"


class ListRows(Rows, Protocol):
    """The rows of a list, each of which leads to a subject."""

    def __len__(self) -> int:
        """How many rows there are."""

    def subject(self, key: Any) -> Subject:
        """What is selected with a row."""

    def key_of(self, subject: Subject) -> Any:
        """The key of the row that a subject belongs to, shown or not; None where it belongs to none."""

    def text(self, key: Any) -> tuple[str, str]:
        """A row as a line of text for the clipboard, and what it is called."""


@runtime_checkable
class SortableRows(ListRows, Protocol):
    """Rows that can be had in other orders."""

    @property
    def order(self) -> Order:
        """The order that they are in."""

    @property
    def orders(self) -> tuple[Order, ...]:
        """The orders to choose from, one for each column that can be sorted by, in the direction asked for first."""

    def sort(self, order: Order) -> Iterator[object]:
        """Another order from now on; the rows are in it behind the last step."""

    @property
    def grows_at_end(self) -> bool:
        """True while new rows come behind all others, so that the end can be followed."""


@runtime_checkable
class FoldableRows(ListRows, Protocol):
    """Rows some of which unfold into further rows below them."""

    def fold_mark(self, key: Any) -> str:
        """`▸` where a row can be unfolded, `▾` where it is, else a blank."""

    def unfold(self, key: Any) -> None:
        """Show the rows below one."""

    def fold(self, key: Any) -> Any:
        """Show them no more, or where a row has none, none of those beside it; the key of the row that is left."""


def dim(text: object) -> tuple[Span, ...]:
    """A cell that stands back."""
    return (Span(str(text), Tone.DIM),)


def sent(text: object) -> tuple[Span, ...]:
    """A cell about what clients sent."""
    return (Span(f"{text}", Tone.CLIENT),)


def got(text: object) -> tuple[Span, ...]:
    """A cell about what servers sent."""
    return (Span(f"{text}", Tone.SERVER),)
