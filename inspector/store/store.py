"""Everything captured so far: frames, calls and connections.

Owns the only mutable state that both front ends read. One writer, the session, applies events to it; nobody else
writes, so there are no locks. It keeps no packets: the spool has them, and the store only counts.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from inspector.model.call import SHARING_TRIED, Call, CallState, StreamKey
from inspector.model.connection import Connection
from inspector.model.endpoint import Side
from inspector.model.frame import Frame, FrameType, TcpEvent
from inspector.model.traffic import Traffic
from inspector.protocol import events
from inspector.protocol.events import Event
from inspector.protocol.tally import Tally
from inspector.store.change import Change

_UNRECOGNISED_KEPT: Final = 1_000
"""TCP connections that may still turn out to carry HTTP/2; most do so with their fourth packet."""
_GAPS_KEPT: Final = 16
"""Of one call; what is said of it does not depend on more."""


class Store:
    """The captured frames in the order of the wire, and the calls and connections they make up."""

    def __init__(self) -> None:
        self.packets = 0
        """How many packets were read."""
        self.frames: list[Frame] = []
        self.calls: dict[StreamKey, Call] = {}
        """In the order in which they started."""
        self.connections: dict[int, Connection] = {}
        self._first_of_packet: array[int] = array("I")
        """By packet number: one more than the position of its first frame; 0 for packets without one."""
        self._tallies: dict[int, Tally] = {}
        self._unrecognised: dict[int, Tally] = {}
        """Of other TCP connections, the latest: which of them carry HTTP/2 shows later than their first packet."""
        self._touched_traffic: set[int] = set()
        self._touched: set[StreamKey] = set()
        self._touched_connections: set[int] = set()
        self._rewritten = False
        self._sharing: dict[str, list[Call]] = {}
        """By HPACK entry never seen: the calls whose method it is."""

    def apply(self, batch: Iterable[Event]) -> Change:
        """Take in events, in their order, and tell what they changed."""
        first, packets = len(self.frames), self.packets
        for event in batch:
            _HANDLERS[type(event)](self, event)
        change = Change(
            first,
            len(self.frames),
            self.packets - packets,
            frozenset(self._touched),
            frozenset(self._touched_connections),
            frozenset(self._touched_traffic),
            self._rewritten,
        )
        self._touched.clear()
        self._touched_traffic.clear()
        self._touched_connections.clear()
        self._rewritten = False
        return change

    def everything(self) -> Change:
        """The change from nothing to what is here: for a reader that starts late."""
        connections = frozenset(self.connections)
        return Change(
            0, len(self.frames), self.packets, frozenset(self.calls), connections, connections, rewritten=True
        )

    def side(self, frame: Frame) -> Side:
        """Who sent a frame."""
        return self.connections[frame.connection].side(frame.source)

    def call_of(self, frame: Frame) -> Call | None:
        """The call that a frame belongs to; None for frames of stream 0 and of streams without a call."""
        return self.calls.get(StreamKey(frame.connection, frame.stream))

    def positions_of(self, packet: int) -> Iterator[int]:
        """The positions of a packet's frames, which stand one behind the other."""
        position = self._first_of_packet[packet] - 1 if 0 <= packet < len(self._first_of_packet) else -1
        while 0 <= position < len(self.frames) and self.frames[position].packet == packet:
            yield position
            position += 1

    def _call(self, key: StreamKey) -> Call:
        self._touched.add(key)
        return self.calls[key]

    def traffic(self, connection: int) -> Traffic:
        """What a connection has carried; KeyError for one that is not known."""
        return self._tallies[connection].traffic

    def _on_packet(self, event: events.PacketSeen) -> None:
        self.packets += 1
        packet = event.packet
        index, source, destination = packet.connection, packet.source, packet.destination
        if index is None or source is None or destination is None:
            return
        tally = self._tallies.get(index) or self._unrecognised.get(index)
        if tally is None or tally.is_told_again(packet):
            tally = Tally(index, (source, destination), packet.time, opens=bool(packet.tcp & TcpEvent.SYN))
            self._keep_tally(tally)
        tally.take(packet, source, len(self.frames))
        self._touched_traffic.add(index)

    def _keep_tally(self, tally: Tally) -> None:
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
            tally = Tally(index, ends, connection.started)
        tally.set_client(connection.client)
        self._tallies[index] = tally

    def _on_turned(self, event: events.ConnectionTurned) -> None:
        self._on_connection(events.ConnectionSeen(event.connection))
        self._rewritten = True
        for key in self.calls:
            if key.connection == event.connection.index:
                call = self._call(key)
                call.requests, call.responses = call.responses, call.requests
                call.request_headers, call.response_headers = call.response_headers, call.request_headers
                call.request_bytes, call.response_bytes = call.response_bytes, call.request_bytes

    def _on_frame(self, event: events.FrameSeen) -> None:
        self.frames.append(event.frame)
        first, packet = self._first_of_packet, event.frame.packet
        if packet >= len(first):
            first.extend(array("I", bytes(first.itemsize * (packet + 1 - len(first)))))
        if not first[packet]:
            first[packet] = len(self.frames)

    def _on_frame_revised(self, event: events.FrameRevised) -> None:
        self.frames[event.position] = event.frame
        self._rewritten = True

    def _on_method_place(self, event: events.MethodPlaceFound) -> None:
        call, sharing = self._call(event.key), self._sharing.setdefault(event.place, [])
        if call.sharing is not sharing:
            call.sharing = sharing
            sharing.append(call)
            # What the first few say of the method is news to the others, and what the later ones say is not asked.
            if len(sharing) <= SHARING_TRIED:
                self._touched.update(each.key for each in sharing)

    def _on_call_started(self, event: events.CallStarted) -> None:
        self.calls[event.key] = Call(event.key, event.time)
        self._tallies[event.key.connection].traffic.calls += 1
        self._touched.add(event.key)

    def _on_call_frame(self, event: events.CallFrameSeen) -> None:
        call, frame = self._call(event.key), self.frames[-1]
        call.frames.append(len(self.frames) - 1)
        if frame.type == FrameType.DATA:
            if self.side(frame) is Side.CLIENT:
                call.request_bytes += frame.length
            else:
                call.response_bytes += frame.length

    def _on_method(self, event: events.MethodLearnt) -> None:
        call = self._call(event.key)
        call.method, call.method_source = event.method, event.source

    def _on_request_headers(self, event: events.RequestHeadersRead) -> None:
        self._call(event.key).request_headers = event.block

    def _on_response_headers(self, event: events.ResponseHeadersRead) -> None:
        self._call(event.key).response_headers = event.block

    def _on_trailers(self, event: events.TrailersRead) -> None:
        self._call(event.key).trailers = event.block

    def _on_status(self, event: events.StatusRead) -> None:
        call = self._call(event.key)
        call.status, call.status_source = event.status, event.source

    def _on_message(self, event: events.MessageRead) -> None:
        self._call(event.key).messages(event.side).append(event.message)

    def _on_bytes_lost(self, event: events.BytesLost) -> None:
        gaps = self._call(event.key).gaps
        if len(gaps) < _GAPS_KEPT:
            gaps.append(event.gap)

    def _on_call_ended(self, event: events.CallEnded) -> None:
        call = self._call(event.key)
        ended = self._tallies[event.key.connection].traffic.ended
        ended[event.state] = ended.get(event.state, 0) + 1
        call.state, call.ended = event.state, event.time
        if event.state is CallState.BROKEN:
            self._tallies[event.key.connection].note_refused(event.key.stream, event.time)

    def _on_problem(self, event: events.ProblemFound) -> None:
        problems = self._call(event.key).problems
        if event.sentence not in problems:
            problems.append(event.sentence)


# Any: each handler takes its own event, which no type of a mapping can say.
_HANDLERS: Final[Mapping[type, Callable[[Store, Any], None]]] = {
    events.PacketSeen: Store._on_packet,
    events.ConnectionSeen: Store._on_connection,
    events.ConnectionTurned: Store._on_turned,
    events.FrameSeen: Store._on_frame,
    events.FrameRevised: Store._on_frame_revised,
    events.CallStarted: Store._on_call_started,
    events.CallFrameSeen: Store._on_call_frame,
    events.MethodLearnt: Store._on_method,
    events.MethodPlaceFound: Store._on_method_place,
    events.RequestHeadersRead: Store._on_request_headers,
    events.ResponseHeadersRead: Store._on_response_headers,
    events.TrailersRead: Store._on_trailers,
    events.StatusRead: Store._on_status,
    events.MessageRead: Store._on_message,
    events.BytesLost: Store._on_bytes_lost,
    events.CallEnded: Store._on_call_ended,
    events.ProblemFound: Store._on_problem,
}
