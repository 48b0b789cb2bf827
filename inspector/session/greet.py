"""Brings an engine and the greet service together: what listens on 37564 depends on who may capture.

Where the network can be captured the service has the port. Where only the tap can, the tap has it and the service a
private one behind, so that every client of localhost:37564 is seen. A service that is there already keeps its port,
and so does one whose tap is to listen elsewhere.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket

from inspector.capture.engine import Engine
from inspector.capture.engines import start_engine
from inspector.capture.target import Target
from inspector.client.service import GreetService, greet_service
from inspector.errors import EngineError, reason, remedy
from inspector.session.source import LiveSource


async def start_greet(source: LiveSource) -> tuple[Engine, GreetService]:
    """An engine that listens, and behind it a service that was started or found.

    Raises EngineError or ServiceError; what was started by then is ended.
    """
    host, port = source.target.host, source.target.port
    if await _answers(source.target):
        # What is there must be asked before the capture begins: the question would be on the screen.
        service = await greet_service(host, port)
        try:
            return await start_source(source), service
        except BaseException:
            await service.stop()  # it may have gone since it answered, and another was started
            raise
    behind = None if _listens_elsewhere(source) else Target(host, _free_port())
    engine = await start_source(source, service=behind)
    try:
        if behind is not None and engine.name == "tap":
            port = behind.port
        return engine, await greet_service(host, port)
    except BaseException:
        await engine.stop()
        raise


async def start_source(
    source: LiveSource, choice: str = "", *, service: Target | None = None, again: Engine | None = None
) -> Engine:
    """Start the engine of a live source, or the one of that name; the others as of `start_engine`."""
    return await start_engine(
        choice or source.engine,
        source.target,
        interface=source.interface,
        ports=source.ports,
        listen=source.listen,
        service=service,
        again=again,
    )


def _listens_elsewhere(source: LiveSource) -> bool:
    """True when the tap leaves the service its port."""
    return source.listen is not None and source.listen.port != source.target.port


async def _answers(target: Target) -> bool:
    """True when something accepts connections there."""
    with contextlib.suppress(OSError):
        _, writer = await asyncio.open_connection(target.host, target.port)
        writer.close()
        return True
    return False


def _free_port() -> int:
    """A port of localhost that nobody has at this moment; raises EngineError."""
    try:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port: int = listener.getsockname()[1]
            return port
    except OSError as error:
        raise EngineError(f"No port of localhost is to be had: {reason(error)}.", remedy(error)) from error
