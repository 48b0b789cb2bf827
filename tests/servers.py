"""Servers that a test says the lines of, gRPC or not, and one call to them."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import grpc.aio

from inspector.client.active_call import Outcome
from inspector.client.sender import Sender

GREET = "/HelloWorld/greet"
REQUEST = b"\n\x05World"
SETTINGS = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(talk: Talk, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """A server that says what `talk` says; its address."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


@asynccontextmanager
async def serving(handler: Callable[..., object], tls: grpc.ServerCredentials | None = None) -> AsyncIterator[str]:
    """A gRPC service whose greet is `handler`; its address."""
    server = grpc.aio.server()
    method: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(handler)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("HelloWorld", {"greet": method}),))
    port = server.add_secure_port("localhost:0", tls) if tls else server.add_insecure_port("localhost:0")
    await server.start()
    try:
        yield f"localhost:{port}"
    finally:
        await server.stop(None)


async def call(target: str, *, path: str = GREET, request: bytes = REQUEST, deadline: float = 10.0) -> Outcome:
    caller = Sender(target)
    try:
        return await caller.unary(path, request, deadline=deadline)
    finally:
        await caller.close()


def after_request(*answer: bytes, abort: bool = False) -> Talk:
    """An HTTP/2 server that takes a request whole, then says this and ends."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(SETTINGS)
        await reader.readexactly(24)
        while True:
            head = await reader.readexactly(9)
            await reader.readexactly(int.from_bytes(head[:3], "big"))
            if head[3] == 0:  # DATA
                break
        writer.write(b"".join(answer))
        if abort:
            writer.transport.abort()
        elif answer:
            await reader.read()

    return talk


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload
