"""The history of requests: a file of JSON lines in the user's state folder, with mode 0600.

A lock serializes programs that write at the same time. Damaged lines are skipped, and the size is bounded. When
the disk is full, entries are lost and calls are not. Secrets are masked before they are written; those that an earlier
version wrote in clear are masked when the file is read.
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

MAX_ENTRIES: Final = 1_000
"""The file may hold half as many more before it is truncated."""
_MAX_ENTRY_BYTES: Final = 65_536
_MAX_FILE_BYTES: Final = 4 * 1024 * 1024
"""Reading them takes about ten milliseconds. Half of them are kept when the file is truncated."""
_LOCK_TRIES: Final = 50
"""One millisecond apart: others hold the lock for less, and a program that is stopped while it does blocks nobody."""
_OLD_PARTS: Final = ".history-*"
"""Temporary files of earlier versions."""
_ABANDONED_SECONDS: Final = 60.0
"""The age at which such a file is abandoned: writing it takes milliseconds."""


class HistoryEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One call that was sent. Fields that were added later have a default, as older lines lack them."""

    method: str
    """As in `:path`."""
    messages: tuple[str, ...]
    """As the user typed them: JSON, or a bare word."""
    target: str = ""
    metadata: tuple[tuple[str, str], ...] = ()
    """Values of `-bin` names are base64; masked ones are `Bearer ***` or `***`."""
    status: str = ""
    """The name of the status; empty if there was none."""
    sent_at: float = 0.0
    """Seconds since the epoch."""
    kind: str | None = None
    """The kind of call, for a method without a schema."""
    deadline: float | None = None
    """Seconds; None for the default, or with `is_endless` for no deadline."""
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
    """The history on disk."""

    def __init__(self, path: Path | None = None, most: int = MAX_ENTRIES, secrets: Secrets = Secrets()) -> None:  # noqa: B008
        self.path = path or platformdirs.user_state_path("grpc-inspector") / "history.jsonl"
        self._most = most
        self._secrets = secrets

    def read(self) -> list[HistoryEntry]:
        """Return the entries, oldest first; none if the file does not exist or cannot be read.

        Mask secrets that the file has in clear, also in the file.
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
        """Append an entry with its secrets masked; return False if it is too long or cannot be written."""
        line = _encode(self._masked(entry))
        if len(line) > _MAX_ENTRY_BYTES:
            return False
        try:
            with self._locked():
                self._append(line)
                self._truncate()
        except OSError:
            return False
        return True

    def clear(self) -> None:
        """Delete the history, its lock and its temporary files. Raises SourceError."""
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
        """Hold the lock. It is on a file of its own, as the history is replaced when it is truncated."""
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
            if size and os.pread(file, 1, size - 1) != b"\n":  # the last writer was killed
                line = b"\n" + line
            history.write(line)

    def _truncate(self) -> None:
        lines = self.path.read_bytes().splitlines()
        if len(lines) > self._most * 1.5 or sum(len(line) + 1 for line in lines) > _MAX_FILE_BYTES:
            self._rewrite(self._latest(lines))

    def _rewrite(self, lines: list[bytes]) -> None:
        """Replace the history by these lines, with secrets masked, and without damaged lines."""
        self._remove_parts(older_than=_ABANDONED_SECONDS)
        entries = [entry for line in lines if (entry := _decode(line)) is not None]
        with atomic_file(self.path, overwrite=True) as descriptor, os.fdopen(descriptor, "wb", closefd=False) as new:
            new.writelines(_encode(self._masked(entry)) for entry in entries)

    def _latest(self, lines: list[bytes]) -> list[bytes]:
        whole = [line for line in lines if _decode(line) is not None][-self._most :]
        sizes = list(accumulate(len(line) + 1 for line in reversed(whole)))
        fitting = bisect_right(sizes, _MAX_FILE_BYTES // 2)
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
        """Return True for a secret that is not masked."""
        return name not in entry.masked and self._secrets.covers(name, value)

    def _is_revealing(self, line: bytes) -> bool:
        """Return True for a line with a secret in clear, and for a damaged line with the name of one."""
        entry = _decode(line)
        if entry is not None:
            return any(self._is_secret(entry, name, value) for name, value in entry.metadata)
        lower = line.lower()
        return not self._secrets.are_shown and any(f'"{name}"'.encode() in lower for name in self._secrets.names)

    def _remove_parts(self, *, older_than: float) -> None:
        """Remove temporary files that killed programs left."""
        remove_abandoned_parts(self.path.parent)
        for part in self.path.parent.glob(_OLD_PARTS):
            with contextlib.suppress(OSError):
                if part.lstat().st_mtime <= time.time() - older_than:
                    part.unlink()


def _open_locked(path: Path) -> int:
    """Open and lock the file at a path, again if another program deletes it meanwhile."""
    for _ in range(_LOCK_TRIES):
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
    """Truncate a file, so that its contents are gone for open descriptors and hard links too."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def _try_lock(lock: int) -> None:
    for _ in range(_LOCK_TRIES):
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
