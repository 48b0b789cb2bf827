"""The connections of a capture, and the traffic of every TCP connection that may turn out to be one of them.

Owned by the store, which alone writes to it.
"""

from __future__ import annotations

from typing import Final

from inspector.http2 import events
from inspector.http2.stats import ConnectionStats
from inspector.model.call import CallState
from inspector.model.connection import Connection
from inspector.model.frame import Packet, TcpEvent

_MAX_UNRECOGNISED: Final = 1_000
"""TCP connections that may still turn out to carry HTTP/2; most do so with their fourth packet."""
_MAX_CONNECTIONS: Final = 10_000


class ConnectionTable:
    """All connections that are kept, with their traffic."""

    def __init__(self) -> None:
        self.connections: dict[int, Connection] = {}
        self.stats: dict[int, ConnectionStats] = {}
        self.evicting: set[int] = set()
        """Connections that are no longer kept, readable until `release`."""
        self.evicted = 0
        """How many connections came before those that are kept."""
        self._unrecognised: dict[int, ConnectionStats] = {}
        """The latest of the other TCP connections: HTTP/2 shows later than their first packet."""
        self._forgotten: dict[int, None] = {}
        """Connections that get no more events, in the order in which the assembler forgot them."""
        self._changed: set[int] = set()
        self._with_packets: set[int] = set()

    def take_changed(self) -> tuple[frozenset[int], frozenset[int]]:
        """Return the connections that changed, and those that carried packets, since the last call."""
        changed, with_packets = frozenset(self._changed), frozenset(self._with_packets)
        self._changed.clear()
        self._with_packets.clear()
        return changed, with_packets

    def evict_idle(self, since: float) -> None:
        """Evict the oldest forgotten connections beyond the bound whose last packet came before a time."""
        for index in list(self._forgotten)[: max(len(self.connections) - _MAX_CONNECTIONS, 0)]:
            if self.stats[index].traffic.last < since and index not in self.evicting:
                self.evicting.add(index)
                self.evicted += 1

    def release(self) -> None:
        """Free the memory of evicted connections."""
        for index in self.evicting:
            del self._forgotten[index], self.stats[index], self.connections[index]
        self.evicting.clear()

    def on_packet(self, packet: Packet, position: int) -> None:
        """Count a packet; `position` is that of its first frame."""
        index, source, destination = packet.connection, packet.source, packet.destination
        if index is None or source is None or destination is None:
            return
        stats = self.stats.get(index) or self._unrecognised.get(index)
        if stats is None or stats.is_duplicate(packet):
            stats = ConnectionStats(index, (source, destination), packet.time, opens=bool(packet.tcp & TcpEvent.SYN))
            self._add(index, stats)
        stats.count(packet, source, position)
        self._with_packets.add(index)

    def _add(self, index: int, stats: ConnectionStats) -> None:
        if index in self.stats:
            self.stats[index] = stats
            return
        if len(self._unrecognised) >= _MAX_UNRECOGNISED:
            del self._unrecognised[next(iter(self._unrecognised))]
        self._unrecognised[index] = stats

    def on_connection(self, event: events.ConnectionSeen | events.SidesSwapped) -> None:
        """Add a connection, or replace what was known of it."""
        connection, index = event.connection, event.connection.index
        self.connections[index] = connection
        self._changed.add(index)
        stats = self.stats.get(index) or self._unrecognised.pop(index)
        ends = connection.client, connection.server
        if not stats.is_between(*ends):  # in a tunnel, the first packet may show other addresses
            stats = ConnectionStats(index, ends, connection.started)
        stats.set_client(connection.client)
        self.stats[index] = stats

    def on_forgotten(self, event: events.ConnectionForgotten) -> None:
        """Mark a connection as one that may be evicted."""
        self._forgotten[event.index] = None

    def on_call_started(self, index: int) -> None:
        """Count a call."""
        self.stats[index].traffic.calls += 1

    def on_call_ended(self, event: events.CallEnded) -> None:
        """Count the end of a call."""
        stats = self.stats[event.key.connection]
        ended = stats.traffic.ended
        ended[event.state] = ended.get(event.state, 0) + 1
        if event.state is CallState.BROKEN:
            stats.note_refused(event.key.stream, event.time)
