"""Where the tap listens: on a Unix socket for clients that connect to nothing else, and on addresses of the user's."""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import pytest

from inspector.capture.engines.tap import Tap, open_tap
from inspector.capture.source import MAX_SOCKET_PATH as MAX_PATH
from inspector.capture.source import Target
from inspector.errors import EngineError, UsageError
from inspector.schema.catalog import Catalog
from inspector.session import LiveSource, Phase, Session, parse_source
from inspector.ui.launch import Launch
from tests.conftest import GreetProcess
from tests.headless.test_commands import COMMAND, objects, run
from tests.tapped import record
from tests.ui.test_send import send
from tests.ui_running import NARROW, WIDE, lines, running

CLIENT = """
import sys, grpc
from sample_service.helloworld_pb2 import HelloReply, HelloRequest
with grpc.insecure_channel(sys.argv[1]) as channel:
    greet = channel.unary_unary("/HelloWorld/greet", HelloRequest.SerializeToString, HelloReply.FromString)
    for name in sys.argv[2:]:
        print(greet(HelloRequest(name=name), timeout=20).message)
"""
"""A client that knows nothing of this program: grpcio dials the target that it is given."""
SERVICE = """
import sys, grpc
from concurrent.futures import ThreadPoolExecutor
from sample_service.server import Greeter
from sample_service.helloworld_pb2_grpc import add_HelloWorldServicer_to_server
server = grpc.server(ThreadPoolExecutor(4))
add_HelloWorldServicer_to_server(Greeter(), server)
server.add_insecure_port(sys.argv[1])
server.start()
print("listens", flush=True)
sys.stdin.read()
"""
LISTENING = re.compile(r"grpc-inspector: Listening on (\S+)\. Connect clients there; calls go on to (\S+)\.\n")


def greet_from_elsewhere(target: str, *names: str) -> list[str]:
    argv = [sys.executable, "-c", CLIENT, target, *names]
    return subprocess.run(argv, stdout=subprocess.PIPE, text=True, timeout=60, check=True).stdout.splitlines()


@pytest.fixture
def unix_service(tmp_path: Path) -> Iterator[str]:
    """A greet service on a Unix socket; its target."""
    target, pipe = f"unix:{tmp_path / 'service.sock'}", subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", SERVICE, target], stdin=pipe, stdout=pipe, text=True) as service:
        assert service.stdout is not None
        assert service.stdout.readline() == "listens\n"
        yield target
        service.kill()


@contextlib.contextmanager
def listening(*arguments: str, command: Sequence[str] = COMMAND) -> Iterator[tuple[subprocess.Popen[str], str, str]]:
    """A command while it runs; with the address at which it says that it listens, and the one that calls go on to."""
    pipe = subprocess.PIPE
    with subprocess.Popen([*command, *arguments], stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True) as it:
        try:
            assert it.stderr is not None
            said = it.stderr.readline()
            found = LISTENING.fullmatch(said)
            assert found, said
            yield it, found[1], found[2]
        finally:
            it.kill()


def finish(process: subprocess.Popen[str], number: signal.Signals = signal.SIGINT) -> tuple[str, str]:
    process.send_signal(number)
    return process.communicate(timeout=30)


def socket_files(folder: Path) -> list[str]:
    return [each.name for each in folder.iterdir() if stat.S_ISSOCK(each.stat().st_mode)]


@pytest.mark.system
@pytest.mark.parametrize("command", ["calls", "frames", "connections"])
def test_a_tap_says_where_it_listens(greet: GreetProcess, command: str) -> None:
    arguments = (command, greet.target, "--engine", "tap", "--json", "--no-reflection")
    with listening(*arguments) as (process, address, service):
        assert service == greet.target
        assert greet_from_elsewhere(address, "Ada") == ["Hello, Ada"]
        printed, said = finish(process)
        assert (process.returncode, said) == (130, "")
        assert objects(printed)


@pytest.mark.system
def test_follow_says_where_its_tap_listens(greet: GreetProcess) -> None:
    with listening("follow", greet.target, "0/1", "--engine", "tap") as (process, address, _):
        greet_from_elsewhere(address, "Ada")
        printed, _ = process.communicate(timeout=30)
        assert (process.returncode, '"name": "Ada"' in printed) == (0, True)


@pytest.mark.system
def test_a_client_that_dials_only_a_socket_reaches_a_service_on_the_network(
    greet: GreetProcess, tmp_path: Path
) -> None:
    path = tmp_path / "tap.sock"
    with listening("calls", greet.target, "--listen", f"unix:{path}", "--json") as (process, address, service):
        assert (address, service) == (f"unix:{path}", greet.target)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        for name in ("Ada", "Bo"):
            assert greet_from_elsewhere(address, name) == [f"Hello, {name}"]
        printed, said = finish(process, signal.SIGTERM)
        assert said == ""
        assert not path.exists()
    calls = objects(printed)
    assert [call["requests"][0]["value"] for call in calls] == [{"name": "Ada"}, {"name": "Bo"}]
    assert {call["server"] for call in calls} == {f"127.0.0.1:{greet.port}"}
    assert len({call["client"] for call in calls}) == 2
    assert all(re.fullmatch(r"127\.0\.0\.1:\d+", call["client"]) for call in calls)


@pytest.mark.system
def test_a_client_that_dials_only_a_socket_reaches_a_service_on_a_socket(unix_service: str, tmp_path: Path) -> None:
    path, kept = tmp_path / "tap.sock", tmp_path / "kept.pcap"
    arguments = ("calls", unix_service, "--listen", f"unix:{path}", "--json", "--write", str(kept))
    with listening(*arguments) as (process, address, service):
        assert service == unix_service
        assert greet_from_elsewhere(address, "Ada", "Bo") == ["Hello, Ada", "Hello, Bo"]
        printed, _ = finish(process)
    assert [call["responses"][0]["value"] for call in objects(printed)] == [
        {"message": "Hello, Ada"},
        {"message": "Hello, Bo"},
    ]
    assert socket_files(tmp_path) == ["service.sock"]
    assert run("calls", kept, "--json", "--port", "50051").stdout.count('"name":"Ada"') == 1


@pytest.mark.system
def test_a_socket_that_a_killed_run_left_is_replaced(greet: GreetProcess, tmp_path: Path) -> None:
    path = tmp_path / "tap.sock"
    arguments = ("calls", greet.target, "--listen", f"unix:{path}", "--json", "--no-reflection")
    with listening(*arguments) as (process, address, _):
        process.kill()
        process.wait()
        assert path.exists()
    with listening(*arguments) as (process, address, _):
        assert greet_from_elsewhere(address, "Ada") == ["Hello, Ada"]
        finish(process)
    assert not path.exists()


@pytest.mark.system
@pytest.mark.parametrize("family", ["unix", "tcp"])
def test_call_goes_through_the_address_that_was_named(
    greet: GreetProcess, tmp_path: Path, free_port: int, family: str
) -> None:
    address = f"unix:{tmp_path / 'tap.sock'}" if family == "unix" else f":{free_port}"
    done = run("call", greet.target, "HelloWorld/greet", "World", "--listen", address, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    (call,) = objects(done.stdout)
    assert (call["authority"], call["responses"][0]["value"]) == (greet.target, {"message": "Hello, World"})
    assert socket_files(tmp_path) == []


@contextlib.asynccontextmanager
async def tap_on(listen: Target, service: Target) -> AsyncIterator[Tap]:
    tap = await open_tap(listen, service)
    recording = asyncio.create_task(record(tap, bytearray()))
    try:
        yield tap
    finally:
        await tap.stop()
        await recording


@pytest.mark.system
@pytest.mark.parametrize(
    ("made", "words"),
    [
        ("file", "that is not a socket, and it is left alone. Choose another path."),
        ("folder", "that is not a socket, and it is left alone. Choose another path."),
        ("link", "that is not a socket, and it is left alone. Choose another path."),
        ("live", "another program listens there. End it, or choose another path."),
    ],
)
def test_an_existing_file_is_left_alone(greet: GreetProcess, tmp_path: Path, made: str, words: str) -> None:
    path = tmp_path / "there"
    with socket.socket(socket.AF_UNIX) as live:
        match made:
            case "file":
                path.write_text("mine")
            case "folder":
                path.mkdir()
            case "link":
                path.symlink_to(tmp_path / "nowhere")
            case "live":
                live.bind(str(path))
                live.listen()
        before = identity(path)
        done = run("calls", greet.target, "--listen", f"unix:{path}", "--no-reflection")
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == f"grpc-inspector: The tap cannot listen on unix:{path}: {words}\n"
        assert identity(path) == before


def identity(path: Path) -> tuple[int, int, int]:
    found = path.lstat()
    return found.st_ino, found.st_mode, found.st_size


@pytest.mark.system
def test_a_live_socket_is_live_with_a_full_queue_too(tmp_path: Path) -> None:
    path = tmp_path / "busy"
    with contextlib.ExitStack() as sockets:
        live = sockets.enter_context(socket.socket(socket.AF_UNIX))
        live.bind(str(path))
        live.listen(0)
        fill(sockets, path)
        with pytest.raises(EngineError, match="another program listens there"):
            asyncio.run(open_tap(Target("", 0, str(path)), Target("localhost", 1)))
    assert path.exists()


def fill(sockets: contextlib.ExitStack, path: Path) -> list[socket.socket]:
    """Connect to a Unix socket until its queue is full."""
    waiting: list[socket.socket] = []
    while True:
        client = sockets.enter_context(socket.socket(socket.AF_UNIX))
        client.setblocking(False)
        try:
            client.connect(str(path))
        except BlockingIOError:
            return waiting
        waiting.append(client)


@pytest.mark.system
@pytest.mark.parametrize(
    ("listen", "status", "words"),
    [
        ("unix:nowhere/x.sock", 1, "There is no folder nowhere for the socket nowhere/x.sock. Make it"),
        (f"unix:{sys.executable}/x.sock", 1, "There is no folder"),
        ("unix:/proc/x.sock", 1, "The tap cannot listen on unix:/proc/x.sock: "),
        (
            f"unix:/tmp/{'x' * MAX_PATH}",
            2,
            f"has {MAX_PATH + 5} bytes, and the system allows {MAX_PATH}",
        ),
        (f"unix:/tmp/{'ü' * 60}", 2, f"has 125 bytes, and the system allows {MAX_PATH}"),
        ("unix:", 2, "'unix:' is not a host with a port"),
        ("50051", 2, "'50051' is not a host with a port; write HOST:PORT"),
        ("localhost:65536", 2, "65536 is not a TCP port: they go from 0 to 65535"),
        ("192.0.2.1:0", 1, "cannot listen on 192.0.2.1:0: Cannot assign requested address. Name an address of this"),
        ("no-such-host.invalid:1", 1, "The host no-such-host.invalid cannot be resolved"),
    ],
)
def test_an_address_that_cannot_be_had_is_one_sentence(listen: str, status: int, words: str) -> None:
    done = run("calls", "localhost:1", "--listen", listen, "--no-reflection")
    assert (done.returncode, done.stdout) == (status, ""), done.stderr
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_service_whose_socket_has_too_long_a_path_is_one_sentence() -> None:
    with pytest.raises(UsageError, match="has 208 bytes"):
        parse_source(f"unix:/tmp/{'x' * 203}")


async def test_a_file_that_took_the_sockets_place_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "tap.sock"
    async with tap_on(Target("", 0, str(path)), Target("localhost", 1)):
        path.unlink()
        path.write_text("another's")
    assert path.read_text() == "another's"


@pytest.mark.system
async def test_every_address_of_the_host_is_every_address(greet: GreetProcess) -> None:
    async with tap_on(Target("::", 0), Target("localhost", greet.port)) as tap:
        for host in ("127.0.0.1", "::1"):
            target = str(Target(host, tap.target.port))
            assert await asyncio.to_thread(greet_from_elsewhere, target, "Ada") == ["Hello, Ada"]


async def test_a_service_whose_queue_is_full_is_waited_for(tmp_path: Path) -> None:
    """A Unix socket refuses no client whose queue is full: it makes them wait."""
    path = tmp_path / "service"
    with contextlib.ExitStack() as sockets:
        service = sockets.enter_context(socket.socket(socket.AF_UNIX))
        service.bind(str(path))
        service.listen(1)
        before_us = fill(sockets, path)
        async with tap_on(Target("127.0.0.1", 0), Target("", 0, str(path))) as tap:
            reader, writer = await asyncio.open_connection("127.0.0.1", tap.target.port)
            writer.write(b"patient")
            service.setblocking(False)
            loop = asyncio.get_running_loop()
            for _ in range(len(before_us) + 1):
                connection, _ = await loop.sock_accept(service)
                sockets.enter_context(connection)
            assert await loop.sock_recv(connection, 100) == b"patient"
            await loop.sock_sendall(connection, b"served")
            assert await reader.readexactly(6) == b"served"
            assert tap.notice == ""
            writer.close()


@pytest.mark.system
@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_the_app_shows_where_the_tap_listens_and_calls_through_it(
    greet: GreetProcess, tmp_path: Path, size: tuple[int, int]
) -> None:
    path = tmp_path / "tap.sock"
    source = LiveSource(Target("localhost", greet.port), listen=Target("", 0, str(path)))
    async with running(Launch(lambda: Session(source), Catalog(), target=str(source.target)), size) as run:
        await run.until(lambda: run.session.status.phase is Phase.LIVE)
        await asyncio.to_thread(greet_from_elsewhere, f"unix:{path}", "Ada")
        await run.until(lambda: run.frames.count == 5)
        await send(run, "World", 10)
        await run.until(lambda: run.frames.cursor.row == 5)  # one's own call is known, and selected
        await asyncio.to_thread(greet_from_elsewhere, f"unix:{path}", "Bo")
        await run.until(lambda: run.frames.count == 15)
        assert run.frames.cursor.row == 5
        status = lines(run.screen.query_one("#status"))[0]
        assert "tap on …" in status
        assert str(path)[-20:] in status
    assert socket_files(tmp_path) == []


@pytest.mark.system
async def test_the_greet_service_keeps_its_port_where_the_tap_listens_elsewhere(free_port: int, tmp_path: Path) -> None:
    path = tmp_path / "tap.sock"
    source = LiveSource(Target("localhost", free_port), greet=True, listen=Target("", 0, str(path)))
    session = Session(source)
    task = asyncio.create_task(session.run())
    await session.wait_live()
    try:
        assert str(session.status.target) == f"unix:{path}"
        for target in (f"localhost:{free_port}", f"unix:{path}"):
            assert await asyncio.to_thread(greet_from_elsewhere, target, "Ada") == ["Hello, Ada"]
        await session.finish()
        await task
        assert len(session.store.calls) == 1
    finally:
        await session.close()
