"""The spool: the file on disk that a live capture is appended to before anybody decodes it.

Owns that file, from its making to its end: whole packets only, for this user only, gone after a clean end. Readers
follow it as it grows, each at its own pace. What a program that was killed left behind, `orphans` finds.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import os
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from inspector.capture.orphans import FILE_PREFIX, FILE_SUFFIX, spool_folder
from inspector.capture.records import Records
from inspector.capture.saving import save_copy
from inspector.errors import SpoolError

READ_SIZE = 256 * 1024
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class Spool:
    """An append-only capture file. One writer, any number of readers, all on one event loop."""

    def __init__(self, descriptor: int, path: Path) -> None:
        self.path = path
        self.size = 0
        """Bytes that readers may have: whole packets."""
        self._descriptor: int | None = descriptor
        self._records = Records()
        self.is_finished = False
        """True when nothing more will come."""
        self._grown = asyncio.Event()

    @property
    def packets(self) -> int:
        """How many packets there are, where they can be counted; else 0."""
        return self._records.packets

    @classmethod
    def create(cls) -> Spool:
        """Make an empty spool in the user's cache folder, or where that cannot be written in a temporary one."""
        name = f"{FILE_PREFIX}{os.getpid()}-"
        try:
            folder = spool_folder()
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor, path = tempfile.mkstemp(FILE_SUFFIX, name, folder)
        except OSError:
            descriptor, path = _in_temporary_folder(name)
        with contextlib.suppress(OSError):  # no lock, and the file is never taken for an orphan
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return cls(descriptor, Path(path))

    def append(self, data: bytes) -> None:
        """Write the whole packets that there are now, and wake the readers.

        Raises SpoolError when the disk takes no more; the capture then ends with the last packets that it took.
        """
        self._write(self._records.take(data))

    def resume(self) -> None:
        """Tell that the next bytes come from an engine started anew: their file header is dropped."""
        self._records.restart()

    def finish(self) -> None:
        """Tell that nothing more will come; a last packet that was cut short is kept as it is, and tshark says so."""
        rest, self._records.rest = self._records.rest, b""
        self.is_finished = True
        self._wake()
        self._write(rest)

    async def read_from(self, offset: int = 0) -> AsyncIterator[bytes]:
        """Give the bytes from an offset on, up to 256 KiB at a time, as they are written; ends after `finish`."""
        while self._descriptor is not None:
            data = os.pread(self._descriptor, max(0, min(READ_SIZE, self.size - offset)), offset)
            if data:
                offset += len(data)
                yield data
            elif self.is_finished:
                return
            else:
                await self._grown.wait()

    async def save(self, path: Path, *, overwrite: bool = False) -> None:
        """Copy what there is so far to `path`, for this user only; raises SourceError, also for a path that exists."""
        if self._descriptor is not None:
            await save_copy(self._descriptor, self.size, path, overwrite=overwrite)

    def discard(self) -> None:
        """Close and delete the spool; readers come to their end."""
        if self._descriptor is None:
            return
        self.keep()
        with contextlib.suppress(OSError):
            self.path.unlink()
            if self.path.parent != spool_folder():
                self.path.parent.rmdir()

    def keep(self) -> None:
        """Close the spool and leave its file where it is; readers come to their end."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
            self.is_finished = True
            self._wake()

    def _write(self, data: bytes) -> None:
        if self._descriptor is None or not data:
            return
        view, done = memoryview(data), 0
        try:
            while done < len(view):
                done += os.pwrite(self._descriptor, view[done:], self.size + done)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, self.size)
            raise self._explain(error) from error
        self.size += done
        self._wake()

    def _wake(self) -> None:
        """Wake every reader that waits now; those that come later wait for the next time."""
        grown, self._grown = self._grown, asyncio.Event()
        grown.set()

    def _explain(self, error: OSError) -> SpoolError:
        reason = "The disk is full" if error.errno in _FULL else f"The disk does not take it ({error.strerror})"
        return SpoolError(
            f"{reason}: the capture ends after {self.size:,} bytes, which are kept in {self.path}.",
            "Make room and start the capture again, or save what there is to another disk.",
        )


def _in_temporary_folder(name: str) -> tuple[int, str]:
    try:
        return tempfile.mkstemp(FILE_SUFFIX, name, tempfile.mkdtemp(prefix="grpc-inspector-"))
    except OSError as error:
        folders = f"{spool_folder()} nor in {tempfile.gettempdir()}"
        raise SpoolError(
            f"No capture file can be made, neither in {folders}: {error.strerror}.",
            "Make room, or name a folder that can be written: XDG_CACHE_HOME=FOLDER grpc-inspector.",
        ) from error
