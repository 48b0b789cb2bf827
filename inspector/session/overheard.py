"""A capture file of which somebody hears each byte once, before the first reader gets it.

So what the bytes say of ports is known before tshark sees them, and a large file is not read twice for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final

from inspector.capture.capture_file import CaptureFile, JoinedFiles
from inspector.turns import give_way

_AHEAD: Final = 4 * 1024 * 1024
"""Bytes that are heard before the first are given: most captures open all their ports in them."""


class Overheard:
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
                await give_way()

    async def save(self, path: Path, *, overwrite: bool = False) -> None:
        """Copy the file as `CaptureFile.save` does."""
        await self._file.save(path, overwrite=overwrite)

    def discard(self) -> None:
        """Close the file; it stays."""
        self._file.discard()
