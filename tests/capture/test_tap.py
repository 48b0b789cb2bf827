"""The tap: a relay that changes nothing but the port, and a capture like any other of all that went through it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import grpc
import pytest

from inspector.capture.engines.tap import Tap, open_tap
from inspector.capture.engines.tap_packets import PCAP_HEADER
from inspector.capture.source import Target
from inspector.errors import EngineError
from sample_service.helloworld_pb2 import HelloReply, HelloRequest
from tests.conftest import GreetProcess
from tests.packet_rows import ACK, FIN, RST, SYN, complaints, run_tshark, sent, tshark
from tests.tapped import Through, record, tap_before

Handler = Callable[[StreamReader, StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def tapped(handler: Handler, host: str = "127.0.0.1") -> AsyncIterator[Through]:
    served: set[asyncio.Task[None]] = set()

    async def serve(reader: StreamReader, writer: StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        served.add(task)
        with contextlib.suppress(ConnectionError):
            await handler(reader, writer)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(serve, host, 0)
    port = server.sockets[0].getsockname()[1]
    through = await tap_before(port, host)
    try:
        yield through
    finally:
        await through.stop()
        server.close()
        await asyncio.gather(*served)
        await server.wait_closed()


async def echo(reader: StreamReader, writer: StreamWriter) -> None:
    """Echo everything once the other side has said all it has to say: needs a half-closed connection."""
    writer.write(await reader.read())
    await writer.drain()


async def echo_at_once(reader: StreamReader, writer: StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


async def say(through: Through, data: bytes, host: str = "127.0.0.1") -> tuple[int, bytes]:
    """Say all, close that direction, and hear the answer to its end; with the client's own port."""
    reader, writer = await through.connect(host)
    port: int = writer.get_extra_info("sockname")[1]
    writer.write(data)
    writer.write_eof()
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return port, answer


@pytest.mark.system
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_megabytes_and_a_half_closed_connection(host: str, tmp_path: Path) -> None:
    data = bytes(range(251)) * 13_000
    async with tapped(echo, host) as through:
        port, answer = await say(through, data, host)
        rows = tshark(await through.stop(), tmp_path / "tap.pcap")
    assert answer == data
    assert complaints(rows) == []
    assert sent(rows, port) == sent(rows, through.port) == data
    assert [row.source for row in rows if row.flags & FIN] == [port, through.port]


async def test_bytes_are_recorded_before_a_client_receives_them() -> None:
    async with tapped(echo_at_once) as through:
        reader, writer = await through.connect()
        for word in (b"first", b"second"):
            writer.write(word)
            await reader.readexactly(len(word))
            assert through.recorded.count(word) == 2
        writer.close()


@pytest.mark.system
async def test_many_connections_at_once(tmp_path: Path) -> None:
    words = [f"client {number}".encode() * 50 for number in range(100)]
    async with tapped(echo_at_once) as through:
        answers = await asyncio.gather(*(say(through, word) for word in words))
        rows = tshark(await through.stop(), tmp_path / "tap.pcap")
    assert [answer for _, answer in answers] == words
    assert complaints(rows) == []
    assert len({row.stream for row in rows}) == 100
    assert [sent(rows, port) for port, _ in answers] == words


def reset(writer: StreamWriter) -> None:
    """Close without a goodbye: a RST."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def reset_after_a_byte(reader: StreamReader, writer: StreamWriter) -> None:
    await reader.readexactly(1)
    reset(writer)


@pytest.mark.system
async def test_a_service_that_breaks_off(tmp_path: Path) -> None:
    async with tapped(reset_after_a_byte) as through:
        reader, writer = await through.connect()
        writer.write(b"x")
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()
        rows = tshark(await through.stop(), tmp_path / "tap.pcap")
    assert complaints(rows) == []
    assert rows[-1][:2] == (through.port, RST | ACK)


@pytest.mark.system
async def test_a_client_that_breaks_off(tmp_path: Path) -> None:
    heard: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def listen(reader: StreamReader, writer: StreamWriter) -> None:
        writer.write(b"welcome")
        try:
            await reader.read()
        except ConnectionResetError as error:
            heard.set_result(type(error).__name__)

    async with tapped(listen) as through:
        reader, writer = await through.connect()
        await reader.readexactly(7)
        port: int = writer.get_extra_info("sockname")[1]
        reset(writer)
        assert await heard == "ConnectionResetError"
        rows = tshark(await through.stop(), tmp_path / "tap.pcap")
    assert complaints(rows) == []
    assert rows[-1][:2] == (port, RST | ACK)


@pytest.mark.system
async def test_a_service_that_is_not_there(free_port: int, tmp_path: Path) -> None:
    through = await tap_before(free_port)
    reader, writer = await through.connect()
    with pytest.raises(ConnectionResetError):
        await reader.read()
    writer.close()
    assert through.tap.notice == f"The service localhost:{free_port} does not answer: Connection refused."
    rows = tshark(await through.stop(), tmp_path / "tap.pcap")
    assert [row.flags for row in rows] == [SYN, SYN | ACK, ACK, RST | ACK]


async def test_localhost_is_both_addresses_on_one_port(greet: GreetProcess) -> None:
    through = await tap_before(greet.port)
    for host in ("127.0.0.1", "::1"):
        _, writer = await through.connect(host)
        writer.close()
    await through.stop()


async def test_a_taken_port_is_an_error_that_names_it(greet: GreetProcess) -> None:
    with pytest.raises(EngineError, match=f"cannot listen on localhost:{greet.port}: Address already in use"):
        await open_tap(Target("localhost", greet.port), Target("localhost", 1))


async def test_a_pause_ends_the_recording_and_nothing_else() -> None:
    async with tapped(echo_at_once) as through:
        reader, writer = await through.connect()
        await through.tap.pause()
        await through.recording
        writer.write(b"unseen")
        await reader.readexactly(6)
        through.tap.resume()
        again = bytearray()
        recording = asyncio.create_task(record(through.tap, again))
        writer.write(b"seen")
        await reader.readexactly(4)
        writer.close()
        await through.tap.stop()
        await recording
    assert b"unseen" not in through.recorded + again
    assert again.startswith(PCAP_HEADER)
    assert again.count(b"seen") == 2


async def take_slowly(tap: Tap, sizes: list[int]) -> None:
    async for chunk in tap.chunks():
        sizes.append(len(chunk))
        for _ in range(1000):
            await asyncio.sleep(0)


async def test_a_capture_that_is_taken_slowly_slows_the_relay_and_fills_no_memory() -> None:
    sizes: list[int] = []
    async with tapped(echo_at_once) as through:
        through.recording.cancel()
        taking = asyncio.create_task(take_slowly(through.tap, sizes))
        _, answer = await say(through, bytes(30_000_000))
        await through.tap.stop()
        await taking
    assert len(answer) == 30_000_000
    assert sum(sizes) > 60_000_000
    assert max(sizes) < 9_000_000


@pytest.mark.system
async def test_the_greet_service_through_the_tap(greet: GreetProcess, tmp_path: Path) -> None:
    through = await tap_before(greet.port)
    async with grpc.aio.insecure_channel(str(through.tap.target)) as channel:
        call = channel.unary_unary(
            "/HelloWorld/greet",
            request_serializer=HelloRequest.SerializeToString,
            response_deserializer=HelloReply.FromString,
        )
        reply = await call(HelloRequest(name="World"))
    assert reply.message == "Hello, World"
    path = tmp_path / "greet.pcap"
    path.write_bytes(await through.stop())
    port = f"tcp.port=={through.port},http2"
    shown = run_tshark(path, "-d", port, "-T", "fields", "-e", "http2.headers.path", "-e", "http2.data.data")
    assert "/HelloWorld/greet" in shown
    assert b"Hello, World".hex() in shown
