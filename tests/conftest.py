"""Fixtures that several test files share: ports, and the greet service as a real child process."""

from __future__ import annotations

import gc
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from typing import Any, NamedTuple

import psutil
import pytest
from hypothesis import settings

from tests.engines_here import refusals
from tests.start_guard import StartGuard

settings.register_profile("all", deadline=None, max_examples=60)
settings.register_profile("fast", deadline=None, max_examples=8)
gc.set_threshold(100_000, 50, 100)  # a fifth of the time of all tests went into looking at pytest's own objects


LONGEST_IN_NAME = 200
"""Characters or bytes of a parameter that the name of a test repeats."""
start_guard = StartGuard()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-snapshots", action="store_true", help="write tests/ui/__snapshots__ again")


def pytest_configure(config: pytest.Config) -> None:
    settings.load_profile("fast" if _is_fast(config) else "all")
    config.addinivalue_line("markers", "capture: needs tcpdump and dumpcap to be allowed to capture on loopback")
    config.addinivalue_line("markers", "system: starts tshark, a capture engine or a terminal")


def _is_fast(config: pytest.Config) -> bool:
    """True for `make test-fast`."""
    return bool(config.getoption("markexpr") == "not system")


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """Name a long value by its length: children inherit the name of a test in their environment."""
    if isinstance(val, str | bytes) and len(val) > LONGEST_IN_NAME:
        return f"{argname}-{len(val)}"
    return None


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs to capture where that is not allowed."""
    if item.get_closest_marker("capture") and (reason := refusals()):
        pytest.skip(reason)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Let only a test with the mark `system` start a program."""
    start_guard.is_allowed = item.get_closest_marker("system") is not None
    try:
        return (yield)
    finally:
        start_guard.is_allowed = True


@pytest.fixture(scope="session", autouse=True)
def failing_programs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> None:
    """In a run without the tests that start programs, let no child start one either."""
    if _is_fast(request.config):
        start_guard.put_on_path(tmp_path_factory.mktemp("programs"))


@pytest.fixture(autouse=True)
def no_started_programs(failing_programs: None) -> Iterator[None]:
    """Fail a test whose children tried to start a program that fails."""
    yield
    assert not (started := start_guard.take_started()), f"a child started {', '.join(started)}"


@pytest.fixture(scope="session", autouse=True)
def own_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What is kept over runs stays apart from the user's own: captures of killed programs, histories, columns."""
    with pytest.MonkeyPatch.context() as patch:
        for kind in ("CACHE", "STATE", "CONFIG"):
            patch.setenv(f"XDG_{kind}_HOME", str(tmp_path_factory.mktemp(kind.lower())))
        yield


@pytest.fixture(scope="session", autouse=True)
def measured_guard() -> Iterator[None]:
    """Under coverage, start guards with `site`, which is what starts the measurement in a child."""
    spawn = os.posix_spawn

    def spawn_with_site(path: str, argv: list[str], *rest: Any, **options: Any) -> int:
        return spawn(path, [each for each in argv if each != "-S"], *rest, **options)

    with pytest.MonkeyPatch.context() as patch:
        if "COVERAGE_PROCESS_CONFIG" in os.environ:
            patch.setattr(os, "posix_spawn", spawn_with_site)
        yield


def command_of(process: psutil.Process) -> list[str]:
    """The command line of a child; none for one that has ended, as any child may at any moment."""
    try:
        return process.cmdline()
    except psutil.Error:  # ZombieProcess is one
        return []


class GreetProcess(NamedTuple):
    """A greet service of its own process."""

    port: int
    process: subprocess.Popen[str]

    @property
    def target(self) -> str:
        return f"localhost:{self.port}"


def start_greet(port: int = 0) -> GreetProcess:
    """Start the greet service; returns once it listens."""
    argv = [sys.executable, "-m", "sample_service", "--port", str(port)]
    process = subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert "listens on localhost:" in line, process.communicate()
    return GreetProcess(int(line.rpartition(":")[2]), process)


def end_greet(greet: GreetProcess) -> None:
    """End it, and let nothing of it be left."""
    greet.process.kill()
    greet.process.communicate()


@pytest.fixture(scope="session", autouse=True)
def own_state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What the app remembers is remembered elsewhere than with the user's own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture
def free_port() -> int:
    """A port of localhost on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def greet() -> Iterator[GreetProcess]:
    """A greet service for all tests that only call it."""
    service = start_greet()
    yield service
    end_greet(service)


@pytest.fixture
def start_service() -> Iterator[Callable[..., GreetProcess]]:
    """Starts greet services that a test may end as it likes."""
    started: list[GreetProcess] = []

    def start(port: int = 0) -> GreetProcess:
        started.append(start_greet(port))
        return started[-1]

    yield start
    for service in started:
        end_greet(service)


@pytest.fixture
def call_greet(greet: GreetProcess) -> Callable[[str], None]:
    """Calls the greet service as another program would."""
    client = (sys.executable, "-m", "sample_service.client", "--port", str(greet.port))

    def call(name: str) -> None:
        subprocess.run([*client, name], check=True, capture_output=True)

    return call
