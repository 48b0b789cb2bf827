"""One call on a channel, in bytes: written to, half-closed, read, cancelled, and what the other side said at its end.

Everything that grpcio raises is an ending here, never an exception. Loading this module loads gRPC.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, TypeAlias

import grpc
import grpc.aio
from grpc._cython import cygrpc  # type: ignore[attr-defined]

from inspector.client.channel import Channel
from inspector.client.ending import CLOSED, CallError, Ending
from inspector.client.options import CallOptions, Metadata
from inspector.model.status import Status

_StreamCall: TypeAlias = "grpc.aio.UnaryStreamCall[bytes, bytes] | grpc.aio.StreamStreamCall[bytes, bytes]"


class GrpcStream:
    """A call that is under way. Replies are read one at a time: what is not read is not sent, as HTTP/2 has it."""

    def __init__(self, call: _StreamCall) -> None:
        self._call = call

    async def write(self, message: bytes) -> bool:
        """Send a message, waiting while the service takes no more; False when the call is over."""
        # Not grpcio's own write: when the service has ended the call, that puts INTERNAL in the place of the status
        # that is on its way.
        call: Any = self._call
        with suppress(grpc.aio.AioRpcError, cygrpc.InternalError, asyncio.InvalidStateError):
            if await _unless_cancelled(call.wait_for_connection()) and not call.done():
                return await _unless_cancelled(call._cython_call.send_serialized_message(message))
        return False

    async def half_close(self) -> None:
        """Say that no more messages will come; harmless when that was said, or when the call is over."""
        if isinstance(self._call, grpc.aio.StreamStreamCall):
            with suppress(grpc.aio.AioRpcError, cygrpc.InternalError, asyncio.InvalidStateError):
                if await _unless_cancelled(self._call.wait_for_connection()):
                    await _unless_cancelled(self._call.done_writing())

    async def read(self) -> bytes | None:
        """The next reply; None when there is no further one."""
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
        """End the call with RST_STREAM; harmless when it is over."""
        self._call.cancel()

    async def ending(self) -> Ending:
        """Wait until the call is over. That is so only when all replies are read."""
        code, details = await self._call.code(), await self._call.details()
        initial: Metadata = ()
        trailers: Metadata = ()
        with suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
            initial, trailers = (
                _pairs(await self._call.initial_metadata()),
                _pairs(await self._call.trailing_metadata()),
            )
        return Ending(Status.of(code.value[0], details or ""), initial, trailers)


def open_stream(channel: Channel, path: str, request: bytes | None, options: CallOptions) -> GrpcStream:
    """Begin a call: with a request, headers, message and half-close leave together; without, headers alone.

    Raises CallError when the channel was closed.
    """
    compression = grpc.Compression.Gzip if options.is_compressed else None
    more: Any = {
        "metadata": options.metadata,
        "timeout": options.deadline,
        "wait_for_ready": options.waits_for_ready,
        "compression": compression,
    }
    try:
        if request is None:
            return GrpcStream(channel.stream_stream(path, None, None)(**more))
        return GrpcStream(_from_one(channel, path)(request, **more))
    except grpc.aio.UsageError as error:
        raise CallError(CLOSED) from error


def _from_one(channel: Channel, path: str) -> grpc.aio.UnaryStreamMultiCallable[bytes, bytes]:
    return channel.unary_stream(path, None, None)


async def ask(channel: Channel, path: str, request: bytes, options: CallOptions) -> bytes | None:
    """One request and its one reply; None for OK without a message, which is against the rules. Raises CallError."""
    stream = open_stream(channel, path, request, options)
    try:
        reply = await stream.read()
        if reply is not None and await stream.read() is not None:
            return reply  # it says more than was asked for
        status = (await stream.ending()).status
    finally:
        stream.cancel()
    if status.code:
        raise CallError(status)
    return reply


async def _unless_cancelled(step: Any) -> bool:
    """Await a step of a call; False when the call, and not our own task, was cancelled meanwhile."""
    try:
        await step
    except asyncio.CancelledError:
        if _being_cancelled():
            raise
        return False
    return True


def _pairs(metadata: Iterable[Any] | None) -> Metadata:
    return tuple((str(name), value) for name, value in metadata or ())


def _being_cancelled() -> bool:
    """True when it is our own task that is cancelled, and not the call under it."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
