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

from inspector.client.active_call import (
    CLOSED,
    TIMED_OUT,
    ActiveCall,
    CallEnding,
    CallError,
    ClosedStream,
    Outcome,
    Stream,
)
from inspector.client.failure import Attempt, explain
from inspector.client.options import (
    PLAINTEXT,
    Address,
    Behind,
    CallSettings,
    ConnectionOptions,
    check_metadata,
)
from inspector.client.tls import explained
from inspector.model.call import CallKind

if TYPE_CHECKING:
    from inspector.client.channel import Channel


def ports_to(port: int) -> frozenset[int]:
    """Return the local ports of this process's connections to a remote TCP port, on any host."""
    return frozenset(local for local, remote in _connections() if remote == port)


def _connections() -> Iterator[tuple[int, int]]:
    """Yield the local and the remote port of each connected TCP socket."""
    try:
        names = os.listdir("/dev/fd")  # noqa: PTH208 - only names are needed
    except OSError:  # the limit of open files is reached
        return
    for name in names:
        try:
            if stat.S_ISSOCK(os.fstat(int(name)).st_mode) and (ports := _ports(int(name))):
                yield ports
        except OSError:  # it was closed, or is not connected
            continue


def _ports(descriptor: int) -> tuple[int, int] | None:
    end = socket.socket(fileno=descriptor)
    try:
        if end.family not in (socket.AF_INET, socket.AF_INET6) or end.type != socket.SOCK_STREAM:
            return None
        return end.getsockname()[1], end.getpeername()[1]
    finally:
        end.detach()  # the socket belongs to gRPC


class ConnectionState(StrEnum):
    """The state of a sender's connection."""

    NONE = "not connected"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    FAILED = "failed"
    """The last attempt failed; the next call tries again."""
    ENDED = "disconnected"
    """The connection broke, or the service closed it; the next call connects again."""


class Sender:
    """A client of one service, on one event loop."""

    def __init__(
        self, target: str, options: ConnectionOptions = PLAINTEXT, behind: Callable[[], Behind] | None = None
    ) -> None:
        """`behind` returns the service behind `target`, where that may be a relay.

        Raises:
            UsageError: `target` is neither HOST:PORT nor unix:PATH.
        """
        self._address = Address.parse(target)
        self.target = str(self._address)
        self.options = options
        self._behind = behind or (lambda: Behind(self.target))
        service = Address.parse(self._behind().service)
        is_direct = service == self._address
        self._channel_options = options if is_direct else options.for_service(service.authority, service.host)
        self._channel: Channel | None = None
        self._last_ports: frozenset[int] = frozenset()
        self._running: set[ActiveCall] = set()
        self._starting = 0
        self._state_without_channel = ConnectionState.NONE
        self._has_connected = False
        """True once the channel was connected."""

    @property
    def state(self) -> ConnectionState:
        """The current state of the connection."""
        if self._channel is None:
            return self._state_without_channel
        from inspector.client.channel import is_connected  # noqa: PLC0415 - the channel has loaded it

        if is_connected(self._channel):
            return ConnectionState.CONNECTED
        if self._starting:
            return ConnectionState.CONNECTING
        # After a GOAWAY the channel is not connected, but its calls may complete (RFC 9113 §6.8).
        if self._running:
            return ConnectionState.CONNECTED
        return ConnectionState.ENDED if self._has_connected else ConnectionState.NONE

    async def start(self, path: str, kind: CallKind, settings: CallSettings = CallSettings()) -> ActiveCall:  # noqa: B008
        """Connect and start a call of `/package.Service/Method`.

        A failed call raises nothing: its outcome has the status.

        Raises:
            RequestError: metadata cannot be sent, or a TLS file cannot be used.
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
                return ClosedStream(CallEnding(TIMED_OUT))
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
        """Return the local TCP ports of the connections to the target, those of closed ones included."""
        service = self._address.service
        return self._last_ports | (ports_to(service.port) if service else frozenset())

    async def reconnect(self) -> None:
        """Close the connection; the next call opens a new one. Active calls are cancelled."""
        for call in tuple(self._running):
            call.cancel(CLOSED)
        channel, self._channel = self._channel, None
        self._state_without_channel, self._has_connected = ConnectionState.NONE, False
        if channel is not None:
            await channel.close()

    async def close(self) -> None:
        """Close the connection. Active calls are cancelled."""
        await self.reconnect()

    async def _connected(self, seconds: float, *, waits: bool) -> tuple[Channel, bool | None]:
        """Return the channel and whether it is connected; None after a timeout.

        Connecting before the call starts tells a timeout of the connection from that of the call, and the local port
        is read before the connection can close.
        """
        from inspector.client.channel import connect, is_connected, open_channel  # noqa: PLC0415 - loads grpc

        if self._channel is None:
            opened = await open_channel(self._address, self._channel_options)
            if self._channel is None:  # no other call has opened one meanwhile
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
        from inspector.client.channel import open_stream  # noqa: PLC0415 - loads grpc

        try:
            return open_stream(channel, path, request, settings)
        except CallError as error:
            return ClosedStream(CallEnding(error.status))

    async def _outcome(self, ending: CallEnding, attempt: Attempt, seconds: float) -> Outcome:
        status, detail = ending.status, ""
        if status.code != 0:
            explained_status = await explained(status, self._address, self._channel_options)
            warning = "" if attempt.connected else self._behind().warning
            detail = str(explain(explained_status, attempt._replace(warning=warning)))
        return Outcome(status, (), seconds, detail, ending.initial, ending.trailers)

    async def _drop_failed(self, *, had_connection: bool) -> None:
        from inspector.client.channel import is_connected  # noqa: PLC0415 - the channel has loaded it

        if not (self._running or self._starting) and self._channel is not None and not is_connected(self._channel):
            await self.reconnect()
            self._state_without_channel = ConnectionState.ENDED if had_connection else ConnectionState.FAILED


def _within(settings: CallSettings, started: float) -> CallSettings:
    """Return the settings with the rest of the deadline, which is never None here."""
    left = started + (settings.deadline or 0.0) - asyncio.get_running_loop().time()
    return replace(settings, deadline=max(0.0, left))
