"""The captures of killed programs are found, and deleted after some days."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from inspector.capture.engines.tap_packets import PCAP_HEADER
from inspector.capture.left_captures import list_orphans, remove_old_orphans, spool_folder
from inspector.capture.spool import Spool

CAPTURE = PCAP_HEADER + bytes(8) + b"\x04\0\0\0" * 2 + b"data"


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path))


KILLED = """
import os, signal, sys
from inspector.capture.spool import Spool
spool = Spool.create()
spool.append(bytes.fromhex(sys.argv[1]))
os.kill(os.getpid(), signal.SIGKILL)
"""


def leave_orphan(data: bytes) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, data.hex()], check=False)
    assert done.returncode == -signal.SIGKILL


def test_captures_of_killed_programs_are_found_and_those_of_running_ones_are_not() -> None:
    spool = Spool.create()
    spool.append(CAPTURE)
    leave_orphan(CAPTURE)
    (orphan,) = list_orphans()
    assert orphan.read_bytes() == CAPTURE
    assert remove_old_orphans() == (orphan,)
    spool.discard()


def test_orphans_that_are_old_or_empty_are_removed() -> None:
    leave_orphan(PCAP_HEADER)
    leave_orphan(CAPTURE)
    leave_orphan(CAPTURE)
    old, *_ = [path for path in list_orphans() if path.stat().st_size == len(CAPTURE)]
    os.utime(old, (0, 0))
    (left,) = remove_old_orphans()
    assert left != old
    assert [path.name for path in spool_folder().iterdir()] == [left.name]
