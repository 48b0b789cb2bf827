"""More clients than the tap has descriptors for: the surplus is refused, and nothing else suffers from it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import shutil
import socket
import subprocess
import sys
from asyncio import StreamWriter
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path

import pytest

from inspector.capture.engines import tap as tap_module
from inspector.capture.engines.tap import Tap, open_tap
from inspector.capture.engines.tap_packets import Ends, RecordedAddresses
from inspector.capture.source import Target
from inspector.errors import EngineError
from inspector.model.frame import Endpoint
from tests.capture.test_tap import echo_at_once, tapped
from tests.capture.test_tap_listener import finish, greet_from_elsewhere, listening
from tests.conftest import GreetProcess
from tests.end_to_end.test_terminal import APP
from tests.headless.test_commands import COMMAND, objects
from tests.packet_rows import RST, complaints, tshark
from tests.servers import SETTINGS
from tests.terminal import terminal
from tests.wire import PREFACE


class Clients:
    """Connections through a tap that are held open."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.outcomes: Counter[str] = Counter()
        self._open: list[StreamWriter] = []

    async def connect(self, count: int) -> None:
        await asyncio.gather(*(self._connect() for _ in range(count)))

    async def _connect(self) -> None:
        """Connect and greet as an HTTP/2 client does; a served one gets an answer."""
        try:
            reader, writer = await asyncio.open_connection("localhost", self.port)
            writer.write(PREFACE + SETTINGS)
            answer = await reader.read(1)
        except ConnectionError:
            self.outcomes["refused"] += 1
            return
        self.outcomes["served" if answer else "refused"] += 1
        self._open.append(writer)

    async def leave(self) -> None:
        for writer in self._open:
            writer.close()
        for writer in self._open:
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
        self._open.clear()


@contextlib.asynccontextmanager
async def clients(address: str) -> AsyncIterator[Clients]:
    found = Clients(int(address.rpartition(":")[2]))
    try:
        yield found
    finally:
        await found.leave()


@contextlib.contextmanager
def limited(limit: int, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A command that may have only so many descriptors, once it listens; with its address."""
    with listening(*arguments, command=with_limit(limit, COMMAND)) as (process, address, _):
        yield process, address


def with_limit(limit: int, command: Sequence[str]) -> list[str]:
    return ["sh", "-c", f'ulimit -n {limit}; exec "$@"', "-", *command]


@pytest.mark.system
async def test_surplus_clients_are_refused_and_the_others_are_served(greet: GreetProcess, tmp_path: Path) -> None:
    limit = 64
    kept = tmp_path / "kept.pcap"
    arguments = ("calls", greet.target, "--engine", "tap", "--json", "--no-reflection", "--write", str(kept))
    with limited(limit, *arguments) as (process, address):
        async with clients(address) as held:
            await held.connect(200)
            assert held.outcomes["served"] + held.outcomes["refused"] == 200
            assert 5 <= held.outcomes["served"] <= limit // 2
            # With all in use that the tap may have, tshark was started again for the port that was found.
            assert process.poll() is None
        assert await asyncio.to_thread(greet_from_elsewhere, address, "Ada") == ["Hello, Ada"]
        printed, said = await asyncio.to_thread(finish, process)
    assert process.returncode == 130
    assert said.splitlines() == [
        f"grpc-inspector: The tap refused a connection: the limit of open files (ulimit -n {limit}) is reached."
    ]
    assert [call["requests"][0]["value"] for call in objects(printed)] == [{"name": "Ada"}]
    rows = tshark(kept.read_bytes(), tmp_path / "copy.pcap")
    assert complaints(rows) == []
    assert sum(bool(row.flags & RST) for row in rows) == held.outcomes["refused"]


@pytest.mark.system
@pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")
async def test_the_app_says_so_while_it_lasts(greet: GreetProcess, tmp_path: Path, free_port: int) -> None:
    limit, address = 96, f"localhost:{free_port}"
    command = (*with_limit(limit, APP), greet.target, "--listen", address)
    with terminal(tmp_path, command, columns=80, lines=24) as window:
        await asyncio.to_thread(window.wait_for, "● live", f"tap on {address}", f"Only calls through {address}")
        async with clients(address) as held:
            await held.connect(150)
            assert held.outcomes["refused"] > 0
            await asyncio.to_thread(window.wait_for, "the limit of open files (ulimit -n 96) is", "● live")
        window.type("World", "Enter")
        await asyncio.to_thread(window.wait_for, 'HelloReply  message: "', f"Only calls through {address}")
        assert "limit of open files" not in window.screen()
        window.type("C-q")
        await asyncio.to_thread(window.wait_for, "ended with 0")


BURST = """
import asyncio, resource, sys
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
outcomes = []

async def connect(port):
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"x")
        outcomes.append(await reader.read(1) == b"x")
        return writer
    except ConnectionError:
        outcomes.append(False)

async def main():
    writers = await asyncio.gather(*(connect(int(sys.argv[1])) for _ in range(int(sys.argv[2]))))
    print(sum(outcomes), len(outcomes))

asyncio.run(main())
"""
"""Connects so often at once, and holds what is answered until all have been."""


@contextlib.contextmanager
def limit_here(more: int) -> Iterator[int]:
    """Allow this process so many descriptors more than it has; the limit."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = max(int(each.name) for each in Path("/dev/fd").iterdir()) + more
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, before[1]))
    try:
        yield limit
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.skipif(resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 2_100, reason="too few descriptors for a burst")
async def test_a_burst_of_thousands_starts_no_tasks_for_refused_connections() -> None:
    most = 0

    async def watch() -> None:
        nonlocal most
        while True:
            most = max(most, sum("Tap." in repr(task.get_coro()) for task in asyncio.all_tasks()))
            await asyncio.sleep(0.01)

    async with tapped(echo_at_once) as through:
        watching = asyncio.create_task(watch())
        with limit_here(1_000) as limit:
            argv = (sys.executable, "-c", BURST, str(through.port), "2000")
            burst = await asyncio.create_subprocess_exec(*argv, stdout=subprocess.PIPE)
            output, _ = await burst.communicate()
            assert f"the limit of open files (ulimit -n {limit}) is reached" in through.tap.notice
        watching.cancel()
        served, answered = map(int, output.split())
        assert answered == 2_000
        # This process has the service too: three descriptors for each connection that is served.
        assert 200 < served < limit / 3
        assert served < most < 4 * served
        _, writer = await through.connect()
        writer.close()
        await until(lambda: not through.tap.notice)


async def until(holds: Callable[[], bool]) -> None:
    """Wait for something of a tap, which tells nobody of it."""
    while not holds():  # noqa: ASYNC110
        await asyncio.sleep(0)


async def test_connections_have_a_limit_where_descriptors_have_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tap_module, "_MAX_CONNECTIONS", 2)
    async with tapped(echo_at_once) as through:
        served = [await through.connect() for _ in range(2)]
        for reader, writer in served:
            writer.write(b"x")
            assert await reader.readexactly(1) == b"x"
        surplus, _ = await through.connect()
        with pytest.raises(ConnectionResetError):
            await surplus.read()
        assert through.tap.notice == "The tap refused a connection: it relays 2 already."
        for _, writer in served:
            writer.close()


async def test_a_tap_without_a_descriptor_left_goes_on_when_there_is_one() -> None:
    async with tapped(echo_at_once) as through:
        with limit_here(4), contextlib.ExitStack() as taken:
            client = socket.create_connection(("127.0.0.1", through.port))  # in the queue, while nothing is awaited
            take_all(taken)
            await until(lambda: "cannot accept a connection: the limit of open files" in through.tap.notice)
        with client:
            client.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_sendall(client, b"x")
            assert await loop.sock_recv(client, 1) == b"x"
        assert through.tap.notice == ""


async def test_a_shortage_is_not_blamed_on_the_service() -> None:
    """The rest of the program has all descriptors but one, which the client's connection takes."""
    async with tapped(echo_at_once) as through:
        with limit_here(100) as limit, contextlib.ExitStack() as taken:
            client = taken.enter_context(socket.create_connection(("127.0.0.1", through.port)))
            client.setblocking(False)
            low = os.open(os.devnull, os.O_RDONLY)
            take_all(taken)
            os.close(low)
            with pytest.raises(ConnectionResetError):
                await asyncio.get_running_loop().sock_recv(client, 1)
            reason = f"the limit of open files (ulimit -n {limit}) is reached"
            assert through.tap.notice == f"The tap refused a connection: {reason}."


def take_all(taken: contextlib.ExitStack) -> None:
    """Open files until no descriptor is left."""
    with contextlib.suppress(OSError):
        while True:
            taken.callback(os.close, os.open(os.devnull, os.O_RDONLY))


async def test_a_tap_that_cannot_start_says_why() -> None:
    with contextlib.ExitStack() as taken:
        limit = taken.enter_context(limit_here(4))
        take_all(taken)
        for target in (Target("localhost", 0), Target("", 0, "tap.sock")):
            with pytest.raises(EngineError) as caught:
                await open_tap(target, Target("127.0.0.1", 1))
            reason = f"the limit of open files (ulimit -n {limit}) is reached."
            assert str(caught.value) == f"The tap cannot listen on {target}: {reason} {caught.value.hint}"
            assert "ulimit -n" in caught.value.hint


async def test_an_unexpected_exception_resets_only_its_connection(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def of(self: RecordedAddresses, client: socket.socket, peer: tuple[str, int]) -> Ends:
        if peer[1] in unlucky:
            raise MemoryError("no room")
        return addresses(self, client, peer)

    addresses, unlucky = RecordedAddresses.of, set[int]()
    monkeypatch.setattr(RecordedAddresses, "of", of)
    async with tapped(echo_at_once) as through:
        reader, writer = await through.connect()
        with socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))
            unlucky.add(bound.getsockname()[1])
            bound.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(bound, ("127.0.0.1", through.port))
            with pytest.raises(ConnectionResetError):
                await loop.sock_recv(bound, 1)
        assert through.tap.notice == "The tap reset a connection: MemoryError: no room."
        writer.write(b"x")
        assert await reader.readexactly(1) == b"x"
        writer.close()
        _, another = await through.connect()
        await until(lambda: not through.tap.notice)
        another.close()


async def test_an_unexpected_exception_while_copying_resets_that_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    async def stumble(self: Tap) -> None:
        if b"stumble" in self._pending:
            raise ArithmeticError("stumbled")
        await room(self)

    room = Tap._wait_for_reader
    monkeypatch.setattr(Tap, "_wait_for_reader", stumble)
    async with tapped(echo_at_once) as through:
        reader, writer = await through.connect()
        other, other_writer = await through.connect()
        other_writer.write(b"x")
        assert await other.readexactly(1) == b"x"
        writer.write(b"stumble")
        with pytest.raises(ConnectionResetError):
            await reader.read()
        assert through.tap.notice == "The tap reset a connection: ArithmeticError: stumbled."
        other_writer.write(b"y")
        assert await other.readexactly(1) == b"y"
        other_writer.close()


def test_ports_of_unix_connections_are_not_used_twice_at_once() -> None:
    addresses, ends = RecordedAddresses(Target("", 0, "service.sock")), []
    for _ in range(3):
        ours, theirs = socket.socketpair(socket.AF_UNIX)
        with ours, theirs:
            ends.append(addresses.of(theirs, ""))
    assert len({each.client.port for each in ends}) == 3
    assert {each.server for each in ends} == {Endpoint("127.0.0.1", 50051)}
    assert addresses.own_ports == {each.client.port for each in ends}
    addresses.release(ends[0])
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    with ours, theirs:
        assert addresses.of(theirs, "").client.port == ends[2].client.port + 1  # not the one that was just in use
