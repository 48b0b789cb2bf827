"""The whole program in a real terminal: started, typed to, and read from the screen."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from sample_service import DEFAULT_PORT
from tests.conftest import GreetProcess
from tests.engines_here import needs_capture
from tests.terminal import Terminal, needs_tmux, terminal

APP = (sys.executable, "-m", "inspector")
pytestmark = [pytest.mark.system, needs_tmux]

FRAMES = (
    "POST /HelloWorld/greet",
    'HelloRequest  name: "World"',
    "200  application/grpc",
    'HelloReply  message: "Hello, World"',
    "OK  grpc-status 0  end of stream",
)


def greet_port_is_free() -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", DEFAULT_PORT)) != 0


needs_greet_port = pytest.mark.skipif(not greet_port_is_free(), reason=f"port {DEFAULT_PORT} is taken")


def program(window: Terminal) -> psutil.Process:
    """The program's own process, below tmux's shell."""
    shell = psutil.Process(window.pid())
    return next(each for each in shell.children(recursive=True) if "inspector" in " ".join(each.cmdline()))


def living(processes: list[psutil.Process]) -> list[psutil.Process]:
    _, left = psutil.wait_procs(processes, timeout=5)
    return [process for process in left if process.status() != psutil.STATUS_ZOMBIE]


@needs_greet_port
@pytest.mark.parametrize("engine", [pytest.param("tcpdump", marks=needs_capture), "tap"])
def test_typing_and_enter_show_the_frames(engine: str, tmp_path: Path) -> None:
    with terminal(tmp_path, [*APP, "--engine", engine]) as window:
        window.wait_for("● live", f"greet service localhost:{DEFAULT_PORT}", engine)
        window.type("World", "Enter")
        window.wait_for(*FRAMES, ":path: /HelloWorld/greet", '"message": "Hello, World"')
        children = program(window).children(recursive=True)
        window.type("C-q")
        window.wait_for("ended with 0")
        assert living(children) == []


@needs_greet_port
def test_eighty_columns_are_enough(tmp_path: Path) -> None:
    with terminal(tmp_path, [*APP, "--engine", "tap"], columns=80, lines=24) as window:
        window.wait_for("● live")
        window.type("World", "Enter")
        window.wait_for("POST /HelloWorld/greet", "HelloReply")
        window.type("Escape")
        window.wait_for("f follow")  # the list has the focus: Escape with a letter close behind it would be Alt
        window.type("f")
        window.wait_for(":path: /HelloWorld/greet")
        window.type("G")
        window.wait_for("grpc-status: 0  OK")
        window.type("Escape")
        window.wait_for("POST /HelloWorld/greet", "HelloReply")


@needs_greet_port
def test_the_sample_service_through_a_socket_that_is_gone_in_the_end(tmp_path: Path) -> None:
    path = tmp_path / "tap.sock"
    with terminal(tmp_path, [*APP, "--listen", f"unix:{path}"], columns=80, lines=24) as window:
        window.wait_for("● live", f"greet service localhost:{DEFAULT_PORT}", "tap on …", "/tap.sock")
        window.type("World", "Enter")
        window.wait_for("▏", "POST /HelloWorld/greet", "HelloReply", "OK ")
        assert path.is_socket()
        program(window).send_signal(signal.SIGTERM)
        window.wait_for("ended with 143")
    assert not path.exists()


@needs_greet_port
@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="needs root to give up capabilities")
def test_the_tap_shows_the_call_without_permission_to_capture(tmp_path: Path) -> None:
    without = ("setpriv", "--bounding-set=-net_raw,-net_admin", "--inh-caps=-net_raw,-net_admin")
    with terminal(tmp_path, [*without, *APP]) as window:
        window.wait_for("● live", "tap")
        window.type("World", "Enter")
        window.wait_for(*FRAMES)


@needs_capture
def test_calls_of_other_clients_to_another_service(
    greet: GreetProcess, call_greet: Callable[[str], None], tmp_path: Path
) -> None:
    with terminal(tmp_path, [*APP, greet.target]) as window:
        window.wait_for("● live", greet.target)
        call_greet("Ada")
        window.wait_for("POST /HelloWorld/greet", 'HelloRequest  name: "Ada"', 'HelloReply  message: "Hello, Ada"')


def test_a_secret_is_sent_and_masked_on_the_clipboard_and_in_the_history(greet: GreetProcess, tmp_path: Path) -> None:
    """What an earlier version kept in clear is masked at once, asked for, sent, and masked again."""
    state = tmp_path / "state"
    file = state / "grpc-inspector" / "history.jsonl"
    file.parent.mkdir(parents=True)
    file.write_text(
        '{"method":"/HelloWorld/greet","messages":["Ada"],'
        '"metadata":[["authorization","Bearer OLD-QJXZ"],["x-api-key","OLD-QJXZ"]]}\n'
    )
    command = [*APP, greet.target, "--engine", "tap", "--secret-header", "x-api-key"]
    with terminal(tmp_path, command, TMUX="", XDG_STATE_HOME=str(state)) as window:
        window.take_clipboard()
        window.wait_for("● live", "HelloWorld/greet")
        window.type("C-r")
        window.wait_for("Sent before", "authorization, x-api-key masked")
        assert "QJXZ" not in file.read_text()
        window.type("F5")
        window.wait_for("authorization, x-api-key are masked in the history: type the values.")
        window.type("QJXZ", "F5")
        window.wait_for("x-api-key is masked in the history: type the value.")
        window.type("QJXZ", "F5")
        window.wait_for("authorization: Bearer QJXZ", "x-api-key: QJXZ", "Hello, Ada")
        window.type("Escape")
        window.wait_for("f follow")
        window.type("f")
        window.wait_for("y copy")
        window.type("y")
        window.wait_for("Copied stream 0/1", "2 secrets masked")
        assert "authorization: Bearer ***" in window.clipboard()
        assert "QJXZ" not in window.clipboard()
        window.type("C-q")
        window.wait_for("ended with 0")
    assert file.read_text().count('["authorization","Bearer ***"],["x-api-key","***"]') == 2
    assert "QJXZ" not in file.read_text()


@needs_greet_port
def test_a_killed_app_leaves_nothing(tmp_path: Path) -> None:
    with terminal(tmp_path, APP, XDG_CACHE_HOME=str(tmp_path)) as window:  # its capture is left there
        window.wait_for("● live")
        app = program(window)
        children = app.children(recursive=True)
        assert len(children) >= 3
        app.send_signal(signal.SIGKILL)
        window.wait_for_modes("0 0 1")
        assert living(children) == []


@needs_greet_port
def test_an_app_whose_terminal_is_closed_leaves_nothing(tmp_path: Path) -> None:
    with terminal(tmp_path, [*APP, "--engine", "tap"]) as window:
        window.wait_for("● live")
        app = program(window)
        processes = [app, *app.children(recursive=True)]
    assert living(processes) == []


@needs_greet_port
def test_a_hang_up_restores_the_terminal(tmp_path: Path) -> None:
    with terminal(tmp_path, [*APP, "--engine", "tap"]) as window:
        window.wait_for("● live")
        program(window).send_signal(signal.SIGHUP)
        window.wait_for_modes("0 0 1")
        window.wait_for("ended with 129")


def test_without_a_terminal_it_prints_an_error(tmp_path: Path) -> None:
    with terminal(tmp_path, ["sh", "-c", f"{sys.executable} -m inspector < /dev/null"]) as window:
        window.wait_for("The app needs a terminal", "ended with 2")
