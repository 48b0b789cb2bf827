"""The messages that widgets post: to their container, to the screen's controllers, and to the app."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from textual.message import Message
from textual.screen import Screen
from textual.widget import Widget

from inspector.model.dissection import ByteSource, Field
from inspector.model.secrets import Mask
from inspector.present.find import Kind, Where
from inspector.session import Session
from inspector.store.filters.filter import Filter
from inspector.ui.draft import Draft


class SearchQuery(NamedTuple):
    """A text to find, as typed in the find bar."""

    text: str
    kind: Kind = Kind.TEXT
    where: Where = Where.ANYWHERE


class ScreenMessage(Message):
    """Base of the messages that a controller of the screen handles.

    A `SaveRequested` goes to the one controller that has a method `on_save_requested`.
    """


class StoreChanged(Message):
    """The feed has a change to draw. The message carries no data, so that one stands for any number of changes."""

    def can_replace(self, message: Message) -> bool:
        """Let a later message replace one that is still queued."""
        return isinstance(message, StoreChanged)


@dataclass
class RowSelected(Message):
    """The cursor of a list moved to another row."""

    table: str
    """The id of the list."""
    key: Any


@dataclass
class RowOpened(Message):
    """A row was opened by Enter or a double click."""

    table: str
    key: Any


@dataclass
class TabChosen(Message):
    """A tab was clicked."""

    name: str


class TailMoved(Message):
    """A list started or stopped following its tail, or got rows below the cursor while it does not follow."""


class MarksChanged(Message):
    """Rows of a list were marked or unmarked."""


@dataclass
class StepSelected(Message):
    """A step of the follow pane was clicked, or opened by Enter."""

    position: int
    """The position of its frame in the store."""
    leave: bool
    """True to move the focus to that frame."""


@dataclass
class LineEntered(Message):
    """The cursor of a pane moved to another line."""

    block: int
    """The index of the line's block in the pane's document."""


@dataclass
class LineOpened(Message):
    """A line that leads to no frame was opened: by Enter, a double click, or a click on its fold mark."""

    block: int


@dataclass
class ByteSelected(Message):
    """A byte of a packet was selected in the hex view."""

    source: ByteSource
    offset: int
    leave: bool = False
    """True to move the focus to the field that the byte belongs to."""


@dataclass
class DisplayFilterEntered(ScreenMessage):
    """A display filter was typed and passed Wireshark's syntax check."""

    text: str
    """The filter in Wireshark's syntax, without the `=` that forces one."""


class FilterScanCancelled(ScreenMessage):
    """Esc was pressed while a display filter scans the packets: stop, and restore the previous filter."""


@dataclass
class FieldFilterRequested(ScreenMessage):
    """The user wants to filter by a field of a packet."""

    field: Field
    headers: tuple[str, ...] = ()
    """The names of the HTTP/2 headers whose values the field shows."""


@dataclass
class SaveRequested(ScreenMessage):
    """The user wants to save what a pane shows."""

    make: Callable[[Mask], tuple[bytes, str]]
    """Return the contents with secrets masked, and a description for the file name and the confirmation."""
    is_raw: bool = False
    """True for bytes as they were on the wire, in which nothing can be masked."""


class FilterFocused(ScreenMessage):
    """The filter box got the focus."""


@dataclass
class FilterEntered(ScreenMessage):
    """A valid word filter was typed."""

    filter: Filter


@dataclass
class FilterRequested(ScreenMessage):
    """A filter was chosen outside of the filter box, which is to apply it."""

    text: str


@dataclass
class FindRequested(ScreenMessage):
    """The text in the find bar, its kind, or where to look for it changed."""

    query: SearchQuery


@dataclass
class FindLeft(ScreenMessage):
    """Enter or Esc was pressed in the find bar."""

    is_over: bool = False
    """True for Esc, which ends the search."""


@dataclass
class SendRequested(ScreenMessage):
    """Enter was pressed in the request box."""

    draft: Draft | None
    """None when no method is chosen."""
    is_apart: bool = False
    """True to start another call even though one is open that accepts messages."""


@dataclass
class SecretsRequired(ScreenMessage):
    """A request from the history cannot be sent before its masked values are entered."""

    draft: Draft


class ClearHistoryRequested(ScreenMessage):
    """The user wants to clear the request history. Needs a confirmation."""


@dataclass
class InputLeft(ScreenMessage):
    """Esc was pressed in an input: the focus goes to the list."""


@dataclass
class ListShown(ScreenMessage):
    """Another list was brought to the front."""

    name: str


@dataclass
class FocusRequested(ScreenMessage):
    """A list or a pane asks for the focus, and to be made visible on a narrow screen."""

    widget: Widget


@dataclass
class CopyRequested(ScreenMessage):
    """The user wants to copy something to the clipboard."""

    make: Callable[[Mask], tuple[str, str]]
    """Return the text with secrets masked, and a description for the notification. May raise RequestError."""
    is_raw: bool = False
    """True for bytes as they were on the wire, in which nothing can be masked."""
    shows_secrets: bool = False
    """True when the user chose the form with secrets."""


@dataclass
class SessionReplaced(Message):
    """Another session reads the same capture again, decoded in another way."""

    session: Session


@dataclass
class CaptureClosed(Message):
    """The user leaves a capture that was opened on top of another one."""

    screen: Screen[None]


@dataclass
class CaptureOpened(Message):
    """The user opened a capture file. Its screen goes on top of the current one."""

    session: Session
