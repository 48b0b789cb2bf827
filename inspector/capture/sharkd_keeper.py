"""Keeps one sharkd for those who ask now and then: started when it is needed, and again when it has ended.

Whoever asks may give up while it starts, as somebody does who types on: the start goes on for the next who asks.
"""

from __future__ import annotations

import asyncio

from inspector.capture.sharkd import Sharkd
from inspector.capture.tshark import Decoding


class SharkdKeeper:
    """One place for a sharkd."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._starting: asyncio.Task[Sharkd] | None = None
        self._decoding = Decoding()

    async def get(self, decoding: Decoding) -> Sharkd:
        """One that lives and decodes like that. Raises SharkdDied where it does not start."""
        if self._decoding != decoding:
            await self.close()
        if self._starting is None or self._is_over(self._starting):
            self._decoding = decoding
            self._starting = asyncio.create_task(Sharkd.start(self._path, decoding))
        return await asyncio.shield(self._starting)

    async def close(self) -> None:
        """End it."""
        starting, self._starting = self._starting, None
        if starting is not None:
            await asyncio.wait({starting})
            if starting.exception() is None:
                await starting.result().close()

    @staticmethod
    def _is_over(starting: asyncio.Task[Sharkd]) -> bool:
        return starting.done() and (starting.exception() is not None or not starting.result().is_alive)
