"""Tells the TCP ports that speak HTTP/2 or TLS by what connections begin with.

tshark must be told the ports of cleartext HTTP/2 before it starts. What a client says to a port is a sign of what the
port speaks, and no more than that: what the port answers counts more.

Some connections begin with HTTP/1.1 and go on with HTTP/2: those that are upgraded (RFC 7540 §3.2), and those through a
proxy (RFC 9110 §9.3.6). tshark follows them where it is told that the port is HTTP.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple, TypeAlias

from inspector.capture.first_words import SEAM, FirstWords, find_first_words
from inspector.model.endpoint import Endpoint
from inspector.model.speech import Protocol

_Ends: TypeAlias = tuple[Endpoint, Endpoint]
_BOUND: Final = 100_000
"""Connections that are remembered."""


class Opening(NamedTuple):
    """What a port is to be decoded as."""

    port: int
    is_tls: bool
    is_http1: bool = False
    """True for a beginning in HTTP/1.1 from which HTTP/2 may follow."""
    is_answer: bool = False
    """True when the port itself said so, False when a client did."""


class PortFinder:
    """Fed the bytes of one capture in their order, tells the openings found in them."""

    def __init__(self) -> None:
        self._tail = b""
        """The end of what was fed before: an opening, or the headers before it, may begin there."""
        self._clients: set[_Ends] = set()
        """Who opened a connection, and to whom."""
        self._early: set[_Ends] = set()
        """Who sent SETTINGS, and to whom, where nobody has opened a connection yet: servers may speak first."""

    def feed(self, data: bytes) -> Iterator[tuple[FirstWords, tuple[Opening, ...]]]:
        """What sides begin with in these bytes, and what that says of ports; those at the seam may be told twice."""
        joined = self._tail + data
        for found in find_first_words(joined):
            yield found, tuple(self._openings(found))
        self._tail = joined[-SEAM:]

    def _openings(self, found: FirstWords) -> Iterator[Opening]:
        ends, turned = (found.source, found.destination), (found.destination, found.source)
        is_tls = found.speech.protocol is Protocol.TLS
        if found.speech.words in ("preface", "ClientHello"):
            _remember(self._clients, ends)
            yield Opening(found.destination.port, is_tls)
            if turned in self._early:
                yield Opening(found.destination.port, is_tls=False, is_answer=True)
        elif found.speech.words in ("CONNECT", "Upgrade"):
            yield Opening(found.destination.port, is_tls=False, is_http1=True)
        elif found.speech.words in ("SETTINGS", "ServerHello"):
            if turned in self._clients:
                yield Opening(found.source.port, is_tls, is_answer=True)
            elif ends not in self._clients and not is_tls:
                _remember(self._early, ends)


def _remember(known: set[_Ends], ends: _Ends) -> None:
    if len(known) < _BOUND:
        known.add(ends)
