"""Subjects: what can be selected in a list, entered as a location, or shown about calls that were sent from here."""

from __future__ import annotations

import re
from typing import Final, NamedTuple, TypeAlias

from inspector.errors import UsageError
from inspector.model.call import Call, StreamKey
from inspector.present.client_trace import ClientTrace
from inspector.store.store import Change, Store
from inspector.text import clean, counted

MOST_BYTES: Final = 16 * 1024 * 1024
"""Limit of the bytes of messages that the trace of one call keeps."""
_MAX_TRACES: Final = 50
"""With the limit above and the limit of 64 MB for a single message, it bounds the memory of a day of calls."""


class ClientTraces(list[ClientTrace]):
    """The traces of the latest calls that were sent from here, oldest first."""

    def add(self, trace: ClientTrace) -> None:
        """Append a trace, and drop the oldest if there are too many."""
        self.append(trace)
        del self[:-_MAX_TRACES]


class FrameAt(NamedTuple):
    """A frame, by its position in the store, and its call."""

    position: int

    def call(self, store: Store) -> Call | None:
        """Return the call of the frame; None if it has none or was evicted."""
        return store.call_of(store.frames[self.position]) if store.frames.holds(self.position) else None

    def is_touched(self, store: Store, change: Change) -> bool:
        """Return whether documents about the subject may differ after a change; all subjects have this method."""
        call = self.call(store)
        is_call_touched = call is not None and call.key in change.calls
        if not store.frames.holds(self.position):
            return False
        return is_call_touched or store.frames[self.position].connection in change.connections


class PacketAt(NamedTuple):
    """A packet, by its number in the capture, counted from 1."""

    number: int

    def is_touched(self, store: Store, change: Change) -> bool:  # noqa: ARG002 - as every subject's
        """Return True: packets are read by tshark, independently of the store."""
        return True


class ConnectionAt(NamedTuple):
    """A connection, by the number that Wireshark gives its TCP stream."""

    connection: int

    def is_touched(self, store: Store, change: Change) -> bool:  # noqa: ARG002 - as every subject's
        """Return whether the connection carried packets, or it or one of its calls changed."""
        return self.connection in change.traffic or self.connection in change.connections


class TracedCall(NamedTuple):
    """The calls that were sent from here, as the client traced them, if the wire cannot be read. No row leads to it."""

    traces: ClientTraces

    def is_touched(self, store: Store, change: Change) -> bool:  # noqa: ARG002 - as every subject's
        """Return False: traces do not come from the capture."""
        return False


class MethodAt(NamedTuple):
    """All calls of a method, by its path."""

    path: str

    def is_touched(self, store: Store, change: Change) -> bool:  # noqa: ARG002 - as every subject's
        """Return whether any call changed: the method of a call may become known late."""
        return bool(change.calls)


Subject: TypeAlias = FrameAt | PacketAt | ConnectionAt | MethodAt | TracedCall


def connection_of(subject: Subject | None, store: Store) -> int | None:
    """Return the connection of a subject; None if it has none or several."""
    match subject:
        case ConnectionAt(connection):
            return connection
        case FrameAt(position) if store.frames.holds(position):
            return store.frames[position].connection
        case _:
            return None


def packet_of(subject: Subject | None, store: Store) -> int | None:
    """Return the packet of a subject; None if it has none or several."""
    match subject:
        case PacketAt(number):
            return number
        case FrameAt(position) if store.frames.holds(position):
            return store.frames[position].packet
        case _:
            return None


def is_gone(subject: Subject | None, store: Store) -> bool:
    """Return whether a frame or a connection was evicted from the store."""
    match subject:
        case FrameAt(position):
            return not store.frames.holds(position)
        case ConnectionAt(connection):
            return connection not in store.connections or connection in store.evicting_connections
        case _:
            return False


def of_call(store: Store, key: StreamKey) -> Subject:
    """Return the first frame of a call; its connection if all its frames were evicted."""
    call = store.calls.get(key)
    oldest = None if call is None else call.frames.oldest
    return ConnectionAt(key.connection) if oldest is None else FrameAt(oldest)


_PACKET: Final = re.compile(r"(?:p|packet|#)?\s*(\d{1,12})", re.IGNORECASE | re.ASCII)
_FRAME: Final = re.compile(r"(?:f|frame)\s*(\d{1,12})", re.IGNORECASE | re.ASCII)
_CALL: Final = re.compile(r"(\d{1,9})\s*/\s*(\d{1,10})", re.ASCII)


def parse_location(text: str, store: Store, packets: int) -> FrameAt | PacketAt:
    """Return the frame or packet that a text refers to; `packets` is the number of packets. Raises UsageError."""
    text = text.strip()
    if match := _PACKET.fullmatch(text):
        if not 0 < (number := int(match[1])) <= packets:
            raise UsageError(f"There is no packet {number:,}: there are {counted(packets, 'packet')}.")
        return PacketAt(number)
    if match := _FRAME.fullmatch(text):
        if not 0 < (number := int(match[1])) <= len(store.frames):
            raise UsageError(f"There is no frame {number:,}: there are {counted(len(store.frames), 'frame')}.")
        if not store.frames.holds(number - 1):
            raise UsageError(f"Frame {number:,} is no longer in memory: the oldest frames make room for new ones.")
        return FrameAt(number - 1)
    if match := _CALL.fullmatch(text):
        call = store.calls.get(StreamKey(int(match[1]), int(match[2])))
        oldest = None if call is None else call.frames.oldest
        if oldest is None:
            raise UsageError(f"There is no call {match[0]}.")
        return FrameAt(oldest)
    raise UsageError(f"{clean(text)!r} is not a location: 14 is a packet, f 120 a frame, 0/3 a call.")
