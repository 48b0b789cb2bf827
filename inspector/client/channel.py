"""gRPC channels, and calls of serialized messages on them. Loads grpc, so import it only when a call is sent."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final, TypeAlias

import grpc
import grpc.aio
from grpc._cython import cygrpc  # type: ignore[attr-defined]

from inspector.client.active_call import CLOSED, CallEnding, CallError
from inspector.client.options import (
    LARGEST_MESSAGE,
    PLAINTEXT,
    Address,
    CallSettings,
    ConnectionOptions,
    Metadata,
)
from inspector.client.tls import credentials
from inspector.model.call import Status

Channel: TypeAlias = grpc.aio.Channel

_CHANNEL_ARGUMENTS: Final[tuple[tuple[str, int], ...]] = (
    ("grpc.enable_http_proxy", 0),  # the connection to the service is captured, not one to a proxy
    ("grpc.enable_retries", 0),  # one call is one stream
    ("grpc.use_local_subchannel_pool", 1),  # a new channel is a new connection, without the backoff of an earlier one
)


async def open_channel(address: Address, options: ConnectionOptions = PLAINTEXT) -> Channel:
    """Open a channel; it does not connect yet.

    Raises:
        RequestError: a TLS file cannot be used.
    """
    arguments = [*_CHANNEL_ARGUMENTS, *_arguments(options)]
    if options.security is None:
        return grpc.aio.insecure_channel(str(address), options=arguments)
    channel_credentials, more = await credentials(address, options.security)
    return grpc.aio.secure_channel(str(address), channel_credentials, options=[*arguments, *more])


def _arguments(options: ConnectionOptions) -> list[tuple[str, int | str]]:
    arguments: list[tuple[str, int | str]] = [
        ("grpc.max_receive_message_length", options.largest_message or LARGEST_MESSAGE)
    ]
    if options.authority is not None:
        arguments.append(("grpc.default_authority", options.authority))
    if options.keepalive is not None:
        arguments.append(("grpc.keepalive_time_ms", int(options.keepalive * 1000)))
        arguments.append(("grpc.keepalive_permit_without_calls", 1))
        arguments.append(("grpc.http2.max_pings_without_data", 0))
    return arguments


async def connect(channel: Channel, seconds: float, *, waits: bool = False) -> bool:
    """Connect and return True; try once, or with `waits` until the deadline. Raises TimeoutError."""
    trying = {grpc.ChannelConnectivity.IDLE, grpc.ChannelConnectivity.CONNECTING}
    if waits:
        trying.add(grpc.ChannelConnectivity.TRANSIENT_FAILURE)
    async with asyncio.timeout(None if math.isinf(seconds) else seconds):
        try:
            state = channel.get_state(try_to_connect=True)
            while state in trying:
                await channel.wait_for_state_change(state)
                state = channel.get_state(try_to_connect=True)
        except grpc.aio.UsageError:  # the channel was closed
            return False
    return state is grpc.ChannelConnectivity.READY


def is_connected(channel: Channel) -> bool:
    """Return True while gRPC considers the channel connected."""
    return channel.get_state() is grpc.ChannelConnectivity.READY


_StreamCall: TypeAlias = "grpc.aio.UnaryStreamCall[bytes, bytes] | grpc.aio.StreamStreamCall[bytes, bytes]"


class GrpcStream:
    """The stream of an active call. Replies are read one at a time, so that HTTP/2 flow control slows the service."""

    def __init__(self, call: _StreamCall) -> None:
        self._call = call

    async def write(self, message: bytes) -> bool:
        """Send a message, subject to flow control; return False when the call is over."""
        # grpcio's own `write` replaces the status with INTERNAL if the service has ended the call meanwhile.
        call: Any = self._call
        with suppress(grpc.aio.AioRpcError, cygrpc.InternalError, asyncio.InvalidStateError):
            if await _unless_cancelled(call.wait_for_connection()) and not call.done():
                return await _unless_cancelled(call._cython_call.send_serialized_message(message))
        return False

    async def half_close(self) -> None:
        """Send END_STREAM; harmless when repeated, and when the call is over."""
        if isinstance(self._call, grpc.aio.StreamStreamCall):
            with suppress(grpc.aio.AioRpcError, cygrpc.InternalError, asyncio.InvalidStateError):
                if await _unless_cancelled(self._call.wait_for_connection()):
                    await _unless_cancelled(self._call.done_writing())

    async def read(self) -> bytes | None:
        """Return the next reply, None after the last."""
        try:
            reply = await self._call.read()
        except grpc.aio.AioRpcError:
            return None
        except asyncio.CancelledError:
            if _being_cancelled():
                raise
            return None
        return reply if isinstance(reply, bytes) else None

    def cancel(self) -> None:
        """Send RST_STREAM; harmless when the call is over."""
        self._call.cancel()

    async def ending(self) -> CallEnding:
        """Wait until the call is over, which it is not before all replies are read."""
        code, details = await self._call.code(), await self._call.details()
        initial: Metadata = ()
        trailers: Metadata = ()
        with suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
            initial, trailers = (
                _pairs(await self._call.initial_metadata()),
                _pairs(await self._call.trailing_metadata()),
            )
        return CallEnding(Status.of(code.value[0], details or ""), initial, trailers)


def open_stream(channel: Channel, path: str, request: bytes | None, settings: CallSettings) -> GrpcStream:
    """Start a call. With a request, send headers, message and END_STREAM together; without, only headers.

    Raises:
        CallError: the channel was closed.
    """
    arguments: Any = {
        "metadata": settings.metadata,
        "timeout": None if settings.deadline == math.inf else settings.deadline,
        "wait_for_ready": settings.waits_for_ready,
        "compression": grpc.Compression.Gzip if settings.is_compressed else None,
    }
    try:
        if request is None:
            return GrpcStream(channel.stream_stream(path, None, None)(**arguments))
        return GrpcStream(_from_one(channel, path)(request, **arguments))
    except grpc.aio.UsageError as error:
        raise CallError(CLOSED) from error


def _from_one(channel: Channel, path: str) -> grpc.aio.UnaryStreamMultiCallable[bytes, bytes]:
    return channel.unary_stream(path, None, None)


async def call_unary(channel: Channel, path: str, request: bytes, settings: CallSettings) -> bytes | None:
    """Send one request and return its one reply; None for the protocol violation of an OK without a message.

    Raises:
        CallError: the status is not OK.
    """
    stream = open_stream(channel, path, request, settings)
    try:
        reply = await stream.read()
        if reply is not None and await stream.read() is not None:
            return reply  # further replies are ignored
        status = (await stream.ending()).status
    finally:
        stream.cancel()
    if status.code:
        raise CallError(status)
    return reply


async def _unless_cancelled(operation: Any) -> bool:
    """Await an operation of a call; return False if the call, and not our own task, was cancelled."""
    try:
        await operation
    except asyncio.CancelledError:
        if _being_cancelled():
            raise
        return False
    return True


def _pairs(metadata: Iterable[Any] | None) -> Metadata:
    return tuple((str(name), value) for name, value in metadata or ())


def _being_cancelled() -> bool:
    """Return True if our own task is being cancelled, and not only the call that it awaits."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
