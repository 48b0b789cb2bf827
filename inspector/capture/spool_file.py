"""One file of a spool: a stretch of the capture, behind the file header, so that it is a capture by itself.

Owns the file from its making to its end: for this user only, locked for as long as the program lives.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

from inspector.capture.orphans import FILE_PREFIX, FILE_SUFFIX, next_path, spool_folder
from inspector.errors import SpoolError, reason, remedy

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
