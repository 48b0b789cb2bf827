"""Opens a gRPC channel and connects it; with `stream`, all that knows grpcio.

Loading this module loads gRPC, which takes a tenth of a second: the others import it when they first need a channel.
"""

from __future__ import annotations

import asyncio
from typing import Final, TypeAlias

import grpc
import grpc.aio

from inspector.client.address import Address
from inspector.client.credentials import credentials
from inspector.client.options import PLAINTEXT, ConnectionOptions

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
    arguments: list[tuple[str, int | str]] = [("grpc.max_receive_message_length", options.largest_message)]
    if options.authority is not None:
        arguments.append(("grpc.default_authority", options.authority))
    if options.keepalive is not None:
        arguments.append(("grpc.keepalive_time_ms", int(options.keepalive * 1000)))
        arguments.append(("grpc.keepalive_permit_without_calls", 1))
        arguments.append(("grpc.http2.max_pings_without_data", 0))
    return arguments


async def connect(channel: Channel, seconds: float | None, *, waits: bool = False) -> bool:
    """Try once to connect, or with `waits` until it works; True when connected. Raises TimeoutError."""
    trying = {grpc.ChannelConnectivity.IDLE, grpc.ChannelConnectivity.CONNECTING}
    if waits:
        trying.add(grpc.ChannelConnectivity.TRANSIENT_FAILURE)
    async with asyncio.timeout(seconds):
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
