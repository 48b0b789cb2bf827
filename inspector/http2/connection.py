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
from inspector.http2.hpack.recovery import HeaderRecovery, place_name
from inspector.http2.stream import CallProgress, method_in, status_in
from inspector.model.call import CallState, Gap, HeaderBlock, MethodSource, StreamKey
from inspector.model.connection import Connection, ConnectionEnding, Diagnosis
from inspector.model.frame import HEADER_TYPES, Endpoint, Frame, FrameType, Packet, Side, TcpEvent


class EndedStreams:
    """Clients' streams are odd, servers' even (RFC 9113 §5.1.1): either kind has runs of its own."""

    __slots__ = ("_edges",)

    def __init__(self) -> None:
        self._edges: tuple[list[int], list[int]] = ([], [])
        """Ascending: where a run begins, and where it has ended, of halves of stream numbers."""

    def __contains__(self, stream: int) -> bool:
        return bisect_right(self._edges[stream & 1], stream >> 1) % 2 == 1

    def add(self, stream: int) -> None:
        """This stream is over, too."""
        edges, at = self._edges[stream & 1], stream >> 1
        index = bisect_right(edges, at)
        if index % 2:
            return
        goes_on = index > 0 and edges[index - 1] == at
        if index < len(edges) and edges[index] == at + 1:
            if goes_on:
                del edges[index - 1 : index + 1]
            else:
                edges[index] = at
        elif goes_on:
            edges[index - 1] = at + 1
        else:
            edges[index:index] = (at, at + 1)


_BOUND: Final = 4096
"""Calls that are followed at a time; peers allow some hundreds."""


class FollowedCalls:
    """By stream. Iterates over the open ones."""

    __slots__ = ("_calls", "_connection", "_ended")

    def __init__(self, connection: int) -> None:
        self._connection = connection
        self._calls: dict[int, CallProgress] = {}
        self._ended = EndedStreams()

    def __iter__(self) -> Iterator[CallProgress]:
        return (call for call in self._calls.values() if call.state is CallState.OPEN)

    def get(self, stream: int) -> CallProgress | None:
        """The call of a stream, if it is followed."""
        return self._calls.get(stream)

    def has_ended(self, stream: int) -> bool:
        """True for the stream of a call that is over."""
        return stream in self._ended

    def new(self, stream: int) -> CallProgress:
        """A call as it would begin now, which is not followed yet."""
        return CallProgress(StreamKey(self._connection, stream))

    def begin(self, stream: int) -> CallProgress:
        """Follow a call. Where there are too many, the oldest that was reset goes, or else the oldest of all."""
        if len(self._calls) >= _BOUND:
            reset = (each for each, call in self._calls.items() if call.state is not CallState.OPEN)
            self.end(next(reset, next(iter(self._calls))))
        call = self._calls[stream] = self.new(stream)
        return call

    def end(self, stream: int) -> None:
        """Nothing can be added to a call any more."""
        del self._calls[stream]
        self._ended.add(stream)

    def turn(self) -> None:
        """Who was taken for the client is the server."""
        for call in self._calls.values():
            call.turn()

    def all(self) -> Iterator[CallProgress]:
        """The open ones, and those that were reset."""
        return iter(self._calls.values())


_BlockRead: TypeAlias = type[events.RequestHeadersRead | events.ResponseHeadersRead | events.TrailersRead]
_READ: Final = (events.RequestHeadersRead, events.ResponseHeadersRead, events.TrailersRead)


class RevisableBlocks:
    """Those of one connection."""

    __slots__ = ("_blocks", "_requests")

    def __init__(self) -> None:
        self._blocks: dict[int, _BlockRead] = {}
        """By position of a frame that may be told anew: which block of its call it is."""
        self._requests: dict[int, int] = {}
        """By stream: the position of such a request."""

    def note(self, event: Event, frame: Frame, position: int, recovery: HeaderRecovery) -> Iterator[Event]:
        """A frame that may be told anew had this event told of its call."""
        if isinstance(event, _READ):
            self._blocks[position] = type(event)
            if isinstance(event, events.RequestHeadersRead):
                self._requests[frame.stream] = position
                yield from _place(frame, position, recovery)

    def turn(self) -> None:
        """The sides have changed places, so that no block is what it was taken for."""
        self._blocks.clear()

    def request(self, stream: int) -> int | None:
        """The position of a stream's request, if it is among these."""
        return self._requests.get(stream)

    def revise(self, recovery: HeaderRecovery) -> Iterator[Event]:
        """What is to be told anew of one direction."""
        for position, frame in recovery.revised():
            yield events.FrameRevised(position, frame)
            told = self._blocks.get(position)
            if told is None:
                continue
            key, block = (
                StreamKey(frame.connection, frame.stream),
                HeaderBlock(frame.headers or (), frame.header_sources),
            )
            yield told(key, block)
            if told is events.RequestHeadersRead:
                yield method_in(key, block)
                yield from _place(frame, position, recovery)
            elif told is events.TrailersRead:
                yield from status_in(key, block)


def _place(frame: Frame, position: int, recovery: HeaderRecovery) -> Iterator[Event]:
    if (place := recovery.place_of_path(position)) is not None:
        yield events.MethodPlaceFound(StreamKey(frame.connection, frame.stream), place_name(frame, place))


CONNECTION_ENDED: Final = "The connection ended before the call did."
NOT_READ_ON: Final = "The rest cannot be read: a fresh tshark took over, without the beginning of this connection."
REFUSED_BY_GOAWAY: Final = "The server refused the stream by GOAWAY"


class Evidence(IntEnum):
    """What the client is known by, weakest first."""

    PORT = 0
    SYN = 1
    HEADERS = 2
    PREFACE = 3


class ConnectionProgress:
    """One HTTP/2 connection as far as its packets have been seen."""

    __slots__ = (
        "_calls",
        "_evidence",
        "_fins",
        "_recovery",
        "_retold",
        "_unread",
        "connection",
        "upgraded",
    )

    def __init__(
        self,
        connection: Connection,
        evidence: Evidence,
        earlier_paths: Callable[[], frozenset[str]] = frozenset,
    ) -> None:
        """Begin; `earlier_paths` gives the methods of earlier connections between the two, when asked."""
        self.connection = connection
        self._unread: dict[Endpoint, int] = {}
        """By sender: the first packet behind its last frame with bytes in it."""
        self._evidence = evidence
        self._calls = FollowedCalls(connection.index)
        self._recovery = {end: HeaderRecovery(earlier_paths) for end in (connection.client, connection.server)}
        self._fins: set[Endpoint] = set()
        self._retold = RevisableBlocks()
        self.upgraded = ""
        """The path of the HTTP/1.1 request that is stream 1's (RFC 7540 §3.2); empty where there is none."""

    def receive(self, frame: Frame, position: int) -> Iterator[Event]:
        """What a frame of this connection tells."""
        is_helped = False
        if frame.type in HEADER_TYPES:
            recovery = self._recovery[frame.source]
            if not recovery.is_clean(frame):
                frame = recovery.read(frame, position, partial(self._part, frame))
                is_helped = not recovery.is_settled(frame)
            yield from self._on_pseudo_headers(frame)
        yield events.FrameSeen(frame)
        if is_helped:
            yield from self._on_helped(frame, position)
        elif frame.stream:
            yield from self._on_stream(frame, position)
        elif frame.type == FrameType.GOAWAY:
            yield from self._on_goaway(frame)

    def note_preface(self, client: Endpoint) -> Iterator[Event]:
        """The connection preface came from this side."""
        if self.connection.joined_late:
            yield from self._know(joined_late=False)
        yield from self._learn_client(client, Evidence.PREFACE)

    def unseal(self) -> Iterator[Event]:
        """What it says in TLS can be read."""
        yield from self._know(is_sealed=False)

    def relay(self) -> None:
        """A tshark goes on from here that has seen nothing before."""
        for recovery in self._recovery.values():
            recovery.relay()

    def give_up(self, time: float) -> Iterator[Event]:
        """Nothing more of this connection can be read."""
        for call in self._calls:
            yield events.ProblemFound(call.key, NOT_READ_ON)
            yield from call.end(CallState.BROKEN, time)

    def note_payload(self, packet: Packet, source: Endpoint) -> None:
        """Remember bytes of this side that are no whole frame, until one comes."""
        if packet.frames or packet.tcp & TcpEvent.PREFACE:
            self._unread.pop(source, None)
        elif packet.payload and not packet.tcp & TcpEvent.REPEATED:
            self._unread.setdefault(source, packet.number)

    def lose(self, packet: Packet, source: Endpoint, position: int) -> Iterator[Event]:
        """Bytes that this side sent before this packet were not captured."""
        self._recovery[source].lose()
        side = self.connection.side(source)
        for call in self._calls.all():
            if call.is_past_losses(side):
                continue
            if call.state is CallState.OPEN:
                yield events.BytesLost(call.key, Gap(side, packet.number))
            yield from call.lose(side, packet.time, packet.number, position)

    def note_end(self, packet: Packet, source: Endpoint) -> Iterator[Event]:
        """A FIN or RST came from this side: what is still open when both have ended will stay unanswered."""
        yield from self._note_ending(
            ConnectionEnding(packet.number, packet.time, source, bool(packet.tcp & TcpEvent.RST))
        )
        self._fins.add(source)
        from_server = self.connection.side(source) is Side.SERVER
        if packet.tcp & TcpEvent.RST or from_server or len(self._fins) > 1:
            for call in self._calls:
                if (unread := self._unread.get(self.connection.server)) is not None:
                    yield events.BytesLost(call.key, Gap(Side.SERVER, unread, is_captured=True))
                yield events.ProblemFound(call.key, CONNECTION_ENDED)
                yield from call.end(CallState.BROKEN, packet.time)

    def note_why(self, why: Diagnosis) -> Iterator[Event]:
        """It turns out that the two sides do not speak the same."""
        yield from self._know(why=why)

    def _note_ending(self, ending: ConnectionEnding) -> Iterator[Event]:
        known = self.connection.endings
        if all((each.source, each.is_reset) != (ending.source, ending.is_reset) for each in known):
            first = ending.time if self.connection.ended is None else self.connection.ended
            yield from self._know(ended=first, endings=(*known, ending))

    def _know(self, **news: Any) -> Iterator[Event]:
        self.connection = replace(self.connection, **news)
        yield events.ConnectionSeen(self.connection)

    def paths(self) -> frozenset[str]:
        """The methods that were called, as far as they were plainly read, of the first calls only."""
        return self._recovery[self.connection.client].paths()

    def name_method(self, stream: int, path: str | None) -> Iterator[Event]:
        """A person says which method a stream, and so each with the same placeholder, is of; None takes it back."""
        position = self._retold.request(stream)
        recovery = self._recovery[self.connection.client]
        place = recovery.place_of_path(position) if position is not None else None
        if place is None:
            source = None if path is None else MethodSource.GUESSED
            yield events.MethodLearnt(StreamKey(self.connection.index, stream), path, source)
        else:
            recovery.call_by_hand(place, path)
            yield from self._retold.revise(recovery)

    def _part(self, frame: Frame) -> tuple[BlockRole | None, bool]:
        """What a frame's header block is to its call, where that is certain, and whether that has a reply."""
        call = self._calls.get(frame.stream)
        if call is None and not self._calls.has_ended(frame.stream):
            call = self._calls.new(frame.stream)
        return (None, False) if call is None else (call.part(frame, self.connection.side(frame.source)), call.has_reply)

    def _on_helped(self, frame: Frame, position: int) -> Iterator[Event]:
        """A frame whose headers are not all plainly read: its block may be told anew, and with it earlier ones."""
        recovery = self._recovery[frame.source]
        for event in self._on_stream(frame, position) if frame.stream else ():
            yield event
            yield from self._retold.note(event, frame, position, recovery)
        yield from self._retold.revise(recovery)

    def _on_pseudo_headers(self, frame: Frame) -> Iterator[Event]:
        if self._evidence < Evidence.HEADERS:
            names = {name for name, _ in frame.headers or ()}
            if ":method" in names or ":path" in names:
                yield from self._learn_client(frame.source, Evidence.HEADERS)
            elif ":status" in names:
                yield from self._learn_client(self._peer(frame.source), Evidence.HEADERS)

    def _learn_client(self, client: Endpoint, evidence: Evidence) -> Iterator[Event]:
        if evidence <= self._evidence:
            return
        self._evidence = evidence
        if client != self.connection.client:
            self.connection = self.connection.turned()
            self._retold.turn()
            self._calls.turn()
            yield events.SidesSwapped(self.connection)
            for call in self._calls:
                yield from call.complete()

    def _peer(self, source: Endpoint) -> Endpoint:
        return self.connection.server if source == self.connection.client else self.connection.client

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
                yield events.MethodLearnt(call.key, self.upgraded, MethodSource.WIRE)
        yield events.CallFrameSeen(call.key)
        yield from call.receive(frame, self.connection.side(frame.source), position)
        if call.is_over:
            self._calls.end(frame.stream)

    def _on_goaway(self, frame: Frame) -> Iterator[Event]:
        """Streams above the last one that the server names were not and will not be processed (§6.8)."""
        detail = frame.detail or {}
        last = detail.get("last_stream")
        if self.connection.side(frame.source) is Side.CLIENT or not isinstance(last, int):
            return
        for call in self._calls:
            if call.key.stream > last:
                yield events.ProblemFound(call.key, f"{REFUSED_BY_GOAWAY} ({detail['error']}).")
                yield from call.end(CallState.BROKEN, frame.time)
