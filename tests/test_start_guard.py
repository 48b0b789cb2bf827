"""Tests without the mark `system` start neither tshark, nor a capture engine, nor a terminal."""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path

import pytest

from inspector.processes import spawn
from tests.conftest import start_guard
from tests.start_guard import PROGRAMS, StartGuard


@pytest.mark.parametrize("program", sorted(PROGRAMS))
def test_a_program_is_refused_without_the_mark(program: str) -> None:
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
