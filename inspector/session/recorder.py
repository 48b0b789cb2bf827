"""Keeps an engine running in front of the spool: started, paused, and started again when it dies.

Owns the engine and the greet service behind it, and tells in plain words what became of either. The spool it only
appends to; what is in it stays, whatever happens here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from inspector.capture.engine import Engine
from inspector.capture.spool import Spool
from inspector.client.service import GreetService, greet_service
from inspector.errors import EngineError, ServiceError
from inspector.session.greet import start_greet, start_source
from inspector.session.patience import Patience
from inspector.session.source import LiveSource


class Recorder:
    """The capture side of a live session."""

    def __init__(
        self, source: LiveSource, spool: Spool, on_bytes: Callable[[bytes], None], on_notice: Callable[[str], None]
    ) -> None:
        self.engine: Engine | None = None
        """The latest engine; also after it was paused."""
        self.service: GreetService | None = None
        """The greet service, where this session is about it."""
        self._source = source
        self._spool = spool
        self._on_bytes = on_bytes
        self._on_notice = on_notice
        self._watch: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the engine, again after a pause, and the greet service if it is not there; returns when it listens."""
        if self.engine is None and self._source.greet:
            self.engine, self.service = await start_greet(self._source)
            self._watch = asyncio.create_task(self._watch_service(self.service))
            return
        again = self.engine
        if again is not None:
            self._spool.resume()
        self.engine = await start_source(self._source, again.name if again else "", again=again)

    async def record(self) -> None:
        """Append to the spool until the engine is paused; one that dies is started again.

        Raises EngineError when it keeps dying, SpoolError when the disk is full.
        """
        loop, patience = asyncio.get_running_loop(), Patience()
        while self.engine is not None:
            patience.note_start(loop.time())
            try:
                async for data in self.engine.chunks():
                    self._on_bytes(self._spool.append(data))
            except EngineError as error:
                if patience.is_worn_out(loop.time()):
                    raise
                await self.start()
                self._on_notice(f"{error.message} It was started again; packets in between were not captured.")
            else:
                return

    async def pause(self) -> None:
        """Stop capturing; `record` ends once it has taken what there is. A tap goes on relaying."""
        if self.engine is not None:
            await self.engine.pause()

    async def stop(self) -> None:
        """End the engine, and the service if this session started it."""
        if self._watch is not None:
            self._watch.cancel()
        if self.engine is not None:
            await self.engine.stop()
        if self.service is not None:
            await self.service.stop()

    async def _watch_service(self, service: GreetService) -> None:
        """Tell when the service that we started ends, and start it again."""
        loop, patience = asyncio.get_running_loop(), Patience()
        while True:
            patience.note_start(loop.time())
            death = await service.ended()
            if patience.is_worn_out(loop.time()):
                self._on_notice(f"{death.message} It keeps ending, and is not started again.")
                return
            try:
                service = self.service = await greet_service(service.host, service.port)
            except ServiceError as error:
                self._on_notice(f"{death.message} {error}")
                return
            self._on_notice(f"{death.message} It was started again.")
