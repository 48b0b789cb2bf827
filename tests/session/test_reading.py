"""Reading a capture file: its progress, the estimate, and the key that stops and resumes it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.capture.source import Target
from inspector.capture.spool import Spool
from inspector.errors import TsharkError
from inspector.headless.runner import Limits
from inspector.headless.tables import print_calls, print_frames
from inspector.schema.catalog import Catalog
from inspector.session import FileSource, LiveSource, Phase, Session, StdinSource
from inspector.session.export import packets_of_connections
from inspector.session.recorder import Recorder
from inspector.session.status import SessionStatus
from inspector.store.store import Change
from inspector.ui.widgets.status_line import Pace, StatusLine
from tests.bench.recording import packets_of
from tests.captures import DATA, write_copies
from tests.ui_running import opened, reading, text

CAPTURE = DATA / "b_full.pcapng"
COPIES = 120
"""Of a capture of 31 kB: it is read for a second or more, and in that time a key is pressed."""


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A capture of some megabytes."""
    return write_copies(COPIES, tmp_path)


def phase(session: Session) -> Phase:
    return session.status.phase


@pytest.mark.system
async def test_reading_stops_and_resumes(large: Path) -> None:
    session, stopped = Session(FileSource(large)), asyncio.Event()

    def stop(change: Change) -> None:
        if change.end_frame and not stopped.is_set():
            stopped.set()
            stopping.append(asyncio.create_task(session.stop_capture()))

    stopping: list[asyncio.Task[None]] = []
    session.on_change = stop
    running = asyncio.create_task(session.run())
    try:
        await stopped.wait()
        await stopping[0]
        assert phase(session) is Phase.STOPPED
        assert session.status.decoded < session.status.captured
        assert session.status.is_whole
        await session.start_capture()
        await running
        assert phase(session) is Phase.ENDED
        assert session.store.packets % COPIES == 0
        assert len(session.store.calls) % COPIES == 0
    finally:
        await session.close()


@pytest.mark.system
async def test_a_key_stops_reading_and_keeps_what_was_read(large: Path) -> None:
    async with reading(large) as run:
        await run.until(lambda: run.frames.count)
        await run.press("ctrl+e")
        assert phase(run.session) is Phase.STOPPED
        assert "stopped at " in text(run.screen.query_one(StatusLine))
        assert "^E goes on" in text(run.screen.query_one(StatusLine))
        read = run.frames.count
        await run.press("G", "f", "escape")
        assert run.frames.count >= read
        decoded = run.session.status.decoded
        await run.press("ctrl+e")  # the rest takes long on a busy machine: it is enough that it is read
        await run.until(lambda: run.session.status.decoded > decoded)
        assert phase(run.session) in (Phase.READING, Phase.ENDED)


@pytest.mark.system
async def test_the_status_line_shows_the_progress() -> None:
    async with opened(CAPTURE) as run:
        line = run.screen.query_one(StatusLine)
        status = SessionStatus("trace.pcapng", Phase.READING, captured=1_000, decoded=420, is_whole=True)
        line.show(status, 57)
        assert "reading 42 %   57 packets" in text(line)
        assert "^E stops" in text(line)
        line.show(SessionStatus("standard input", Phase.READING, captured=1_000, decoded=420), 57)
        assert "reading…" in text(line)
        line.show(SessionStatus("localhost:37564", Phase.LIVE, recorded=12_057), 57)
        assert "behind by 12,000 packets" in text(line)
        line.show(SessionStatus("localhost:37564", Phase.LIVE, recorded=157), 57)
        assert "behind" not in text(line)


@given(st.integers(1, 10_000), st.integers(100, 5_000), st.floats(0.01, 2.0))
def test_a_steady_pace_gives_an_exact_estimate(packets: int, octets: int, apart: float) -> None:
    pace, steps = Pace(), 100
    for step in range(steps):
        pace.note(step * apart, step * packets, step * octets)
    assert pace.packets == pytest.approx(packets / apart)
    left = pace.left(2 * (steps - 1) * octets)
    assert left == pytest.approx((steps - 1) * apart)


def test_an_estimate_needs_a_known_pace_and_is_reset() -> None:
    pace, told = Pace(), list[tuple[float | None, float | None]]()
    for time, packets, octets in ((0, 0, 0), (0.1, 10, 100), (1, 100, 1_000), (2, 10, 100)):
        pace.note(time, packets, octets)
        told.append((pace.packets, pace.left(2_000)))
    assert told == [(None, None), (None, None), (100, 1), (None, None)]


@pytest.mark.system
@pytest.mark.parametrize("printing", [print_calls, print_frames])
async def test_a_few_lines_of_a_large_file_come_before_its_end(
    printing: Callable[..., Awaitable[int]], large: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    session = Session(FileSource(large))
    assert await printing(session, Catalog(), Limits(count=3), as_json=True) == 0
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(printed) == 3
    if printing is print_calls:
        assert [call["started"] for call in printed] == sorted(call["started"] for call in printed)
        assert {call["state"] for call in printed} == {"complete"}
    assert session.store.packets < sum(1 for _ in packets_of(large))


def children() -> list[psutil.Process]:
    return [each for each in psutil.Process().children() if each.name() == "tshark"]


async def begun() -> psutil.Process:
    while True:
        if found := children():
            return found[0]
        await asyncio.sleep(0.01)


@pytest.mark.system
async def test_a_tshark_killed_while_reading_a_file_is_restarted(large: Path) -> None:
    session, killed, notices = Session(FileSource(large)), list[int](), set[str]()

    def kill(_change: Change) -> None:
        if not killed:
            killed.extend(each.pid for each in children())
            os.kill(killed[-1], signal.SIGKILL)

    session.on_change, session.on_status = kill, lambda status: notices.add(status.notice)
    try:
        await session.run()
        assert session.store.packets == sum(1 for _ in packets_of(large))
        assert any("SIGKILL" in notice and "nothing is lost" in notice for notice in notices)
        for look in (session.packets.follow_tcp(0), packets_of_connections(session, [0])):
            looking = asyncio.create_task(look)
            (await begun()).kill()
            with pytest.raises(TsharkError, match=r"tshark was killed before it could .*Try again"):
                await looking
    finally:
        await session.close()


class DefectError(Exception):
    """An exception that no part of the program expects."""


@pytest.mark.system
async def test_an_unexpected_exception_in_copying_ends_the_session(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(spool: Spool, data: bytes) -> bytes:
        raise DefectError

    monkeypatch.setattr(Spool, "append", fail)
    reader, writer = os.pipe()
    os.write(writer, CAPTURE.read_bytes())
    os.close(writer)
    await _fails_with_defect(Session(StdinSource(reader)))


@pytest.mark.system
async def test_an_unexpected_exception_in_recording_ends_the_session(
    monkeypatch: pytest.MonkeyPatch, free_port: int
) -> None:
    async def fail(recorder: Recorder) -> None:
        raise DefectError

    monkeypatch.setattr(Recorder, "record", fail)
    await _fails_with_defect(Session(LiveSource(Target("localhost", free_port), engine="tap")))


async def _fails_with_defect(session: Session) -> None:
    with pytest.raises(DefectError):
        await session.run()
    with pytest.raises(DefectError):
        await session.close()
