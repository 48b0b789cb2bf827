"""A capture on disk as its readers see it, whether it is a spool or a file of the user's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol


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
