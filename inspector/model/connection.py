"""A TCP connection that carries HTTP/2."""

from __future__ import annotations

from dataclasses import dataclass

from inspector.model.endpoint import Endpoint, Side


@dataclass(frozen=True, slots=True)
class Connection:
    """What is known of a connection; replaced, never changed, as more is learnt."""

    index: int
    """As Wireshark's `tcp.stream`."""
    client: Endpoint
    server: Endpoint
    started: float
    """The time of its first packet in the capture."""
    joined_late: bool = False
    """True when frames were seen but neither its SYN nor its preface: HPACK entries may be missing."""
    ended: float | None = None
    """The time of the first FIN or RST."""

    def side(self, source: Endpoint) -> Side:
        """The role of an endpoint of this connection."""
        return Side.CLIENT if source == self.client else Side.SERVER

    def turned(self) -> Connection:
        """The same connection with client and server exchanged."""
        return Connection(self.index, self.server, self.client, self.started, self.joined_late, self.ended)
