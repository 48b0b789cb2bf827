"""What was sent, kept from one session to the next: JSON lines in the user's state folder, readable by that user alone.

Owns the one file. Programs that write at the same time take turns by a lock; a line that is damaged is skipped, and
the file never grows beyond its bound for long. A disk that takes nothing loses the history, never the call. Secrets
are masked before they are written, and those that an earlier version wrote in clear when the file is read.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import math
import os
import time
from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any, Final

import msgspec
import platformdirs

from inspector.client.options import CallSettings, ConnectionOptions, Metadata
from inspector.errors import SourceError
from inspector.files import atomic_file, remove_abandoned_parts
from inspector.model.secrets import Secrets, masked

MOST: Final = 1_000
"""Entries that are kept; the file holds up to half as many more before it is cut."""
_LARGEST_ENTRY: Final = 65_536
"""Bytes; a longer one is not kept."""
_LARGEST_FILE: Final = 4 * 1024 * 1024
"""Bytes; half of them are kept when it is cut. Reading them takes some ten milliseconds."""
_TRIES: Final = 50
"""For the lock, a millisecond apart: others hold it for less, and one that was stopped in between holds nobody up."""
_PARTS: Final = ".history-*"
"""What earlier versions wrote before it took the place of the history."""
_ABANDONED: Final = 60.0
"""Seconds after which such a part is nobody's: to write it takes milliseconds."""


class HistoryEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One call that was sent. What was added later has a default: older lines are without it."""

    method: str
    """As in `:path`."""
    messages: tuple[str, ...]
    """As they were typed: JSON, or a bare word."""
    target: str = ""
    metadata: tuple[tuple[str, str], ...] = ()
    """Values of names in -bin as base64, masked ones as `Bearer ***` or `***`."""
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
    masked: tuple[str, ...] = ()
    """The names in `metadata` whose values are masked."""


_CALL_SETTINGS: Final = tuple(
    field.name
    for field in dataclasses.fields(CallSettings)
    if field.name in HistoryEntry.__struct_fields__ and field.name not in ("metadata", "deadline", "masked")
)
_CONNECTION_OPTIONS: Final = tuple(
    field.name for field in dataclasses.fields(ConnectionOptions) if field.name in HistoryEntry.__struct_fields__
)


def stored_settings(settings: CallSettings) -> dict[str, Any]:
    """Return the settings as fields of a `HistoryEntry`, without the metadata."""
    is_endless = settings.deadline == math.inf  # JSON has no infinity
    return {
        "deadline": None if is_endless else settings.deadline,
        "is_endless": is_endless,
        **{name: getattr(settings, name) for name in _CALL_SETTINGS},
        **{name: getattr(settings.connection, name) for name in _CONNECTION_OPTIONS},
    }


def restored_settings(entry: HistoryEntry, metadata: Metadata) -> CallSettings:
    """Return the settings of an entry; `metadata` is that of the entry, as it can be sent."""
    return CallSettings(
        metadata,
        math.inf if entry.is_endless else entry.deadline,
        connection=ConnectionOptions(**{name: getattr(entry, name) for name in _CONNECTION_OPTIONS}),
        masked=entry.masked,
        **{name: getattr(entry, name) for name in _CALL_SETTINGS},
    )


class HistoryFile:
    """The history on disk; by default the user's own."""

    def __init__(self, path: Path | None = None, most: int = MOST, secrets: Secrets = Secrets()) -> None:  # noqa: B008
        self.path = path or platformdirs.user_state_path("grpc-inspector") / "history.jsonl"
        self._most = most
        self._secrets = secrets

    def read(self) -> list[HistoryEntry]:
        """Return the entries from the oldest to the latest; none where the file is not there or cannot be read.

        Secrets that stand in it in clear are masked there first.
        """
        try:
            lines = self.path.read_bytes().splitlines()
        except OSError:
            return []
        if any(map(self._is_revealing, lines)):
            with contextlib.suppress(OSError), self._locked():
                self._rewrite(self.path.read_bytes().splitlines())
        entries = [entry for line in lines if (entry := _decode(line)) is not None]
        return [self._masked(entry) for entry in entries[-self._most :]]

    def add(self, entry: HistoryEntry) -> bool:
        """Append an entry, its secrets masked; False when it was not kept, as it is too long or the disk refuses."""
        line = _encode(self._masked(entry))
        if len(line) > _LARGEST_ENTRY:
            return False
        try:
            with self._locked():
                self._append(line)
                self._cut()
        except OSError:
            return False
        return True

    def clear(self) -> None:
        """Delete the history, its lock, and what was left of it half-written; raises SourceError."""
        try:
            with self._locked():
                with contextlib.suppress(FileNotFoundError):
                    _empty(self.path)
                    self.path.unlink()
                self._remove_parts(older_than=0.0)
                self._lock_path.unlink(missing_ok=True)
        except OSError as error:
            message = f"The request history {self.path} cannot be deleted: {error.strerror}."
            raise SourceError(message, "Delete the file by hand.") from error

    @property
    def _lock_path(self) -> Path:
        return self.path.with_suffix(".lock")

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Nobody else writes meanwhile. The lock is on a file of its own: the history itself is replaced when cut."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = _open_locked(self._lock_path)
        try:
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
        lines = self.path.read_bytes().splitlines()
        if len(lines) > self._most * 1.5 or sum(len(line) + 1 for line in lines) > _LARGEST_FILE:
            self._rewrite(self._latest(lines))

    def _rewrite(self, lines: list[bytes]) -> None:
        """Have these lines as the history, their secrets masked, and without damaged ones."""
        self._remove_parts(older_than=_ABANDONED)
        entries = [entry for line in lines if (entry := _decode(line)) is not None]
        with atomic_file(self.path, overwrite=True) as descriptor, os.fdopen(descriptor, "wb", closefd=False) as new:
            new.writelines(_encode(self._masked(entry)) for entry in entries)

    def _latest(self, lines: list[bytes]) -> list[bytes]:
        whole = [line for line in lines if _decode(line) is not None][-self._most :]
        sizes = list(accumulate(len(line) + 1 for line in reversed(whole)))
        fitting = bisect_right(sizes, _LARGEST_FILE // 2)
        return whole[len(whole) - fitting :]

    def _masked(self, entry: HistoryEntry) -> HistoryEntry:
        names = [name for name, value in entry.metadata if self._is_secret(entry, name, value)]
        if not names:
            return entry
        metadata = tuple(
            (name, masked(name, value) if self._is_secret(entry, name, value) else value)
            for name, value in entry.metadata
        )
        return msgspec.structs.replace(entry, metadata=metadata, masked=(*entry.masked, *dict.fromkeys(names)))

    def _is_secret(self, entry: HistoryEntry, name: str, value: str) -> bool:
        """Return True for a secret that is not masked yet."""
        return name not in entry.masked and self._secrets.covers(name, value)

    def _is_revealing(self, line: bytes) -> bool:
        """Return True for a line with a secret in clear; for a damaged one, where it names any."""
        entry = _decode(line)
        if entry is not None:
            return any(self._is_secret(entry, name, value) for name, value in entry.metadata)
        lower = line.lower()
        return not self._secrets.are_shown and any(f'"{name}"'.encode() in lower for name in self._secrets.names)

    def _remove_parts(self, *, older_than: float) -> None:
        """Remove what a program that was killed left of a history half-written."""
        remove_abandoned_parts(self.path.parent)
        for part in self.path.parent.glob(_PARTS):
            with contextlib.suppress(OSError):
                if part.lstat().st_mtime <= time.time() - older_than:
                    part.unlink()


def _open_locked(path: Path) -> int:
    """Open the file at a path and lock it. Another program may delete it meanwhile: then there is a new one to lock."""
    for _ in range(_TRIES):
        lock = _open_lock(path)
        _try_lock(lock)
        if _is_at(lock, path):
            return lock
        os.close(lock)
    return _open_lock(path)


def _open_lock(path: Path) -> int:
    return os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _empty(path: Path) -> None:
    """Take the contents away from all who have the file open, or know it by another name."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def _try_lock(lock: int) -> None:
    for _ in range(_TRIES):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.001)
        else:
            return


def _encode(entry: HistoryEntry) -> bytes:
    return msgspec.json.encode(entry) + b"\n"


def _decode(line: bytes) -> HistoryEntry | None:
    try:
        return msgspec.json.decode(line, type=HistoryEntry)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
