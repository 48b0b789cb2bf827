"""Real greet traffic: a greet service of its own process, and calls over a real channel."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator

import grpc
import grpc.aio

from sample_service.helloworld_pb2 import HelloRequest


@contextlib.asynccontextmanager
async def greet_service() -> AsyncIterator[int]:
    """A greet service on a port of its own, which is given."""
    argv = (sys.executable, "-m", "sample_service", "--port", "0")
    process = await asyncio.create_subprocess_exec(*argv, stdin=DEVNULL, stdout=PIPE)
    try:
        line = await process.stdout.readline() if process.stdout else b""
        yield int(line.rpartition(b":")[2])
    finally:
        await ended(process)


class Client:
    """Calls greet on one connection."""

    def __init__(self, port: int) -> None:
        self._channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}", [("grpc.use_local_subchannel_pool", 1)])
        self._greet: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = self._channel.unary_unary("/HelloWorld/greet")

    async def greet(self, name: str) -> None:
        """One call, to its reply."""
        await self._greet(HelloRequest(name=name).SerializeToString())

    async def greet_often(self, count: int) -> None:
        """So many calls, one after the other."""
        for number in range(count):
            await self.greet(f"name-{number}")

    async def close(self) -> None:
        """Close the connection."""
        await self._channel.close()


async def ended(process: Process) -> None:
    """End a child and wait for it."""
    if process.returncode is None:
        process.terminate()
    await process.wait()
