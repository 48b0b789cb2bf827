"""Packets in, events out: the protocol's front door.

Keeps one state per HTTP/2 connection, and of other TCP connections only when they began and who sent the SYN.
Counts frames as the store does, so that events can name their positions.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from typing import Final

import msgspec

from inspector.http2 import events
from inspector.http2.connection import ConnectionProgress, Evidence
from inspector.http2.events import Event
from inspector.http2.handshake import Handshake
from inspector.model.call import StreamKey
from inspector.model.connection import Connection
from inspector.model.frame import Endpoint, Packet, TcpEvent

_STARTS_BOUND: Final = 20_000
"""TCP connections that may still turn out to carry HTTP/2."""
_CONNECTIONS_BOUND: Final = 1_000
"""HTTP/2 connections that are remembered when they have ended."""
_PAST_BOUND: Final = 1_000


@dataclass(slots=True)
class _TcpStart:
    time: float
    client: Endpoint | None
    """Who sent the SYN; None where the capture began later."""
    upgraded: str = ""
    """What the request of HTTP/1.1 asks for that goes on as stream 1."""
    greeting: Handshake | None = field(default_factory=Handshake)
    """What the two sides began with; None when it has nothing more to tell."""


class Assembler:
    """Turns the packets of one capture into events."""

    def __init__(self, ports: Container[int] = ()) -> None:
        """Begin with nothing seen; `ports` are decoded as HTTP/2, and tell servers where nothing else does."""
        self.ports = ports
        self._frames = 0
        self._latest = 0.0
        """The time of the latest packet."""
        self._resting: list[int] = []
        """Connections that had ended when the latest tshark took over."""
        self._past: dict[tuple[str, Endpoint], frozenset[str]] = {}
        """By a client's host and a server: the methods that were called on connections which are forgotten."""
        self._starts: dict[int, _TcpStart] = {}
        self._connections: dict[int, ConnectionProgress] = {}
        self._tls_servers: set[Endpoint] = set()
        """Who answered in TLS, as far as packets say so."""
        self._plain_servers: set[Endpoint] = set()
        """Who spoke HTTP/2 in cleartext with a client that did."""

    def receive(self, packet: Packet) -> Iterator[Event]:
        """What a packet tells, in order; consume all of it before the next."""
        self._latest = packet.time
        yield events.PacketSeen(packet)
        source, destination = packet.source, packet.destination
        if packet.connection is None or source is None or destination is None:
            return
        if packet.connection not in self._starts:
            client = source if packet.tcp & TcpEvent.SYN else None
            self._starts[packet.connection] = _TcpStart(packet.time, client)
        progress = self._connections.get(packet.connection)
        if progress is None and self._is_beginning(packet, source, destination):
            progress = self._begin(packet.connection, source, destination)
            yield events.ConnectionSeen(progress.connection)
        if progress is not None:
            ends = progress.connection.client, progress.connection.server
            if source not in ends:
                source = ends[1] if destination == ends[0] else ends[0]
                packet = _sent_by(packet, source)
            yield from self._on_http2(progress, packet, source)

    def name_method(self, key: StreamKey, path: str | None) -> Iterator[Event]:
        """A person says which method a call is of, and so all calls with the same placeholder; None takes it back."""
        if (progress := self._connections.get(key.connection)) is not None:
            yield from progress.name_method(key.stream, path)

    def relay(self, sealed: Container[int]) -> Iterator[Event]:
        """A tshark goes on from here that has seen nothing before, and of some connections can read no more."""
        for index, progress in self._connections.items():
            progress.relay()
            if index in sealed:
                yield from progress.give_up(self._latest)
        over = [index for index in self._resting if index in self._connections]
        for index in over[: max(len(self._connections) - _CONNECTIONS_BOUND, 0)]:
            self._forget(index)
            yield events.ConnectionForgotten(index)
        self._resting = [index for index, each in self._connections.items() if each.connection.ended is not None]
        idle = [index for index in self._starts if index not in self._connections]
        for index in idle[: max(len(idle) - _STARTS_BOUND, 0)]:
            del self._starts[index]

    def _forget(self, index: int) -> None:
        """Nothing comes any more on a connection."""
        progress = self._connections.pop(index)
        del self._starts[index]
        between = progress.connection.client.host, progress.connection.server
        if between in self._past or len(self._past) < _PAST_BOUND:
            self._past[between] = self._past.get(between, frozenset()) | progress.paths()

    def _is_beginning(self, packet: Packet, source: Endpoint, destination: Endpoint) -> bool:
        """True when a connection shows that it carries HTTP/2, or was meant to."""
        if packet.frames or packet.tcp & TcpEvent.PREFACE:
            return True
        if packet.speech is not None and packet.speech.path:
            self._starts[packet.connection or 0].upgraded = packet.speech.path
        if packet.speech is not None and packet.speech.words == "ServerHello":
            self._tls_servers.add(source)
        if source.port not in self.ports and destination.port not in self.ports:
            return False
        greeting = self._starts[packet.connection or 0].greeting
        if greeting is None:
            return False
        greeting.hear(packet, source)
        return greeting.is_odd(packet, source) or greeting.is_sealed()

    def _on_http2(self, progress: ConnectionProgress, packet: Packet, source: Endpoint) -> Iterator[Event]:
        start = self._starts[progress.connection.index]
        if packet.tcp & TcpEvent.GAP:
            start.greeting = None
            yield from progress.lose(packet, source, max(self._frames - 1, 0))
        if packet.tcp & TcpEvent.PREFACE:
            yield from progress.note_preface(source)
        if progress.connection.is_sealed and packet.frames:
            yield from progress.unseal()
        progress.note_payload(packet, source)
        for frame in packet.frames:
            yield from progress.receive(frame, self._frames)
            self._frames += 1
        if packet.tcp & TcpEvent.CUT:
            yield from progress.lose(packet, source, max(self._frames - 1, 0))
        if packet.tcp & (TcpEvent.FIN | TcpEvent.RST):
            yield from progress.note_end(packet, source)
        if start.greeting is not None:
            start.greeting.hear(packet, source)
            yield from self._judge(start, start.greeting, progress)

    def _judge(self, start: _TcpStart, greeting: Handshake, progress: ConnectionProgress) -> Iterator[Event]:
        if greeting.is_mutual() and len(self._plain_servers) < _PAST_BOUND:
            self._plain_servers.add(progress.connection.server)
        why = greeting.judge(progress.connection, self._tls_servers, self._plain_servers)
        if why is not None:
            yield from progress.note_why(why)
        if why is not None or greeting.is_mutual():
            start.greeting = None

    def _begin(self, index: int, source: Endpoint, destination: Endpoint) -> ConnectionProgress:
        start = self._starts[index]
        if start.client is not None:
            client, evidence = start.client, Evidence.SYN
        else:
            client, evidence = self._client_by_port(source, destination), Evidence.PORT
        server = destination if client == source else source
        late = start.client is None
        is_sealed = start.greeting is not None and start.greeting.is_sealed()
        connection = Connection(index, client, server, start.time, joined_late=late, is_sealed=is_sealed)
        progress = ConnectionProgress(connection, evidence, lambda: self._earlier_paths(index, {source, destination}))
        progress.upgraded = start.upgraded
        self._connections[index] = progress
        return progress

    def _earlier_paths(self, index: int, ends: set[Endpoint]) -> frozenset[str]:
        """The methods that the same client, from other ports, called of the same server."""
        hosts = {end.host for end in ends}
        before = (
            each
            for each in self._connections.values()
            if each.connection.index != index and each.connection.server in ends
        )
        past = (paths for (host, server), paths in self._past.items() if host in hosts and server in ends)
        return frozenset().union(*past, *(p.paths() for p in before if p.connection.client.host in hosts))

    def _client_by_port(self, source: Endpoint, destination: Endpoint) -> Endpoint:
        """The side whose port is not decoded as HTTP/2; where both or none is, the one with the higher port."""
        known = source.port in self.ports, destination.port in self.ports
        if known[0] != known[1]:
            return destination if known[0] else source
        return source if source.port > destination.port else destination


def _sent_by(packet: Packet, source: Endpoint) -> Packet:
    """The packet as if an end of its connection had sent it: in tunnels, other addresses may be told of some."""
    frames = tuple(msgspec.structs.replace(frame, source=source) for frame in packet.frames)
    return msgspec.structs.replace(packet, source=source, frames=frames)
