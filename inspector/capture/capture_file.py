"""Captures made by others: a file, a pipe, or standard input."""

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
"""At the beginning of a sentence."""
_END = 4_096
"""Bytes at each end of a file by which it is known again."""


class CaptureFile:
    """A plain pcap or pcapng, read in place; to its readers it is like a finished spool.

    It stays the user's, who may delete it, which does no harm, or write into it: that is noticed, and never read.
    """

    def __init__(self, descriptor: int, path: Path) -> None:
        self.path = path
        self.size = os.fstat(descriptor).st_size
        """Bytes, as of its opening: a file that somebody still writes is read up to here."""
        self.kept = self.size
        """Nothing of it is ever deleted, as it may be of a spool."""
        self.first = (0, 0)
        self.is_finished = True
        """Nothing more will come."""
        self._descriptor: int | None = descriptor
        self._ends = self._read_ends(descriptor)

    @property
    def is_at_path(self) -> bool:
        """True while `path` leads to it: not when it was deleted, or another took its place."""
        if self._descriptor is None:
            return False
        try:
            return os.path.samestat(self.path.stat(), os.fstat(self._descriptor))
        except OSError:
            return False

    @property
    def growth(self) -> str:
        """A sentence that says how much was written behind it since it was opened; empty for nothing."""
        more = 0 if self._descriptor is None else os.fstat(self._descriptor).st_size - self.size
        return (
            f"{self.path} has grown by {more:,} bytes since it was opened: open it again for them." if more > 0 else ""
        )

    def check(self) -> None:
        """Look whether it is what it was; raises SourceError."""
        if self._descriptor is None:
            return
        if os.fstat(self._descriptor).st_size < self.size or self._read_ends(self._descriptor) != self._ends:
            raise SourceError(
                f"{self.path} was cut short or written over since it was opened: what was read before stays here.",
                "Open it again to see what it is now.",
            )

    async def read_from(self, offset: int = 0) -> AsyncIterator[bytes]:
        """Give the bytes from an offset on, up to 256 KiB at a time; raises SourceError where they are not the same."""
        while self._descriptor is not None and offset < self.size:
            data = self._read(self._descriptor, min(READ_SIZE, self.size - offset), offset)
            self.check()
            offset += len(data)
            yield data

    async def save(self, path: Path, *, overwrite: bool = False) -> None:
        """Copy the file to `path`, for this user only; raises SourceError, also for a path that exists."""
        if self._descriptor is not None:
            await save_pieces(self.read_from(), path, overwrite=overwrite)

    def discard(self) -> None:
        """Close the file; it is the user's own and stays."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _read_ends(self, descriptor: int) -> tuple[bytes, bytes]:
        """Its first bytes and its last: packets have their time in them, so that another capture's are others."""
        last = max(self.size - _END, 0)
        return self._read(descriptor, min(_END, self.size), 0), self._read(descriptor, self.size - last, last)

    def _read(self, descriptor: int, size: int, offset: int) -> bytes:
        try:
            return os.pread(descriptor, size, offset)
        except OSError as error:
            raise SourceError(f"{self.path} cannot be read: {reason(error)}.", remedy(error)) from error


class JoinedFiles:
    """Files of one capture, one behind the other: classic pcaps, each of which begins with the same file header.

    To its readers it is one `CaptureFile`, which nobody writes any more.
    """

    def __init__(self, files: Sequence[CaptureFile]) -> None:
        self.path = files[0].path
        self.size = sum(file.size for file in files) - HEADER_LENGTH * (len(files) - 1)
        """Bytes, with the file header once."""
        self.kept = self.size
        self.first = (0, 0)
        self.is_finished = True
        self.is_at_path = False
        """No path leads to all of it."""
        self.growth = ""
        self._files = files

    def check(self) -> None:
        """Look whether the files are what they were; raises SourceError."""
        for file in self._files:
            file.check()

    async def read_from(self, offset: int = 0) -> AsyncIterator[bytes]:
        """Give the bytes from an offset on, as `CaptureFile.read_from`."""
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
        """Copy all of it into one file, as `CaptureFile.save`."""
        await save_pieces(self.read_from(), path, overwrite=overwrite)

    def discard(self) -> None:
        """Close the files; they stay."""
        for file in self._files:
            file.discard()


class CaptureStream:
    """A capture that comes as a stream: gzipped, or through a pipe."""

    def __init__(self, descriptor: int, name: str) -> None:
        self.name = name
        """What it is called in sentences: a path, or `Standard input`."""
        self._descriptor = descriptor
        self._is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
        self._unpacker = Unpacker(name)
        self._transport: asyncio.ReadTransport | None = None
        self._is_stopped = False

    @property
    def problem(self) -> str:
        """What is missing of the capture, as a sentence; empty when nothing is, as far as is known by now."""
        return self._unpacker.problem

    @property
    def is_cut_off(self) -> bool:
        """True where the problem is that the stream has no end, rather than damage in it."""
        return self._unpacker.is_cut_off

    @property
    def shows_its_end(self) -> bool:
        """True where the end can be told from a cut between two packets: gzip data, and files that nobody writes."""
        return bool(self._unpacker.is_packed) or self._is_file

    @property
    def is_stopped(self) -> bool:
        """True when it was not read to its end."""
        return self._is_stopped

    async def chunks(self) -> AsyncIterator[bytes]:
        """Give plain pcap or pcapng bytes as they come; raises SourceError where this is no capture. Read it once."""
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
        """Read no further; `chunks` ends with what has come."""
        self._is_stopped = True
        if self._transport is not None:
            self._transport.close()

    async def _read(self) -> AsyncIterator[bytes]:
        mode = os.fstat(self._descriptor).st_mode
        if not stat.S_ISFIFO(mode) and not stat.S_ISSOCK(mode):  # never waits; the loop cannot watch a file either
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
    """Open a path, or `-` for standard input; raises SourceError for what cannot be read, UsageError for a terminal.

    A file is recognised at once, a stream when its first bytes come.
    """
    if source == STANDARD_INPUT:
        return open_standard_input()
    if not source or "\0" in source:
        raise SourceError(f"{source!r} is no name of a file.", "Give the path of a pcap or pcapng file.")
    path = Path(source)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        raise SourceError(f"{path} cannot be opened: {reason(error)}.", remedy(error)) from error
    try:
        return _recognise(descriptor, path)
    except OSError as error:
        os.close(descriptor)
        raise SourceError(f"{path} cannot be read: {reason(error)}.", remedy(error)) from error
    except (SourceError, UsageError):
        os.close(descriptor)
        raise


def open_joined(paths: Sequence[Path]) -> CaptureFile | JoinedFiles:
    """Open the files of one spool as one capture; raises SourceError where one of them cannot be read."""
    files: list[CaptureFile] = []
    try:
        for path in paths:
            opened = open_capture(str(path))
            if not isinstance(opened, CaptureFile):
                raise SourceError(f"{path} is no capture in pcap or pcapng.")
            files.append(opened)
    except BaseException:
        for file in files:
            file.discard()
        raise
    return files[0] if len(files) == 1 else JoinedFiles(files)


async def count_packets(paths: Sequence[Path], most: int) -> int | None:
    """Count the packets of one spool, leaving the loop to others meanwhile; None for more than `most` bytes.

    Raises SourceError where the files cannot be read.
    """
    opened, scan = open_joined(paths), CaptureScan()
    try:
        if opened.size > most:
            return None
        async for data in opened.read_from():
            for _ in scan.take(data):
                pass
            await yield_to_ui()
        return scan.packets
    finally:
        opened.discard()


def _recognise(descriptor: int, path: Path) -> CaptureFile | CaptureStream:
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
    """Refuse a file that is neither a capture nor gzipped before anything is started for it."""
    start = Unpacker(name)
    for _ in start.take(os.pread(descriptor, READ_SIZE, 0)):
        return
    start.finish()


def open_standard_input(descriptor: int = 0) -> CaptureStream:
    """Open the capture on standard input, or on the descriptor that it was moved to, which is closed with the stream.

    Raises:
        SourceError, UsageError: there is none, or it is a terminal.
    """
    try:
        own = descriptor or os.dup(descriptor)  # 0 stays open, so that nothing else gets the number
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


_AHEAD: Final = 4 * 1024 * 1024
"""Bytes that are heard before the first are given: most captures open all their ports in them."""


class ObservedFile:
    """The file, with its listener."""

    def __init__(self, file: CaptureFile | JoinedFiles, on_bytes: Callable[[bytes], None]) -> None:
        self.path = file.path
        self.size = file.size
        self.kept, self.first = file.kept, file.first
        self.header = b""
        """What a capture without its beginning begins with, which a file never is."""
        self._file = file
        self._on_bytes = on_bytes
        self._heard = 0
        self._hearing = asyncio.Lock()
        self.is_finished = True
        """Nothing more will come."""

    @property
    def is_at_path(self) -> bool:
        """True while `path` leads to the file."""
        return self._file.is_at_path

    @property
    def growth(self) -> str:
        """What was written behind it since it was opened, as a sentence."""
        return self._file.growth

    def check(self) -> None:
        """Look whether it is what it was; raises SourceError."""
        self._file.check()

    def is_too_large(self, before: int) -> bool:  # noqa: ARG002 - as a spool's
        """It is the user's own, however large."""
        return False

    def let_go(self, before: int) -> bool:  # noqa: ARG002 - as a spool's
        """It stays as it is."""
        return False

    async def read_from(self, offset: int = 0) -> AsyncIterator[bytes]:
        """Give the bytes from an offset on as they are, heard by then."""
        await self._hear(min(offset + _AHEAD, self.size))
        async for data in self._file.read_from(offset):
            offset += len(data)
            await self._hear(offset)
            yield data

    async def _hear(self, end: int) -> None:
        async with self._hearing:  # one after the other: each goes on where the one before has come
            pieces = self._file.read_from(self._heard)
            while self._heard < end and (data := await anext(pieces, b"")):
                self._heard += len(data)
                self._on_bytes(data)
                await yield_to_ui()

    async def save(self, path: Path, *, overwrite: bool = False) -> None:
        """Copy the file as `CaptureFile.save` does."""
        await self._file.save(path, overwrite=overwrite)

    def discard(self) -> None:
        """Close the file; it stays."""
        self._file.discard()
