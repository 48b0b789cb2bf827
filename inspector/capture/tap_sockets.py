"""The sockets of the tap's connections: reaching the service, and breaking off."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import os
import socket
import struct
from dataclasses import dataclass
from typing import Final

from inspector.capture.descriptors import require_reserve
from inspector.capture.route import Address, resolve
from inspector.capture.target import Target

_CONNECT_SECONDS: Final = 5.0
"""As long as a call's own default deadline: later nobody waits for the answer any more."""
_BACKLOG_PAUSE: Final = 0.02
"""Seconds until a Unix socket is tried again whose queue is full."""
_LINGER_NOT: Final = struct.pack("ii", 1, 0)
"""Closing a socket with this sends a RST (SO_LINGER with a timeout of zero)."""


@dataclass(frozen=True, slots=True)
class Upstream:
    """The service behind the tap, with the addresses at which it may be."""

    service: Target
    addresses: tuple[Address, ...]

    @classmethod
    async def of(cls, service: Target) -> Upstream:
        """Resolve the service; raises ServiceError."""
        return cls(service, () if service.path else await resolve(service))

    async def connect(self, family: int) -> socket.socket:
        """Connect to the first address that answers, those of the client's own family first; raises OSError."""
        if self.service.path:
            return await _connect(socket.AF_UNIX, self.service.path)
        failure = OSError(errno.EHOSTUNREACH, os.strerror(errno.EHOSTUNREACH))
        for address in sorted(self.addresses, key=lambda address: family_of(address) != family):
            try:
                return await _connect(family_of(address), (str(address), self.service.port))
            except OSError as error:  # TimeoutError is one
                failure = error
        raise failure


def break_off(connection: socket.socket) -> None:
    """Close a connection with a RST; one that is closed already stays so."""
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
    connection.close()


def send_at_once(connection: socket.socket) -> None:
    """Have small writes leave without waiting for more (TCP_NODELAY), as gRPC does."""
    if connection.family != socket.AF_UNIX:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def family_of(address: Address) -> socket.AddressFamily:
    """The socket family of an address."""
    return socket.AF_INET if isinstance(address, ipaddress.IPv4Address) else socket.AF_INET6


async def _connect(family: int, place: tuple[str, int] | str) -> socket.socket:
    connection = socket.socket(family, socket.SOCK_STREAM)
    try:
        require_reserve(connection)
        connection.setblocking(False)
        async with asyncio.timeout(_CONNECT_SECONDS):
            if isinstance(place, str):
                await _connect_unix(connection, place)
            else:
                await asyncio.get_running_loop().sock_connect(connection, place)
        send_at_once(connection)
    except BaseException:  # cancelled too: the socket has no other owner yet
        connection.close()
        raise
    return connection


async def _connect_unix(connection: socket.socket, path: str) -> None:
    """Connect to a Unix socket, which succeeds or fails at once; a full queue is waited for, as a client would."""
    while True:
        try:
            connection.connect(path)
        except BlockingIOError:
            await asyncio.sleep(_BACKLOG_PAUSE)
        else:
            return
