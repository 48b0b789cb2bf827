"""A TCP connection that carries HTTP/2, or was meant to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from inspector.model.endpoint import Endpoint, Side
from inspector.model.why import Why


class Ending(NamedTuple):
    """A FIN or RST."""

    packet: int
    time: float
    source: Endpoint
    """Who sent it."""
    is_reset: bool
    """True for a RST, which breaks both directions off."""


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
    endings: tuple[Ending, ...] = ()
    """The first FIN and the first RST of each side, in the order of the wire."""
    is_sealed: bool = False
    """True while both sides speak TLS and nothing of it could be read."""
    why: Why | None = None
    """Why it never came to carry HTTP/2, where the two sides do not speak the same."""

    def side(self, source: Endpoint) -> Side:
        """The role of an endpoint of this connection."""
        return Side.CLIENT if source == self.client else Side.SERVER

    def turned(self) -> Connection:
        """The same connection with client and server exchanged."""
        return replace(self, client=self.server, server=self.client)
