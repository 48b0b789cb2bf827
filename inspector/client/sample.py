"""The greet service that calls go to: started as a child process, or found where somebody else started one.

Owns the child's life up to the guard, and the judgement of what is on a taken port. Refuses to send a greet call to
find that out: a call that nobody asked for would be on the screen.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from asyncio import StreamReader
from asyncio.subprocess import PIPE, Process
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from inspector.client.reflection import list_services
from inspector.errors import SchemaError, ServiceError
from inspector.model.frame import Endpoint
from inspector.processes import end, spawn
from sample_service import PORT_TAKEN

_SERVICE: Final = "HelloWorld"
_LISTENS: Final = re.compile(rb"listens on localhost:(\d+)")
_PATIENCE: Final = 15.0
"""Seconds until a service that says nothing is given up; a tenth of one is usual."""
_CHECK: Final = 2.0
"""Seconds that whatever is on a taken port has to say what it is."""
_LAST_LINES: Final = 3
_CURE: Final = "Stop it, or name the service to attach to: grpc-inspector HOST:PORT."


@dataclass(frozen=True, slots=True)
class GreetService:
    """A greet service that listens on `host` and `port`."""

    host: str
    port: int
    process: Process | None = None
    """The child; None where somebody else started the service."""
    note: str = ""
    """What a person should know of a service that was found; empty for a started one."""

    @property
    def started(self) -> bool:
        """True when this program started it."""
        return self.process is not None

    @property
    def found(self) -> bool:
        """True when it was there already."""
        return self.process is None

    async def ended(self) -> ServiceError:
        """Wait until the child ends, and say how; for a service that was found, wait for ever."""
        if self.process is None:
            never: asyncio.Future[ServiceError] = asyncio.get_running_loop().create_future()
            return await never
        words = await _last_words(self.process)
        return ServiceError(f"The greet service on port {self.port} {_ending(await end(self.process))}.", words)

    async def stop(self) -> None:
        """End the child; a service that was found is left as it is."""
        if self.process is not None:
            await end(self.process)


async def greet_service(host: str, port: int) -> GreetService:
    """Start the greet service on a port of localhost, or find the one that listens there already.

    Port 0 takes a free one. `host` is what callers will use: localhost, 127.0.0.1 or ::1. Returns once the service
    listens. Raises ServiceError when it cannot start, or when something else has the port.
    """
    process = await _spawn(port)
    try:
        listening = await _announced(process.stdout)
        if listening is not None:
            return GreetService(host, listening, process)
        complaint = await _last_words(process)
    except BaseException:
        await end(process)
        raise
    await end(process)
    if PORT_TAKEN in complaint:
        return await _found(host, port)
    raise ServiceError("The greet service does not start.", complaint)


async def _spawn(port: int) -> Process:
    # -P: a file in the folder that the user happens to be in is no module of ours.
    argv = (sys.executable, "-P", "-m", "sample_service", "--port", str(port))
    return await spawn(*argv, stdout=PIPE, stderr=PIPE, env=_environment())


def _environment() -> dict[str, str]:
    """Where the program is not installed but run from its folder, the child looks for the service there too."""
    folder = Path(__file__).parents[2]
    if folder.name in ("site-packages", "dist-packages"):
        return dict(os.environ)
    paths = (os.environ.get("PYTHONPATH", ""), str(folder))
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}


async def _announced(output: StreamReader | None) -> int | None:
    """The port that the service says it listens on; None when it ended without a word of that."""
    try:
        async with asyncio.timeout(_PATIENCE):
            line = await output.readline() if output else b""
    except TimeoutError:
        raise ServiceError(f"The greet service says nothing after {_PATIENCE:g} s.") from None
    match = _LISTENS.search(line)
    return int(match[1]) if match else None


async def _last_words(process: Process) -> str:
    """Read what a child says on its standard error until it ends; the last of it, in one line."""
    _, words = await process.communicate()
    return " ".join(words.decode(errors="replace").splitlines()[-_LAST_LINES:])


async def _found(host: str, port: int) -> GreetService:
    """What listens on a taken port, if calls can go to it. Raises ServiceError if not."""
    target = str(Endpoint(host, port))
    try:
        services = await list_services(target, deadline=_CHECK)
    except (ServiceError, SchemaError) as error:
        raise ServiceError(f"Port {port} is taken, but not by a greet service. {error.message}", _CURE) from error
    if services is None:
        return GreetService(host, port, note=f"A gRPC service was there already on {target}; it does not say which.")
    if _SERVICE not in services:
        names = ", ".join(sorted(services)) or "nothing"
        raise ServiceError(f"Port {port} is taken by another gRPC service, which serves {names}.", _CURE)
    return GreetService(host, port, note=f"A greet service was there already on {target}: attached to it.")


def _ending(status: int) -> str:
    if status >= 0:
        return f"ended with exit status {status}"
    try:
        return f"was ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"was ended by signal {-status}"
