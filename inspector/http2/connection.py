"""The state of one connection: its client, its streams, its header blocks, and how it ended."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import replace
from enum import IntEnum
from functools import partial
from typing import Any, Final, TypeAlias

from inspector.http2 import events
from inspector.http2.events import Event
from inspector.http2.hpack.header_order import BlockRole
from inspector.http2.hpack.recovery import HeaderRecovery, entry_id
from inspector.http2.stream import CallProgress, method_in, status_in
from inspector.model.call import CallState, Gap, HeaderBlock, MethodSource, StreamKey
from inspector.model.connection import Connection, ConnectionEnding
from inspector.model.frame import HEADER_TYPES, Endpoint, Frame, FrameType, Packet, Side, TcpEvent


class EndedStreams:
    """A set of stream numbers, stored as runs: clients use odd numbers in order, servers even ones (RFC 9113 §5.1.1).

    A long connection ends its streams nearly in order, so the set stays small.
    """

    __slots__ = ("_edges",)

    def __init__(self) -> None:
        self._edges: tuple[list[int], list[int]] = ([], [])
        """Of even and odd numbers, halved: where runs begin and, exclusively, end, alternating and ascending."""

    def __contains__(self, stream: int) -> bool:
        return bisect_right(self._edges[stream & 1], stream >> 1) % 2 == 1

    def add(self, stream: int) -> None:
        """Add a stream, joining the runs beside it."""
        edges, number = self._edges[stream & 1], stream >> 1
        index = bisect_right(edges, number)
        if index % 2:
            return
        extends_run = index > 0 and edges[index - 1] == number
        if index < len(edges) and edges[index] == number + 1:
            if extends_run:
                del edges[index - 1 : index + 1]
            else:
                edges[index] = number
        elif extends_run:
            edges[index - 1] = number + 1
        else:
            edges[index:index] = (number, number + 1)


_MAX_CALLS: Final = 4096
"""Calls that are tracked at a time; peers allow some hundreds."""


class TrackedCalls:
    """The calls of a connection that may still receive frames, by stream; iterates over the open ones."""

    __slots__ = ("_calls", "_connection", "_ended")

    def __init__(self, connection: int) -> None:
        self._connection = connection
        self._calls: dict[int, CallProgress] = {}
        self._ended = EndedStreams()

    def __iter__(self) -> Iterator[CallProgress]:
        return (call for call in self._calls.values() if call.state is CallState.OPEN)

    def get(self, stream: int) -> CallProgress | None:
        """Return the tracked call of a stream."""
        return self._calls.get(stream)

    def has_ended(self, stream: int) -> bool:
        """Return True for the stream of a call that is no longer tracked."""
        return stream in self._ended

    def new(self, stream: int) -> CallProgress:
        """Return a call without frames, which is not tracked yet."""
        return CallProgress(StreamKey(self._connection, stream))

    def begin(self, stream: int) -> CallProgress:
        """Track a call; beyond the bound, stop tracking the oldest that was reset, or else the oldest."""
        if len(self._calls) >= _MAX_CALLS:
            reset = (number for number, call in self._calls.items() if call.state is not CallState.OPEN)
            self.end(next(reset, next(iter(self._calls))))
        call = self._calls[stream] = self.new(stream)
        return call

    def end(self, stream: int) -> None:
        """Stop tracking a call."""
        del self._calls[stream]
        self._ended.add(stream)

    def swap_sides(self) -> None:
        """Exchange the sides of all calls."""
        for call in self._calls.values():
            call.swap_sides()

    def with_reset(self) -> Iterator[CallProgress]:
        """Iterate over the open calls and those that were reset."""
        return iter(self._calls.values())


_BlockRead: TypeAlias = type[events.RequestHeadersRead | events.ResponseHeadersRead | events.TrailersRead]
_BLOCKS_READ: Final = (events.RequestHeadersRead, events.ResponseHeadersRead, events.TrailersRead)


class RevisableBlocks:
    """The header blocks of one connection that may be revised when more of its HPACK tables is known."""

    __slots__ = ("_blocks", "_requests")

    def __init__(self) -> None:
        self._blocks: dict[int, _BlockRead] = {}
        """By position of the frame: which event its block led to."""
        self._requests: dict[int, int] = {}
        """By stream: the position of its request."""

    def add(self, event: Event, frame: Frame, position: int, recovery: HeaderRecovery) -> Iterator[Event]:
        """Record the event of a frame, if it is that of a block; yield the HPACK entry of its method."""
        if isinstance(event, _BLOCKS_READ):
            self._blocks[position] = type(event)
            if isinstance(event, events.RequestHeadersRead):
                self._requests[frame.stream] = position
                yield from _method_entry(frame, position, recovery)

    def clear_roles(self) -> None:
        """Forget what the blocks are: the sides have been swapped."""
        self._blocks.clear()

    def request(self, stream: int) -> int | None:
        """Return the position of a stream's request, if that can be revised."""
        return self._requests.get(stream)

    def revise(self, recovery: HeaderRecovery) -> Iterator[Event]:
        """Yield the frames of one direction that are read differently now, and what that changes in their calls."""
        for position, frame in recovery.revised():
            yield events.FrameRevised(position, frame)
            read = self._blocks.get(position)
            if read is None:
                continue
            key = StreamKey(frame.connection, frame.stream)
            block = HeaderBlock(frame.headers or (), frame.header_sources)
            yield read(key, block)
            if read is events.RequestHeadersRead:
                yield method_in(key, block)
                yield from _method_entry(frame, position, recovery)
            elif read is events.TrailersRead:
                yield from status_in(key, block)


def _method_entry(frame: Frame, position: int, recovery: HeaderRecovery) -> Iterator[Event]:
    if (entry := recovery.path_entry(position)) is not None:
        yield events.MethodEntryFound(StreamKey(frame.connection, frame.stream), entry_id(frame, entry))


CONNECTION_ENDED: Final = "The connection ended before the call did."
NOT_READ_ON: Final = "The rest cannot be read: a fresh tshark took over, without the beginning of this connection."
REFUSED_BY_GOAWAY: Final = "The server refused the stream by GOAWAY"


class Evidence(IntEnum):
    """How the client of a connection was identified, weakest first."""

    PORT = 0
    SYN = 1
    HEADERS = 2
    PREFACE = 3


class ConnectionProgress:
    """One HTTP/2 connection, updated packet by packet."""

    __slots__ = ("_blocks", "_calls", "_evidence", "_fins", "_recovery", "_unread", "connection", "upgraded")

    def __init__(
        self,
        connection: Connection,
        evidence: Evidence,
        earlier_paths: Callable[[], frozenset[str]] = frozenset,
    ) -> None:
        """Begin; `earlier_paths` returns the methods of earlier connections between the same two hosts."""
        self.connection = connection
        self.upgraded = ""
        """The path of the HTTP/1.1 request that became stream 1 (RFC 7540 §3.2); empty without an upgrade."""
        self._unread: dict[Endpoint, int] = {}
        """By sender: the first packet with bytes after its last frame."""
        self._evidence = evidence
        self._calls = TrackedCalls(connection.index)
        self._recovery = {end: HeaderRecovery(earlier_paths) for end in (connection.client, connection.server)}
        self._fins: set[Endpoint] = set()
        self._blocks = RevisableBlocks()

    def receive(self, frame: Frame, position: int) -> Iterator[Event]:
        """Yield the events of a frame; `position` is its own in the store."""
        is_revisable = False
        if frame.type in HEADER_TYPES:
            recovery = self._recovery[frame.source]
            if not recovery.is_clean(frame):
                frame = recovery.read(frame, position, partial(self._block_context, frame))
                is_revisable = not recovery.is_settled(frame)
            yield from self._on_pseudo_headers(frame)
        yield events.FrameSeen(frame)
        if is_revisable:
            yield from self._on_revisable(frame, position)
        elif frame.stream:
            yield from self._on_stream(frame, position)
        elif frame.type == FrameType.GOAWAY:
            yield from self._on_goaway(frame)

    def on_preface(self, client: Endpoint) -> Iterator[Event]:
        """Note who sent the connection preface: the client, from whom nothing was missed."""
        if self.connection.joined_late:
            yield from self.update(joined_late=False)
        yield from self._set_client(client, Evidence.PREFACE)

    def update(self, **changes: Any) -> Iterator[Event]:
        """Replace fields of the connection."""
        self.connection = replace(self.connection, **changes)
        yield events.ConnectionSeen(self.connection)

    def resume(self) -> None:
        """Continue with a fresh tshark that has seen nothing of the connection."""
        for recovery in self._recovery.values():
            recovery.resume()

    def give_up(self, time: float) -> Iterator[Event]:
        """End the open calls: nothing more of the connection can be read."""
        for call in self._calls:
            yield events.ProblemFound(call.key, NOT_READ_ON)
            yield from call.end(CallState.BROKEN, time)

    def note_payload(self, packet: Packet, source: Endpoint) -> None:
        """Remember bytes that do not complete a frame, until one comes."""
        if packet.frames or packet.tcp & TcpEvent.PREFACE:
            self._unread.pop(source, None)
        elif packet.payload and not packet.tcp & TcpEvent.REPEATED:
            self._unread.setdefault(source, packet.number)

    def mark_gap(self, packet: Packet, source: Endpoint, position: int) -> Iterator[Event]:
        """Yield the consequences of bytes from `source` that were not captured before a packet."""
        self._recovery[source].mark_gap()
        side = self.connection.side(source)
        for call in self._calls.with_reset():
            if call.has_many_gaps(side):
                continue
            if call.state is CallState.OPEN:
                yield events.BytesLost(call.key, Gap(side, packet.number))
            yield from call.mark_gap(side, packet.time, packet.number, position)

    def on_tcp_end(self, packet: Packet, source: Endpoint) -> Iterator[Event]:
        """End the open calls at a RST, a FIN of the server, or the second FIN: nobody will answer them."""
        is_reset = bool(packet.tcp & TcpEvent.RST)
        yield from self._add_ending(ConnectionEnding(packet.number, packet.time, source, is_reset))
        self._fins.add(source)
        from_server = self.connection.side(source) is Side.SERVER
        if is_reset or from_server or len(self._fins) > 1:
            for call in self._calls:
                if (unread := self._unread.get(self.connection.server)) is not None:
                    yield events.BytesLost(call.key, Gap(Side.SERVER, unread, is_captured=True))
                yield events.ProblemFound(call.key, CONNECTION_ENDED)
                yield from call.end(CallState.BROKEN, packet.time)

    def _add_ending(self, ending: ConnectionEnding) -> Iterator[Event]:
        known = self.connection.endings
        if all((each.source, each.is_reset) != (ending.source, ending.is_reset) for each in known):
            first = ending.time if self.connection.ended is None else self.connection.ended
            yield from self.update(ended=first, endings=(*known, ending))

    def paths(self) -> frozenset[str]:
        """Return the methods of the first calls, as far as they were read."""
        return self._recovery[self.connection.client].paths()

    def name_method(self, stream: int, path: str | None) -> Iterator[Event]:
        """Set the method of a stream, and of all that share its HPACK entry, to what the user says; None undoes it."""
        position = self._blocks.request(stream)
        recovery = self._recovery[self.connection.client]
        entry = recovery.path_entry(position) if position is not None else None
        if entry is None:
            source = None if path is None else MethodSource.GUESSED
            yield events.MethodFound(StreamKey(self.connection.index, stream), path, source)
        else:
            recovery.unknown_entries.name_path(entry, path)
            yield from self._blocks.revise(recovery)

    def _block_context(self, frame: Frame) -> tuple[BlockRole | None, bool]:
        """Return the role of a frame's header block, None where it is not certain, and whether the call has a reply."""
        call = self._calls.get(frame.stream)
        if call is None and not self._calls.has_ended(frame.stream):
            call = self._calls.new(frame.stream)
        if call is None:
            return None, False
        return call.block_role(frame, self.connection.side(frame.source)), call.has_reply

    def _on_revisable(self, frame: Frame, position: int) -> Iterator[Event]:
        """Yield the events of a frame whose headers were not all read, and what it shows of earlier ones."""
        recovery = self._recovery[frame.source]
        for event in self._on_stream(frame, position) if frame.stream else ():
            yield event
            yield from self._blocks.add(event, frame, position, recovery)
        yield from self._blocks.revise(recovery)

    def _on_pseudo_headers(self, frame: Frame) -> Iterator[Event]:
        if self._evidence < Evidence.HEADERS:
            names = {name for name, _ in frame.headers or ()}
            if ":method" in names or ":path" in names:
                yield from self._set_client(frame.source, Evidence.HEADERS)
            elif ":status" in names:
                yield from self._set_client(self.connection.peer(frame.source), Evidence.HEADERS)

    def _set_client(self, client: Endpoint, evidence: Evidence) -> Iterator[Event]:
        if evidence <= self._evidence:
            return
        self._evidence = evidence
        if client != self.connection.client:
            self.connection = self.connection.swapped()
            self._blocks.clear_roles()
            self._calls.swap_sides()
            yield events.SidesSwapped(self.connection)
            for call in self._calls:
                yield from call.complete()

    def _on_stream(self, frame: Frame, position: int) -> Iterator[Event]:
        call = self._calls.get(frame.stream)
        if call is None:
            if self._calls.has_ended(frame.stream):
                yield events.CallFrameSeen(StreamKey(frame.connection, frame.stream))
                return
            if frame.type not in (FrameType.HEADERS, FrameType.DATA):
                return
            call = self._calls.begin(frame.stream)
            yield events.CallStarted(call.key, frame.time)
            if frame.stream == 1 and self.upgraded:
                yield events.MethodFound(call.key, self.upgraded, MethodSource.WIRE)
        yield events.CallFrameSeen(call.key)
        yield from call.receive(frame, self.connection.side(frame.source), position)
        if call.is_over:
            self._calls.end(frame.stream)

    def _on_goaway(self, frame: Frame) -> Iterator[Event]:
        """End the calls above the last stream that the server names: it will not process them (RFC 9113 §6.8)."""
        detail = frame.detail or {}
        last = detail.get("last_stream")
        if self.connection.side(frame.source) is Side.CLIENT or not isinstance(last, int):
            return
        for call in self._calls:
            if call.key.stream > last:
                yield events.ProblemFound(call.key, f"{REFUSED_BY_GOAWAY} ({detail['error']}).")
                yield from call.end(CallState.BROKEN, frame.time)
