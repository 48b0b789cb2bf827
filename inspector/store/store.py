"""Everything captured so far: packets, frames, calls and connections, and what a batch changed."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from inspector.http2 import events
from inspector.http2.events import Event
from inspector.http2.stats import ConnectionStats
from inspector.model.call import Call, CallState, StreamKey
from inspector.model.connection import Connection, Traffic
from inspector.model.frame import Frame, FrameType, Side, TcpEvent
from inspector.model.retained_list import RetainedList
from inspector.store.calls import CallTable


@dataclass(frozen=True, slots=True)
class Change:
    """New frames are the positions from `first_frame` up to, not including, `end_frame`."""

    first_frame: int
    end_frame: int
    packets: int = 0
    """How many packets were added."""
    calls: frozenset[StreamKey] = frozenset()
    """Calls that are new or know more than before."""
    connections: frozenset[int] = frozenset()
    """Connections that are new or know more than before."""
    traffic: frozenset[int] = frozenset()
    """Connections that carried packets."""
    rewritten: bool = False
    """True when what earlier frames say has changed too, as when a connection's sides were exchanged."""
    first_kept: int = 0
    """Frames before this position are not kept any more; 0 where none were dropped."""
    gone: frozenset[StreamKey] = frozenset()
    """Calls that are not kept any more."""
    leaving: frozenset[StreamKey] | None = None
    """Calls of which a part at least goes next: look at them now. None where nothing is about to go."""

    def merged(self, later: Change) -> Change:
        """Give this change and the one that came right after it, as one."""
        return Change(
            self.first_frame,
            later.end_frame,
            self.packets + later.packets,
            (self.calls | later.calls) - later.gone,
            self.connections | later.connections,
            self.traffic | later.traffic,
            self.rewritten or later.rewritten,
            max(self.first_kept, later.first_kept),
            self.gone | later.gone,
        )


class PacketIndex:
    """The position of each packet's first frame; four bytes for each packet."""

    __slots__ = ("_first", "_positions")

    def __init__(self) -> None:
        self._first = 0
        """The packet that the first entry is of."""
        self._positions: array[int] = array("I")
        """One more than the position; 0 for packets without a frame."""

    def add(self, packet: int, position: int) -> None:
        """A frame of this packet is at this position."""
        positions, at = self._positions, packet - self._first
        if at >= len(positions):
            positions.extend(array("I", bytes(positions.itemsize * (at + 1 - len(positions)))))
        if at >= 0 and not positions[at]:
            positions[at] = position + 1

    def find(self, packet: int) -> int | None:
        """The position of a packet's first frame; None where it has none, or is forgotten."""
        at = packet - self._first
        found = self._positions[at] if 0 <= at < len(self._positions) else 0
        return found - 1 if found else None

    def drop(self, before: int) -> None:
        """Forget the packets before one."""
        del self._positions[: max(before - self._first, 0)]
        self._first = max(before, self._first)


_UNRECOGNISED_KEPT: Final = 1_000
"""TCP connections that may still turn out to carry HTTP/2; most do so with their fourth packet."""
_CONNECTIONS_KEPT: Final = 10_000
FRAME_WEIGHT: Final = 560
"""Measured over calls of all kinds: a frame with its share of calls, messages, selections and totals."""


class Store:
    """The captured frames in the order of the wire, and the calls and connections they make up."""

    def __init__(self) -> None:
        self.packets = 0
        """How many packets were read."""
        self.frames: RetainedList[Frame] = RetainedList()
        self._latest: tuple[Frame, int]
        """The frame that came last, and its position."""
        self.comments: dict[int, tuple[str, ...]] = {}
        """By packet number: what people wrote of it."""
        self.weight = 0
        """About how many bytes of memory the frames take that are kept, with all that belongs to them."""
        self._book = CallTable()
        self.calls: dict[StreamKey, Call] = self._book.calls
        """In the order in which they started."""
        self.connections: dict[int, Connection] = {}
        self._of_packet = PacketIndex()
        self._tallies: dict[int, ConnectionStats] = {}
        self._unrecognised: dict[int, ConnectionStats] = {}
        """Of other TCP connections, the latest: which of them carry HTTP/2 shows later than their first packet."""
        self._touched_traffic: set[int] = set()
        self._touched_connections: set[int] = set()
        self._rewritten = False
        self._forgotten: dict[int, None] = {}
        """Connections on which nothing comes any more, in the order in which that was said."""
        self.leaving: set[int] = set()
        """Connections that are not kept any more, and can be looked at until `free`."""
        self.dropped_connections = 0
        """How many there were before those that are kept."""

    def apply(self, batch: Iterable[Event]) -> Change:
        """Take in events, in their order, and tell what they changed."""
        first, packets = len(self.frames), self.packets
        for event in batch:
            _HANDLERS[type(event)](self, event)
        change = Change(
            first,
            len(self.frames),
            self.packets - packets,
            self._book.take_touched(),
            frozenset(self._touched_connections),
            frozenset(self._touched_traffic),
            self._rewritten or self._book.are_data_reread,
        )
        self._touched_traffic.clear()
        self._touched_connections.clear()
        self._rewritten = self._book.are_data_reread = False
        return change

    def everything(self) -> Change:
        """The change from nothing to what is here: for a reader that starts late."""
        connections = frozenset(self.connections)
        first, end = self.frames.first, len(self.frames)
        return Change(first, end, self.packets, frozenset(self.calls), connections, connections, rewritten=True)

    def leaving_with(self, count: int) -> Change:
        """What the next `drop` of so many frames takes along."""
        frames, size = self.frames[self.frames.first : self.frames.first + count], len(self.frames)
        return Change(size, size, leaving=self._book.leaving(frames))

    def drop(self, count: int) -> Change:
        """Keep the oldest frames no longer, so many of them, nor what belongs to no others; tells what is gone.

        They can still be looked at until `free`.
        """
        start, end = self.frames.first, min(self.frames.first + count, len(self.frames))
        frames = self.frames[start:end]
        self.weight -= sum(map(_weight, frames))
        self.frames.drop(end)
        gone = self._book.drop(frames, end, self.side)
        self._drop_connections(end)
        if self.frames:
            self._of_packet.drop(self.frames[end].packet)
        size, touched = len(self.frames), self._book.take_touched()
        return Change(size, size, calls=touched, first_kept=end, gone=gone)

    def free(self, most: int) -> bool:
        """Give up the memory of what was dropped, of so many frames; True when there is more."""
        for index in self.leaving:
            del self._forgotten[index], self._tallies[index], self.connections[index]
        self.leaving.clear()
        return self.frames.free(most)

    def _drop_connections(self, first: int) -> None:
        """Drop the oldest of those on which nothing comes any more and of which no frame is kept."""
        since = self.frames[first].time if first < len(self.frames) else math.inf
        for index in list(self._forgotten)[: max(len(self.connections) - _CONNECTIONS_KEPT, 0)]:
            if self._tallies[index].traffic.last < since and index not in self.leaving:
                self.leaving.add(index)
                self.dropped_connections += 1

    def side(self, frame: Frame) -> Side:
        """Who sent a frame."""
        return self.connections[frame.connection].side(frame.source)

    def call_of(self, frame: Frame) -> Call | None:
        """The call that a frame belongs to; None for frames of stream 0 and of streams without a call."""
        return self.calls.get(StreamKey(frame.connection, frame.stream))

    def positions_of(self, packet: int) -> Iterator[int]:
        """The positions of those of a packet's frames that are kept; they stand one behind the other."""
        first = self._of_packet.find(packet)
        position = max(first or 0, self.frames.first)
        while first is not None and self.frames.holds(position) and self.frames[position].packet == packet:
            yield position
            position += 1

    def apart(self, positions: range) -> Sequence[int]:
        """Where among these a message ends that is not in the frame's payload as it is."""
        ends = self._book.apart
        return ends[bisect_left(ends, positions.start) : bisect_left(ends, positions.stop)]

    def traffic(self, connection: int) -> Traffic:
        """What a connection has carried; KeyError for one that is not known."""
        return self._tallies[connection].traffic

    def _on_packet(self, event: events.PacketSeen) -> None:
        packet = event.packet
        self.packets = max(self.packets, packet.number)  # some are told again, when their port is decoded only then
        index, source, destination = packet.connection, packet.source, packet.destination
        if index is None or source is None or destination is None:
            return
        tally = self._tallies.get(index) or self._unrecognised.get(index)
        if tally is None or tally.is_told_again(packet):
            tally = ConnectionStats(index, (source, destination), packet.time, opens=bool(packet.tcp & TcpEvent.SYN))
            self._keep_tally(tally)
        tally.take(packet, source, len(self.frames))
        self._touched_traffic.add(index)

    def _keep_tally(self, tally: ConnectionStats) -> None:
        index = tally.traffic.connection
        if index in self._tallies:
            self._tallies[index] = tally
            return
        if len(self._unrecognised) >= _UNRECOGNISED_KEPT:
            del self._unrecognised[next(iter(self._unrecognised))]
        self._unrecognised[index] = tally

    def _on_connection(self, event: events.ConnectionSeen) -> None:
        connection, index = event.connection, event.connection.index
        self.connections[index] = connection
        self._touched_connections.add(index)
        tally = self._tallies.get(index) or self._unrecognised.pop(index)
        ends = connection.client, connection.server
        if not tally.is_between(*ends):  # in tunnels, the first packet may have been told with other addresses
            tally = ConnectionStats(index, ends, connection.started)
        tally.set_client(connection.client)
        self._tallies[index] = tally

    def _on_turned(self, event: events.SidesSwapped) -> None:
        self._on_connection(events.ConnectionSeen(event.connection))
        self._rewritten = True
        self._book.turn(event.connection.index)

    def _on_forgotten(self, event: events.ConnectionForgotten) -> None:
        self._forgotten[event.index] = None

    def _on_frame(self, event: events.FrameSeen) -> None:
        self._latest = frame, position = event.frame, len(self.frames)
        self.frames.append(frame)
        self.weight += _weight(frame)
        self._of_packet.add(frame.packet, position)

    def _on_frame_revised(self, event: events.FrameRevised) -> None:
        if self.frames.holds(event.position):
            self.frames[event.position] = event.frame
            self._rewritten = True

    def _on_call_started(self, event: events.CallStarted) -> None:
        self._book.on_started(event)
        self._tallies[event.key.connection].traffic.calls += 1

    def _on_call_frame(self, event: events.CallFrameSeen) -> None:
        frame, position = self._latest
        call = self._book.on_frame(event, position)
        if frame.type == FrameType.DATA:
            if self.side(frame) is Side.CLIENT:
                call.request_bytes += frame.length
            else:
                call.response_bytes += frame.length

    def _on_call_ended(self, event: events.CallEnded) -> None:
        self._book.on_ended(event)
        tally = self._tallies[event.key.connection]
        ended = tally.traffic.ended
        ended[event.state] = ended.get(event.state, 0) + 1
        if event.state is CallState.BROKEN:
            tally.note_refused(event.key.stream, event.time)

    def _in_book(self, event: Event) -> None:
        _IN_BOOK[type(event)](self._book, event)


def _weight(frame: Frame) -> int:
    """Bytes of memory; those of DATA are there once more in their message."""
    return FRAME_WEIGHT + 2 * len(frame.payload)


# Any: each handler takes its own event, which no type of a mapping can say.
_IN_BOOK: Final[Mapping[type, Callable[[CallTable, Any], None]]] = {
    events.MethodLearnt: CallTable.on_method,
    events.MethodPlaceFound: CallTable.on_method_place,
    events.RequestHeadersRead: CallTable.on_request_headers,
    events.ResponseHeadersRead: CallTable.on_response_headers,
    events.TrailersRead: CallTable.on_trailers,
    events.StatusRead: CallTable.on_status,
    events.MessageRead: CallTable.on_message,
    events.BytesLost: CallTable.on_bytes_lost,
    events.ProblemFound: CallTable.on_problem,
}
_HANDLERS: Final[Mapping[type, Callable[[Store, Any], None]]] = {
    events.PacketSeen: Store._on_packet,
    events.ConnectionSeen: Store._on_connection,
    events.SidesSwapped: Store._on_turned,
    events.FrameSeen: Store._on_frame,
    events.FrameRevised: Store._on_frame_revised,
    events.CallStarted: Store._on_call_started,
    events.CallFrameSeen: Store._on_call_frame,
    events.CallEnded: Store._on_call_ended,
    events.ConnectionForgotten: Store._on_forgotten,
    **dict.fromkeys(_IN_BOOK, Store._in_book),
}
