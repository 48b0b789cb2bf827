"""The state of one connection: who its client is, its streams, and how it ends (RFC 9113 §§3.4, 5.1, 6.8).

The client is known by what it says: the preface, or a request's `:method`; the server by a `:status`. Until one of
them has been seen the best sign stands in: who sent the SYN, or which side has a port that is decoded as HTTP/2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from enum import IntEnum
from functools import partial
from typing import Any, Final

from inspector.model.call import CallState, Gap, MethodSource, StreamKey
from inspector.model.connection import Connection, Ending
from inspector.model.endpoint import Endpoint, Side
from inspector.model.frame import HEADER_TYPES, Frame, FrameType, Packet, TcpEvent
from inspector.model.why import Why
from inspector.protocol import events
from inspector.protocol.events import Event
from inspector.protocol.followed_calls import FollowedCalls
from inspector.protocol.header_orders import Part
from inspector.protocol.header_recovery import HeaderRecovery
from inspector.protocol.retold_blocks import RetoldBlocks

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
        self._retold = RetoldBlocks()
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
        yield from self._note_ending(Ending(packet.number, packet.time, source, bool(packet.tcp & TcpEvent.RST)))
        self._fins.add(source)
        from_server = self.connection.side(source) is Side.SERVER
        if packet.tcp & TcpEvent.RST or from_server or len(self._fins) > 1:
            for call in self._calls:
                if (unread := self._unread.get(self.connection.server)) is not None:
                    yield events.BytesLost(call.key, Gap(Side.SERVER, unread, is_captured=True))
                yield events.ProblemFound(call.key, CONNECTION_ENDED)
                yield from call.end(CallState.BROKEN, packet.time)

    def note_why(self, why: Why) -> Iterator[Event]:
        """It turns out that the two sides do not speak the same."""
        yield from self._know(why=why)

    def _note_ending(self, ending: Ending) -> Iterator[Event]:
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

    def _part(self, frame: Frame) -> tuple[Part | None, bool]:
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
            yield events.ConnectionTurned(self.connection)
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
