"""The spool: the files on disk to which a live capture is appended before it is read.

The tshark that decodes reads what is on disk, so a slow one delays the screen and loses no packet.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import math
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final, Protocol

from inspector.capture.left_captures import FILE_PREFIX, FILE_SUFFIX, next_path, spool_folder
from inspector.errors import SpoolError, reason, remedy
from inspector.files import save_pieces
from inspector.pcap.records import Records
from inspector.processes import READ_SIZE


class Recording(Protocol):
    """A capture on disk that may still grow."""

    size: int
    """Bytes so far, deleted ones included."""

    @property
    def kept(self) -> int:
        """Bytes that a reader from the beginning gets: those that were not deleted, with their file header."""

    def read_from(self, offset: int = 0) -> AsyncIterator[bytes]:
        """Yield its bytes from an offset on, as they come."""


async def so_far(recording: Recording) -> AsyncIterator[bytes]:
    """Yield the bytes that a recording has at this moment."""
    left = recording.kept
    async for data in recording.read_from(0):
        yield data[:left]
        left -= len(data)
        if left <= 0:
            return


_MAX_USUAL_SIZE: Final = 32 << 30


class SpoolFile:
    """One file with a part of the capture, which follows a file header of its own except in the first."""

    def __init__(self, descriptor: int, path: Path, start: int = 0, packets: int = 0, header: bytes = b"") -> None:
        self.path = path
        self.start = start
        """The offset of its part in the capture."""
        self.packets = packets
        """How many packets of the capture precede it."""
        self.size = 0
        """Bytes of its part."""
        self._descriptor = descriptor
        self._header = header
        self._put(header, 0)

    @property
    def end(self) -> int:
        """The offset at which the next file begins."""
        return self.start + self.size

    def write(self, data: bytes) -> None:
        """Append all of the data, or none of it and raise OSError."""
        try:
            self._put(data, len(self._header) + self.size)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, len(self._header) + self.size)
            raise
        self.size += len(data)

    def read(self, offset: int, limit: int) -> bytes:
        """Return up to `limit` bytes from an offset of the capture on."""
        at = offset - self.start
        return os.pread(self._descriptor, max(0, min(limit, self.size - at)), len(self._header) + at)

    def close(self) -> None:
        """Close the file without deleting it."""
        os.close(self._descriptor)

    def delete(self) -> None:
        """Delete the file, and the folder where it was made for it."""
        with contextlib.suppress(OSError):
            self.path.unlink()
            if self.path.parent != spool_folder():
                self.path.parent.rmdir()

    def _put(self, data: bytes, at: int) -> None:
        view = memoryview(data)
        while view:
            done = os.pwrite(self._descriptor, view, at)
            view, at = view[done:], at + done


def make_file() -> SpoolFile:
    """Create a file in the user's cache folder, or in a folder for temporary files where that cannot be written.

    Raises:
        SpoolError: Neither can be written.
    """
    name = f"{FILE_PREFIX}{os.getpid()}-"
    try:
        folder = spool_folder()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, path = tempfile.mkstemp(FILE_SUFFIX, name, folder)
    except OSError:
        descriptor, path = _make_temporary(name)
    return SpoolFile(_locked(descriptor), Path(path))


def make_next_file(file: SpoolFile, packets: int, header: bytes) -> SpoolFile:
    """Create the file that follows `file`, behind the first `packets` packets of the capture.

    Raises:
        SpoolError: No folder can be written.
    """
    path = next_path(file.path)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError:
        descriptor, other = _make_temporary(f"{FILE_PREFIX}{os.getpid()}-")
        path = Path(other)
    return SpoolFile(_locked(descriptor), path, file.end, packets, header)


def _locked(descriptor: int) -> int:
    with contextlib.suppress(OSError):  # without a lock the file is never taken for an orphan
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return descriptor


def _make_temporary(name: str) -> tuple[int, str]:
    try:
        return tempfile.mkstemp(FILE_SUFFIX, name, tempfile.mkdtemp(prefix="grpc-inspector-"))
    except OSError as error:
        folders = f"{spool_folder()} nor in {tempfile.gettempdir()}"
        raise SpoolError(
            f"No capture file can be made, neither in {folders}: {reason(error)}.",
            remedy(error, "Make room, or name a folder that can be written: XDG_CACHE_HOME=FOLDER grpc-inspector."),
        ) from error


_MAX_FILES: Final = 8
"""Files that a spool may have. At the limit it deletes the oldest one."""
_DISK_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class _SpoolFiles:
    """The files of one spool: written at the end, deleted from the beginning."""

    def __init__(self, first: SpoolFile, max_size: float) -> None:
        self._files = [first]
        self._max_size = max_size

    def __len__(self) -> int:
        return len(self._files)

    @property
    def first(self) -> SpoolFile:
        """The oldest file that is left."""
        return self._files[0]

    @property
    def latest(self) -> SpoolFile:
        """The file that is written."""
        return self._files[-1]

    def read(self, offset: int) -> bytes:
        """Return bytes from an offset of the capture on; raise SpoolError where the disk fails."""
        file = next((file for file in reversed(self._files) if file.start <= offset), self._files[0])
        try:
            return file.read(offset, READ_SIZE)
        except OSError as error:
            raise SpoolError(f"The capture file {file.path} cannot be read: {reason(error)}.") from error

    def start_next_if_full(self, packets: int, header: bytes) -> None:
        """Create another file where the latest has its share of the spool."""
        if self.latest.size >= self._max_size / _MAX_FILES:
            self._files.append(make_next_file(self.latest, packets, header))

    def write(self, data: bytes) -> None:
        """Append to the latest file; raise SpoolError, and write nothing, where the disk is full or fails."""
        try:
            self.latest.write(data)
        except OSError as error:
            why = "The disk is full" if error.errno in _DISK_FULL else f"The disk does not take it ({reason(error)})"
            path = self.latest.path
            where = f"{path}" if len(self) == 1 else f"{len(self)} files, the last one {path}"
            raise SpoolError(
                f"{why}: the capture ends after {self.latest.end:,} bytes, which are kept in {where}.",
                "Make room and start the capture again, or save what there is to another disk.",
            ) from error

    def has_excess(self, before: int) -> bool:
        """True when the files exceed their limit, and the first one ends before an offset."""
        size = self.latest.end - self.first.start
        return size > self._max_size and len(self) > 1 and self.first.end <= before

    def delete_first(self) -> None:
        """Delete the oldest file."""
        file = self._files.pop(0)
        file.close()
        file.delete()

    def close(self) -> None:
        """Close all files without deleting them."""
        for file in self._files:
            file.close()

    def delete(self) -> None:
        """Delete all files."""
        for file in self._files:
            file.delete()


class _Signal:
    """Wakes the tasks that wait at the moment, unlike an event, which stays set."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    async def wait(self) -> None:
        await self._event.wait()

    def send(self) -> None:
        event, self._event = self._event, asyncio.Event()
        event.set()


class Spool:
    """An append-only capture with one writer and any number of readers, all on one event loop."""

    growth = ""
    """No other program appends to it."""

    def __init__(self, file: SpoolFile, max_size: float = math.inf) -> None:
        """Start with an empty file; beyond `max_size` bytes, `delete_before` deletes the oldest packets."""
        self.size = 0
        """Bytes of whole packets, deleted ones included."""
        self.is_finished = False
        """True when nothing more will come."""
        self._files = _SpoolFiles(file, max_size)
        self._records = Records()
        self._readers: dict[object, int] = {}
        """The offset of each reader."""
        self._is_open = True
        self._grown = _Signal()

    @classmethod
    def create(cls, *, keeps_all: bool = False) -> Spool:
        """Create an empty spool that may take half of the free disk, up to 32 GB; with `keeps_all`, any size."""
        file = make_file()
        free = shutil.disk_usage(file.path.parent).free
        return cls(file, math.inf if keeps_all else min(free // 2, _MAX_USUAL_SIZE))

    @property
    def path(self) -> Path:
        """The file with the latest packets."""
        return self._files.latest.path

    @property
    def packets(self) -> int:
        """How many packets there are; 0 in a pcapng, where they are not counted."""
        return self._records.packets

    @property
    def first(self) -> tuple[int, int]:
        """How many packets were deleted, and the offset of the first that was not."""
        return self._files.first.packets, self._files.first.start

    @property
    def is_at_path(self) -> bool:
        """True while all of it is in the file at `path`."""
        return len(self._files) == 1

    def check(self) -> None:
        """Do nothing: no other program writes to it."""

    @property
    def kept(self) -> int:
        """Bytes that a reader from the beginning gets: those that were not deleted, with their file header."""
        start = self.first[1]
        return self.size - start + (len(self.header) if start else 0)

    @property
    def header(self) -> bytes:
        """The file header for a capture of some of its packets."""
        return self._records.header

    def append(self, data: bytes) -> bytes:
        """Write the packets that these bytes complete, wake the readers, and return what was written.

        Raises:
            SpoolError: The disk is full or fails. The capture then ends with the last packets that were written.
        """
        before = self._records.packets
        data = self._records.take(data)
        if self._records.header:
            self._files.start_next_if_full(before, self._records.header)
        self._write(data)
        return data

    def resume(self) -> None:
        """Expect a file header from another engine, and drop it."""
        self._records.restart()

    def finish(self) -> bytes:
        """End the capture; write the incomplete last packet, if there is one, and return it."""
        rest = self._records.rest
        self._records.drop_rest()
        self.is_finished = True
        self._grown.send()
        self._write(rest)
        return rest

    def drop_rest(self) -> None:
        """Drop an incomplete packet, where the capture was stopped by us in the middle of it."""
        self._records.drop_rest()

    async def read_from(self, offset: int = 0) -> AsyncIterator[bytes]:
        """Yield the bytes from an offset on, up to 256 KiB at a time, as they are written, until `finish`.

        Where the bytes at the offset were deleted, the file header and the first packet that was not take their place.
        """
        reader = object()
        if offset < self.first[1]:
            offset = self.first[1]
            yield self.header
        try:
            while self._is_open:
                self._readers[reader] = offset
                data = self._files.read(offset)
                if data:
                    offset += len(data)
                    yield data
                elif self.is_finished:
                    return
                else:
                    await self._grown.wait()
        finally:
            self._readers.pop(reader, None)

    def is_too_large(self, before: int) -> bool:
        """True when it exceeds its limit and has a file to delete that ends before an offset."""
        return self._files.has_excess(before)

    def delete_before(self, before: int) -> bool:
        """Delete the oldest files down to the limit, except behind `before` or a reader; return whether any were."""
        before = min([before, *self._readers.values()])
        count = len(self._files)
        while self._files.has_excess(before):
            self._files.delete_first()
        return len(self._files) < count

    async def save(self, path: Path, *, overwrite: bool = False) -> None:
        """Copy its current bytes to `path`, for this user only; raise SourceError where that fails or it exists."""
        if self._is_open:
            await save_pieces(so_far(self), path, overwrite=overwrite)

    def keep(self) -> None:
        """Close the spool without deleting its files; readers end."""
        if self._is_open:
            self._is_open, self.is_finished = False, True
            self._grown.send()
            self._files.close()

    def discard(self) -> None:
        """Close the spool and delete its files; readers end."""
        if self._is_open:
            self.keep()
            self._files.delete()

    def _write(self, data: bytes) -> None:
        if self._is_open and data:
            self._files.write(data)
            self.size += len(data)
            self._grown.send()
