"""The capture of a run that was killed is offered at the next start, opened, saved and deleted. Real kill -9."""

from __future__ import annotations

import gzip
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.widgets import OptionList

from inspector.capture.capture_file import JoinedFiles, count_packets, open_joined
from inspector.capture.left_captures import LeftCapture, left_captures, remove_old_orphans, spool_folder
from inspector.schema.catalog import Catalog
from inspector.session import FileSource, Phase, Session
from inspector.session.export import CapturePart, save_part
from inspector.ui.dialogs.files import LeftDialog
from inspector.ui.launch import Launch
from inspector.ui.widgets.notice import LeftBanner
from inspector.ui.widgets.status_line import StatusLine
from tests.captures import DATA
from tests.conftest import GreetProcess
from tests.end_to_end.test_terminal import living, program
from tests.terminal import Terminal, needs_tmux
from tests.ui_running import NARROW, Running, running, text

APP = (sys.executable, "-m", "inspector")
CLASSIC = gzip.decompress((DATA / "i_classic.pcap.gz").read_bytes())
OFFER = "F9 opens what a killed run captured"

KILLED = """
import os, signal, sys
from inspector.capture.spool import Spool
from inspector.capture.spool import make_file
spool, data = Spool(make_file(), float(sys.argv[2])), open(sys.argv[1], "rb").read()
for start in range(0, len(data), 500):
    spool.append(data[start : start + 500])
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def leave(tmp_path: Path, data: bytes = CLASSIC, bound: float = float("inf")) -> LeftCapture:
    """Have a program killed that has recorded a capture; returns it as it is found."""
    (whole := tmp_path / "whole.pcap").write_bytes(data)
    known = left_captures()
    done = subprocess.run([sys.executable, "-c", KILLED, str(whole), str(bound)], check=False)
    assert done.returncode == -signal.SIGKILL
    (found,) = set(left_captures()) - set(known)
    return found


def test_a_program_that_nobody_has_waited_for_is_dead(tmp_path: Path) -> None:
    (whole := tmp_path / "whole.pcap").write_bytes(CLASSIC)
    with subprocess.Popen([sys.executable, "-c", KILLED, str(whole), "inf"]) as killed:
        os.waitid(os.P_PID, killed.pid, os.WEXITED | os.WNOWAIT)  # a zombie from now on
        assert len(left_captures()) == 1


def test_an_earlier_run_with_the_same_process_id_is_not_taken_for_a_running_one(tmp_path: Path) -> None:
    (path,) = leave(tmp_path).paths
    path.rename(path.with_name(f"capture-{os.getpid()}-abcdefgh.pcap"))
    assert len(left_captures()) == 1


async def test_several_files_of_one_run_are_one_capture(tmp_path: Path) -> None:
    capture = leave(tmp_path, bound=40_000)
    assert len(capture.paths) > 5
    assert capture.size == len(CLASSIC) + 24 * (len(capture.paths) - 1)
    other = leave(tmp_path)
    assert set(left_captures()) == {capture, other}
    opened = open_joined(capture.paths)
    assert isinstance(opened, JoinedFiles)
    assert opened.size == len(CLASSIC)
    for offset in (0, 1, 5_000, 5_024, 30_000, len(CLASSIC)):
        assert b"".join([data async for data in opened.read_from(offset)]) == CLASSIC[offset:]
    await opened.save(tmp_path / "saved.pcap")
    assert (tmp_path / "saved.pcap").read_bytes() == CLASSIC
    opened.discard()
    assert await count_packets(capture.paths, 10**6) == await count_packets(other.paths, 10**6) == 223
    assert await count_packets(capture.paths, 1000) is None


def test_a_long_run_is_as_old_as_its_last_packet(tmp_path: Path) -> None:
    capture = leave(tmp_path, bound=40_000)
    for path in capture.paths[:-1]:
        os.utime(path, (0, 0))
    assert remove_old_orphans() == capture.paths
    os.utime(capture.paths[-1], (0, 0))
    assert remove_old_orphans() == ()
    assert list(spool_folder().iterdir()) == []


@pytest.mark.system
@pytest.mark.parametrize("bound", [float("inf"), 40_000])
async def test_it_is_read_as_a_file_is_and_deleted_once_all_of_it_is_saved(bound: float, tmp_path: Path) -> None:
    capture = leave(tmp_path, bound=bound)
    for wanted, is_left in ((range(1, 10), True), (None, False)):
        session = Session(FileSource(capture.paths[0], capture))
        try:
            await session.run()
            assert (session.status.phase, session.store.packets, len(session.store.calls)) == (Phase.ENDED, 223, 43)
            assert str(session.source).startswith("killed run ")
            await save_part(session, CapturePart(wanted), tmp_path / "saved.pcap", overwrite=True)
        finally:
            await session.close()
        assert bool(left_captures()) is is_left
    assert (tmp_path / "saved.pcap").read_bytes() == CLASSIC


@pytest.mark.system
async def test_saving_it_over_itself_does_not_delete_it(tmp_path: Path) -> None:
    capture = leave(tmp_path)
    session = Session(FileSource(capture.paths[0], capture))
    try:
        await session.run()
        await save_part(session, CapturePart(), capture.paths[0], overwrite=True)
    finally:
        await session.close()
    assert capture.paths[0].read_bytes() == CLASSIC


@asynccontextmanager
async def started(source: Path = DATA / "b_full.pcapng") -> AsyncIterator[Running]:
    launch = Launch(
        lambda: Session(FileSource(source)),
        Catalog(),
        open_left=lambda left: Session(FileSource(left.paths[0], left)),
    )
    async with running(launch, NARROW) as run:
        await run.loaded()
        yield run


def banner(run: Running) -> LeftBanner:
    return run.screen.query_one(LeftBanner)


@pytest.mark.system
async def test_the_mouse_opens_it(tmp_path: Path) -> None:
    leave(tmp_path)
    async with started() as run:
        await run.until(lambda: banner(run).display)
        await run.pilot.click(banner(run))
        await run.until(lambda: isinstance(run.app.screen, LeftDialog) and run.app.screen.query(OptionList))
        await run.pilot.click(run.app.screen.query_one(OptionList), offset=(6, 1))
        await run.until(lambda: run.screen.is_opened)
        await run.loaded()
        assert "killed run " in text(run.screen.query_one(StatusLine))
        assert run.session.store.packets == 223
        await run.press("escape")
        await run.until(lambda: not run.screen.is_opened)
    assert len(left_captures()) == 1


@pytest.mark.system
async def test_one_after_the_other_is_deleted_and_then_there_is_none(tmp_path: Path) -> None:
    captures = [leave(tmp_path), leave(tmp_path, bound=40_000)]
    async with started() as run:
        await run.until(lambda: banner(run).display)
        assert "F9 opens what 2 killed runs captured; latest: " in str(banner(run).content)
        for left in (1, 0):
            await run.press("f9")
            await run.until(lambda: isinstance(run.app.screen, LeftDialog) and run.app.screen.query(OptionList))
            await run.press("down", "down", "enter")
            await run.until(lambda: len(left_captures()) == left)  # noqa: B023 - called at once
        await run.until(lambda: not banner(run).display)
        await run.press("f9")
        await run.pilot.pause()
        assert not isinstance(run.app.screen, LeftDialog)
    assert not any(path.exists() for capture in captures for path in capture.paths)


@pytest.mark.system
async def test_one_that_was_opened_by_its_path_and_one_without_packets_are_not_offered(tmp_path: Path) -> None:
    capture = leave(tmp_path)
    leave(tmp_path, (DATA / "i_no_packets.pcapng").read_bytes())
    async with started(capture.paths[0]) as run:
        await run.press("f9")
        await run.pilot.pause()
        assert not banner(run).display
        assert not isinstance(run.app.screen, LeftDialog)


@pytest.mark.system
async def test_packets_of_large_captures_are_not_counted(tmp_path: Path) -> None:
    """Nor those of many that are large together: the dialog comes without reading them."""
    newest = time.time()
    copies = CLASSIC + CLASSIC[24:] * (40_000_000 // len(CLASSIC))
    for age, length in enumerate((len(copies), 10**12, len(copies), len(CLASSIC))):
        (path,) = leave(tmp_path).paths
        path.write_bytes(copies[:length])
        os.truncate(path, length)
        os.utime(path, (0, newest - age * 60))
    async with started() as run:
        await run.press("f9")
        await run.until(lambda: isinstance(run.app.screen, LeftDialog) and run.app.screen.query(OptionList))
        options = run.app.screen.query_one(OptionList).options
        facts = [str(option.prompt).partition(", ")[2] for option in options if option.disabled]
    packets = 223 * len(copies) // (len(CLASSIC) - 24)
    assert facts == [f"{packets:,} packets", "1000.0 GB", "40.0 MB", "223 packets"]


@pytest.mark.system
@needs_tmux
def test_a_run_is_killed_and_the_next_one_offers_what_it_captured(greet: GreetProcess, tmp_path: Path) -> None:
    command = [*APP, greet.target, "--engine", "tap"]

    def start(number: int) -> Terminal:
        (folder := tmp_path / str(number)).mkdir()
        windows.append(window := Terminal(folder / "tmux"))
        window.start(command, 80, 24, {})
        return window

    windows: list[Terminal] = []
    try:
        first = start(1)
        first.wait_for("● live")
        first.type("Ada", "Enter")
        first.wait_for('HelloRequest  name: "Ada"', "OK  grpc-status 0")
        app = program(first)
        children = app.children(recursive=True)
        app.kill()
        first.wait_for_modes("0 0 1")
        assert living(children) == []

        second = start(2)
        second.type("World", "Enter")  # at once: before there is a screen
        second.wait_for('HelloRequest  name: "World"', OFFER)
        second.type("F9")
        second.wait_for("Open it", "Save it as", "Delete it", "Later")
        second.type("Enter")
        second.wait_for("● killed run", "● complete", 'HelloRequest  name: "Ada"')
        second.type("Escape")
        second.wait_for("● live", 'HelloRequest  name: "World"')
        second.type("C-q")
        second.wait_for("ended with 0")

        third = start(3)
        third.wait_for("● live", OFFER)
        third.type("F9")
        third.wait_for("Save it as")
        third.type("Down", "Enter")
        third.wait_for("Enter saves")
        third.type("C-u")
        third.wait_without(".pcap")
        third.type(str(tmp_path / "saved.pcap"), "Enter")
        third.wait_for("Saved ")
        assert left_captures() == ()
        third.type("C-q")
        third.wait_for("ended with 0")

        fourth = start(4)
        fourth.wait_for("● live")
        assert OFFER not in fourth.screen()
    finally:
        for window in windows:
            window.close()
    printed = subprocess.run([*APP, "calls", str(tmp_path / "saved.pcap")], capture_output=True, text=True, check=True)
    assert "/HelloWorld/greet" in printed.stdout
