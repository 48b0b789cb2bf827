"""Sockets of the tap: where it listens, how it connects to the service, and the descriptors that it leaves free."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import os
import resource
import socket
import stat
import struct
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from inspector.capture.route import Address, resolve
from inspector.capture.source import Target
from inspector.errors import EngineError, reason, remedy

_RESERVED_DESCRIPTORS: Final = 32
"""Descriptors that the tap leaves to the rest of the program: starting a child takes up to 8, a rotation of tshark
starts two, and a save takes 2."""
EXHAUSTED: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
"""What `socket` raises where this process or the system has no resources left."""
_CONNECT_SECONDS: Final = 5.0
"""The default deadline of a call: its client waits no longer."""
_BACKLOG_PAUSE: Final = 0.02
"""Seconds between two attempts at a Unix socket whose queue is full."""
_LINGER_ZERO: Final = struct.pack("ii", 1, 0)
"""SO_LINGER with a timeout of zero: closing the socket sends a RST."""


class DescriptorReserveError(OSError):
    """A socket has one of the descriptors that are reserved for the rest of the program."""

    def __init__(self) -> None:
        super().__init__(errno.EMFILE, os.strerror(errno.EMFILE))


def require_reserve(connection: socket.socket) -> None:
    """Raise DescriptorReserveError for a socket with one of the highest descriptors.

    A new descriptor gets the lowest free number (POSIX, open), so closing such sockets keeps the reserve free.
    """
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)  # other programs may change it while we run
    limit = sys.maxsize if soft == resource.RLIM_INFINITY else soft
    if connection.fileno() >= limit - min(_RESERVED_DESCRIPTORS, limit // 2):
        raise DescriptorReserveError


@dataclass(frozen=True, slots=True)
class Upstream:
    """The service behind the tap, with the addresses to try."""

    service: Target
    addresses: tuple[Address, ...]

    @classmethod
    async def of(cls, service: Target) -> Upstream:
        """Resolve the service; raise ServiceError where that fails."""
        return cls(service, () if service.path else await resolve(service))

    async def connect(self, family: int) -> socket.socket:
        """Connect to the first address that answers, trying those of the client's own family first.

        Raises:
            OSError: None answers; the last failure.
        """
        if self.service.path:
            return await _connect(socket.AF_UNIX, self.service.path)
        failure = OSError(errno.EHOSTUNREACH, os.strerror(errno.EHOSTUNREACH))
        for address in sorted(self.addresses, key=lambda address: family_of(address) != family):
            try:
                return await _connect(family_of(address), (str(address), self.service.port))
            except OSError as error:  # TimeoutError is one
                failure = error
        raise failure


def reset(connection: socket.socket) -> None:
    """Close a connection with a RST; do nothing where it is closed."""
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
    connection.close()


def disable_nagle(connection: socket.socket) -> None:
    """Send small writes without waiting for more (TCP_NODELAY), as gRPC does."""
    if connection.family != socket.AF_UNIX:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def family_of(address: Address) -> socket.AddressFamily:
    """Return the socket family of an address."""
    return socket.AF_INET if isinstance(address, ipaddress.IPv4Address) else socket.AF_INET6


async def _connect(family: int, address: tuple[str, int] | str) -> socket.socket:
    connection = socket.socket(family, socket.SOCK_STREAM)
    try:
        require_reserve(connection)
        connection.setblocking(False)
        async with asyncio.timeout(_CONNECT_SECONDS):
            if isinstance(address, str):
                await _connect_unix(connection, address)
            else:
                await asyncio.get_running_loop().sock_connect(connection, address)
        disable_nagle(connection)
    except BaseException:  # CancelledError included: the socket has no other owner yet
        connection.close()
        raise
    return connection


async def _connect_unix(connection: socket.socket, path: str) -> None:
    """Connect to a Unix socket, waiting for room in its queue, as a client would; otherwise it fails at once."""
    while True:
        try:
            connection.connect(path)
        except BlockingIOError:
            await asyncio.sleep(_BACKLOG_PAUSE)
        else:
            return


_PORT_ATTEMPTS: Final = 20
"""At a port that is free on every address: with a quarter of all ports in use, one in 10**12 starts fails."""
_BACKLOG: Final = 512
_NO_SUCH_ADDRESS: Final = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})
"""What listening on ::1 raises where IPv6 is disabled."""
_OWNER_ONLY: Final = 0o600
_HINTS: Final = {
    errno.EADDRINUSE: "Another program may have that port: end it, or choose another port.",
    errno.EADDRNOTAVAIL: "Name an address of this host, as in localhost:0, which takes a free port.",
    errno.EACCES: "Ports below 1024 are for root: choose another port.",
}


@dataclass(frozen=True, slots=True)
class Listener:
    """The listening sockets of one target; made by `listen`."""

    target: Target
    """With the port that was chosen where 0 was given."""
    sockets: tuple[socket.socket, ...]
    file: tuple[int, int] | None = None
    """Device and inode of the Unix socket's file."""

    def remove_file(self) -> None:
        """Delete the file of a Unix socket, unless it was replaced."""
        with contextlib.suppress(OSError):
            if self.file is not None and _identity(self.target.path) == self.file:
                os.unlink(self.target.path)  # noqa: PTH108 - as typed: Path would drop a leading ./

    def close(self) -> None:
        """Stop listening; may be called twice."""
        self.remove_file()
        for listener in self.sockets:
            listener.close()


async def listen(target: Target) -> Listener:
    """Listen on every address of a host, on the same port, or on a Unix socket that only this user may use.

    Raises:
        EngineError: The address is not available.
        ServiceError: The host cannot be resolved.
    """
    if target.path:
        return _listen_unix(target)
    addresses = await resolve(target)
    for _ in range(_PORT_ATTEMPTS if target.port == 0 else 1):
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
            # [::] stands for every address, IPv4 included; ::1 leaves 127.0.0.1 to another listener.
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
            # On Linux the file gets the mode of the descriptor, so it never has another one. Elsewhere chmod follows
            # before `listen`, until which nobody can connect.
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
    """Delete the socket file of a program that was killed; raise EngineError for any other file."""
    path = target.path
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise _refusal(target, error, "Choose another path.") from error
    if not stat.S_ISSOCK(mode):
        raise EngineError(
            f"The tap cannot listen on {target}: that is not a socket, and it is left alone.", "Choose another path."
        )
    try:
        _connect_and_close(path)
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


def _connect_and_close(path: str) -> None:
    """Connect and close at once; raise ConnectionRefusedError where no program listens."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        with contextlib.suppress(BlockingIOError):  # its queue is full, so a program listens
            probe.connect(path)


def _identity(path: str) -> tuple[int, int]:
    status = os.lstat(path)
    return status.st_dev, status.st_ino


def _refusal(target: Target, error: OSError, hint: str = "") -> EngineError:
    return EngineError(f"The tap cannot listen on {target}: {reason(error)}.", remedy(error, hint))
