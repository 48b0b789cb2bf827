"""Captures made by other programs: a file read in place, files joined, or a stream from a pipe or standard input."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Final

from inspector.errors import SourceError, UsageError, reason, remedy
from inspector.files import save_pieces
from inspector.pcap.reader import CaptureScan
from inspector.pcap.records import HEADER_LENGTH, MAGIC_LENGTH, is_capture
from inspector.pcap.unpack import Unpacker
from inspector.processes import READ_SIZE, open_reader
from inspector.scheduling import yield_to_ui

STANDARD_INPUT = "-"
STANDARD_INPUT_NAME = "Standard input"
"""Its name at the beginning of a sentence."""
_CHECKED_SIZE = 4_096
"""Bytes at each end of a file that are compared to notice a change."""


class CaptureFile:
    """A plain pcap or pcapng, read in place, with the interface of a finished spool.

    The user may delete the file, which does no harm as it stays open, or change it, which is noticed.
    """

    def __init__(self, descriptor: int, path: Path) -> None:
        self.path = path
        self.size = os.fstat(descriptor).st_size
        """Bytes when it was opened: a file that still grows is read up to here."""
        self.kept = self.size
        """Bytes that were not deleted: all of them, unlike those of a spool."""
        self.first = (0, 0)
        self.is_finished = True
        """Nothing more will come."""
        self._descriptor: int | None = descriptor
        self._ends = self._read_ends(descriptor)

    @property
    def is_at_path(self) -> bool:
        """True while `path` leads to it: not after it was deleted or replaced."""
        if self._descriptor is None:
            return False
        try:
            return os.path.samestat(self.path.stat(), os.fstat(self._descriptor))
        except OSError:
            return False

    @property
    def growth(self) -> str:
        """A sentence about the bytes that were appended since it was opened; empty for none."""
        more = 0 if self._descriptor is None else os.fstat(self._descriptor).st_size - self.size
        return (
            f"{self.path} has grown by {more:,} bytes since it was opened: open it again to read them."
            if more > 0
            else ""
        )

    def check(self) -> None:
        """Raise SourceError where the file has been changed since it was opened."""
        if self._descriptor is None:
            return
        if os.fstat(self._descriptor).st_size < self.size or self._read_ends(self._descriptor) != self._ends:
            raise SourceError(
                f"{self.path} was cut short or written over since it was opened: what was read before is kept.",
                "Open it again to see what it is now.",
            )

    async def read_from(self, offset: int = 0) -> AsyncIterator[bytes]:
        """Yield the bytes from an offset on, up to 256 KiB at a time; raise SourceError after a change to the file."""
        while self._descriptor is not None and offset < self.size:
            data = self._read(self._descriptor, min(READ_SIZE, self.size - offset), offset)
            self.check()
            offset += len(data)
            yield data

    async def save(self, path: Path, *, overwrite: bool = False) -> None:
        """Copy the file to `path`, for this user only; raise SourceError where that fails or the path exists."""
        if self._descriptor is not None:
            await save_pieces(self.read_from(), path, overwrite=overwrite)

    def discard(self) -> None:
        """Close the file, which belongs to the user and is not deleted."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _read_ends(self, descriptor: int) -> tuple[bytes, bytes]:
        """Return the first and last bytes, which differ between captures, as packets contain their time."""
        last = max(self.size - _CHECKED_SIZE, 0)
        return self._read(descriptor, min(_CHECKED_SIZE, self.size), 0), self._read(descriptor, self.size - last, last)

    def _read(self, descriptor: int, size: int, offset: int) -> bytes:
        try:
            return os.pread(descriptor, size, offset)
        except OSError as error:
            raise SourceError(f"{self.path} cannot be read: {reason(error)}.", remedy(error)) from error


class JoinedFiles:
    """The files of one spool as one `CaptureFile`: classic pcaps, each of which begins with the same file header."""

    def __init__(self, files: Sequence[CaptureFile]) -> None:
        self.path = files[0].path
        self.size = sum(file.size for file in files) - HEADER_LENGTH * (len(files) - 1)
        """Bytes, with one file header."""
        self.kept = self.size
        self.first = (0, 0)
        self.is_finished = True
        self.is_at_path = False
        """No single path leads to all of it."""
        self.growth = ""
        self._files = files

    def check(self) -> None:
        """Raise SourceError where a file has been changed since it was opened."""
        for file in self._files:
            file.check()

    async def read_from(self, offset: int = 0) -> AsyncIterator[bytes]:
        """Yield the bytes from an offset on, as `CaptureFile.read_from`."""
        start = 0
        for file in self._files:
            skipped = HEADER_LENGTH if start else 0
            end = start + file.size - skipped
            if offset < end:
                async for data in file.read_from(offset - start + skipped):
                    yield data
                offset = end
            start = end

    async def save(self, path: Path, *, overwrite: bool = False) -> None:
        """Copy all files into one, as `CaptureFile.save`."""
        await save_pieces(self.read_from(), path, overwrite=overwrite)

    def discard(self) -> None:
        """Close the files, which are not deleted."""
        for file in self._files:
            file.discard()


class CaptureStream:
    """A capture that must be copied to a spool to be read again: gzipped, or from a pipe."""

    def __init__(self, descriptor: int, name: str) -> None:
        self.name = name
        """Its name in sentences: a path, or `Standard input`."""
        self._descriptor = descriptor
        self._is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
        self._unpacker = Unpacker(name)
        self._transport: asyncio.ReadTransport | None = None
        self._is_stopped = False

    @property
    def problem(self) -> str:
        """A sentence about the missing part of the capture; empty where none is known to be missing."""
        return self._unpacker.problem

    @property
    def is_cut_off(self) -> bool:
        """True where the problem is a missing end rather than damage."""
        return self._unpacker.is_cut_off

    @property
    def shows_its_end(self) -> bool:
        """True where an end differs from a cut between two packets: for gzip data and regular files."""
        return bool(self._unpacker.is_packed) or self._is_file

    @property
    def is_stopped(self) -> bool:
        """True after `stop`: it may not have been read to its end."""
        return self._is_stopped

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield plain pcap or pcapng bytes as they come, once; raise SourceError where they are not a capture."""
        try:
            async for data in self._read():
                for piece in self._unpacker.take(data):
                    yield piece
                    await asyncio.sleep(0)
                if self._is_stopped:
                    return
        except OSError as error:
            raise SourceError(f"{self.name} cannot be read: {reason(error)}.", remedy(error)) from error
        if not self._is_stopped:
            self._unpacker.finish()

    async def stop(self) -> None:
        """Stop reading; `chunks` ends with the bytes that have come."""
        self._is_stopped = True
        if self._transport is not None:
            self._transport.close()

    async def _read(self) -> AsyncIterator[bytes]:
        mode = os.fstat(self._descriptor).st_mode
        if not stat.S_ISFIFO(mode) and not stat.S_ISSOCK(mode):  # never blocks, and an event loop cannot watch a file
            with os.fdopen(self._descriptor, "rb", buffering=0) as file:
                while data := file.read(READ_SIZE):
                    yield data
            return
        reader, self._transport = await open_reader(self._descriptor)
        try:
            while data := await reader.read(READ_SIZE):
                yield data
        finally:
            self._transport.close()


def open_capture(source: str) -> CaptureFile | CaptureStream:
    """Open a path, or `-` for standard input.

    Raises:
        SourceError: It cannot be read, or is a file without a capture. A stream is examined when its first bytes come.
        UsageError: It is a terminal.
    """
    if source == STANDARD_INPUT:
        return open_standard_input()
    if not source or "\0" in source:
        raise SourceError(f"{source!r} is not the name of a file.", "Give the path of a pcap or pcapng file.")
    path = Path(source)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        raise SourceError(f"{path} cannot be opened: {reason(error)}.", remedy(error)) from error
    try:
        return _open_descriptor(descriptor, path)
    except OSError as error:
        os.close(descriptor)
        raise SourceError(f"{path} cannot be read: {reason(error)}.", remedy(error)) from error
    except (SourceError, UsageError):
        os.close(descriptor)
        raise


def open_joined(paths: Sequence[Path]) -> CaptureFile | JoinedFiles:
    """Open the files of one spool as one capture; raise SourceError where one of them cannot be read."""
    files: list[CaptureFile] = []
    try:
        for path in paths:
            opened = open_capture(str(path))
            if not isinstance(opened, CaptureFile):
                raise SourceError(f"{path} is not a capture in pcap or pcapng.")
            files.append(opened)
    except BaseException:
        for file in files:
            file.discard()
        raise
    return files[0] if len(files) == 1 else JoinedFiles(files)


async def count_packets(paths: Sequence[Path], max_size: int) -> int | None:
    """Count the packets of one spool, yielding to the UI; return None for more than `max_size` bytes.

    Raises:
        SourceError: The files cannot be read.
    """
    opened, scan = open_joined(paths), CaptureScan()
    try:
        if opened.size > max_size:
            return None
        async for data in opened.read_from():
            for _ in scan.take(data):
                pass
            await yield_to_ui()
        return scan.packets
    finally:
        opened.discard()


def _open_descriptor(descriptor: int, path: Path) -> CaptureFile | CaptureStream:
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISDIR(mode):
        raise SourceError(f"{path} is a folder.", "Give the path of a pcap or pcapng file.")
    refuse_terminal(descriptor, str(path))
    if stat.S_ISREG(mode) and is_capture(os.pread(descriptor, MAGIC_LENGTH, 0)):
        return CaptureFile(descriptor, path)
    stream = CaptureStream(descriptor, str(path))
    if stat.S_ISREG(mode):
        _check_start(descriptor, str(path))
    return stream


def _check_start(descriptor: int, name: str) -> None:
    """Raise SourceError for a file that is neither a capture nor gzipped, before any process is started for it."""
    start = Unpacker(name)
    for _ in start.take(os.pread(descriptor, READ_SIZE, 0)):
        return
    start.finish()


def open_standard_input(descriptor: int = 0) -> CaptureStream:
    """Open the capture on standard input, or on the descriptor to which that was moved and which the stream closes.

    Raises:
        SourceError: Standard input is closed.
        UsageError: It is a terminal.
    """
    try:
        own = descriptor or os.dup(descriptor)  # 0 stays open, so that no other file gets this number
    except OSError as error:
        raise SourceError(
            f"There is no standard input to read a capture from: {reason(error)}.", remedy(error)
        ) from error
    try:
        refuse_terminal(own, STANDARD_INPUT_NAME)
    except UsageError:
        os.close(own)
        raise
    return CaptureStream(own, STANDARD_INPUT_NAME)


def refuse_terminal(descriptor: int, name: str = STANDARD_INPUT_NAME) -> None:
    """Raise UsageError for a terminal, which cannot be read as a capture."""
    if os.isatty(descriptor):
        raise UsageError(f"{name} is a terminal, not a capture.", "Pipe one in: tcpdump -U -w - | grpc-inspector -")


_LOOKAHEAD: Final = 4 * 1024 * 1024
"""Bytes that are observed before the first are yielded: most captures open all their ports within them, so that tshark
need not start again for a port."""


class ObservedFile:
    """A capture file whose bytes pass an observer, such as port discovery, before they are read; once each."""

    def __init__(self, file: CaptureFile | JoinedFiles, on_bytes: Callable[[bytes], None]) -> None:
        self.path = file.path
        self.size = file.size
        self.kept, self.first = file.kept, file.first
        self.header = b""
        """The file header for a capture without its beginning, which a file never becomes."""
        self._file = file
        self._on_bytes = on_bytes
        self._observed = 0
        self._lock = asyncio.Lock()
        self.is_finished = True
        """Nothing more will come."""

    @property
    def is_at_path(self) -> bool:
        """True while `path` leads to the file."""
        return self._file.is_at_path

    @property
    def growth(self) -> str:
        """A sentence about the bytes that were appended since it was opened; empty for none."""
        return self._file.growth

    def check(self) -> None:
        """Raise SourceError where the file has been changed since it was opened."""
        self._file.check()

    def is_too_large(self, before: int) -> bool:  # noqa: ARG002 - the interface of Spool
        """Return False: a user's file may have any size."""
        return False

    def delete_before(self, before: int) -> bool:  # noqa: ARG002 - the interface of Spool
        """Return False: nothing of a user's file is deleted."""
        return False

    async def read_from(self, offset: int = 0) -> AsyncIterator[bytes]:
        """Yield the bytes from an offset on, which have been observed by then."""
        await self._observe(min(offset + _LOOKAHEAD, self.size))
        async for data in self._file.read_from(offset):
            offset += len(data)
            await self._observe(offset)
            yield data

    async def _observe(self, end: int) -> None:
        async with self._lock:  # several readers must not observe the same bytes
            pieces = self._file.read_from(self._observed)
            while self._observed < end and (data := await anext(pieces, b"")):
                self._observed += len(data)
                self._on_bytes(data)
                await yield_to_ui()

    async def save(self, path: Path, *, overwrite: bool = False) -> None:
        """Copy the file, as `CaptureFile.save`."""
        await self._file.save(path, overwrite=overwrite)

    def discard(self) -> None:
        """Close the file, which is not deleted."""
        self._file.discard()
