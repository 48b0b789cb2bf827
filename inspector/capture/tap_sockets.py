"""The sockets of the tap: listening on one port of several addresses, reaching the service, breaking off."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import socket
import struct
from dataclasses import dataclass

from inspector.capture.route import Address, resolve
from inspector.capture.target import Target

_CONNECT_SECONDS = 5.0
"""As long as a call's own default deadline: later nobody waits for the answer any more."""
_TRIES = 20
"""For a port that is free on every address: with a quarter of all ports taken, one in 10**12 goes without."""
_BACKLOG = 512
_NO_SUCH_ADDRESS = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})
"""What listening on ::1 says where IPv6 is switched off."""
_LINGER_NOT = struct.pack("ii", 1, 0)
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
        failure = OSError(errno.EHOSTUNREACH, "it has no address")
        for address in sorted(self.addresses, key=lambda address: _family(address) != family):
            try:
                return await _connect(_family(address), (str(address), self.service.port))
            except OSError as error:  # TimeoutError is one
                failure = error
        raise failure


async def listen(target: Target) -> list[socket.socket]:
    """Listen on every address of a host, on one and the same port; port 0 is any that is free. Raises OSError."""
    addresses = await resolve(target)
    for _ in range(_TRIES if target.port == 0 else 1):
        try:
            return _listen_all(addresses, target.port)
        except OSError as error:
            failure = error
    raise failure


def break_off(connection: socket.socket) -> None:
    """Close a connection with a RST; one that is closed already stays so."""
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
    connection.close()


def _listen_all(addresses: tuple[Address, ...], port: int) -> list[socket.socket]:
    listeners: list[socket.socket] = []
    with contextlib.ExitStack() as undo:
        for address in addresses:
            try:
                listener = _listen_on(address, port)
            except OSError as error:
                if error.errno in _NO_SUCH_ADDRESS:
                    continue
                raise
            undo.callback(listener.close)
            listeners.append(listener)
            port = listener.getsockname()[1]
        if not listeners:
            raise OSError(errno.EADDRNOTAVAIL, "none of its addresses is this host's")
        undo.pop_all()
    return listeners


def _listen_on(address: Address, port: int) -> socket.socket:
    listener = socket.socket(_family(address), socket.SOCK_STREAM)
    try:
        listener.setblocking(False)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if address.version == 6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((str(address), port))
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


async def _connect(family: int, place: tuple[str, int] | str) -> socket.socket:
    connection = socket.socket(family, socket.SOCK_STREAM)
    connection.setblocking(False)
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            await asyncio.get_running_loop().sock_connect(connection, place)
    except BaseException:  # cancelled too: the socket has no other owner yet
        connection.close()
        raise
    if family != socket.AF_UNIX:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _family(address: Address) -> int:
    return socket.AF_INET if isinstance(address, ipaddress.IPv4Address) else socket.AF_INET6
