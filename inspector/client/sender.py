"""Sends calls to one service over a real gRPC channel and reports how each ended."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING

from inspector.client.active_call import ActiveCall, Closed, Stream
from inspector.client.failure import Attempt, explain
from inspector.client.options import (
    PLAINTEXT,
    Address,
    Behind,
    CallSettings,
    ConnectionOptions,
    check_metadata,
)
from inspector.client.outcome import CLOSED, TIMED_OUT, CallEnding, CallError, Outcome
from inspector.client.tls import examined
from inspector.model.call import CallKind

if TYPE_CHECKING:
    from inspector.client.channel import Channel


def ports_to(port: int) -> frozenset[int]:
    """The local ports of all connections of this process to a remote TCP port, on whatever host."""
    return frozenset(local for local, remote in _connections() if remote == port)


def _connections() -> Iterator[tuple[int, int]]:
    """The local and the remote port of each connected TCP socket."""
    try:
        names = os.listdir("/dev/fd")  # noqa: PTH208 - names are all that is wanted
    except OSError:  # no descriptor is left to read them with
        return
    for name in names:
        try:
            if stat.S_ISSOCK(os.fstat(int(name)).st_mode) and (ports := _ports(int(name))):
                yield ports
        except OSError:  # closed meanwhile, or not connected
            continue


def _ports(descriptor: int) -> tuple[int, int] | None:
    end = socket.socket(fileno=descriptor)
    try:
        if end.family not in (socket.AF_INET, socket.AF_INET6) or end.type != socket.SOCK_STREAM:
            return None
        return end.getsockname()[1], end.getpeername()[1]
    finally:
        end.detach()  # it is not ours to close


class ConnectionState(StrEnum):
    """What a caller knows of its connection."""

    NONE = "not connected"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    FAILED = "failed"
    """The last attempt failed; the next call tries again."""
    ENDED = "disconnected"
    """The connection that there was broke, or the service closed it; the next call makes another."""


class Sender:
    """A client of the service at `target`, HOST:PORT or unix:PATH, on one event loop; UsageError for another target."""

    def __init__(
        self, target: str, options: ConnectionOptions = PLAINTEXT, behind: Callable[[], Behind] | None = None
    ) -> None:
        """`behind` tells what is known of the service where `target` may be a relay to it."""
        self._address = Address.parse(target)
        self.target = str(self._address)
        self.options = options
        self._behind = behind or (lambda: Behind(self.target))
        service = Address.parse(self._behind().service)
        is_direct = service == self._address
        self._of_channel = options if is_direct else options.for_service(service.authority, service.host)
        self._channel: Channel | None = None
        self._last_ports: frozenset[int] = frozenset()
        self._running: set[ActiveCall] = set()
        self._starting = 0
        self._without = ConnectionState.NONE
        """The state where there is no channel."""
        self._has_connected = False
        """True when the channel has had a connection."""

    @property
    def state(self) -> ConnectionState:
        """The state of the connection, now."""
        if self._channel is None:
            return self._without
        from inspector.client.channel import is_connected  # noqa: PLC0415 - loaded by now

        if is_connected(self._channel):
            return ConnectionState.CONNECTED
        if self._starting:
            return ConnectionState.CONNECTING
        # A connection that was told to go away carries its calls to their ends.
        if self._running:
            return ConnectionState.CONNECTED
        return ConnectionState.ENDED if self._has_connected else ConnectionState.NONE

    async def start(self, path: str, kind: CallKind, settings: CallSettings = CallSettings()) -> ActiveCall:  # noqa: B008
        """Connect, and begin a call of `/package.Service/Method`, to be sent messages to and read replies from.

        Raises RequestError for metadata that cannot be sent and for TLS files that cannot be used, and nothing for a
        call that fails: its outcome tells.
        """
        seconds = settings.seconds(kind)
        settings = replace(settings, metadata=check_metadata(settings.metadata), deadline=seconds)
        is_secure = self.options.security is not None
        attempt = Attempt(self._behind().service, path, seconds, is_secure=is_secure)
        started = asyncio.get_running_loop().time()
        self._starting += 1
        try:
            channel, connected = await self._connected(seconds, waits=settings.waits_for_ready)
        finally:
            self._starting -= 1
        attempt = attempt._replace(connected=bool(connected))

        def begin(request: bytes | None) -> Stream:
            if connected is None:
                return Closed(CallEnding(TIMED_OUT))
            return self._open(channel, path, request, _within(settings, started))

        async def conclude(call: ActiveCall, ending: CallEnding) -> Outcome:
            self._running.discard(call)
            await self._drop_failed(had_connection=call.had_connection)
            return await self._outcome(ending, attempt, asyncio.get_running_loop().time() - started)

        call = ActiveCall(path, kind, begin, conclude)
        call.had_connection = bool(connected)
        self._running.add(call)
        return call

    async def unary(
        self,
        path: str,
        request: bytes,
        *,
        metadata: Sequence[tuple[str, str | bytes]] = (),
        deadline: float | None = None,
    ) -> Outcome:
        """Send a serialized request, with a deadline in seconds, and return the outcome. Raises as `start`."""
        call = await self.start(path, CallKind.UNARY, CallSettings(tuple(metadata), deadline))
        try:
            await call.send(request)
            return await call.outcome()
        except asyncio.CancelledError:
            call.cancel()
            raise

    def local_ports(self) -> frozenset[int]:
        """The local TCP ports of this process's connections to the target's port, the last ones included."""
        service = self._address.service
        return self._last_ports | (ports_to(service.port) if service else frozenset())

    async def reconnect(self) -> None:
        """Give up the connection; the next call makes a new one. A running call ends as cancelled."""
        for call in tuple(self._running):
            call.cancel(CLOSED)
        channel, self._channel = self._channel, None
        self._without, self._has_connected = ConnectionState.NONE, False
        if channel is not None:
            await channel.close()

    async def close(self) -> None:
        """Give up the connection for good."""
        await self.reconnect()

    async def _connected(self, seconds: float, *, waits: bool) -> tuple[Channel, bool | None]:
        """The channel, and whether it is connected; None when the time ran out before that was known.

        A step of its own: a caller who waits in vain learns for what, and the port is known before it can close.
        """
        from inspector.client.channel import connect, is_connected, open_channel  # noqa: PLC0415 - see there

        if self._channel is None:
            opened = await open_channel(self._address, self._of_channel)
            if self._channel is None:  # another call was not quicker
                self._channel = opened
        channel = self._channel
        if is_connected(channel):
            return channel, True
        try:
            connected = await connect(channel, seconds, waits=waits)
        except TimeoutError:
            return channel, None
        self._has_connected = self._has_connected or connected
        if connected and self._address.service is not None:
            self._last_ports = ports_to(self._address.service.port)
        return channel, connected

    def _open(self, channel: Channel, path: str, request: bytes | None, settings: CallSettings) -> Stream:
        from inspector.client.channel import open_stream  # noqa: PLC0415 - loads gRPC

        try:
            return open_stream(channel, path, request, settings)
        except CallError as error:
            return Closed(CallEnding(error.status))

    async def _outcome(self, ending: CallEnding, attempt: Attempt, seconds: float) -> Outcome:
        status, detail = ending.status, ""
        if status.code != 0:
            known = await examined(status, self._address, self._of_channel)
            warning = "" if attempt.connected else self._behind().warning
            detail = str(explain(known, attempt._replace(warning=warning)))
        return Outcome(status, (), seconds, detail, ending.initial, ending.trailers)

    async def _drop_failed(self, *, had_connection: bool) -> None:
        from inspector.client.channel import is_connected  # noqa: PLC0415 - loaded by now

        if not (self._running or self._starting) and self._channel is not None and not is_connected(self._channel):
            await self.reconnect()
            self._without = ConnectionState.ENDED if had_connection else ConnectionState.FAILED


def _within(settings: CallSettings, started: float) -> CallSettings:
    """Return the settings with the rest of the deadline, which is never None here."""
    left = started + (settings.deadline or 0.0) - asyncio.get_running_loop().time()
    return replace(settings, deadline=max(0.0, left))
