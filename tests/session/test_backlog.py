"""Decoding that falls behind is reported, and so is a tshark that makes no progress; a pause by the user is neither."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.session import FileSource, Phase, Session, SessionStatus, StdinSource
from inspector.session.status import Backlog, BacklogMeter
from inspector.ui.widgets.notice import Notice
from inspector.ui.widgets.status_line import StatusLine
from tests.captures import DATA, write_copies
from tests.ui_running import NARROW, opened, text

CAPTURE = DATA / "b_full.pcapng"
FIRST = 4000
"""Bytes of it, in which 23 packets are whole."""
SECONDS = 60.0
"""Far more than anything here takes."""


def decoding_tshark(program: psutil.Process) -> psutil.Process:
    """Return the tshark that prints fields: another may be running for a moment, asked for its version."""
    (found,) = [each for each in program.children() if "fields" in _arguments(each)]
    return found


def _arguments(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.ZombieProcess:  # it has ended
        return []


class Watched:
    """A session at work, and its status as it changes."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._changed = asyncio.Event()
        self.seen: list[SessionStatus] = []
        session.on_status = self._note
        session.on_change = lambda _: self._changed.set()
        self.running = asyncio.create_task(session.run())

    async def until(self, holds: Callable[[SessionStatus], object]) -> SessionStatus:
        async with asyncio.timeout(SECONDS):
            while not holds(self.session.status):
                self._changed.clear()
                await self._changed.wait()
        return self.session.status

    def tshark(self) -> psutil.Process:
        return decoding_tshark(psutil.Process())

    def _note(self, status: SessionStatus) -> None:
        self.seen.append(status)
        self._changed.set()


@pytest.mark.system
async def test_a_stopped_tshark_is_reported_until_it_continues() -> None:
    reading, writing = os.pipe()
    data = CAPTURE.read_bytes()
    watched = Watched(Session(StdinSource(reading)))
    try:
        os.write(writing, data[:FIRST])
        await watched.until(lambda _: watched.session.store.packets == 23)
        tshark = watched.tshark()
        tshark.suspend()
        os.write(writing, data[FIRST:20_002])
        status = await watched.until(lambda status: status.backlog and status.backlog.is_stalled)
        assert status.backlog == Backlog(114 - 23, status.backlog.seconds if status.backlog else 0, True, tshark.pid)
        tshark.resume()
        await watched.until(lambda status: status.backlog is None)
        await watched.until(lambda _: watched.session.store.packets == 114)
        os.close(writing)
        await watched.running
    finally:
        await watched.session.close()


@pytest.mark.system
async def test_a_paused_file_is_not_stalled(tmp_path: Path) -> None:
    watched = Watched(Session(FileSource(write_copies(120, tmp_path))))
    session = watched.session
    try:
        await watched.until(lambda _: session.store.packets)
        await session.stop_capture()
        assert session.status.phase is Phase.STOPPED
        watched.tshark().suspend()  # the whole time of a stall passes now, and somebody has asked for it
        await asyncio.sleep(6)
        assert all(status.backlog is None for status in watched.seen)
        await session.start_capture()
        await watched.until(lambda status: status.backlog and status.backlog.is_stalled)
        watched.tshark().resume()
        await watched.running
        assert session.status.backlog is None
        assert session.store.packets % 120 == 0
    finally:
        await session.close()


@pytest.mark.system
def test_a_command_reports_a_backlog_once() -> None:
    data = CAPTURE.read_bytes()
    command = [sys.executable, "-m", "inspector", "frames", "-", "--json"]
    with subprocess.Popen(
        command, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        process.stdin.write(data[:FIRST])
        process.stdin.flush()
        process.stdout.readline()
        tshark = decoding_tshark(psutil.Process(process.pid))
        tshark.suspend()
        process.stdin.write(data[FIRST:20_000])
        process.stdin.flush()
        said = process.stderr.readline().decode()
        os.kill(tshark.pid, signal.SIGCONT)
        process.stdin.write(data[20_000:])
        process.stdin.close()
        process.stdin = None  # for communicate
        rest, more = process.communicate(timeout=SECONDS)
    assert "Decoding is behind by " in said
    assert f"A signal has stopped tshark: `kill -CONT {tshark.pid}` resumes it. Nothing is lost." in said
    assert (process.returncode, rest.count(b"\n"), more) == (0, 669, b"")


@pytest.mark.system
async def test_the_screen_shows_a_backlog_while_it_lasts() -> None:
    async with opened(CAPTURE, NARROW) as run:
        line, notice = run.screen.query_one(StatusLine), run.screen.query_one(Notice)
        live = SessionStatus("localhost:37564", Phase.LIVE, engine="tcpdump", interface="lo", tshark="4.0.17")
        for backlog, words in (
            (Backlog(1, 2), "● live   behind by 2 s, 1 packet"),
            (Backlog(1234, 12, True), "● live   tshark stalled: behind by 12 s, 1,234 packets"),
        ):
            status = SessionStatus(live.source, Phase.LIVE, engine="tcpdump", backlog=backlog)
            line.show(status, 57)
            notice.show_status(status)
            assert words in text(line)
        assert str(notice.content) == "tshark makes no progress. Nothing is lost."
        line.show(live, 57)
        notice.show_status(live)
        assert "behind" not in text(line)
        assert not notice.display


@given(st.lists(st.integers(0, 50), min_size=1, max_size=200), st.integers(0, 2))
def test_decoding_that_keeps_up_within_a_second_has_no_backlog(arrivals: list[int], delay: int) -> None:
    meter, recorded = BacklogMeter(), [0]
    for step, some in enumerate(arrivals):
        recorded.append(recorded[-1] + some)
        assert meter.note(step / 2, recorded[-1], recorded[max(0, len(recorded) - 1 - delay)]) is None


def test_the_age_is_that_of_the_oldest_packet_not_decoded() -> None:
    meter = BacklogMeter()
    told = [
        meter.note(time, recorded, latest)
        for time, recorded, latest in (
            *((0, 10, 10), (1, 20, 10), (2, 20, 12), (3, 30, 14), (4, 30, 14), (5, 30, 14), (6, 30, 14), (7, 30, 14)),
            *((8, 30, 21), (9, 30, 30)),
        )
    ]
    assert told == [
        *(None, None, None, Backlog(16, 2), Backlog(16, 3), Backlog(16, 4), Backlog(16, 5)),
        *(Backlog(16, 6, True), Backlog(9, 5), None),
    ]


def test_a_restarted_tshark_adds_no_backlog() -> None:
    meter = BacklogMeter()
    assert meter.note(0, 1000, 1000) is None
    assert [meter.note(time, 1000, 10 * time) for time in range(1, 20)] == [None] * 19
    assert meter.note(20, 1001, 300) is None
    assert [meter.note(time, 1001, 300) for time in range(21, 25)][1:] == [
        *(Backlog(1, 2), Backlog(1, 3), Backlog(1, 4, True))
    ]


def test_a_suspended_program_reports_no_stall_of_tshark() -> None:
    meter = BacklogMeter()
    meter.note(0, 10, 5)
    assert meter.note(600, 20, 5) == Backlog(15, 600)
    assert [meter.note(time, 20, 5) for time in (601, 602, 603, 604)][-1] == Backlog(15, 604, True)
