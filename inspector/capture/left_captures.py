"""The folder of spools, and the captures in it that killed runs have left.

A program locks each file of its spool as long as it runs, and the kernel releases the lock however the program ends.
Files that are locked are never touched.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Final

import platformdirs
import psutil

from inspector.pcap.records import HEADER_LENGTH

FILE_PREFIX = "capture-"
"""Followed by the process id of the program that writes it, and letters that are unique to the spool."""
FILE_SUFFIX = ".pcap"
DAYS_KEPT = 7
_NEW_SECONDS = 3600
_CLOCK_SECONDS = 1.0
"""By which the start of a process and the time of a file may differ, as they come from different clocks."""
_NAME: Final = re.compile(rf"{FILE_PREFIX}(?P<pid>\d+)-(?P<run>[^-]+)(?:-(?P<number>\d+))?\{FILE_SUFFIX}")


@dataclass(frozen=True, slots=True)
class LeftCapture:
    """The capture of one run that was killed: a file, or several for a large one."""

    paths: tuple[Path, ...]
    """In the order of their packets. Each begins with the file header, so it is a capture by itself."""
    size: int
    """Bytes of all files."""
    changed: float
    """When the last packet was written, in seconds since the epoch."""

    def __str__(self) -> str:
        return f"killed run {self.when}"

    @property
    def when(self) -> str:
        """The time of its end, such as `30 Nov 21:14`."""
        return f"{datetime.fromtimestamp(self.changed).astimezone():%d %b %H:%M}"

    def delete(self) -> None:
        """Delete its files, ignoring those that cannot be deleted."""
        for path in self.paths:
            with contextlib.suppress(OSError):
                path.unlink()


def spool_folder() -> Path:
    """Return the folder of this user's spools."""
    return platformdirs.user_cache_path("grpc-inspector", appauthor=False)


def next_path(path: Path) -> Path:
    """Return the path of a spool's next file: capture-7-abc-2.pcap after capture-7-abc.pcap."""
    found = _NAME.fullmatch(path.name)
    number = int(found["number"] or 1) if found else 1
    stem = f"{FILE_PREFIX}{found['pid']}-{found['run']}" if found else path.stem
    return path.with_name(f"{stem}-{number + 1}{FILE_SUFFIX}")


def left_captures() -> tuple[LeftCapture, ...]:
    """Return the captures of runs that were killed, the newest first."""
    try:
        found = [path for path in spool_folder().glob(f"{FILE_PREFIX}*{FILE_SUFFIX}") if _is_orphan(path)]
    except PermissionError:  # HOME may be another user's folder, which has no spools of this user
        return ()
    runs: dict[str, list[tuple[int, Path]]] = {}
    for path in found:
        name = _NAME.fullmatch(path.name)
        run, number = (f"{name['pid']}-{name['run']}", int(name["number"] or 1)) if name else (path.name, 1)
        runs.setdefault(run, []).append((number, path))
    captures = (_left_capture(path for _, path in sorted(files)) for files in runs.values())
    return tuple(sorted(captures, key=lambda capture: capture.changed, reverse=True))


def list_orphans() -> tuple[Path, ...]:
    """Return the files of runs that were killed, those of the newest run first."""
    return tuple(chain.from_iterable(capture.paths for capture in left_captures()))


def remove_old_orphans(days: float = DAYS_KEPT) -> tuple[Path, ...]:
    """Delete captures of killed runs that are empty or older than `days`, and return the files that remain."""
    oldest = time.time() - days * 86_400
    remaining: list[Path] = []
    for capture in left_captures():
        if capture.changed < oldest or capture.size <= HEADER_LENGTH:
            capture.delete()
        else:
            remaining += capture.paths
    return tuple(remaining)


def _left_capture(paths: Iterable[Path]) -> LeftCapture:
    found = tuple(paths)
    return LeftCapture(found, sum(map(_size, found)), max(map(_changed, found)))


def _is_orphan(path: Path) -> bool:
    """True where no process holds the lock; False where that is uncertain."""
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
    """True where its program may run and not have locked it yet; only for an hour, as process ids are used again."""
    pid, changed = path.name.removeprefix(FILE_PREFIX).partition("-")[0], _changed(path)
    # Our own spools are locked; in a container, every run has the same process id.
    if not pid.isdecimal() or int(pid) == os.getpid() or changed <= time.time() - _NEW_SECONDS:
        return False
    try:
        process = psutil.Process(int(pid))
        is_dead = process.status() == psutil.STATUS_ZOMBIE
        return not is_dead and process.create_time() <= changed + _CLOCK_SECONDS
    except psutil.NoSuchProcess:
        return False
    except psutil.Error:
        return True


def _changed(path: Path) -> float:
    """Return the time of the last change; 0 for a file that another program has just deleted."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
