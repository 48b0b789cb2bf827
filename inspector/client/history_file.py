"""What was sent, kept from one session to the next: JSON lines in the user's state folder, readable by that user alone.

Owns the one file. Programs that write at the same time take turns by a lock; a line that is damaged is skipped, and
the file never grows beyond its bound for long. A disk that takes nothing loses the history, never the call.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
import time
from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import Final

import msgspec
import platformdirs

MOST: Final = 1_000
"""Entries that are kept; the file holds up to half as many more before it is cut."""
_LARGEST_ENTRY: Final = 65_536
"""Bytes; a longer one is not kept."""
_LARGEST_FILE: Final = 4 * 1024 * 1024
"""Bytes; half of them are kept when it is cut. Reading them takes some ten milliseconds."""
_TRIES: Final = 50
"""For the lock, a millisecond apart: others hold it for less, and one that was stopped in between holds nobody up."""


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One call that was sent. What was added later has a default: older lines are without it."""

    method: str
    """As in `:path`."""
    messages: tuple[str, ...]
    """As they were typed: JSON, or a bare word."""
    target: str = ""
    metadata: tuple[tuple[str, str], ...] = ()
    """Values of names in -bin as base64."""
    status: str = ""
    """The status' name; empty while there was none."""
    sent_at: float = 0.0
    """When it was sent, in seconds since the epoch."""
    kind: str | None = None
    """The kind of call, for a method that no schema knew."""
    deadline: float | None = None
    """Seconds; None for the usual, or with `is_endless` for no end at all."""
    is_endless: bool = False
    authority: str | None = None
    largest_message: int | None = None
    is_compressed: bool = False
    waits_for_ready: bool = False
    keepalive: float | None = None


class HistoryFile:
    """The history on disk; by default the user's own."""

    def __init__(self, path: Path | None = None, most: int = MOST) -> None:
        self.path = path or platformdirs.user_state_path("grpc-inspector") / "history.jsonl"
        self._most = most

    def read(self) -> list[Entry]:
        """The entries from the oldest to the latest; none where the file is not there or cannot be read."""
        try:
            data = self.path.read_bytes()
        except OSError:
            return []
        return [entry for line in data.splitlines() if (entry := _decode(line)) is not None][-self._most :]

    def add(self, entry: Entry) -> bool:
        """Append an entry; False when it was not kept, as it is too long or the disk refuses."""
        line = msgspec.json.encode(entry) + b"\n"
        if len(line) > _LARGEST_ENTRY:
            return False
        try:
            with self._locked():
                self._append(line)
                self._cut()
        except OSError:
            return False
        return True

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Nobody else writes meanwhile. The lock is on a file of its own: the history itself is replaced when cut."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(self.path.with_suffix(".lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            _try_lock(lock)
            yield
        finally:
            os.close(lock)

    def _append(self, line: bytes) -> None:
        file = os.open(self.path, os.O_CREAT | os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(file, "r+b", buffering=0) as history:
            os.fchmod(file, 0o600)
            size = history.seek(0, os.SEEK_END)
            if size and os.pread(file, 1, size - 1) != b"\n":  # whoever wrote it last was ended in the middle
                line = b"\n" + line
            history.write(line)

    def _cut(self) -> None:
        lines = self.path.read_bytes().splitlines(keepends=True)
        if len(lines) <= self._most * 1.5 and sum(map(len, lines)) <= _LARGEST_FILE:
            return
        descriptor, name = tempfile.mkstemp(dir=self.path.parent, prefix=".history-")  # 0600
        try:
            with os.fdopen(descriptor, "wb") as new:
                new.writelines(self._latest(lines))
            Path(name).replace(self.path)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise

    def _latest(self, lines: list[bytes]) -> list[bytes]:
        whole = [line for line in lines if _decode(line) is not None][-self._most :]
        sizes = list(accumulate(len(line) for line in reversed(whole)))
        fitting = bisect_right(sizes, _LARGEST_FILE // 2)
        return whole[len(whole) - fitting :]


def _try_lock(lock: int) -> None:
    for _ in range(_TRIES):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.001)
        else:
            return


def _decode(line: bytes) -> Entry | None:
    try:
        return msgspec.json.decode(line, type=Entry)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
