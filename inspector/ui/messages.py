"""Messages that widgets post to the screen, and what Find was asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from textual.message import Message
from textual.screen import Screen
from textual.widget import Widget

from inspector.model.packet import ByteSource, Field
from inspector.model.secrets import Mask
from inspector.present.find import Kind, Where
from inspector.session import Session
from inspector.store.filters.filter import Filter
from inspector.ui.draft import Draft


class SearchQuery(NamedTuple):
    """What is looked for, as it was typed."""

    text: str
    kind: Kind = Kind.TEXT
    where: Where = Where.ANYWHERE


class ForScreen(Message):
    """What goes up to the screen; one of its parts sees to it."""


class StoreChanged(Message):
    """There is something to take from the feed. One is as good as several: the feed has the data."""

    def can_replace(self, message: Message) -> bool:
        """A later one makes an earlier one that still waits needless."""
        return isinstance(message, StoreChanged)


@dataclass
class RowSelected(Message):
    """The cursor of a list is on another row."""

    table: str
    """The id of the list."""
    key: Any


@dataclass
class RowOpened(Message):
    """Enter, or a double click, on a row."""

    table: str
    key: Any


@dataclass
class TabChosen(Message):
    """A tab was clicked."""

    name: str


class TailMoved(Message):
    """A list began or ceased to follow its tail, or rows came behind it meanwhile."""


class MarksChanged(Message):
    """Rows were marked, or are marked no more."""


@dataclass
class StepSelected(Message):
    """A step of the follow pane was clicked, or opened by Enter."""

    position: int
    """Of its frame in the store."""
    leave: bool
    """True when the focus shall go to that frame."""


@dataclass
class LineEntered(Message):
    """The cursor of a pane is on another line."""

    block: int
    """Of the pane's document."""


@dataclass
class LineOpened(Message):
    """Enter, a double click, or a click on its mark, on a line of a pane that leads to no frame."""

    block: int


@dataclass
class ByteSelected(Message):
    """A byte of a packet was pointed at."""

    source: ByteSource
    offset: int
    leave: bool = False
    """True when the focus shall go to the field that it belongs to."""


@dataclass
class DisplayFiltered(ForScreen):
    """A display filter was typed, and Wireshark takes it."""

    text: str
    """As Wireshark takes it."""


class PassCancelled(ForScreen):
    """Esc while packets are looked through: no further, and the filter before comes back."""


@dataclass
class FieldChosen(ForScreen):
    """A filter shall be made of a field of a packet."""

    field: Field
    headers: tuple[str, ...] = ()
    """The headers whose values it shows."""


@dataclass
class SaveAsked(ForScreen):
    """What a pane shows shall be saved as a file."""

    make: Callable[[Mask], tuple[bytes, str]]
    """Returns the file, its secrets masked, and what it is: for the file's name and the sentence."""
    is_raw: bool = False
    """True for bytes as they were on the wire: in them nothing can be masked."""


class FilterBegun(ForScreen):
    """The focus is where a filter is typed."""


@dataclass
class Filtered(ForScreen):
    """A filter was typed that means something."""

    filter: Filter


@dataclass
class FilterAsked(ForScreen):
    """Only what this filter lets through shall be shown."""

    text: str


@dataclass
class FindAsked(ForScreen):
    """Something was typed that shall be found."""

    asked: SearchQuery


@dataclass
class FindLeft(ForScreen):
    """Enter in the find bar, or Esc."""

    is_over: bool = False
    """True when nothing is to be found any more."""


@dataclass
class Requested(ForScreen):
    """Enter in the request box."""

    draft: Draft | None
    """None where no method is chosen."""
    is_apart: bool = False
    """True for a call of its own, also while one is open that takes further messages."""


@dataclass
class SecretAsked(ForScreen):
    """A request cannot be sent before values are typed that the history has only masked."""

    draft: Draft


class ClearAsked(ForScreen):
    """The request history shall be cleared, if that is meant."""


@dataclass
class Left(ForScreen):
    """Esc in an input: the focus shall go to the list."""


@dataclass
class ListShown(ForScreen):
    """The other list was brought to the front."""

    name: str


@dataclass
class PaneOpened(ForScreen):
    """The focus shall go to a list or a pane, which is brought into sight."""

    widget: Widget


@dataclass
class Copied(ForScreen):
    """Something shall go to the clipboard."""

    make: Callable[[Mask], tuple[str, str]]
    """Returns the text, its secrets masked, and what it is, for the notification; may raise RequestError."""
    is_raw: bool = False
    """True for bytes as they were on the wire: in them nothing can be masked."""
    shows_secrets: bool = False
    """True where it was asked for with its secrets."""


@dataclass
class SessionReplaced(Message):
    """The same capture is read from its start in another way, by another session."""

    session: Session


@dataclass
class CaptureLeft(Message):
    """The capture of a screen shall be shown no more."""

    screen: Screen[None]


@dataclass
class CaptureOpened(Message):
    """A capture file shall be shown above what is shown now."""

    session: Session
