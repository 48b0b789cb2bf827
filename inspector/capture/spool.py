"""The spool: the files on disk that a live capture is appended to before anybody decodes it.

Owns that capture from its beginning to its end: whole packets only, gone after a clean end. Readers follow it as it
grows, each at its own pace, by offsets that stay what they are when the oldest of its files are deleted to make room.
What a program that was killed left behind, `orphans` finds.
"""

from __future__ import annotations

import asyncio
import errno
import math
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from inspector.capture.pipe import READ_SIZE
from inspector.capture.recording import so_far
from inspector.capture.records import Records
from inspector.capture.saving import save_pieces
from inspector.capture.spool_file import SpoolFile, make_file, make_next_file, usual_bound
from inspector.errors import SpoolError, reason

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
        rest, self._records.rest = self._records.rest, b""
        self.is_finished = True
        self._wake()
        self._write(rest)
        return rest

    def drop_rest(self) -> None:
        """Forget the part that came of a packet, where it is the reader who has stopped in the middle of it."""
        self._records.rest = b""

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
