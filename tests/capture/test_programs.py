"""tcpdump and dumpcap: how they are called, and how their messages are parsed."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from inspector.capture.engines.programs import DUMPCAP, TCPDUMP
from inspector.capture.engines.start import start_engine
from inspector.capture.source import Target
from inspector.errors import EngineError

PROGRAMS = ("tcpdump", "dumpcap")
TARGET = Target("localhost", 37564)


@pytest.mark.system
@pytest.mark.parametrize("name", PROGRAMS)
async def test_a_program_that_may_not_be_run_or_is_missing_has_a_cure(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineError, match=f"{name} is not installed. Install"):
        await start_engine(name, TARGET)
    (tmp_path / name).touch(mode=0o600)
    with pytest.raises(EngineError, match=f"This user may not run {name}."):
        await start_engine(name, TARGET)


FAKE_DUMPCAP = """#!/bin/sh
[ "$1" = --help ] && { echo '  --update-interval <interval>  of 4.2 and later'; exit; }
echo "Capturing on 'Loopback: lo'" >&2
echo 'File: -' >&2
echo "$@" >&2
exit 3
"""


@pytest.mark.system
async def test_dumpcap_is_given_only_options_that_it_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "dumpcap"
    program.write_text(FAKE_DUMPCAP)
    program.chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    engine = await start_engine("dumpcap", TARGET)
    with pytest.raises(EngineError, match="--update-interval"):
        await anext(engine.chunks())


def test_the_programs_messages_are_parsed() -> None:
    for program, words, count in (
        (
            TCPDUMP,
            "tcpdump: 275 packets captured, 2406 packets received by filter, 834 packets dropped by kernel",
            "834",
        ),
        (TCPDUMP, "1 packet dropped by kernel", "1"),
        (DUMPCAP, "Packets received/dropped on interface 'Loopback: lo': 12/7 (pcap:7/dumpcap:0/flushed:0)", "7"),
    ):
        found = program.dropped.search(words)
        assert found
        assert found[1] == count
    refusal = [
        "Capturing on 'lo'",
        "dumpcap: You do not have permission.",
        "(socket: no)",
        "",
        "On Debian, try",
        "this",
    ]
    assert DUMPCAP.refusal(refusal) == "You do not have permission. (socket: no)."
