"""What `make test-fast` leaves out, and that nothing it runs starts tshark, an engine or a terminal."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from inspector.processes import spawn
from inspector.session import FileSource, Session
from tests.captures import DATA
from tests.conftest import start_guard
from tests.conversation import Conversation
from tests.programs import PROGRAMS, StartGuard, shows_program
from tests.ui_running import opened

pytestmark = pytest.mark.starts_nothing


class Helper:
    def read(self) -> None:
        asyncio.run(Session(FileSource(DATA)).run())


def directly() -> None:
    Helper().read()


async def through_a_helper() -> None:
    async with opened(DATA):
        pass


def in_a_nested_function() -> Callable[[], object]:
    return lambda: opened(DATA)


def by_a_command_line() -> None:
    subprocess.run(["python", "-m", "inspector"], check=False)


def by_a_shell() -> None:
    subprocess.run("python -m inspector calls - < capture", shell=True, check=False)


def without_a_program() -> None:
    Conversation().greet()


@pytest.mark.parametrize(
    "code", [directly, through_a_helper, in_a_nested_function, by_a_command_line, by_a_shell, partial(directly)]
)
def test_code_shows_that_it_starts_a_program(code: object) -> None:
    assert shows_program(code)


def test_code_that_starts_none_shows_none() -> None:
    assert not shows_program(without_a_program)


@pytest.mark.parametrize("program", sorted(PROGRAMS))
def test_a_program_that_the_code_does_not_show_is_refused(program: str) -> None:
    for path in (program, f"/usr/bin/{program}"):
        with pytest.raises(RuntimeError, match=f"starts {program}"):
            subprocess.run([path, "--version"], check=False)
        with pytest.raises(RuntimeError, match=f"starts {program}"):
            asyncio.run(spawn(path, "--version"))
        with pytest.raises(RuntimeError, match=f"starts {program}"):
            os.posix_spawn(path, [path, "--version"], {})


def test_children_find_programs_that_fail_and_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.environ["PATH"])
    guard = StartGuard()
    guard.put_on_path(tmp_path)
    assert subprocess.run(["sh", "-c", "tshark --version"], check=False).returncode == 1
    assert guard.take_started() == ["tshark"]
    assert guard.take_started() == []


def test_this_very_test_is_not_allowed_to_start_a_program() -> None:
    assert not start_guard.is_allowed
