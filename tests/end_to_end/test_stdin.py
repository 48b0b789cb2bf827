"""The app on a capture from a pipe: keys come from the terminal, and a truncated capture is marked as such."""

from __future__ import annotations

import gzip
import os
import shlex
import shutil
import signal
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.captures import DATA
from tests.conftest import GreetProcess
from tests.end_to_end.test_terminal import living, program
from tests.engines_here import needs_capture
from tests.terminal import Terminal, needs_tmux, terminal

pytestmark = [pytest.mark.system, needs_tmux]

APP = f"{shlex.quote(sys.executable)} -m inspector"
CAPTURE = DATA / "b_full.pcapng"
PRODUCER = """
import sys
capture, go, *ends = sys.argv[1:]
data, start = open(capture, "rb").read(), 0
for end in map(int, ends):
    sys.stdout.buffer.write(data[start:end])
    sys.stdout.buffer.flush()
    open(go).read()  # blocks until the test opens it too
    start = end
"""
TYPIST = """
import fcntl, os, pty, sys, termios, threading
line, command = sys.argv[1:]
size = fcntl.ioctl(1, termios.TIOCGWINSZ, bytes(8))
pid, inner = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, size)
    os.execlp("sh", "sh", "-c", command)
def draw():
    try:
        while drawn := os.read(inner, 65536):
            os.write(1, drawn)
    except OSError:  # the app has ended
        pass
drawing = threading.Thread(target=draw)
drawing.start()
keys = os.open(line, os.O_RDONLY)
while typed := os.read(keys, 4096):
    os.write(inner, typed)
drawing.join()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
"""Runs a command in a terminal of its own, and writes each piece of a named pipe to it at once and unchanged. tmux
presses keys one by one, and not every release passes on a byte that is not text."""


@contextmanager
def piped(folder: Path, producer: str, *, columns: int = 160, lines: int = 48) -> Iterator[Terminal]:
    with terminal(folder, ["sh", "-c", f"{producer} | {APP} -"], columns=columns, lines=lines) as window:
        yield window


class Producer:
    """Writes a capture up to one offset after the other, each time when it is told to go on."""

    def __init__(self, folder: Path, capture: Path, *ends: int) -> None:
        self._go = folder / "go"
        os.mkfifo(self._go)
        arguments = [sys.executable, "-c", PRODUCER, str(capture), str(self._go), *map(str, ends)]
        self.command = shlex.join(arguments)

    def go_on(self) -> None:
        self._go.write_text("")


def has_modes_of_a_shell(window: Terminal) -> bool:
    descriptor = os.open(window.tty(), os.O_RDWR | os.O_NOCTTY)
    try:
        modes = termios.tcgetattr(descriptor)[3]
    finally:
        os.close(descriptor)
    return bool(modes & termios.ICANON and modes & termios.ECHO and modes & termios.ISIG)


def test_a_finished_capture_is_shown_and_keys_move_filter_and_quit(tmp_path: Path) -> None:
    with piped(tmp_path, f"cat {shlex.quote(str(CAPTURE))}", columns=100, lines=30) as window:
        window.wait_for("● ended", "373 of 670 frames", "POST /peers.v1.Greeter/SayHello")
        children = program(window).children(recursive=True)
        window.type("G")
        window.wait_for("   220  ")
        window.type("/")
        window.wait_for("Enter keep")
        window.type("stream:0/3")
        window.wait_for("5 of 670 frames", 'wire  1: "Hello cpp1"')
        window.type("C-q")
        window.wait_for("ended with 0")
        window.wait_for_modes("0 0 1")
        assert has_modes_of_a_shell(window)
        assert living(children) == []


def test_a_live_capture_goes_on_while_keys_are_pressed_and_ends_in_the_middle_of_a_packet(tmp_path: Path) -> None:
    producer = Producer(tmp_path, CAPTURE, 4000, 20_002)
    with piped(tmp_path, producer.command) as window:
        window.wait_for("● reading…", "54 frames", "23 packets")
        window.type("f")
        window.wait_for(":path: /peers.v1.Greeter/SayHello")
        window.type("Escape")
        producer.go_on()
        window.wait_for("114 packets", "● reading…")
        producer.go_on()
        window.wait_for("● cut off", "Standard input is cut short: it ends in the middle of packet 115", "114 packets")
        window.type("C-q")
        window.wait_for("ended with 0")


@needs_capture
def test_tcpdump_in_front(greet: GreetProcess, call_greet: Callable[[str], None], tmp_path: Path) -> None:
    capture = f"tcpdump -i lo -U --immediate-mode -w - tcp port {greet.port} 2>{shlex.quote(str(tmp_path / 'said'))}"
    with piped(tmp_path, capture) as window:
        window.wait_for("● reading…", "No packet has arrived yet.")
        while "listening on" not in (tmp_path / "said").read_text():
            window.screen()
        call_greet("Ada")
        window.wait_for("POST /HelloWorld/greet", '"Hello, Ada"')
        children = program(window).children(recursive=True)
        window.type("C-q")
        window.wait_for_modes("0 0 1")
        call_greet("Ada")  # tcpdump notices at its next packet that nobody reads on
        window.wait_for("ended with 0")
        assert living(children) == []


def test_the_app_is_suspended_and_resumed_with_its_pipeline(tmp_path: Path) -> None:
    producer = Producer(tmp_path, CAPTURE, 4000)
    with terminal(tmp_path, ["bash", "--norc", "-i"], columns=100, lines=30) as window:
        window.type(f"{producer.command} | {APP} -", "Enter")
        window.wait_for("● reading…", "54 frames")
        app = program(window)
        os.killpg(os.getpgid(app.pid), signal.SIGTSTP)
        window.wait_for_modes("0 0 1")
        window.wait_for("Stopped")
        window.type("fg", "Enter")
        window.wait_for("● reading…", "54 frames")
        window.type("/")
        window.wait_for("Enter keep")
        window.type("stream:0/3")
        window.wait_for("5 of 54 frames")
        window.type("C-q")
        window.wait_for_modes("0 0 1")
        producer.go_on()


@pytest.mark.parametrize("command", ["exec {app} {capture}", "cat {capture} | {app} -"])
def test_a_key_that_is_not_utf_8_is_ignored(command: str, tmp_path: Path) -> None:
    """Keys that come in one piece with it, before and behind it, are kept."""
    os.mkfifo(line := tmp_path / "keys")
    app = command.format(app=APP, capture=shlex.quote(str(CAPTURE)))
    with terminal(tmp_path, [sys.executable, "-c", TYPIST, str(line), app]) as window:
        window.wait_for("670 frames")
        keys = os.open(line, os.O_WRONLY)
        os.write(keys, b"\xff\xc3(/\xff")
        window.wait_for("Enter keep")
        os.write(keys, b"stre\xe9am:0/3\xc3")
        window.wait_for("stre\ufffdam:0/3")
        os.write(keys, b"\xff\x15")  # Ctrl+U
        window.wait_for("words, method:greet")
        os.write(keys, b"stream:0/3")
        window.wait_for("5 of 670 frames", "stream:0/3")
        os.write(keys, b"\xfe\x11\xff")  # Ctrl+Q
        os.close(keys)
        window.wait_for("ended with 0")


def test_standard_error_can_be_redirected(tmp_path: Path) -> None:
    command = f"{APP} {shlex.quote(str(CAPTURE))} 2>{shlex.quote(str(tmp_path / 'errors'))}"
    with terminal(tmp_path, ["sh", "-c", command]) as window:
        window.wait_for("● complete", "670 frames")
        window.type("C-q")
        window.wait_for("ended with 0")
    assert (tmp_path / "errors").read_text() == ""


@pytest.mark.parametrize(
    ("command", "words"),
    [
        pytest.param("cat {capture} | {app} - | cat", ("The app needs a terminal",), id="output to a pipe"),
        pytest.param(
            "cat {capture} | setsid -w {app} - || echo status $?",
            ("has no terminal to read keys from", "/dev/tty", "status 2"),
            marks=pytest.mark.skipif(shutil.which("setsid") is None, reason="setsid is not installed"),
            id="no controlling terminal",
        ),
        pytest.param(
            "{app} - || echo status $?", ("Standard input is a terminal, not a capture", "status 2"), id="no pipe"
        ),
    ],
)
def test_the_app_without_a_terminal_is_an_error(command: str, words: tuple[str, ...], tmp_path: Path) -> None:
    with terminal(tmp_path, ["sh", "-c", command.format(capture=shlex.quote(str(CAPTURE)), app=APP)]) as window:
        assert "Traceback" not in window.wait_for(*words, "ended with 0")


def headless(data: bytes, *arguments: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "inspector", *arguments, "-"], input=data, capture_output=True, check=False, timeout=60
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


CLASSIC = gzip.decompress((DATA / "i_classic.pcap.gz").read_bytes())
CUT = "grpc-inspector: Standard input is cut short: it ends in the middle of "


@pytest.mark.parametrize(
    ("data", "frames", "said"),
    [
        pytest.param(CLASSIC[:10], 0, CUT + "its file header. No packet is whole.\n", id="in the header"),
        pytest.param(CLASSIC[:30], 0, CUT + "packet 1. No packet is whole.\n", id="in the first packet"),
        pytest.param(CLASSIC[:2000], 23, CUT + "packet 15. The 14 packets before it are whole.\n", id="in a packet"),
        pytest.param(CLASSIC[:24], 0, "grpc-inspector: This capture has no packets.\n", id="no packet"),
        pytest.param(CLASSIC, 670, "", id="between two packets"),
        pytest.param(CAPTURE.read_bytes()[:100], 0, CUT + "its file header. No packet is whole.\n", id="in a section"),
        pytest.param(
            CAPTURE.read_bytes()[:4000],
            54,
            CUT + "packet 24. The 23 packets before it are whole.\n",
            id="in a pcapng's packet",
        ),
    ],
)
def test_complete_packets_are_printed_and_truncation_is_reported(data: bytes, frames: int, said: str) -> None:
    done = headless(data, "frames", "--json")
    assert (done.returncode, done.stdout.count("\n"), done.stderr) == (0, frames, said)


def test_an_empty_pipe_is_not_a_capture() -> None:
    done = headless(b"", "calls")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "grpc-inspector: Standard input is empty: there is no capture in it.\n"


def test_a_producer_that_is_killed_in_the_middle_of_a_packet(tmp_path: Path) -> None:
    producer = Producer(tmp_path, CAPTURE, 4000, 5000)
    with subprocess.Popen(
        f"{producer.command} | {APP} calls - --json",
        shell=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,  # lines that wait in a buffer of ours, communicate() does not return
    ) as pipeline:
        assert pipeline.stdout is not None
        first = pipeline.stdout.readline()  # what came so far is decoded by now
        for each in psutil.Process(pipeline.pid).children():
            if PRODUCER in each.cmdline():
                each.kill()
        rest, said = pipeline.communicate(timeout=60)
    assert first
    assert rest.count(b"\n") == 5
    assert pipeline.returncode == 0
    assert said.decode().removeprefix("Killed\n") == CUT + "packet 24. The 23 packets before it are whole.\n"
