"""One capture from source to store: real engines, a real service, and what happens when one of them is killed."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import grpc.aio
import psutil
import pytest

from inspector.capture.source import Target
from inspector.client.sender import Sender
from inspector.errors import InspectorError, SourceError
from inspector.model.call import CallState
from inspector.present.export.json import connection_object
from inspector.session import FileSource, LiveSource, Phase, Session, SessionStatus, parse_source
from sample_service.helloworld_pb2 import HelloReply, HelloRequest
from sample_service.helloworld_pb2_grpc import HelloWorldServicer, add_HelloWorldServicer_to_server
from tests.captures import DATA
from tests.conftest import GreetProcess, command_of
from tests.engines_here import needs_capture

PATIENCE = 20.0
"""Seconds until a test gives up on what never comes."""


class Watched:
    """A running session, and a way to wait for what it is to become."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.notices: list[str] = []
        self._changed = asyncio.Event()
        session.on_change = lambda _change: self._changed.set()
        session.on_status = self._on_status

    def _on_status(self, status: SessionStatus) -> None:
        if status.notice and status.notice not in self.notices[-1:]:
            self.notices.append(status.notice)
        self._changed.set()

    async def until(self, is_so: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not is_so():
                self._changed.clear()
                await self._changed.wait()

    def complete_calls(self) -> int:
        calls = self.session.store.calls.values()
        return sum(call.state is CallState.COMPLETE and call.method == "/HelloWorld/greet" for call in calls)


@contextlib.asynccontextmanager
async def running(session: Session) -> AsyncIterator[Watched]:
    watched = Watched(session)
    task = asyncio.create_task(session.run())
    try:
        await session.wait_live()
        yield watched
    finally:
        await session.finish()
        with contextlib.suppress(InspectorError):
            await task
        await session.close()


async def greet_through(status: SessionStatus, name: str = "World") -> None:
    """One call, by the way on which it is seen."""
    caller = Sender(str(status.target))
    outcome = await caller.unary("/HelloWorld/greet", HelloRequest(name=name).SerializeToString())
    await caller.close()
    assert outcome.status.code == 0, outcome.detail


def child(name: str) -> psutil.Process:
    """The latest child of this test with that name: a tshark that was replaced, as for another port, may still end."""
    commands = {each: command_of(each) for each in psutil.Process().children()}
    found = [
        each for each, command in commands.items() if command and each.name() == name and "--version" not in command
    ]
    return max(found, key=psutil.Process.create_time)


class _Greeter(HelloWorldServicer):
    async def greet(self, request: HelloRequest, context: object) -> HelloReply:
        return HelloReply(message=f"Hello, {request.name}")


ENGINES = [pytest.param("tcpdump", marks=needs_capture), pytest.param("dumpcap", marks=needs_capture), "tap"]


@pytest.mark.system
@pytest.mark.parametrize("engine", ENGINES)
async def test_every_engine_shows_a_call(engine: str, greet: GreetProcess) -> None:
    async with running(Session(LiveSource(Target("localhost", greet.port), engine))) as watched:
        status = watched.session.status
        assert (status.phase, status.engine) == (Phase.LIVE, engine)
        assert status.reason
        await greet_through(status)
        await watched.until(lambda: watched.complete_calls() == 1)
        (call,) = watched.session.store.calls.values()
        assert [message.data for message in call.responses] == [b"\n\x0cHello, World"]


@pytest.mark.system
@pytest.mark.parametrize("engine", ENGINES)
async def test_capturing_stops_and_resumes(engine: str, greet: GreetProcess) -> None:
    async with running(Session(LiveSource(Target("localhost", greet.port), engine))) as watched:
        session = watched.session
        await greet_through(session.status, "before")
        await watched.until(lambda: watched.complete_calls() == 1)
        await session.stop_capture()
        assert session.status.phase is Phase.STOPPED
        await greet_through(session.status, "unseen")
        await session.start_capture()
        await greet_through(session.status, "after")
        await watched.until(lambda: watched.complete_calls() == 2)
        names = [message.data for call in session.store.calls.values() for message in call.requests]
        assert names == [b"\n\x06before", b"\n\x05after"]


@pytest.mark.system
async def test_a_killed_tshark_is_reported_and_nothing_is_lost(greet: GreetProcess) -> None:
    async with running(Session(LiveSource(Target("localhost", greet.port), "tap"))) as watched:
        await greet_through(watched.session.status, "one")
        await watched.until(lambda: watched.complete_calls() == 1)
        before = list(watched.session.store.frames)
        child("tshark").kill()
        await greet_through(watched.session.status, "two")
        await watched.until(lambda: watched.complete_calls() == 2)
        assert watched.session.store.frames[: len(before)] == before
        assert any("SIGKILL" in notice and "nothing is lost" in notice for notice in watched.notices)


@pytest.mark.system
@needs_capture
@pytest.mark.parametrize("engine", ["tcpdump", "dumpcap"])
async def test_a_killed_engine_is_reported_and_restarted(engine: str, greet: GreetProcess) -> None:
    async with running(Session(LiveSource(Target("localhost", greet.port), engine))) as watched:
        await greet_through(watched.session.status, "one")
        await watched.until(lambda: watched.complete_calls() == 1)
        killed = child(engine)
        killed.kill()
        await watched.until(lambda: any("was restarted" in notice for notice in watched.notices))
        await watched.until(lambda: watched.session.status.phase is Phase.LIVE)
        assert child(engine).pid != killed.pid
        await greet_through(watched.session.status, "two")
        await watched.until(lambda: watched.complete_calls() == 2)


@pytest.mark.system
async def test_a_killed_service_is_reported_and_restarted(free_port: int) -> None:
    before = {process.pid for process in psutil.Process().children()}
    source = LiveSource(Target("localhost", free_port), "tap", greet=True)
    async with running(Session(source)) as watched:
        assert watched.session.status.target == Target("localhost", free_port)
        await greet_through(watched.session.status)
        children = [process for process in psutil.Process().children() if process.pid not in before]
        (service,) = [process for process in children if "sample_service" in command_of(process)]
        service.kill()
        await watched.until(lambda: any("was restarted" in notice for notice in watched.notices))
        await greet_through(watched.session.status)
        await watched.until(lambda: watched.complete_calls() == 2)
        assert any("SIGKILL" in notice for notice in watched.notices)


@pytest.mark.system
async def test_a_unix_socket_is_seen_through_the_tap(tmp_path: Path) -> None:
    server = grpc.aio.server()
    add_HelloWorldServicer_to_server(_Greeter(), server)  # type: ignore[no-untyped-call]  # generated
    path = tmp_path / "socket"
    server.add_insecure_port(f"unix:{path}")
    await server.start()
    async with running(Session(LiveSource(Target.parse(f"unix:{path}")))) as watched:
        assert watched.session.status.engine == "tap"
        await greet_through(watched.session.status)
        await watched.until(lambda: watched.complete_calls() == 1)
    await server.stop(None)


@pytest.mark.system
async def test_a_running_greet_service_is_used(greet: GreetProcess) -> None:
    source = LiveSource(Target("localhost", greet.port), "tap", greet=True)
    async with running(Session(source)) as watched:
        assert "already" in watched.session.status.service
        assert watched.session.status.target != Target("localhost", greet.port)
        await greet_through(watched.session.status)
        await watched.until(lambda: watched.complete_calls() == 1)


@pytest.mark.system
async def test_a_port_that_speaks_http2_is_found_while_a_capture_streams_in(tmp_path: Path) -> None:
    """The preface comes after tshark has begun, in a capture whose ports nobody named."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    session = Session(FileSource(pipe))
    watched = Watched(session)
    task = asyncio.create_task(session.run())
    data = (DATA / "a_full_go.pcapng").read_bytes()
    with await asyncio.to_thread(open, pipe, "wb", 0) as writer:
        writer.write(data[:600])  # section, interface and first packets: no preface yet
        await watched.until(lambda: session.status.captured >= 600)
        writer.write(data[600:])
    await task
    await session.close()
    assert len(session.store.calls) == 30
    assert [frame.packet for frame in session.store.frames] == sorted(frame.packet for frame in session.store.frames)


@pytest.mark.system
async def test_a_capture_can_be_saved_and_read_again(greet: GreetProcess, tmp_path: Path) -> None:
    path = tmp_path / "saved.pcap"
    async with running(Session(LiveSource(Target("localhost", greet.port), "tap"))) as watched:
        await greet_through(watched.session.status)
        await watched.until(lambda: watched.complete_calls() == 1)
        await watched.session.save(path)
        with pytest.raises(SourceError, match="exists already"):
            await watched.session.save(path)
        frames = len(watched.session.store.frames)
    again = Session(FileSource(path))
    await again.run()
    await again.close()
    assert len(again.store.frames) >= frames
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.system
async def test_a_closed_session_leaves_nothing(greet: GreetProcess) -> None:
    async with running(Session(LiveSource(Target("localhost", greet.port), "tap"))) as watched:
        await greet_through(watched.session.status)
    names = {p.name() for p in psutil.Process().children() if p.status() != psutil.STATUS_ZOMBIE}
    assert not names & {"tshark", "tcpdump", "dumpcap"}


@pytest.mark.system
@pytest.mark.parametrize("name", ["i_not_a_capture.pcapng", "i_empty_file.pcapng"])
async def test_a_file_that_is_not_a_capture_is_an_error(name: str) -> None:
    session = Session(FileSource(DATA / name))
    with pytest.raises(SourceError):
        await session.run()
    assert session.status.phase is Phase.FAILED
    await session.close()


@pytest.mark.system
async def test_a_truncated_capture_is_decoded_to_its_end() -> None:
    session = Session(FileSource(DATA / "i_truncated_half.pcapng"))
    await session.run()
    await session.close()
    assert len(session.store.calls) == 41
    assert "cut short" in session.status.notice


@pytest.mark.parametrize(
    ("text", "kind"), [("localhost:1", "LiveSource"), ("-", "StdinSource"), (str(DATA / "a_mid.pcapng"), "FileSource")]
)
def test_a_source_is_recognized_by_its_form(text: str, kind: str) -> None:
    assert type(parse_source(text)).__name__ == kind


def test_an_invalid_source_is_an_error() -> None:
    with pytest.raises(SourceError, match=r"no file there\.pcap"):
        parse_source("there.pcap")


@pytest.mark.system
async def test_the_next_session_keeps_detected_ports() -> None:
    session = Session(FileSource(DATA / "o_tls_node_go.pcapng"))
    await session.run()
    again = session.reread(replace(session.decoder.decoding, ports=frozenset({9})))
    await session.close()
    await again.run()
    await again.close()
    assert again.decoder.decoding.all_ports == session.decoder.decoding.all_ports | {9}
    assert again.store.connections
    for index in again.store.connections:
        assert connection_object(again.store, index) == connection_object(session.store, index)
