"""The engines, really started on loopback: their choice, their readiness and their deaths."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

from inspector.capture.engines.start import Engine, check_engines, start_engine
from inspector.capture.route import loopback
from inspector.capture.source import Target
from inspector.capture.spool import Spool
from inspector.errors import EngineError, UsageError

pytestmark = pytest.mark.system

PROGRAMS = ("tcpdump", "dumpcap")


class Echo(NamedTuple):
    """A service that says everything back."""

    target: Target

    async def call(self, words: bytes, host: str = "127.0.0.1") -> None:
        reader, writer = await asyncio.open_connection(host, self.target.port)
        writer.write(words)
        await reader.readexactly(len(words))
        writer.close()
        await writer.wait_closed()


async def say_back(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
    writer.close()


@pytest.fixture
async def echo(free_port: int) -> AsyncIterator[Echo]:
    server = await asyncio.start_server(say_back, ["127.0.0.1", "::1"], free_port)
    yield Echo(Target("localhost", free_port))
    server.close()
    await server.wait_closed()


async def start(name: str, target: Target) -> Engine:
    """Start a capture program, where there is leave to."""
    try:
        return await start_engine(name, target)
    except EngineError as error:
        pytest.skip(str(error))


class Recording(NamedTuple):
    """What an engine gives, gathered while the test goes on."""

    spool: Spool
    task: asyncio.Task[None]

    @classmethod
    def of(cls, engine: Engine, spool: Spool) -> Recording:
        async def gather() -> None:
            try:
                async for chunk in engine.chunks():
                    spool.append(chunk)
            except BaseException:
                spool.finish()  # or whoever waits for more would wait for ever
                raise

        return cls(spool, asyncio.create_task(gather()))

    async def wait_for(self, words: bytes, times: int) -> None:
        """Wait until the words were captured so many times."""
        seen = b""
        async for chunk in self.spool.read_from(0):
            seen += chunk
            if seen.count(words) >= times:
                return
        await self.task
        pytest.fail(f"{words!r} was captured {seen.count(words)} times only")


@pytest.fixture
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Spool:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return Spool.create()


def children_named(name: str) -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if child.name() == name]


@pytest.mark.parametrize("name", PROGRAMS)
async def test_traffic_after_the_start_is_captured_on_both_addresses(name: str, echo: Echo, spool: Spool) -> None:
    engine = await start(name, echo.target)
    recording = Recording.of(engine, spool)
    await echo.call(b"over version four", "127.0.0.1")
    await echo.call(b"over version six", "::1")
    await recording.wait_for(b"over version four", times=2)
    await recording.wait_for(b"over version six", times=2)
    await engine.stop()
    await recording.task
    assert (engine.name, engine.interface, engine.target, engine.dropped) == (name, loopback(), echo.target, 0)
    assert children_named(name) == []


@pytest.mark.parametrize("second", PROGRAMS)
@pytest.mark.parametrize("first", PROGRAMS)
async def test_a_capture_is_continued_by_another_start(first: str, second: str, echo: Echo, spool: Spool) -> None:
    for words, name in ((b"one", first), (b"two", second)):
        engine = await start(name, echo.target)
        recording = Recording.of(engine, spool)
        await echo.call(words)
        await recording.wait_for(words, times=2)
        await engine.stop()
        await recording.task
        spool.resume()
    spool.finish()
    argv = [
        "tshark",
        "-r",
        str(spool.path),
        "-Y",
        "tcp.flags.syn==1 && tcp.flags.ack==0",
        "-T",
        "fields",
        "-e",
        "ip.src",
    ]
    reading = await asyncio.create_subprocess_exec(*argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    output, _ = await reading.communicate()
    assert (reading.returncode, output.split()) == (0, [b"127.0.0.1"] * 2)


@pytest.mark.parametrize("name", PROGRAMS)
async def test_a_killed_engine_is_noticed_at_once(name: str, echo: Echo, spool: Spool) -> None:
    engine = await start(name, echo.target)
    recording = Recording.of(engine, spool)
    await echo.call(b"before")
    await recording.wait_for(b"before", times=2)
    (process,) = children_named(name)
    process.kill()
    with pytest.raises(EngineError, match=f"{name} ended by itself: It was ended by SIGKILL. Start the capture again."):
        await recording.task
    await engine.stop()


@pytest.mark.parametrize("name", PROGRAMS)
async def test_a_refusal_quotes_the_engine(name: str, echo: Echo) -> None:
    await (await start(name, echo.target)).stop()
    with pytest.raises(EngineError, match=f"{name} cannot capture on nothing0: .*No such device"):
        await start_engine(name, echo.target, interface="nothing0")
    assert children_named(name) == []


async def test_an_interface_that_was_asked_for_is_never_replaced_by_the_tap(echo: Echo) -> None:
    with pytest.raises(EngineError, match="nothing0"):
        await start_engine("auto", echo.target, interface="nothing0")


async def test_lost_packets_are_counted(echo: Echo, spool: Spool) -> None:
    """tcpdump is held while more packets pass than its buffer has places for; loopback shows it each packet twice."""
    engine = await start("tcpdump", echo.target)
    recording = Recording.of(engine, spool)
    (process,) = children_named("tcpdump")
    process.suspend()
    reader, writer = await asyncio.open_connection("127.0.0.1", echo.target.port)
    for _ in range(1000):
        writer.write(b"x")
        await reader.readexactly(1)
    process.resume()
    writer.close()
    await engine.stop()
    await recording.task
    assert engine.dropped > 0


async def test_the_tap_is_chosen_and_says_why_where_no_program_may_capture(
    echo: Echo, spool: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    engine = await start_engine("auto", echo.target)
    assert (engine.name, engine.interface) == ("tap", None)
    assert "tcpdump is not installed. dumpcap is not installed." in engine.reason
    assert f"Only calls through {engine.target} are seen" in engine.reason
    recording = Recording.of(engine, spool)
    await Echo(engine.target).call(b"through the tap")
    await recording.wait_for(b"through the tap", times=2)
    await engine.pause()
    await recording.task
    again = await start_engine("tap", echo.target, again=engine)
    assert again is engine
    await engine.stop()
    fresh = await start_engine("tap", echo.target, again=engine)
    assert fresh is not engine
    await fresh.stop()


async def test_the_tap_takes_the_place_of_a_service_of_ours(echo: Echo) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    engine = await start_engine("tap", Target("localhost", port), service=echo.target)
    assert engine.target == Target("localhost", port)
    await Echo(engine.target).call(b"hello")
    await engine.stop()


PROBE = """
import asyncio
from inspector.capture.engines.start import start_engine
from inspector.capture.source import Target

async def main():
    engine = await start_engine("auto", Target("localhost", 1))
    print(engine.name, engine.reason)
    await engine.stop()

asyncio.run(main())
"""


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="needs root to give up privileges")
async def test_without_the_privilege_auto_ends_at_the_tap() -> None:
    argv = ["setpriv", "--bounding-set=-net_raw,-net_admin", sys.executable, "-c", PROBE]
    process = await asyncio.create_subprocess_exec(*argv, stdout=subprocess.PIPE)
    output, _ = await process.communicate()
    assert output.startswith(b"tap ")
    for words in (
        b"tcpdump cannot capture on lo: You don't have permission",
        b"dumpcap cannot capture on lo: You do not",
    ):
        assert words in output


async def test_every_engine_is_checked_by_starting_it() -> None:
    checks = await check_engines()
    assert [check.engine for check in checks] == ["tcpdump", "dumpcap", "tap"]
    assert checks[-1].is_allowed
    assert all(check.is_allowed or check.hint for check in checks)
    assert all(children_named(check.engine) == [] for check in checks)


async def test_an_engine_that_does_not_exist_is_wrong_usage(echo: Echo) -> None:
    with pytest.raises(UsageError, match="no engine 'pcap'"):
        await start_engine("pcap", echo.target)
