"""What the parts of the screen tell those above them. Data goes down by calls, news comes up as these."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from textual.message import Message

from inspector.client.caller import Outcome
from inspector.model.call import StreamKey
from inspector.store.filter import Filter


class StoreChanged(Message):
    """There is something to take from the feed. One is as good as several: the feed has the data."""

    def can_replace(self, message: Message) -> bool:
        """A later one makes an earlier one that still waits needless."""
        return isinstance(message, StoreChanged)


class StatusChanged(Message):
    """The session has a new status, which is read where it is drawn."""

    def can_replace(self, message: Message) -> bool:
        """As above."""
        return isinstance(message, StatusChanged)


@dataclass
class RowSelected(Message):
    """The cursor of a list is on another row."""

    table: str
    """The id of the list."""
    key: Hashable
    by_user: bool = True


@dataclass
class RowOpened(Message):
    """Enter, or a double click, on a row."""

    table: str
    key: Hashable


class TailMoved(Message):
    """A list began or ceased to follow its tail, or rows came behind it meanwhile."""


@dataclass
class StepSelected(Message):
    """A step of the follow pane was clicked, or opened by Enter."""

    position: int
    """Of its frame in the store."""


@dataclass
class Filtered(Message):
    """A filter was typed that means something."""

    filter: Filter


@dataclass
class Requested(Message):
    """Enter in the request box."""

    text: str


@dataclass
class Left(Message):
    """Esc in an input: the focus shall go to the list."""


@dataclass
class Answered(Message):
    """A call of the request box ended."""

    outcome: Outcome


@dataclass
class Failed(Message):
    """Something went wrong that a person must read: a sentence, and what to do."""

    message: str
    hint: str = ""


@dataclass
class OwnCallSeen(Message):
    """A call of the request box has been found on the wire."""

    key: StreamKey
