"""gRPC channels, and one call on a channel in bytes. Loads grpc, so others import it when they need it."""

from __future__ import annotations

import asyncio
import math
import ssl
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypeAlias

import grpc
import grpc.aio
from grpc._cython import cygrpc  # type: ignore[attr-defined]

from inspector.client.options import (
    LARGEST_MESSAGE,
    PLAINTEXT,
    Address,
    CallSettings,
    ConnectionOptions,
    Metadata,
    Security,
)
from inspector.client.outcome import CLOSED, CallEnding, CallError
from inspector.client.tls import shown_certificate
from inspector.errors import RequestError
from inspector.model.call import Status


async def credentials(
    address: Address, security: Security
) -> tuple[grpc.ChannelCredentials, tuple[tuple[str, str], ...]]:
    """The channel's credentials, and the channel arguments that go with them.

    grpcio verifies always. Where a person asks it not to, the certificate that the service shows is fetched first and
    just that one is trusted, under a name that it bears. Raises RequestError for a file that cannot be used.
    """
    check_files(security)
    roots, name = _read(security.roots), security.server_name
    if security.is_insecure:
        shown = await shown_certificate(address, security)
        if shown is not None:
            roots, name = shown.pem, shown.name or name
    trusted = grpc.ssl_channel_credentials(roots, _read(security.key), _read(security.certificate))
    return trusted, (("grpc.ssl_target_name_override", name),) if name else ()


def check_files(security: Security) -> None:
    """Raises RequestError when a file is missing, is no PEM, or the key is not that of the certificate."""
    if (security.certificate is None) != (security.key is None):
        raise RequestError("A client's certificate and its key go together.", "Give both --cert and --key.")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if security.roots is not None:
        _read(security.roots)
        try:
            context.load_verify_locations(security.roots)
        except ssl.SSLError as error:
            raise RequestError(f"{security.roots} holds no certificates.", "--cacert takes a PEM file.") from error
    if security.certificate is not None and security.key is not None:
        for path in (security.certificate, security.key):
            _read(path)
        try:
            context.load_cert_chain(security.certificate, security.key, password=lambda: b"")
        except ssl.SSLError as error:
            pair = f"{security.certificate} and {security.key}"
            hint = "--cert and --key take PEM files; the key is the one of that certificate, without a password."
            raise RequestError(f"{pair} are no certificate and its key.", hint) from error


def _read(path: Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        return path.read_bytes()
    except OSError as error:
        raise RequestError(f"{path} cannot be read: {error.strerror}.", "TLS files are in PEM.") from error


Channel: TypeAlias = grpc.aio.Channel

_ALWAYS: Final[tuple[tuple[str, int], ...]] = (
    ("grpc.enable_http_proxy", 0),  # the wire that is captured is the one to the service
    ("grpc.enable_retries", 0),  # one call is one stream
    ("grpc.use_local_subchannel_pool", 1),  # a new channel is a new connection, without an earlier one's wait
)


async def open_channel(address: Address, options: ConnectionOptions = PLAINTEXT) -> Channel:
    """A channel to a service; it connects at its first call.

    Raises RequestError for a certificate or key file that cannot be used.
    """
    arguments = [*_ALWAYS, *_arguments(options)]
    if options.security is None:
        return grpc.aio.insecure_channel(str(address), options=arguments)
    trusted, more = await credentials(address, options.security)
    return grpc.aio.secure_channel(str(address), trusted, options=[*arguments, *more])


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
    """Try once to connect, or with `waits` until it works; True when connected. Raises TimeoutError."""
    trying = {grpc.ChannelConnectivity.IDLE, grpc.ChannelConnectivity.CONNECTING}
    if waits:
        trying.add(grpc.ChannelConnectivity.TRANSIENT_FAILURE)
    async with asyncio.timeout(None if math.isinf(seconds) else seconds):
        try:
            state = channel.get_state(try_to_connect=True)
            while state in trying:
                await channel.wait_for_state_change(state)
                state = channel.get_state(try_to_connect=True)
        except grpc.aio.UsageError:  # closed meanwhile
            return False
    return state is grpc.ChannelConnectivity.READY


def is_connected(channel: Channel) -> bool:
    """True while the channel has a connection, as far as it knows."""
    return channel.get_state() is grpc.ChannelConnectivity.READY


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

    async def ending(self) -> CallEnding:
        """Wait until the call is over. That is so only when all replies are read."""
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
    """Begin a call: with a request, headers, message and half-close leave together; without, headers alone.

    Raises CallError when the channel was closed.
    """
    compression = grpc.Compression.Gzip if settings.is_compressed else None
    more: Any = {
        "metadata": settings.metadata,
        "timeout": None if settings.deadline == math.inf else settings.deadline,
        "wait_for_ready": settings.waits_for_ready,
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


async def ask(channel: Channel, path: str, request: bytes, settings: CallSettings) -> bytes | None:
    """One request and its one reply; None for OK without a message, which is against the rules. Raises CallError."""
    stream = open_stream(channel, path, request, settings)
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
