"""The sender against real services: what it sends, how it connects, and how it ends."""

from __future__ import annotations

import asyncio
import gc
import math
import os
import socket
import subprocess
import sys
from collections.abc import Callable

import grpc.aio
import hpack
import pytest

from inspector.client.sender import ConnectionState, Sender, ports_to
from inspector.errors import RequestError, UsageError
from inspector.model.call import Status
from tests.conftest import GreetProcess
from tests.servers import GREET, REQUEST, after_request, call, frame, listening, serving


async def test_a_call(greet: GreetProcess) -> None:
    caller = Sender(greet.target)
    outcome = await caller.unary(GREET, REQUEST)
    assert outcome.status == Status.of(0)
    assert outcome.responses == (b"\n\x0cHello, World",)
    assert outcome.detail == ""
    assert outcome.seconds > 0
    await caller.close()


async def test_local_ports_are_those_that_the_service_sees() -> None:
    peers: list[str] = []

    async def handler(_request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        peers.append(context.peer())
        return b""

    async with serving(handler) as target:
        caller = Sender(target)
        assert caller.local_ports() == frozenset()
        for _ in range(2):
            await caller.unary(GREET, b"")
        assert {int(peer.rpartition(":")[2]) for peer in peers} == caller.local_ports()
        await caller.reconnect()
        await caller.unary(GREET, b"")
        assert len({*peers}) == 2
        await caller.close()


async def test_nothing_is_added_to_a_call() -> None:
    seen: list[tuple[str, str | bytes]] = []

    async def handler(_request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        seen.extend(context.invocation_metadata() or ())
        return b""

    async with serving(handler) as target:
        caller = Sender(target)
        await caller.unary(GREET, b"", metadata=[("X-Who", "me"), ("raw-bin", b"\x00\xff")])
        await caller.close()
    assert [item for item in seen if item[0] != "user-agent"] == [("x-who", "me"), ("raw-bin", b"\x00\xff")]


@pytest.mark.parametrize(
    "metadata",
    [("a b", "x"), (":path", "/x"), ("", "x"), ("x", "é"), ("x", "a\nb"), ("x-bin", "text"), ("x", b"bytes")],
)
async def test_invalid_metadata_is_an_error(greet: GreetProcess, metadata: tuple[str, str | bytes]) -> None:
    with pytest.raises(RequestError):
        await Sender(greet.target).unary(GREET, REQUEST, metadata=[metadata])


@pytest.mark.parametrize("target", ["localhost", "localhost:", "localhost:http", ""])
def test_a_target_is_host_and_port(target: str) -> None:
    with pytest.raises(UsageError):
        Sender(target)


async def test_a_target_without_a_host_is_localhost(greet: GreetProcess) -> None:
    assert (await call(f":{greet.port}")).status.name == "OK"


async def test_a_restarted_service_is_reached_at_once(start_service: Callable[..., GreetProcess]) -> None:
    service = start_service()
    caller = Sender(service.target)
    assert (await caller.unary(GREET, REQUEST)).status.code == 0
    service.process.kill()
    service.process.wait()
    while caller.state is ConnectionState.CONNECTED:  # noqa: ASYNC110 - gRPC tells nobody of it
        await asyncio.sleep(0.01)
    assert caller.state is ConnectionState.ENDED
    assert (await caller.unary(GREET, REQUEST)).status.name == "UNAVAILABLE"
    failed: str = caller.state
    assert failed == ConnectionState.FAILED
    start_service(service.port)
    assert (await caller.unary(GREET, REQUEST)).status.code == 0  # at the first attempt
    await caller.close()


async def test_a_reply_without_a_message() -> None:
    block = hpack.Encoder().encode([(":status", "200"), ("content-type", "application/grpc"), ("grpc-status", "0")])
    async with listening(after_request(frame(1, 5, 1, block))) as target:
        outcome = await call(target)
    assert (outcome.status.name, outcome.responses) == ("OK", ())
    assert outcome.detail == "The service answered OK without a message."


async def test_closing_the_sender_closes_the_connection_at_once() -> None:
    async def handler(_request: bytes, _context: object) -> bytes:
        return b""

    async with serving(handler) as target:
        caller = Sender(target)
        port = int(target.rpartition(":")[2])
        gc.disable()
        try:
            assert (await caller.unary(GREET, REQUEST)).status.name == "OK"
            assert ports_to(port)
            await caller.close()
            async with asyncio.timeout(10):
                while ports_to(port):  # noqa: ASYNC110 - nothing tells of it
                    await asyncio.sleep(0.01)
        finally:
            gc.enable()


async def test_reconnecting_cancels_an_active_call() -> None:
    arrived = asyncio.Event()

    async def handler(_request: bytes, _context: object) -> bytes:
        arrived.set()
        await asyncio.Event().wait()
        return b""

    async with serving(handler) as target:
        caller = Sender(target)
        running = asyncio.create_task(caller.unary(GREET, REQUEST))
        await arrived.wait()
        await caller.reconnect()
        outcome = await running
        assert outcome.status.name == "CANCELLED"
        assert "closed on this side" in outcome.detail


async def test_cancelling_the_task_cancels_the_call() -> None:
    arrived, cancelled = asyncio.Event(), asyncio.Event()

    async def handler(_request: bytes, _context: object) -> bytes:
        arrived.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        return b""

    async with serving(handler) as target:
        caller = Sender(target)
        running = asyncio.create_task(caller.unary(GREET, REQUEST, deadline=math.inf))
        await arrived.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await cancelled.wait()
        await caller.close()


async def test_closing_while_connecting() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        caller = Sender(f"127.0.0.1:{silent.getsockname()[1]}")
        running = asyncio.create_task(caller.unary(GREET, REQUEST, deadline=10))
        accepted, _address = await asyncio.to_thread(silent.accept)
        with accepted:
            await caller.close()
            assert (await running).status.name == "CANCELLED"


async def test_many_concurrent_calls(start_service: Callable[..., GreetProcess]) -> None:
    caller = Sender(start_service().target)
    outcomes = await asyncio.gather(*(caller.unary(GREET, REQUEST) for _ in range(50)))
    assert {outcome.status.name for outcome in outcomes} == {"OK"}
    assert len(caller.local_ports()) == 1
    await caller.close()


def test_grpc_is_not_loaded_before_the_first_call() -> None:
    modules = ("sender", "sample", "reflection", "proto_files", "active_call", "tls", "history")
    code = f"import sys; from inspector.client import {', '.join(modules)}; sys.exit('grpc' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_c_core_logs_nothing_on_the_terminal(free_port: int) -> None:
    code = f"""if True:
        import asyncio
        from inspector.client.sender import Sender

        async def fail():
            for target in ("localhost:{free_port}", "no-such-host.invalid:1"):
                caller = Sender(target)
                await caller.unary("/a/b", b"", deadline=2)
                await caller.close()

        asyncio.run(fail())
    """
    environment = {name: value for name, value in os.environ.items() if name != "GRPC_VERBOSITY"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
