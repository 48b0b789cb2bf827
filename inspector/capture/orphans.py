"""Spools that outlived their program: where spools are kept, and which of them nobody writes any more.

Owns the telling of the living from the dead: a program holds a lock on its spool for as long as it lives, and the
kernel takes it away however the program went. Called when a program starts; refuses to touch a living one's file.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from pathlib import Path

import platformdirs
import psutil

from inspector.capture.records import HEADER_LENGTH

FILE_PREFIX = "capture-"
"""What follows is the process id of the program that writes it."""
FILE_SUFFIX = ".pcap"
DAYS_KEPT = 7
_SECONDS_NEW = 3600


def spool_folder() -> Path:
    """The folder of this user's spools."""
    return platformdirs.user_cache_path("grpc-inspector", appauthor=False)


def list_orphans() -> tuple[Path, ...]:
    """Find the captures of programs that were killed, the newest first."""
    try:
        found = [path for path in spool_folder().glob(f"{FILE_PREFIX}*{FILE_SUFFIX}") if _is_orphan(path)]
    except PermissionError:  # another user's folder, as HOME may lead to: nothing of ours is in it
        return ()
    return tuple(sorted(found, key=_changed, reverse=True))


def remove_old_orphans(days: float = DAYS_KEPT) -> tuple[Path, ...]:
    """Delete orphans that hold no packet or are older than `days`; gives those that are left."""
    oldest = time.time() - days * 86_400
    left = []
    for path in list_orphans():
        if _changed(path) < oldest or _size(path) <= HEADER_LENGTH:
            with contextlib.suppress(OSError):
                path.unlink()
        else:
            left.append(path)
    return tuple(left)


def _is_orphan(path: Path) -> bool:
    """Tell whether nobody holds the lock; where that cannot be told, somebody does."""
    if _may_be_new(path):
        return False
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def _may_be_new(path: Path) -> bool:
    """Tell whether its program may live and not have its lock yet; not for long, as process ids are used again."""
    pid = path.name.removeprefix(FILE_PREFIX).partition("-")[0]
    return pid.isdecimal() and psutil.pid_exists(int(pid)) and _changed(path) > time.time() - _SECONDS_NEW


def _changed(path: Path) -> float:
    """When; 0 for a file that another program has just deleted."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
