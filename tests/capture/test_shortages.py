"""Where open files, memory or processes run out, the program says which, and what helps."""

from __future__ import annotations

import errno
import os
import resource
import shlex
import socket
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from inspector import processes
from inspector.errors import ShortageError, reason, remedy, shortage
from tests.captures import DATA
from tests.terminal import needs_tmux, terminal

CAPTURE = DATA / "b_full.pcapng"
HINT = "Raise it with `ulimit -n 4096` and start again."


def limited(files: int, *arguments: str) -> list[str]:
    """The program with so many open files."""
    return ["sh", "-c", f"ulimit -n {files}; exec {shlex.join([sys.executable, '-m', 'inspector', *arguments])}"]


TAP_LINES = "grpc-inspector: Listening on ", "grpc-inspector: The tap cannot accept a connection"


@pytest.mark.system
@pytest.mark.parametrize("arguments", [("calls", str(CAPTURE)), ("calls", "localhost:1", "--engine", "tap")])
@pytest.mark.parametrize("files", [7, 8, 9, 12, 16])
def test_too_few_open_files_are_one_line(arguments: tuple[str, ...], files: int) -> None:
    limits = () if len(arguments) == 2 else ("--for", "0.1", "--no-reflection")
    done = subprocess.run(
        limited(files, *arguments, *limits),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert (done.returncode, done.stdout) == (1, "")
    *about_tap, reason = done.stderr.splitlines()
    assert all(line.startswith(TAP_LINES) for line in about_tap), done.stderr
    assert f"the limit of open files (ulimit -n {files}) is reached. {HINT}" in reason


@pytest.mark.system
@needs_tmux
def test_the_app_says_so_too(tmp_path: Path) -> None:
    with terminal(tmp_path, limited(12, str(CAPTURE)), columns=80, lines=24) as window:
        window.wait_for("● failed", "tshark cannot be started: the limit of open files (ulimit -n 12) is", HINT)
        window.type("C-q")
        window.wait_for("ended with")


async def test_a_child_that_cannot_be_started_for_want_of_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    await processes.end(await processes.spawn("true"))  # the guard is there by now
    taken = [os.open(os.devnull, os.O_RDONLY)]
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (taken[0] + 2, hard))
        with pytest.raises(ShortageError, match=r"true cannot be started: the limit of open files \(ulimit -n \d+\)"):
            await processes.spawn("true", stdout=subprocess.PIPE)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for each in taken:
            os.close(each)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENFILE, "the system's limit of open files is reached"),
        (errno.ENOMEM, "the memory has run out"),
        (errno.EAGAIN, "the limit of processes (ulimit -u "),
    ],
)
def test_what_has_run_out_is_named(number: int, words: str) -> None:
    error = OSError(number, os.strerror(number))
    found = shortage(error, "tshark cannot be started")
    assert found is not None
    assert found.message.startswith(f"tshark cannot be started: {words}")
    assert found.hint == remedy(error)
    assert reason(error).startswith(words)


def test_other_errors_stay_what_they_are() -> None:
    error = FileNotFoundError(errno.ENOENT, "No such file or directory")
    assert (shortage(error), reason(error), remedy(error, "Look.")) == (None, "No such file or directory", "Look.")
    found = shortage(MemoryError())
    assert found is not None
    assert str(found).startswith("The memory has run out. Close other programs")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.EHOSTUNREACH, "Connect call failed ('::1', 1)"), os.strerror(errno.EHOSTUNREACH)),
        (TimeoutError(), "no answer in time"),
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "Name or service not known"),
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number"), "[SSL: WRONG_VERSION_NUMBER] wrong ver"),
        (FileExistsError("trace.pcap"), "trace.pcap"),
    ],
)
def test_a_reason_uses_the_text_of_the_library_that_numbered_the_error(error: OSError, words: str) -> None:
    assert reason(error).startswith(words)
