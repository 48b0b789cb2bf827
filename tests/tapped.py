"""A tap at work, and what it has recorded."""

from __future__ import annotations

import asyncio
from asyncio import StreamReader, StreamWriter
from typing import NamedTuple

from inspector.capture.engines.tap import Tap, open_tap
from inspector.capture.source import Target


class Through(NamedTuple):
    """A service, the tap before it, and what the tap has recorded."""

    tap: Tap
    recorded: bytearray
    recording: asyncio.Task[None]

    @property
    def port(self) -> int:
        return self.tap.target.port

    async def connect(self, host: str = "127.0.0.1") -> tuple[StreamReader, StreamWriter]:
        return await asyncio.open_connection(host, self.port)

    async def stop(self) -> bytes:
        await self.tap.stop()
        await asyncio.wait({self.recording})
        return bytes(self.recorded)


async def record(tap: Tap, into: bytearray) -> None:
    async for chunk in tap.chunks():
        into += chunk


async def tap_before(port: int, host: str = "localhost") -> Through:
    tap = await open_tap(Target(host, 0), Target(host, port))
    recorded = bytearray()
    return Through(tap, recorded, asyncio.create_task(record(tap, recorded)))
