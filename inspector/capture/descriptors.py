"""File descriptors: how many there may be, and which of them the tap leaves to others.

Descriptors are numbered from the lowest that is free (POSIX, open). A tap that refuses every socket with one of the
highest numbers always leaves these to the rest of the program: to start tshark again, or to save.
"""

from __future__ import annotations

import errno
import os
import resource
import socket
import sys
from typing import Final

_RESERVE: Final = 32
"""Descriptors that the tap leaves to others: starting a child takes up to 8, a rotation of tshark starts two, and a
save takes 2."""


NOTHING_LEFT: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
"""What making a socket says where this process or the system has no more to give."""


class NoDescriptors(OSError):  # noqa: N818 - a kind of OSError, named as Python's own are
    """A socket has one of the descriptors that are left to others."""

    def __init__(self) -> None:
        super().__init__(errno.EMFILE, os.strerror(errno.EMFILE))


def require_reserve(connection: socket.socket) -> None:
    """Raise NoDescriptors when a socket of the tap has one of the last descriptors."""
    limit = descriptor_limit()
    if connection.fileno() >= limit - min(_RESERVE, limit // 2):
        raise NoDescriptors


def descriptor_limit() -> int:
    """How many descriptors this process may have (RLIMIT_NOFILE); others may change it while it runs."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft
