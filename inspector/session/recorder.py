"""Runs the engine of a live source, and the greet service behind it, and restarts either when it dies."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from contextlib import AsyncExitStack

from inspector.capture.engines.registry import is_relay
from inspector.capture.engines.start import Engine, start_engine
from inspector.capture.source import LiveSource, Target
from inspector.capture.spool import Spool
from inspector.client.sample import GreetService, greet_service
from inspector.errors import EngineError, ServiceError, reason, remedy
from inspector.processes import RestartLimiter


async def start_greet(source: LiveSource) -> tuple[Engine, GreetService]:
    """Start an engine, and start or find the greet service behind it.

    Raises:
        EngineError, ServiceError: one of them does not start; the other is ended.
    """
    host, port = source.target.host, source.target.port
    if await _answers(source.target):
        # Identify that service before the capture begins: the reflection request would be part of the capture.
        service = await greet_service(host, port)
        async with AsyncExitStack() as undo:
            undo.push_async_callback(service.stop)  # it may be a new child, if the one that answered has ended since
            engine = await start_source(source)
            undo.pop_all()
        return engine, service
    behind = None if _tap_leaves_port(source) else Target(host, _free_port())
    engine = await start_source(source, service=behind)
    async with AsyncExitStack() as undo:
        undo.push_async_callback(engine.stop)
        if behind is not None and is_relay(engine.name):
            port = behind.port
        service = await greet_service(host, port)
        undo.pop_all()
    return engine, service


async def start_source(
    source: LiveSource, choice: str = "", *, service: Target | None = None, again: Engine | None = None
) -> Engine:
    """Start the engine of a live source, or the engine named `choice`; `service` and `again` as in `start_engine`."""
    return await start_engine(
        choice or source.engine,
        source.target,
        interface=source.interface,
        ports=source.ports,
        listen=source.listen,
        service=service,
        again=again,
    )


def _tap_leaves_port(source: LiveSource) -> bool:
    """Return True when the tap listens on another port than the service."""
    return source.listen is not None and source.listen.port != source.target.port


async def _answers(target: Target) -> bool:
    """Return True when something accepts connections at the target."""
    with contextlib.suppress(OSError):
        _, writer = await asyncio.open_connection(target.host, target.port)
        writer.close()
        return True
    return False


def _free_port() -> int:
    """Return a free port of localhost. Raises EngineError."""
    try:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port: int = listener.getsockname()[1]
            return port
    except OSError as error:
        raise EngineError(f"No port of localhost is available: {reason(error)}.", remedy(error)) from error


class Recorder:
    """The capture side of a live session."""

    def __init__(
        self, source: LiveSource, spool: Spool, on_bytes: Callable[[bytes], None], on_notice: Callable[[str], None]
    ) -> None:
        self.engine: Engine | None = None
        """The current engine; it stays set while it is paused."""
        self.service: GreetService | None = None
        """The greet service, for a source with `greet`."""
        self._source = source
        self._spool = spool
        self._on_bytes = on_bytes
        self._on_notice = on_notice
        self._watch: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start or resume the engine, and the greet service if it is not running; return when the engine captures."""
        if self.engine is None and self._source.greet:
            self.engine, self.service = await start_greet(self._source)
            self._watch = asyncio.create_task(self._watch_service(self.service))
            return
        again = self.engine
        if again is not None:
            self._spool.resume()
        self.engine = await start_source(self._source, again.name if again else "", again=again)

    async def record(self) -> None:
        """Append to the spool until the engine is paused; restart an engine that dies.

        Raises:
            EngineError: it keeps dying.
            SpoolError: the disk is full.
        """
        loop, restarts = asyncio.get_running_loop(), RestartLimiter()
        while self.engine is not None:
            restarts.note_start(loop.time())
            try:
                async for data in self.engine.chunks():
                    self._on_bytes(self._spool.append(data))
            except EngineError as error:
                if restarts.exhausted(loop.time()):
                    raise
                await self.start()
                self._on_notice(f"{error.message} It was restarted; packets in between were not captured.")
            else:
                return

    async def pause(self) -> None:
        """Stop capturing; `record` returns once it has read what was captured. A tap continues to relay."""
        if self.engine is not None:
            await self.engine.pause()

    async def stop(self) -> None:
        """End the engine, and the service if it was started here."""
        if self._watch is not None:
            self._watch.cancel()
        if self.engine is not None:
            await self.engine.stop()
        if self.service is not None:
            await self.service.stop()

    async def _watch_service(self, service: GreetService) -> None:
        """Restart the service when it ends, and report that."""
        loop, restarts = asyncio.get_running_loop(), RestartLimiter()
        while True:
            restarts.note_start(loop.time())
            death = await service.ended()
            if restarts.exhausted(loop.time()):
                self._on_notice(f"{death.message} It keeps ending and is not restarted.")
                return
            try:
                service = self.service = await greet_service(service.host, service.port)
            except ServiceError as error:
                self._on_notice(f"{death.message} {error}")
                return
            self._on_notice(f"{death.message} It was restarted.")
