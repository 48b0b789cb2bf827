"""No child is left behind, however the program that started it ended. Real processes, real kill -9."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import subprocess
import sys
from asyncio.subprocess import PIPE
from collections.abc import Iterator
from pathlib import Path

import pytest

from inspector import processes

pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="waits for processes by their pidfd")

SECONDS = 10.0
"""Far more than it takes: for tests that would otherwise wait for ever."""

PROGRAM = """
import asyncio, sys
from asyncio.subprocess import PIPE
from inspector import processes

STUBBORN = "import signal, time; signal.signal(15, signal.SIG_IGN); print(flush=True); time.sleep(600)"

async def main():
    plain = await processes.spawn("sleep", "600")
    family = await processes.spawn("sh", "-c", "sleep 600 & echo $!; wait", stdout=PIPE)
    grandchild = int(await family.stdout.readline())
    stubborn = await processes.spawn(sys.executable, "-c", STUBBORN, stdout=PIPE)
    await stubborn.stdout.readline()
    foreign = await asyncio.create_subprocess_exec("sleep", "600")
    processes.watch(foreign.pid)
    forgotten = await processes.spawn("sleep", "600")
    await processes.end(forgotten)
    print(plain.pid, family.pid, grandchild, stubborn.pid, foreign.pid, processes._guard.pid, flush=True)
    if sys.argv[1] == "stay":
        await asyncio.sleep(600)
    import os
    os._exit(0)

asyncio.run(main())
"""


@pytest.fixture
def fresh_guard(monkeypatch: pytest.MonkeyPatch) -> Iterator[processes.Guard]:
    """A guard of this test alone."""
    guard = processes.Guard()
    monkeypatch.setattr(processes, "_guard", guard)
    yield guard
    if guard.pid is not None:
        os.kill(guard.pid, signal.SIGKILL)
        os.waitpid(guard.pid, 0)


def start_program(mode: str) -> tuple[subprocess.Popen[str], list[int]]:
    """Run the program above; returns the handles of everything that it has started, guard included."""
    program = subprocess.Popen([sys.executable, "-c", PROGRAM, mode], stdout=subprocess.PIPE, text=True)
    assert program.stdout is not None
    return program, [os.pidfd_open(int(pid)) for pid in program.stdout.readline().split()]


def wait_for_end(handle: int) -> bool:
    """Wait until a process has ended; a zombie has."""
    return bool(select.select([handle], [], [], SECONDS)[0])


@pytest.mark.parametrize("mode", ["stay", "leave"])
def test_no_child_outlives_a_killed_program(mode: str) -> None:
    program, handles = start_program(mode)
    if mode == "stay":
        program.kill()
    program.communicate()
    assert [wait_for_end(handle) for handle in handles] == [True] * 6


async def test_a_child_has_a_session_of_its_own() -> None:
    child = await processes.spawn("sleep", "600")
    assert os.getsid(child.pid) == child.pid
    assert await processes.end(child) == -signal.SIGTERM


def autogroup(pid: int) -> str:
    """How Linux says that processors are given out to a session; "" where it gives them to processes."""
    told = Path(f"/proc/{pid}/autogroup")
    return told.read_text() if told.exists() else ""


async def test_a_child_that_yields_has_a_lower_priority() -> None:
    child = await processes.spawn("sleep", "30", yields=True)
    ours, its = os.getpriority(os.PRIO_PROCESS, 0), os.getpriority(os.PRIO_PROCESS, child.pid)
    group = autogroup(child.pid)
    await processes.end(child)
    assert its > ours
    assert not group.startswith("/autogroup") or not group.endswith("nice 0\n")


async def test_a_child_that_ignores_sigterm_is_killed() -> None:
    child = await processes.spawn("sh", "-c", "trap '' TERM; echo; sleep 600", stdout=PIPE)
    assert child.stdout is not None
    await child.stdout.readline()
    assert await processes.end(child, grace=0.05) == -signal.SIGKILL


async def test_ending_a_child_that_has_ended_gives_its_status() -> None:
    child = await processes.spawn("sh", "-c", "exit 7")
    await child.wait()
    assert await processes.end(child) == 7


async def test_a_missing_program_raises_file_not_found(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await processes.spawn(str(tmp_path / "nothing"))


async def test_a_killed_guard_is_replaced_and_receives_the_children(fresh_guard: processes.Guard) -> None:
    first = await processes.spawn("sleep", "600")
    assert fresh_guard.pid is not None
    ended = os.pidfd_open(fresh_guard.pid)
    os.kill(fresh_guard.pid, signal.SIGKILL)
    assert wait_for_end(ended)
    second = await processes.spawn("sleep", "600")
    handles = [os.pidfd_open(child.pid) for child in (first, second)]
    fresh_guard.release()
    assert [await asyncio.to_thread(wait_for_end, handle) for handle in handles] == [True, True]
    for child in (first, second):
        assert await processes.end(child) == -signal.SIGTERM


async def test_a_child_whose_output_is_not_read_is_ended() -> None:
    child = await processes.spawn("yes", stdout=PIPE)
    assert child.stdout is not None
    await child.stdout.readline()
    while not child.stdout._paused:  # type: ignore[attr-defined]  # noqa: ASYNC110 - asyncio has no event for it
        await asyncio.sleep(0)
    async with asyncio.timeout(SECONDS):
        assert await processes.end_unread(child) in (-signal.SIGTERM, -signal.SIGPIPE)
