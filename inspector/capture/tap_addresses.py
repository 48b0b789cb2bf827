"""The addresses that the tap records for its connections.

A TCP connection has its own. One over a Unix socket has none, and gets what a connection over loopback would have: a
client port that no other has at that time, and the port of the service.
"""

from __future__ import annotations

import ipaddress
import itertools
import os
import socket
import struct
from typing import Final, NamedTuple

from inspector.capture.target import Target
from inspector.model.endpoint import Endpoint

_LOOPBACK: Final = "127.0.0.1"
_CLIENT_PORTS: Final = range(32768, 61000)
"""Where Linux takes the ports of clients from (ip_local_port_range)."""
_SERVICE_PORT: Final = 50051
"""For a service that has no port either: the one that gRPC's own examples use."""
_LOCAL_PEERPID: Final = 2
"""The option of SOL_LOCAL, 0, on macOS and the BSDs: not in Python's `socket`."""


class Ends(NamedTuple):
    """Both ends of a connection, as they are recorded."""

    client: Endpoint
    server: Endpoint


class RecordedAddresses:
    """Gives each connection of one tap its addresses."""

    def __init__(self, service: Target) -> None:
        self.own_ports: set[int] = set()
        """The client ports that connections of this very process over the Unix socket were given."""
        self._server = Endpoint(_LOOPBACK, service.port or _SERVICE_PORT)
        self._open: set[int] = {self._server.port}
        self._ports = itertools.cycle(_CLIENT_PORTS)

    def of(self, client: socket.socket, peer: tuple[str, int] | str) -> Ends:
        """The addresses of a connection; `peer` is what `accept` said of it. Give them back with `release`."""
        if client.family != socket.AF_UNIX:
            return Ends(_endpoint(peer), _endpoint(client.getsockname()))
        port = next(port for port in self._ports if port not in self._open)
        self._open.add(port)
        if _peer_process(client) == os.getpid():
            self.own_ports.add(port)
        else:
            self.own_ports.discard(port)
        return Ends(Endpoint(_LOOPBACK, port), self._server)

    def release(self, ends: Ends) -> None:
        """A connection has ended: its client's port may be another's, once all others have been given out."""
        if ends.server is self._server:
            self._open.discard(ends.client.port)


def _endpoint(address: tuple[str, int] | str) -> Endpoint:
    """What a socket says of an end, without an IPv6 scope; IPv4 on an IPv6 socket is IPv4 (RFC 4291 §2.5.5.2)."""
    host, port = address[0].partition("%")[0], int(address[1])
    mapped = ipaddress.IPv6Address(host).ipv4_mapped if ":" in host else None
    return Endpoint(str(mapped or host), port)


def _peer_process(connection: socket.socket) -> int:
    """The id of the process that connected to a Unix socket; 0 where it cannot be known, as in another container."""
    credentials = getattr(socket, "SO_PEERCRED", None)
    try:
        if credentials is not None:  # Linux: struct ucred, whose first field is the process
            return int(struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, credentials, 12))[0])
        return connection.getsockopt(0, _LOCAL_PEERPID)
    except OSError:
        return 0
