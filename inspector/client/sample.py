"""The sample greet service: started as a child process, or found on its port.

What listens on a taken port is identified by reflection and not by a greet call, which would appear on the screen.
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
_START_SECONDS: Final = 15.0
"""A start usually takes a tenth of a second."""
_REFLECTION_SECONDS: Final = 2.0
_LAST_LINES: Final = 3
_HINT: Final = "Stop it, or attach to another service: grpc-inspector HOST:PORT."


@dataclass(frozen=True, slots=True)
class GreetService:
    """A running greet service."""

    host: str
    port: int
    process: Process | None = None
    """None for a service that was found running."""
    note: str = ""
    """What users should know of a service that was found running; empty for a child."""

    @property
    def started(self) -> bool:
        """True for a child of this program."""
        return self.process is not None

    @property
    def found(self) -> bool:
        """True for a service that was running already."""
        return self.process is None

    async def ended(self) -> ServiceError:
        """Wait until the child ends, and return how it ended; for a service that was found, wait forever."""
        if self.process is None:
            never: asyncio.Future[ServiceError] = asyncio.get_running_loop().create_future()
            return await never
        output = await _last_output(self.process)
        return ServiceError(f"The greet service on port {self.port} {_ending(await end(self.process))}.", output)

    async def stop(self) -> None:
        """End the child; a service that was found is left running."""
        if self.process is not None:
            await end(self.process)


async def greet_service(host: str, port: int) -> GreetService:
    """Start the greet service on a port of localhost, or find the one that is running there; return once it listens.

    Port 0 stands for any free port. `host` is what clients connect to: localhost, 127.0.0.1 or ::1.

    Raises:
        ServiceError: it does not start, or something else listens on the port.
    """
    process = await _spawn(port)
    listening = None
    try:
        listening = await _announced_port(process.stdout)
        if listening is not None:
            return GreetService(host, listening, process)
        output = await _last_output(process)
    finally:
        if listening is None:
            await end(process)
    if PORT_TAKEN in output:
        return await _find(host, port)
    raise ServiceError("The greet service does not start.", output)


async def _spawn(port: int) -> Process:
    # -P: do not import modules from the current folder.
    argv = (sys.executable, "-P", "-m", "sample_service", "--port", str(port))
    return await spawn(*argv, stdout=PIPE, stderr=PIPE, env=_environment())


def _environment() -> dict[str, str]:
    """Return the environment of the child: if this program is not installed, its folder is on PYTHONPATH."""
    folder = Path(__file__).parents[2]
    if folder.name in ("site-packages", "dist-packages"):
        return dict(os.environ)
    paths = (os.environ.get("PYTHONPATH", ""), str(folder))
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}


async def _announced_port(output: StreamReader | None) -> int | None:
    """Return the port that the service reports to listen on; None if it ends without a report."""
    try:
        async with asyncio.timeout(_START_SECONDS):
            line = await output.readline() if output else b""
    except TimeoutError:
        raise ServiceError(f"The greet service has not started after {_START_SECONDS:g} s.") from None
    match = _LISTENS.search(line)
    return int(match[1]) if match else None


async def _last_output(process: Process) -> str:
    """Read standard error until the child ends; return the last lines as one."""
    _, output = await process.communicate()
    return " ".join(output.decode(errors="replace").splitlines()[-_LAST_LINES:])


async def _find(host: str, port: int) -> GreetService:
    """Return the service on a taken port. Raises ServiceError if it is not a greet service."""
    target = str(Endpoint(host, port))
    try:
        services = await list_services(target, deadline=_REFLECTION_SECONDS)
    except (ServiceError, SchemaError) as error:
        raise ServiceError(f"Port {port} is taken, but not by a greet service. {error.message}", _HINT) from error
    if services is None:
        return GreetService(
            host,
            port,
            note=f"A gRPC service was running already on {target}; without reflection, it cannot be identified.",
        )
    if _SERVICE not in services:
        names = ", ".join(sorted(services)) or "nothing"
        raise ServiceError(f"Port {port} is taken by another gRPC service, which serves {names}.", _HINT)
    return GreetService(host, port, note=f"A greet service was running already on {target}: attached to it.")


def _ending(status: int) -> str:
    if status >= 0:
        return f"ended with exit status {status}"
    try:
        return f"was ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"was ended by signal {-status}"
