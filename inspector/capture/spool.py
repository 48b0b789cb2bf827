"""The spool: the files on disk to which a live capture is appended before anything reads it."""

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
    """Bytes that there are by now, or ever were."""

    @property
    def kept(self) -> int:
        """Those of them that a reader gets who begins at the beginning."""

    def read_from(self, offset: int = 0) -> AsyncIterator[bytes]:
        """Its bytes from an offset on, as they come."""


async def so_far(recording: Recording) -> AsyncIterator[bytes]:
    """A recording as far as it has come by now, and no further."""
    left = recording.kept
    async for data in recording.read_from(0):
        yield data[:left]
        left -= len(data)
        if left <= 0:
            return


_MOST_USUAL: Final = 32 << 30


class SpoolFile:
    """The bytes of the capture from `start` on, in a file of their own."""

    def __init__(self, descriptor: int, path: Path, start: int = 0, packets: int = 0, header: bytes = b"") -> None:
        self.path = path
        self.start = start
        self.packets = packets
        """How many packets of the capture come before."""
        self.size = 0
        """Bytes of the capture that are in it."""
        self._descriptor = descriptor
        self._header = header
        self._put(header, 0)

    @property
    def end(self) -> int:
        """Where the next file begins."""
        return self.start + self.size

    def write(self, data: bytes) -> None:
        """Append; raises OSError when the disk takes no more, and nothing of it is kept then."""
        try:
            self._put(data, len(self._header) + self.size)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, len(self._header) + self.size)
            raise
        self.size += len(data)

    def read(self, offset: int, most: int) -> bytes:
        """Bytes of the capture from an offset on, as many as there are here."""
        at = offset - self.start
        return os.pread(self._descriptor, max(0, min(most, self.size - at)), len(self._header) + at)

    def close(self) -> None:
        """Leave the file where it is."""
        os.close(self._descriptor)

    def delete(self) -> None:
        """Close and delete it."""
        self.close()
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
    """A new file in the user's cache folder, or where that cannot be written in a temporary one.

    Raises:
        SpoolError: it cannot be made anywhere.
    """
    name = f"{FILE_PREFIX}{os.getpid()}-"
    try:
        folder = spool_folder()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, path = tempfile.mkstemp(FILE_SUFFIX, name, folder)
    except OSError:
        descriptor, path = _in_temporary_folder(name)
    return SpoolFile(_locked(descriptor), Path(path))


def make_next_file(file: SpoolFile, packets: int, header: bytes) -> SpoolFile:
    """A new file beside one that is large enough, for what comes behind its last packet, which is number `packets`.

    Raises:
        SpoolError: it cannot be made anywhere.
    """
    path = next_path(file.path)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError:
        descriptor, other = _in_temporary_folder(f"{FILE_PREFIX}{os.getpid()}-")
        path = Path(other)
    return SpoolFile(_locked(descriptor), path, file.end, packets, header)


def _locked(descriptor: int) -> int:
    with contextlib.suppress(OSError):  # no lock, and the file is never taken for an orphan
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return descriptor


def usual_bound(file: SpoolFile) -> int:
    """How many bytes a spool may take where this file is: half of what is free, at most 32 GB."""
    return min(shutil.disk_usage(file.path.parent).free // 2, _MOST_USUAL)


def _in_temporary_folder(name: str) -> tuple[int, str]:
    try:
        return tempfile.mkstemp(FILE_SUFFIX, name, tempfile.mkdtemp(prefix="grpc-inspector-"))
    except OSError as error:
        folders = f"{spool_folder()} nor in {tempfile.gettempdir()}"
        raise SpoolError(
            f"No capture file can be made, neither in {folders}: {reason(error)}.",
            remedy(error, "Make room, or name a folder that can be written: XDG_CACHE_HOME=FOLDER grpc-inspector."),
        ) from error


_FILES: Final = 8
"""How many files a spool has when it is as large as it may be."""
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class Spool:
    """An append-only capture. One writer, any number of readers, all on one event loop."""

    growth = ""
    """Nobody else writes behind it."""

    def __init__(self, file: SpoolFile, bound: float = math.inf) -> None:
        """Begin with an empty file; beyond `bound` bytes, what `let_go` allows is deleted."""
        self.size = 0
        """Bytes that readers may have: whole packets. Those that were deleted count."""
        self._files = [file]
        self._bound = bound
        self._records = Records()
        self._readers: dict[object, int] = {}
        """Where each is."""
        self._is_open = True
        self.is_finished = False
        """True when nothing more will come."""
        self._grown = asyncio.Event()

    @classmethod
    def create(cls, *, keeps_all: bool = False) -> Spool:
        """Make an empty spool, which may take half of the disk that is free; with `keeps_all`, all of it."""
        file = make_file()
        return cls(file, math.inf if keeps_all else usual_bound(file))

    @property
    def path(self) -> Path:
        """The file with the latest packets."""
        return self._files[-1].path

    @property
    def packets(self) -> int:
        """How many packets there are, where they can be counted; else 0."""
        return self._records.packets

    @property
    def first(self) -> tuple[int, int]:
        """How many packets were deleted, and the offset of the first that was not; nothing of it, and 0."""
        return self._files[0].packets, self._files[0].start

    @property
    def is_at_path(self) -> bool:
        """True while all of it is in the file at `path`."""
        return len(self._files) == 1

    def check(self) -> None:
        """Nobody else writes into it."""

    @property
    def kept(self) -> int:
        """Bytes that a reader from the beginning gets by now."""
        start = self.first[1]
        return self.size - start + (len(self.header) if start else 0)

    @property
    def header(self) -> bytes:
        """What a capture of some of its packets begins with."""
        return self._records.header

    def append(self, data: bytes) -> bytes:
        """Write the whole packets that there are now, wake the readers, and return what was written.

        Raises SpoolError when the disk takes no more; the capture then ends with the last packets that it took.
        """
        before = self._records.packets
        data = self._records.take(data)
        if self._records.header and self._files[-1].size >= self._bound / _FILES:
            self._files.append(make_next_file(self._files[-1], before, self._records.header))
        self._write(data)
        return data

    def resume(self) -> None:
        """Tell that the next bytes come from an engine started anew: their file header is dropped."""
        self._records.restart()

    def finish(self) -> bytes:
        """End the capture; the part of a last packet that was cut off is written as it is, and returned."""
        rest = self._records.rest
        self._records.drop_rest()
        self.is_finished = True
        self._wake()
        self._write(rest)
        return rest

    def drop_rest(self) -> None:
        """Forget the part that came of a packet, where it is the reader who has stopped in the middle of it."""
        self._records.drop_rest()

    async def read_from(self, offset: int = 0) -> AsyncIterator[bytes]:
        """Give the bytes from an offset on, up to 256 KiB at a time, as they are written; ends after `finish`.

        Where what stood there was deleted, the file header and the first packet that is kept stand in for it.
        """
        reader = object()
        if offset < self.first[1]:
            offset = self.first[1]
            yield self.header
        try:
            while self._is_open:
                self._readers[reader] = offset
                data = self._read(offset)
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
        """True when there is more than may be, and a file to delete that ends before an offset."""
        return self.size - self.first[1] > self._bound and len(self._files) > 1 and self._files[0].end <= before

    def let_go(self, before: int) -> bool:
        """Delete the oldest files, as far as they must go and nobody reads in them; True when some went."""
        before = min([before, *self._readers.values()])
        count = len(self._files)
        while self.is_too_large(before):
            self._files.pop(0).delete()
        return len(self._files) < count

    async def save(self, path: Path, *, overwrite: bool = False) -> None:
        """Copy what there is so far to `path`, for this user only; raises SourceError, also for a path that exists."""
        if self._is_open:
            await save_pieces(so_far(self), path, overwrite=overwrite)

    def discard(self) -> None:
        """Close and delete the spool; readers come to their end."""
        if self._close():
            for file in self._files:
                file.delete()

    def keep(self) -> None:
        """Close the spool and leave its files where they are; readers come to their end."""
        if self._close():
            for file in self._files:
                file.close()

    def _close(self) -> bool:
        was_open, self._is_open, self.is_finished = self._is_open, False, True
        self._wake()
        return was_open

    def _read(self, offset: int) -> bytes:
        file = next((each for each in reversed(self._files) if each.start <= offset), self._files[0])
        try:
            return file.read(offset, READ_SIZE)
        except OSError as error:
            raise SpoolError(f"The capture file {file.path} cannot be read: {reason(error)}.") from error

    def _write(self, data: bytes) -> None:
        if not self._is_open or not data:
            return
        try:
            self._files[-1].write(data)
        except OSError as error:
            raise self._explain(error) from error
        self.size += len(data)
        self._wake()

    def _wake(self) -> None:
        """Wake every reader that waits now; those that come later wait for the next time."""
        grown, self._grown = self._grown, asyncio.Event()
        grown.set()

    def _explain(self, error: OSError) -> SpoolError:
        why = "The disk is full" if error.errno in _FULL else f"The disk does not take it ({reason(error)})"
        where = f"{self.path}" if self.is_at_path else f"{len(self._files)} files, of which {self.path} is the last"
        return SpoolError(
            f"{why}: the capture ends after {self.size:,} bytes, which are kept in {where}.",
            "Make room and start the capture again, or save what there is to another disk.",
        )
