"""The entry point of the protocol: packets in, events out.

Keeps the state of each HTTP/2 connection, and of other TCP connections only when they began and who sent the SYN.
Counts frames as the store does, so that events can refer to positions in it.
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

_MAX_STARTS: Final = 20_000
"""TCP connections that may still turn out to carry HTTP/2."""
_MAX_CONNECTIONS: Final = 1_000
"""HTTP/2 connections whose state is kept after they have ended."""
_MAX_PEERS: Final = 1_000
"""Pairs of hosts whose methods are remembered, and servers that are known to speak HTTP/2 in cleartext."""


@dataclass(slots=True)
class _TcpStart:
    time: float
    client: Endpoint | None
    """The sender of the SYN; None where the capture began later."""
    upgraded: str = ""
    """The path of an HTTP/1.1 request with `Upgrade: h2c`, which continues as stream 1."""
    handshake: Handshake | None = field(default_factory=Handshake)
    """None once it cannot explain a failure any more."""


class Assembler:
    """Turns the packets of one capture into events."""

    def __init__(self, ports: Container[int] = ()) -> None:
        """Begin; `ports` are decoded as HTTP/2, and mark the server where nothing better does."""
        self.ports = ports
        self._frames = 0
        self._latest = 0.0
        """The time of the latest packet."""
        self._ended: list[int] = []
        """Connections that had already ended at the last rotation of tshark."""
        self._past: dict[tuple[str, Endpoint], frozenset[str]] = {}
        """By client host and server: the methods called on connections whose state is gone."""
        self._starts: dict[int, _TcpStart] = {}
        self._connections: dict[int, ConnectionProgress] = {}
        self._tls_servers: set[Endpoint] = set()
        """Servers that sent a ServerHello."""
        self._plain_servers: set[Endpoint] = set()
        """Servers that spoke HTTP/2 in cleartext with a client that did so too."""

    def receive(self, packet: Packet) -> Iterator[Event]:
        """Yield the events of a packet in order; exhaust the iterator before the next call."""
        self._latest = packet.time
        yield events.PacketSeen(packet)
        source, destination = packet.source, packet.destination
        if packet.connection is None or source is None or destination is None:
            return
        if packet.connection not in self._starts:
            client = source if packet.tcp & TcpEvent.SYN else None
            self._starts[packet.connection] = _TcpStart(packet.time, client)
        progress = self._connections.get(packet.connection)
        if progress is None and self._is_http2(packet, source, destination):
            progress = self._begin(packet.connection, source, destination)
            yield events.ConnectionSeen(progress.connection)
        if progress is not None:
            ends = progress.connection.client, progress.connection.server
            if source not in ends:
                source = ends[1] if destination == ends[0] else ends[0]
                packet = _sent_by(packet, source)
            yield from self._on_http2(progress, packet, source)

    def name_method(self, key: StreamKey, path: str | None) -> Iterator[Event]:
        """Set the method of a call, and of all that share its HPACK entry, to what the user says; None undoes it."""
        if (progress := self._connections.get(key.connection)) is not None:
            yield from progress.name_method(key.stream, path)

    def resume(self, unreadable: Container[int]) -> Iterator[Event]:
        """Continue with a fresh tshark that has seen nothing; it cannot decrypt the `unreadable` connections.

        Forgets the oldest connections that had already ended at the rotation before this one.
        """
        for index, progress in self._connections.items():
            progress.resume()
            if index in unreadable:
                yield from progress.give_up(self._latest)
        ended = [index for index in self._ended if index in self._connections]
        for index in ended[: max(len(self._connections) - _MAX_CONNECTIONS, 0)]:
            self._forget(index)
            yield events.ConnectionForgotten(index)
        self._ended = [index for index, each in self._connections.items() if each.connection.ended is not None]
        without_http2 = [index for index in self._starts if index not in self._connections]
        for index in without_http2[: max(len(without_http2) - _MAX_STARTS, 0)]:
            del self._starts[index]

    def _forget(self, index: int) -> None:
        progress = self._connections.pop(index)
        del self._starts[index]
        peers = progress.connection.client.host, progress.connection.server
        if peers in self._past or len(self._past) < _MAX_PEERS:
            self._past[peers] = self._past.get(peers, frozenset()) | progress.paths()

    def _is_http2(self, packet: Packet, source: Endpoint, destination: Endpoint) -> bool:
        """Return True when a packet shows that its connection carries HTTP/2, or was meant to."""
        if packet.frames or packet.tcp & TcpEvent.PREFACE:
            return True
        if packet.detected is not None and packet.detected.path:
            self._starts[packet.connection or 0].upgraded = packet.detected.path
        if packet.detected is not None and packet.detected.text == "ServerHello":
            self._tls_servers.add(source)
        if source.port not in self.ports and destination.port not in self.ports:
            return False
        handshake = self._starts[packet.connection or 0].handshake
        if handshake is None:
            return False
        handshake.observe(packet, source)
        return handshake.is_mismatch(packet, source) or handshake.is_tls()

    def _on_http2(self, progress: ConnectionProgress, packet: Packet, source: Endpoint) -> Iterator[Event]:
        start = self._starts[progress.connection.index]
        if packet.tcp & TcpEvent.GAP:
            start.handshake = None
            yield from progress.mark_gap(packet, source, max(self._frames - 1, 0))
        if packet.tcp & TcpEvent.PREFACE:
            yield from progress.on_preface(source)
        if progress.connection.is_encrypted and packet.frames:
            yield from progress.update(is_encrypted=False)
        progress.note_payload(packet, source)
        for frame in packet.frames:
            yield from progress.receive(frame, self._frames)
            self._frames += 1
        if packet.tcp & TcpEvent.CUT:
            yield from progress.mark_gap(packet, source, max(self._frames - 1, 0))
        if packet.tcp & (TcpEvent.FIN | TcpEvent.RST):
            yield from progress.on_tcp_end(packet, source)
        if start.handshake is not None:
            start.handshake.observe(packet, source)
            yield from self._diagnose(start, start.handshake, progress)

    def _diagnose(self, start: _TcpStart, handshake: Handshake, progress: ConnectionProgress) -> Iterator[Event]:
        if handshake.is_http2() and len(self._plain_servers) < _MAX_PEERS:
            self._plain_servers.add(progress.connection.server)
        diagnosis = handshake.diagnose(progress.connection, self._tls_servers, self._plain_servers)
        if diagnosis is not None:
            yield from progress.update(diagnosis=diagnosis)
        if diagnosis is not None or handshake.is_http2():
            start.handshake = None

    def _begin(self, index: int, source: Endpoint, destination: Endpoint) -> ConnectionProgress:
        start = self._starts[index]
        if start.client is not None:
            client, evidence = start.client, Evidence.SYN
        else:
            client, evidence = self._client_by_port(source, destination), Evidence.PORT
        server = destination if client == source else source
        late = start.client is None
        is_tls = start.handshake is not None and start.handshake.is_tls()
        connection = Connection(index, client, server, start.time, joined_late=late, is_encrypted=is_tls)
        progress = ConnectionProgress(connection, evidence, lambda: self._earlier_paths(index, {source, destination}))
        progress.upgraded = start.upgraded
        self._connections[index] = progress
        return progress

    def _earlier_paths(self, index: int, ends: set[Endpoint]) -> frozenset[str]:
        """Return the methods that the same client, from other ports, called on the same server."""
        hosts = {end.host for end in ends}
        before = (
            each
            for each in self._connections.values()
            if each.connection.index != index and each.connection.server in ends
        )
        past = (paths for (host, server), paths in self._past.items() if host in hosts and server in ends)
        return frozenset().union(*past, *(p.paths() for p in before if p.connection.client.host in hosts))

    def _client_by_port(self, source: Endpoint, destination: Endpoint) -> Endpoint:
        """Return the end whose port is not decoded as HTTP/2; if both or neither is, the one with the higher port."""
        known = source.port in self.ports, destination.port in self.ports
        if known[0] != known[1]:
            return destination if known[0] else source
        return source if source.port > destination.port else destination


def _sent_by(packet: Packet, source: Endpoint) -> Packet:
    """Return a packet as if one end of its connection had sent it: in a tunnel, some packets show other addresses."""
    frames = tuple(msgspec.structs.replace(frame, source=source) for frame in packet.frames)
    return msgspec.structs.replace(packet, source=source, frames=frames)
