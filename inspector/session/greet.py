"""Brings an engine and the greet service together: what listens on 37564 depends on who may capture.

Where the network can be captured the service has the port. Where only the tap can, the tap has it and the service a
private one behind, so that every client of localhost:37564 is seen. A service that is there already keeps its port.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket

from inspector.capture.engine import Engine
from inspector.capture.engines import start_engine
from inspector.capture.target import Target
from inspector.client.service import GreetService, greet_service
from inspector.session.source import LiveSource


async def start_greet(source: LiveSource) -> tuple[Engine, GreetService]:
    """An engine that listens, and behind it a service that was started or found.

    Raises EngineError or ServiceError; what was started by then is ended.
    """
    host, port = source.target.host, source.target.port
    if await _answers(source.target):
        # What is there must be asked before the capture begins: the question would be on the screen.
        service = await greet_service(host, port)
        return await start_engine(source.engine, source.target, interface=source.interface), service
    behind = Target(host, _free_port())
    engine = await start_engine(source.engine, source.target, interface=source.interface, service=behind)
    try:
        return engine, await greet_service(host, behind.port if engine.name == "tap" else port)
    except BaseException:
        await engine.stop()
        raise


async def _answers(target: Target) -> bool:
    """True when something accepts connections there."""
    with contextlib.suppress(OSError):
        _, writer = await asyncio.open_connection(target.host, target.port)
        writer.close()
        return True
    return False


def _free_port() -> int:
    """A port of localhost that nobody has at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
