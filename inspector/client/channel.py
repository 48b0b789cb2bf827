"""Opens a gRPC channel, connects it and calls over it: the one module that knows grpcio.

Everything that grpcio raises becomes a `CallError` here. Loading this module loads gRPC, which takes a tenth of a
second: the others import it when they first need a channel.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final, TypeAlias

import grpc
import grpc.aio

from inspector.model.status import Status

Channel: TypeAlias = grpc.aio.Channel
Metadata: TypeAlias = Sequence[tuple[str, str | bytes]]
"""Names in lower case; values of `-bin` names as bytes, of all others as text."""
_Unary: TypeAlias = grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]

_MAX_REPLY: Final = 64 * 1024 * 1024
"""Sixteen times what gRPC allows by default: a reply is there to be looked at."""

_OPTIONS: Final = (
    ("grpc.enable_http_proxy", 0),  # the wire that is captured is the one to the service
    ("grpc.enable_retries", 0),  # one call is one stream
    ("grpc.use_local_subchannel_pool", 1),  # a new channel is a new connection, without an earlier one's wait
    ("grpc.max_receive_message_length", _MAX_REPLY),
)


class CallError(Exception):
    """A call ended with another status than OK, sent by the service or made up by gRPC on this side."""

    def __init__(self, status: Status) -> None:
        super().__init__(status.name)
        self.status = status


def open_channel(target: str) -> Channel:
    """A plaintext channel to HOST:PORT; it connects at its first call."""
    return grpc.aio.insecure_channel(target, options=_OPTIONS)


async def connect(channel: Channel, seconds: float | None) -> bool:
    """Try once to connect; True when connected, False when that failed. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        try:
            state = channel.get_state(try_to_connect=True)
            while state in (grpc.ChannelConnectivity.IDLE, grpc.ChannelConnectivity.CONNECTING):
                await channel.wait_for_state_change(state)
                state = channel.get_state(try_to_connect=True)
        except grpc.aio.UsageError:  # closed meanwhile
            return False
    return state is grpc.ChannelConnectivity.READY


def is_connected(channel: Channel) -> bool:
    """True while the channel has a connection, as far as it knows."""
    return channel.get_state() is grpc.ChannelConnectivity.READY


async def call_unary(
    channel: Channel, path: str, request: bytes, *, metadata: Metadata = (), seconds: float | None = None
) -> bytes | None:
    """One unary call, bytes to bytes; None for OK without a message, which is against the rules. Raises CallError."""
    method: _Unary = channel.unary_unary(path, request_serializer=None, response_deserializer=None)
    try:
        reply: bytes | None = await method(request, metadata=tuple(metadata), timeout=seconds)
    except grpc.aio.AioRpcError as error:
        raise CallError(_status(error)) from error
    except grpc.aio.UsageError as error:
        raise CallError(_CLOSED) from error
    except asyncio.CancelledError:
        if _being_cancelled():
            raise
        raise CallError(_CLOSED) from None
    return reply


def _status(error: grpc.aio.AioRpcError) -> Status:
    return Status.of(error.code().value[0], error.details() or "")


def _being_cancelled() -> bool:
    """True when it is our own task that is cancelled, and not the call under it."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


_CLOSED: Final = Status.of(grpc.StatusCode.CANCELLED.value[0], "The connection was closed on this side.")
