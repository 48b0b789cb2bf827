"""Sends calls to one service over a real gRPC channel and says how each went.

Owns the channel: it connects at the first call, and a connection that failed is made anew at the next call and not
behind the user's back, so that nothing is on the wire that was not asked for. Adds nothing to a call, raises nothing
for one that fails, and knows nothing of what was captured.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from inspector.client.failure import Attempt, explain
from inspector.client.ports import ports_to
from inspector.client.tls import speaks_tls
from inspector.errors import RequestError, UsageError
from inspector.model.endpoint import Endpoint
from inspector.model.status import Status

if TYPE_CHECKING:
    from inspector.client.channel import Channel, Metadata

DEADLINE: Final = 5.0
"""Seconds that a call may take, unless its sender says otherwise."""

_OK: Final = Status.of(0)
_TIMED_OUT: Final = Status.of(4, "Deadline Exceeded")
_EMPTY: Final = "The service answered OK without a message."
_NAME: Final = re.compile(r"[0-9a-z_.-]+")
_VALUE: Final = re.compile(r"[ -~]*")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call went."""

    status: Status
    responses: tuple[bytes, ...]
    """The replies, serialized; none for a call that failed."""
    seconds: float
    """From the request to the outcome, connecting included."""
    detail: str
    """Why it failed and what to do about it, in plain sentences; empty when all is well."""


class Caller:
    """A client of the service at `target`, HOST:PORT, on one event loop. Raises UsageError for any other target."""

    def __init__(self, target: str) -> None:
        self._service = _endpoint(target)
        self.target = str(self._service)
        self._channel: Channel | None = None
        self._last_ports: frozenset[int] = frozenset()
        self._running = 0

    async def unary(
        self,
        path: str,
        request: bytes,
        *,
        metadata: Sequence[tuple[str, str | bytes]] = (),
        deadline: float | None = DEADLINE,
    ) -> Outcome:
        """Call `/package.Service/Method` with a serialized request; a deadline of None waits for ever.

        Raises RequestError for metadata that cannot be sent, and nothing for a call that fails.
        """
        checked = _check(metadata)
        self._running += 1
        try:
            return await self._call(path, request, checked, deadline)
        finally:
            self._running -= 1
            await self._drop_failed()

    def local_ports(self) -> frozenset[int]:
        """The local TCP ports of this process's connections to the target's port: those there are, and the last one."""
        return self._last_ports | ports_to(self._service.port)

    async def reconnect(self) -> None:
        """Give up the connection; the next call makes a new one. A running call ends as cancelled."""
        channel, self._channel = self._channel, None
        if channel is not None:
            await channel.close()

    async def close(self) -> None:
        """Give up the connection for good."""
        await self.reconnect()

    async def _call(self, path: str, request: bytes, metadata: Metadata, deadline: float | None) -> Outcome:
        from inspector.client.channel import CallError, call_unary, open_channel  # noqa: PLC0415 - see there

        self._channel = channel = self._channel or open_channel(self.target)
        clock = asyncio.get_running_loop().time
        started, connected = clock(), False
        try:
            connected = await self._connect(channel, deadline)
            rest = None if deadline is None else max(0.0, started + deadline - clock())
            reply = await call_unary(channel, path, request, metadata=metadata, seconds=rest)
        except TimeoutError:
            status = _TIMED_OUT
        except CallError as failure:
            status = failure.status
        else:
            replies = () if reply is None else (reply,)
            return Outcome(_OK, replies, clock() - started, "" if replies else _EMPTY)
        seconds = clock() - started
        attempt = Attempt(self.target, path, deadline, connected)
        return Outcome(status, (), seconds, str(explain(await self._examined(status), attempt)))

    async def _connect(self, channel: Channel, seconds: float | None) -> bool:
        """A step of its own: a caller who waits in vain learns for what, and the port is known before it can close."""
        from inspector.client.channel import connect, is_connected  # noqa: PLC0415 - see there

        if is_connected(channel):
            return True
        connected = await connect(channel, seconds)
        if connected:
            self._last_ports = ports_to(self._service.port)
        return connected

    async def _examined(self, status: Status) -> Status:
        """A plaintext caller whom a TLS port turns away learns only that the socket closed: ask the port."""
        turned_away = status.message.startswith("failed to connect") and "refused" not in status.message
        if turned_away and await speaks_tls(*self._service):
            return status._replace(message="failed to connect: TLS")
        return status

    async def _drop_failed(self) -> None:
        from inspector.client.channel import is_connected  # noqa: PLC0415 - loaded by now

        if self._running == 0 and self._channel is not None and not is_connected(self._channel):
            await self.reconnect()


def _endpoint(target: str) -> Endpoint:
    host, _, port = target.rpartition(":")
    if not port.isdecimal():
        raise UsageError(f"{target!r} is no HOST:PORT.", "For example: localhost:50051.")
    return Endpoint(host.strip("[]") or "localhost", int(port))


def _check(metadata: Sequence[tuple[str, str | bytes]]) -> Metadata:
    """Custom-Metadata as gRPC over HTTP/2 allows it, names in lower case. Raises RequestError."""
    checked = tuple((name.lower(), value) for name, value in metadata)
    for name, value in checked:
        if not _NAME.fullmatch(name):
            raise RequestError(f"{name!r} cannot be the name of metadata.", "Letters, digits, '-', '_' and '.' can.")
        if name.endswith("-bin") != isinstance(value, bytes):
            raise RequestError(f"The metadata {name} has a value of the wrong kind.", "Names in -bin have bytes.")
        if isinstance(value, str) and not _VALUE.fullmatch(value):
            raise RequestError(f"The metadata {name} has a value beyond ASCII.", "A name in -bin takes any bytes.")
    return checked
