"""Sockets of the tap: where it listens, how it reaches the service, how it breaks a connection off."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import os
import socket
import stat
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from inspector.capture.descriptors import require_reserve
from inspector.capture.route import Address, resolve
from inspector.capture.source import Target
from inspector.errors import EngineError, reason, remedy

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


_TRIES: Final = 20
"""For a port that is free on every address: with a quarter of all ports taken, one in 10**12 goes without."""
_BACKLOG: Final = 512
_NO_SUCH_ADDRESS: Final = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})
"""What listening on ::1 says where IPv6 is switched off."""
_OWNER_ONLY: Final = 0o600
_HINTS: Final = {
    errno.EADDRINUSE: "Another program may have that port: end it, or choose another port.",
    errno.EADDRNOTAVAIL: "Name an address of this host, as in localhost:0, which takes a free port.",
    errno.EACCES: "Ports below 1024 are for root: choose another port.",
}


@dataclass(frozen=True, slots=True)
class Listener:
    """The listening sockets of one address; made by `listen`."""

    target: Target
    """With the port that was taken, where any would do."""
    sockets: tuple[socket.socket, ...]
    file: tuple[int, int] | None = None
    """Device and inode of the Unix socket's file."""

    def remove_file(self) -> None:
        """Delete the file of a Unix socket, unless another has taken its place."""
        with contextlib.suppress(OSError):
            if self.file is not None and _identity(self.target.path) == self.file:
                os.unlink(self.target.path)  # noqa: PTH108 - as typed: Path would drop a leading ./

    def close(self) -> None:
        """Stop listening; harmless when done twice."""
        self.remove_file()
        for each in self.sockets:
            each.close()


async def listen(target: Target) -> Listener:
    """Listen on every address of a host, on one and the same port, or on a Unix socket that only this user may use.

    Raises EngineError for an address that cannot be had, ServiceError for a host that cannot be resolved.
    """
    if target.path:
        return _listen_unix(target)
    addresses = await resolve(target)
    for _ in range(_TRIES if target.port == 0 else 1):
        try:
            listeners = _listen_all(addresses, target.port)
        except OSError as error:
            failure = error
        else:
            return Listener(Target(target.host, listeners[0].getsockname()[1]), tuple(listeners))
    raise _refusal(target, failure, _HINTS.get(failure.errno or 0, "Choose another address.")) from failure


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
            raise OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
        undo.pop_all()
    return listeners


def _listen_on(address: Address, port: int) -> socket.socket:
    listener = socket.socket(family_of(address), socket.SOCK_STREAM)
    try:
        listener.setblocking(False)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if address.version == 6:
            # [::] is every address of this host, as elsewhere; ::1 leaves 127.0.0.1 to another listener.
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, not address.is_unspecified)
        listener.bind((str(address), port))
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def _listen_unix(target: Target) -> Listener:
    path = target.path
    folder = Path(path).parent
    if not os.path.isdir(folder):  # noqa: PTH112 - Path.is_dir fails where nothing may be looked at
        raise EngineError(f"There is no folder {folder} for the socket {path}.", "Make it, or choose another path.")
    _remove_stale(target)
    try:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    except OSError as error:
        raise _refusal(target, error) from error
    with contextlib.ExitStack() as undo:
        undo.callback(listener.close)
        try:
            listener.setblocking(False)
            # Before `bind`, so that the file never has another mode (Linux); elsewhere before `listen`: until then
            # nobody can connect.
            with contextlib.suppress(OSError):
                os.fchmod(listener.fileno(), _OWNER_ONLY)
            listener.bind(path)
            undo.callback(Path(path).unlink, missing_ok=True)
            if stat.S_IMODE(os.lstat(path).st_mode) != _OWNER_ONLY:
                os.chmod(path, _OWNER_ONLY)  # noqa: PTH101
            listener.listen(_BACKLOG)
            file = _identity(path)
        except OSError as error:
            raise _refusal(target, error, "Choose another path.") from error
        undo.pop_all()
    return Listener(target, (listener,), file)


def _remove_stale(target: Target) -> None:
    """Delete a socket that nobody listens on any more, as a killed program leaves it; raises EngineError for others."""
    path = target.path
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise _refusal(target, error, "Choose another path.") from error
    if not stat.S_ISSOCK(mode):
        raise EngineError(
            f"The tap cannot listen on {target}: that is no socket, and it is left as it is.", "Choose another path."
        )
    try:
        _knock(path)
    except ConnectionRefusedError:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)  # noqa: PTH108
    except FileNotFoundError:
        return
    except OSError as error:
        raise _refusal(target, error, "It may be another user's: choose another path.") from error
    else:
        raise EngineError(
            f"The tap cannot listen on {target}: another program listens there.", "End it, or choose another path."
        )


def _knock(path: str) -> None:
    """Connect, and hang up; raises ConnectionRefusedError where nobody listens."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as knocking:
        knocking.setblocking(False)
        with contextlib.suppress(BlockingIOError):  # its queue is full: somebody listens
            knocking.connect(path)


def _identity(path: str) -> tuple[int, int]:
    found = os.lstat(path)
    return found.st_dev, found.st_ino


def _refusal(target: Target, error: OSError, hint: str = "") -> EngineError:
    return EngineError(f"The tap cannot listen on {target}: {reason(error)}.", remedy(error, hint))
