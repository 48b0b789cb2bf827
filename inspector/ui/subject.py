"""What is selected, where a typed location leads, and client traces."""

from __future__ import annotations

import re
from typing import Final, NamedTuple, TypeAlias

from inspector.errors import UsageError
from inspector.model.call import Call, StreamKey
from inspector.present.client_trace import ClientTrace
from inspector.store.store import Change, Store
from inspector.text import clean, counted

MOST_BYTES: Final = 16 * 1024 * 1024
"""Of the messages of one call."""
_MOST: Final = 50
"""Calls; with the bound above and 64 MB for a single message, a day of sending stays bounded."""


class ClientTraces(list[ClientTrace]):
    """The accounts, the earliest first."""

    def add(self, account: ClientTrace) -> None:
        """Keep one more, and the earliest no longer when there are many."""
        self.append(account)
        del self[:-_MOST]


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


class TracedCall(NamedTuple):
    """What the client says of the calls that were sent from here, where the wire tells nothing; no row leads to it."""

    accounts: ClientTraces

    def is_touched(self, store: Store, change: Change) -> bool:  # noqa: ARG002 - the wire tells nothing of it
        """What was captured does not matter to it."""
        return False


class MethodAt(NamedTuple):
    """A method with all its calls, by its path."""

    path: str

    def is_touched(self, store: Store, change: Change) -> bool:  # noqa: ARG002 - as every subject's
        """Any call may have come to be one of its calls, or have ceased to be one."""
        return bool(change.calls)


Subject: TypeAlias = FrameAt | PacketAt | ConnectionAt | MethodAt | TracedCall


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


_PACKET: Final = re.compile(r"(?:p|packet|#)?\s*(\d{1,12})", re.IGNORECASE | re.ASCII)
_FRAME: Final = re.compile(r"(?:f|frame)\s*(\d{1,12})", re.IGNORECASE | re.ASCII)
_CALL: Final = re.compile(r"(\d{1,9})\s*/\s*(\d{1,10})", re.ASCII)


def parse_location(text: str, store: Store, packets: int) -> FrameAt | PacketAt:
    """What a text means, of what there is by now; raises UsageError, with a sentence for the one who typed it."""
    text = text.strip()
    if match := _PACKET.fullmatch(text):
        if not 0 < (number := int(match[1])) <= packets:
            raise UsageError(f"There is no packet {number:,}: there are {counted(packets, 'packet')}.")
        return PacketAt(number)
    if match := _FRAME.fullmatch(text):
        if not 0 < (number := int(match[1])) <= len(store.frames):
            raise UsageError(f"There is no frame {number:,}: there are {counted(len(store.frames), 'frame')}.")
        if not store.frames.holds(number - 1):
            raise UsageError(f"Frame {number:,} is not kept any more: the oldest left to make room.")
        return FrameAt(number - 1)
    if match := _CALL.fullmatch(text):
        call = store.calls.get(StreamKey(int(match[1]), int(match[2])))
        oldest = None if call is None else call.frames.oldest
        if oldest is None:
            raise UsageError(f"There is no call {match[0]}.")
        return FrameAt(oldest)
    raise UsageError(f"{clean(text)!r} is none of these: 14 is a packet, f 120 a frame, 0/3 a call.")
