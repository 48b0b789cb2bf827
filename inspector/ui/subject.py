"""What is selected. A row of any list leads to one of these, and the right side shows it."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from inspector.model.call import Call, StreamKey
from inspector.store.change import Change
from inspector.store.store import Store
from inspector.ui.accounts import Accounts


class FrameAt(NamedTuple):
    """A frame, by its position in the store; and with it its call."""

    position: int

    def call(self, store: Store) -> Call | None:
        """The call that it belongs to; None for a frame that is not kept any more, too."""
        return store.call_of(store.frames[self.position]) if store.frames.holds(self.position) else None

    def is_touched(self, store: Store, change: Change) -> bool:
        """True when a change may have something to say of it."""
        call = self.call(store)
        is_call_touched = call is not None and call.key in change.calls
        if not store.frames.holds(self.position):
            return False
        return is_call_touched or store.frames[self.position].connection in change.connections


class PacketAt(NamedTuple):
    """A packet, by its number in the capture, which begins with 1."""

    number: int

    def is_touched(self, store: Store, change: Change) -> bool:  # noqa: ARG002 - as every subject's
        """What is known of it comes beside the store, at any time."""
        return True


class ConnectionAt(NamedTuple):
    """A connection, as Wireshark counts them."""

    connection: int

    def is_touched(self, store: Store, change: Change) -> bool:  # noqa: ARG002 - as every subject's
        """True when it carried something, or more is known of it or its calls."""
        return self.connection in change.traffic or self.connection in change.connections


class Told(NamedTuple):
    """What the client says of the calls that were sent from here, where the wire tells nothing; no row leads to it."""

    accounts: Accounts

    def is_touched(self, store: Store, change: Change) -> bool:  # noqa: ARG002 - the wire tells nothing of it
        """What was captured does not matter to it."""
        return False


class MethodAt(NamedTuple):
    """A method with all its calls, by its path."""

    path: str

    def is_touched(self, store: Store, change: Change) -> bool:  # noqa: ARG002 - as every subject's
        """Any call may have come to be one of its calls, or have ceased to be one."""
        return bool(change.calls)


Subject: TypeAlias = FrameAt | PacketAt | ConnectionAt | MethodAt | Told


def connection_of(subject: Subject | None, store: Store) -> int | None:
    """The connection that a subject is, or is of; None for one that is of many or none."""
    match subject:
        case ConnectionAt(connection):
            return connection
        case FrameAt(position) if store.frames.holds(position):
            return store.frames[position].connection
        case _:
            return None


def packet_of(subject: Subject | None, store: Store) -> int | None:
    """The packet that a subject is, or lies in; None for one that is of many or none."""
    match subject:
        case PacketAt(number):
            return number
        case FrameAt(position) if store.frames.holds(position):
            return store.frames[position].packet
        case _:
            return None


def is_gone(subject: Subject | None, store: Store) -> bool:
    """True for a frame, or a connection, that is not kept any more."""
    match subject:
        case FrameAt(position):
            return not store.frames.holds(position)
        case ConnectionAt(connection):
            return connection not in store.connections or connection in store.leaving
        case _:
            return False


def of_call(store: Store, key: StreamKey) -> Subject:
    """The first frame of a call; where none is kept, its connection."""
    call = store.calls.get(key)
    oldest = None if call is None else call.frames.oldest
    return ConnectionAt(key.connection) if oldest is None else FrameAt(oldest)
