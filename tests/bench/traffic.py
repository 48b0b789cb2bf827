"""Real traffic: a sample service of its own process, and calls over a real channel."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from typing import Any

import grpc
import grpc.aio

from sample_service.helloworld_pb2 import HelloRequest
from sample_service.sample_pb2 import CountRequest, Line, Number
from sample_service.sample_pb2_grpc import TourStub


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
        self._tour: Any = TourStub(self._channel)  # type: ignore[no-untyped-call]  # generated

    async def greet(self, name: str) -> None:
        """One call, to its reply."""
        await self._greet(HelloRequest(name=name).SerializeToString())

    async def greet_often(self, count: int) -> None:
        """So many calls, one after the other."""
        for number in range(count):
            await self.greet(f"name-{number}")

    async def call_all_kinds(self, rounds: int) -> None:
        """In each round a unary call of greet, and one of each streaming kind."""
        numbers = [Number(value=value) for value in range(3)]
        for round_ in range(rounds):
            await self.greet(f"name-{round_}")
            async for _ in self._tour.Count(CountRequest(to=5)):
                pass
            await self._tour.Sum(iter(numbers))
            async for _ in self._tour.Chat(Line(text=f"line {number}") for number in range(3)):
                pass

    async def close(self) -> None:
        """Close the connection."""
        await self._channel.close()


async def ended(process: Process) -> None:
    """End a child and wait for it."""
    if process.returncode is None:
        process.terminate()
    await process.wait()
