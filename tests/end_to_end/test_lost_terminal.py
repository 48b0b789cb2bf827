"""The app ends when its terminal is gone or takes no output, with all that it started, whether or not it is signalled.

The terminal is not the one that controls the app's session: the kernel sends no SIGHUP when it goes away.
"""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from tests.conftest import GreetProcess
from tests.engines_here import needs_capture
from tests.terminal import PATIENCE

pytestmark = pytest.mark.system

RIGHT = b"\x1b[C"


class App:
    """The app on a pseudo-terminal, whose output is read until it is told otherwise."""

    def __init__(self, master: int, process: subprocess.Popen[bytes]) -> None:
        self.master = master
        self.process = process
        self._seen = b""
        self._is_live = threading.Event()
        self._is_left = threading.Event()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        while not self._is_left.is_set():
            with suppress(BlockingIOError):
                self._seen += os.read(self.master, 1 << 16)
                if b"live" in self._seen:
                    self._is_live.set()
            time.sleep(0.02)

    def started(self, *programs: str) -> list[psutil.Process]:
        """What it has started, once it captures and these are among it."""
        assert self._is_live.wait(PATIENCE), self._seen
        deadline = time.monotonic() + PATIENCE
        while True:
            started = psutil.Process(self.process.pid).children(recursive=True)
            if {Path(each.exe()).name for each in started}.issuperset(programs):
                return started
            assert time.monotonic() < deadline, started
            time.sleep(0.05)

    def read_no_more(self) -> None:
        self._is_left.set()
        self._reader.join()

    def hang_up(self) -> None:
        self.read_no_more()
        if self.master >= 0:
            os.close(self.master)
            self.master = -1

    def end(self) -> None:
        self.hang_up()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


@contextmanager
def started_app(cache: Path, *arguments: str) -> Iterator[App]:
    master, slave = pty.openpty()
    os.set_blocking(master, False)
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 140, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", "XDG_CACHE_HOME": str(cache)}
    command = [sys.executable, "-m", "inspector", *arguments]
    process = subprocess.Popen(
        command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True, env=environment
    )
    os.close(slave)
    app = App(master, process)
    try:
        yield app
    finally:
        app.end()


def living(processes: list[psutil.Process]) -> list[psutil.Process]:
    _, left = psutil.wait_procs(processes, timeout=PATIENCE)
    return [process for process in left if process.status() != psutil.STATUS_ZOMBIE]


def spools(cache: Path) -> list[Path]:
    return [path for path in cache.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("engine", "programs"), [pytest.param("tcpdump", {"tshark", "tcpdump"}, marks=needs_capture), ("tap", {"tshark"})]
)
@pytest.mark.parametrize("number", [None, signal.SIGTERM, signal.SIGHUP])
def test_an_app_whose_terminal_is_gone_ends(
    greet: GreetProcess, engine: str, programs: set[str], number: signal.Signals | None, tmp_path: Path
) -> None:
    with started_app(tmp_path, greet.target, "--engine", engine) as app:
        started = app.started(*programs)
        assert spools(tmp_path)
        app.hang_up()
        if number is not None:
            app.process.send_signal(number)
        assert app.process.wait(PATIENCE) in {128 + signal.SIGHUP, 128 + (number or signal.SIGHUP)}
        assert living(started) == []
    assert spools(tmp_path) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_an_app_whose_terminal_accepts_no_output_still_quits(
    greet: GreetProcess, number: signal.Signals, tmp_path: Path
) -> None:
    """Also while its event loop waits for the terminal, which what is pressed makes it write to."""
    with started_app(tmp_path, greet.target, "--engine", "tap") as app:
        started = app.started("tshark")
        app.read_no_more()
        for _ in range(100):
            with suppress(BlockingIOError):
                os.write(app.master, RIGHT)
            time.sleep(0.02)
        app.process.send_signal(number)
        assert app.process.wait(PATIENCE) == 128 + number
        assert living(started) == []


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.terminal import terminal
with terminal(Path(sys.argv[1]), ["sleep", "600"]) as window:
    print(window.pid(), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_test_leaves_no_terminal_behind(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], capture_output=True, text=True, check=False)
    with suppress(psutil.NoSuchProcess):
        psutil.Process(int(done.stdout)).wait(10)
