"""The store: everything captured so far, and what each batch of events changed."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from inspector.http2 import events
from inspector.http2.events import Event
from inspector.model.call import Call, StreamKey
from inspector.model.connection import Connection, Traffic
from inspector.model.frame import Frame, FrameType, Side
from inspector.model.retained_list import RetainedList
from inspector.store.calls import CallTable
from inspector.store.connections import ConnectionTable


@dataclass(frozen=True, slots=True)
class Change:
    """What one batch of events changed, or what was evicted.

    New frames are the positions from `first_frame` up to, not including, `end_frame`.
    """

    first_frame: int
    end_frame: int
    packets: int = 0
    """How many packets were added."""
    calls: frozenset[StreamKey] = frozenset()
    """Calls that are new or changed."""
    connections: frozenset[int] = frozenset()
    """Connections that are new or changed."""
    traffic: frozenset[int] = frozenset()
    """Connections that carried packets."""
    rewritten: bool = False
    """True when earlier frames are shown differently now: sides were swapped, headers revised, or DATA is reread."""
    first_kept: int = 0
    """Frames before this position were evicted; 0 when none were."""
    evicted: frozenset[StreamKey] = frozenset()
    """Calls that were evicted."""
    evicting: frozenset[StreamKey] | None = None
    """Calls that the next `evict` takes frames from: the last chance to read them. None when no eviction is due."""

    def merged(self, later: Change) -> Change:
        """Return this change and the one right after it as one."""
        return Change(
            self.first_frame,
            later.end_frame,
            self.packets + later.packets,
            (self.calls | later.calls) - later.evicted,
            self.connections | later.connections,
            self.traffic | later.traffic,
            self.rewritten or later.rewritten,
            max(self.first_kept, later.first_kept),
            self.evicted | later.evicted,
        )


class PacketIndex:
    """The position of each packet's first frame, in four bytes per packet."""

    __slots__ = ("_first", "_positions")

    def __init__(self) -> None:
        self._first = 0
        """The packet of the first entry."""
        self._positions: array[int] = array("I")
        """The position plus one; 0 for packets without a frame."""

    def add(self, packet: int, position: int) -> None:
        """Record a frame of a packet; only the first one counts."""
        positions, index = self._positions, packet - self._first
        if index >= len(positions):
            positions.extend(array("I", bytes(positions.itemsize * (index + 1 - len(positions)))))
        if index >= 0 and not positions[index]:
            positions[index] = position + 1

    def find(self, packet: int) -> int | None:
        """Return the position of a packet's first frame; None without one, or for a evicted packet."""
        index = packet - self._first
        found = self._positions[index] if 0 <= index < len(self._positions) else 0
        return found - 1 if found else None

    def drop(self, before: int) -> None:
        """Forget the packets before one."""
        del self._positions[: max(before - self._first, 0)]
        self._first = max(before, self._first)


FRAME_WEIGHT: Final = 560
"""Bytes of memory, measured over calls of all kinds: a frame with its share of calls, messages, selections and
totals."""


class Store:
    """The captured frames in the order of the wire, and the calls and connections that they make up."""

    def __init__(self) -> None:
        self.packets = 0
        """The number of the latest packet."""
        self.frames: RetainedList[Frame] = RetainedList()
        self.comments: dict[int, tuple[str, ...]] = {}
        """By packet number: the comments of the capture file and those that the user wrote."""
        self.weight = 0
        """An estimate of the bytes of memory that the kept frames take, with everything that belongs to them."""
        self._calls = CallTable()
        self._connections = ConnectionTable()
        self.calls: dict[StreamKey, Call] = self._calls.calls
        """In the order in which they started."""
        self.connections: dict[int, Connection] = self._connections.connections
        self.evicting_connections: set[int] = self._connections.evicting
        """Connections that are no longer kept, readable until `release`."""
        self._packet_index = PacketIndex()
        self._latest: tuple[Frame, int]
        """The last frame and its position."""
        self._rewritten = False

    @property
    def evicted_connections(self) -> int:
        """How many connections came before those that are kept."""
        return self._connections.evicted

    def apply(self, batch: Iterable[Event]) -> Change:
        """Apply events in their order; return what they changed."""
        first, packets = len(self.frames), self.packets
        for event in batch:
            kind = type(event)
            if (handler := _HANDLERS.get(kind)) is not None:
                handler(self, event)
            elif (on_call := _CALL_HANDLERS.get(kind)) is not None:
                on_call(self._calls, event)
            else:
                _CONNECTION_HANDLERS[kind](self._connections, event)
        connections, traffic = self._connections.take_changed()
        change = Change(
            first,
            len(self.frames),
            self.packets - packets,
            self._calls.take_changed(),
            connections,
            traffic,
            self._rewritten or self._calls.are_data_reread,
        )
        self._rewritten = self._calls.are_data_reread = False
        return change

    def everything(self) -> Change:
        """Return the change from an empty store to this one, for a reader that starts late."""
        connections = frozenset(self.connections)
        first, end = self.frames.first, len(self.frames)
        return Change(first, end, self.packets, frozenset(self.calls), connections, connections, rewritten=True)

    def evicting(self, count: int) -> Change:
        """Return a change that names the calls which the next `evict` of `count` frames takes frames from."""
        frames, size = self.frames[self.frames.first : self.frames.first + count], len(self.frames)
        return Change(size, size, evicting=self._calls.ended_calls(frames))

    def evict(self, count: int) -> Change:
        """Evict the `count` oldest frames and what belongs to no others; return what is gone.

        Evicted frames and connections stay readable until `release`, so that readers can catch up.
        """
        start, end = self.frames.first, min(self.frames.first + count, len(self.frames))
        frames = self.frames[start:end]
        self.weight -= sum(map(_weight, frames))
        self.frames.drop(end)
        evicted = self._calls.evict(frames, end, self.side)
        self._connections.evict_idle(self.frames[end].time if end < len(self.frames) else math.inf)
        if self.frames:
            self._packet_index.drop(self.frames[end].packet)
        size, changed = len(self.frames), self._calls.take_changed()
        return Change(size, size, calls=changed, first_kept=end, evicted=evicted)

    def release(self, most: int) -> bool:
        """Free the memory of at most `most` evicted frames; return True while there are more."""
        self._connections.release()
        return self.frames.release(most)

    def side(self, frame: Frame) -> Side:
        """Return which side of its connection sent a frame."""
        return self.connections[frame.connection].side(frame.source)

    def call_of(self, frame: Frame) -> Call | None:
        """Return the call of a frame; None for stream 0 and for streams without a call."""
        return self.calls.get(StreamKey(frame.connection, frame.stream))

    def positions_of(self, packet: int) -> Iterator[int]:
        """Yield the positions of a packet's frames, as far as they are kept; they are consecutive."""
        first = self._packet_index.find(packet)
        position = max(first or 0, self.frames.first)
        while first is not None and self.frames.holds(position) and self.frames[position].packet == packet:
            yield position
            position += 1

    def messages_outside_payload(self, positions: range) -> Sequence[int]:
        """Return those of the positions at which a message ends that is not in the frame's payload as it is."""
        ends = self._calls.outside_payload
        return ends[bisect_left(ends, positions.start) : bisect_left(ends, positions.stop)]

    def traffic(self, connection: int) -> Traffic:
        """Return what a connection has carried.

        Raises:
            KeyError: when the connection is not known.
        """
        return self._connections.stats[connection].traffic

    def _on_packet(self, event: events.PacketSeen) -> None:
        packet = event.packet
        # A connection whose port is decoded as HTTP/2 only later is read again from its first packet.
        self.packets = max(self.packets, packet.number)
        self._connections.on_packet(packet, len(self.frames))

    def _on_sides_swapped(self, event: events.SidesSwapped) -> None:
        self._connections.on_connection(event)
        self._rewritten = True
        self._calls.swap_sides(event.connection.index)

    def _on_frame(self, event: events.FrameSeen) -> None:
        self._latest = frame, position = event.frame, len(self.frames)
        self.frames.append(frame)
        self.weight += _weight(frame)
        self._packet_index.add(frame.packet, position)

    def _on_frame_revised(self, event: events.FrameRevised) -> None:
        if self.frames.holds(event.position):
            self.frames[event.position] = event.frame
            self._rewritten = True

    def _on_call_started(self, event: events.CallStarted) -> None:
        self._calls.on_started(event)
        self._connections.on_call_started(event.key.connection)

    def _on_call_frame(self, event: events.CallFrameSeen) -> None:
        frame, position = self._latest
        call = self._calls.on_frame(event, position)
        if frame.type == FrameType.DATA:
            if self.side(frame) is Side.CLIENT:
                call.request_bytes += frame.length
            else:
                call.response_bytes += frame.length

    def _on_call_ended(self, event: events.CallEnded) -> None:
        self._calls.on_change(event)
        self._connections.on_call_ended(event)


def _weight(frame: Frame) -> int:
    """Estimate the bytes of memory of a frame; a DATA payload counts twice, as its message holds a copy."""
    return FRAME_WEIGHT + 2 * len(frame.payload)


# Any: each handler takes its own event, which no type of a mapping can say.
_CALL_HANDLERS: Final[Mapping[type, Callable[[CallTable, Any], None]]] = {
    events.MethodFound: CallTable.on_method,
    events.MethodEntryFound: CallTable.on_method_entry,
    events.RequestHeadersRead: CallTable.on_request_headers,
    events.ResponseHeadersRead: CallTable.on_response_headers,
    events.TrailersRead: CallTable.on_change,
    events.StatusRead: CallTable.on_change,
    events.MessageRead: CallTable.on_message,
    events.BytesLost: CallTable.on_change,
    events.ProblemFound: CallTable.on_change,
}
_HANDLERS: Final[Mapping[type, Callable[[Store, Any], None]]] = {
    events.PacketSeen: Store._on_packet,
    events.SidesSwapped: Store._on_sides_swapped,
    events.FrameSeen: Store._on_frame,
    events.FrameRevised: Store._on_frame_revised,
    events.CallStarted: Store._on_call_started,
    events.CallFrameSeen: Store._on_call_frame,
    events.CallEnded: Store._on_call_ended,
}
_CONNECTION_HANDLERS: Final[Mapping[type, Callable[[ConnectionTable, Any], None]]] = {
    events.ConnectionSeen: ConnectionTable.on_connection,
    events.ConnectionForgotten: ConnectionTable.on_forgotten,
}
