"""The local ports of this process's own TCP connections.

Asks the process's own descriptors: the system's table of connections takes tens of milliseconds to read on a busy
host. Works where there is /dev/fd, as on Linux and macOS.
"""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterator


def ports_to(port: int) -> frozenset[int]:
    """The local ports of all connections of this process to a remote TCP port, on whatever host."""
    return frozenset(local for local, remote in _connections() if remote == port)


def _connections() -> Iterator[tuple[int, int]]:
    """The local and the remote port of each connected TCP socket."""
    try:
        names = os.listdir("/dev/fd")  # noqa: PTH208 - names are all that is wanted
    except OSError:  # no descriptor is left to read them with
        return
    for name in names:
        try:
            if stat.S_ISSOCK(os.fstat(int(name)).st_mode) and (ports := _ports(int(name))):
                yield ports
        except OSError:  # closed meanwhile, or not connected
            continue


def _ports(descriptor: int) -> tuple[int, int] | None:
    end = socket.socket(fileno=descriptor)
    try:
        if end.family not in (socket.AF_INET, socket.AF_INET6) or end.type != socket.SOCK_STREAM:
            return None
        return end.getsockname()[1], end.getpeername()[1]
    finally:
        end.detach()  # it is not ours to close
