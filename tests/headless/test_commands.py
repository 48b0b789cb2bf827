"""The commands that print, as a shell runs them: real processes, real pipes, real signals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.captures import DATA
from tests.conftest import GreetProcess
from tests.engines_here import needs_capture

pytestmark = pytest.mark.system

COMMAND = (sys.executable, "-m", "inspector")
FRAME_KEYS = [
    *("packet", "time", "connection", "stream", "sender", "type", "flags", "length"),
    *("headers", "header_sources", "data", "detail"),
]
CALL_KEYS = [
    *("connection", "stream", "client", "server", "method", "method_source", "authority", "method_candidates", "kind"),
    *("state", "status", "http_status", "started", "duration", "request_headers", "response_headers", "trailers"),
    *("requests", "responses", "problems", "status_details", "status_source", "why"),
]
MESSAGE_KEYS = ["packet", "time", "length", "encoding", "type", "format", "value"]


def run(*arguments: str | Path, **more: Any) -> subprocess.CompletedProcess[str]:
    return shell([*COMMAND, *map(str, arguments)], **more)


def shell(command: str | list[str], **more: Any) -> subprocess.CompletedProcess[str]:
    more = {"stdin": subprocess.DEVNULL, **more} if "input" not in more else more
    more["shell"] = isinstance(command, str)
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **more)


def objects(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


@contextmanager
def started(output: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A command that runs until the end of the test, its output going into a file."""
    with output.open("wb") as sink:
        process = subprocess.Popen(
            [*COMMAND, *arguments], stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.PIPE, text=True
        )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def call_until_printed(output: Path, greet: GreetProcess) -> None:
    """Call until a live command has printed something: as often as it takes until it listens."""
    client = (sys.executable, "-m", "sample_service.client", "--port", str(greet.port))
    for _ in range(50):
        subprocess.run(client, check=True, capture_output=True)
        if output.stat().st_size:
            return
    raise AssertionError("nothing is printed")


def test_frames_as_json_keep_their_contract() -> None:
    done = run("frames", DATA / "b_full.pcapng", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    frames = objects(done.stdout)
    assert len(frames) == 670
    for frame in frames:
        assert list(frame) == FRAME_KEYS
        assert frame["sender"] in ("client", "server")
        assert (frame["headers"] is not None) == (frame["type"] in ("HEADERS", "CONTINUATION", "PUSH_PROMISE"))
        assert (frame["data"] is not None) == (frame["type"] == "DATA")
    assert frames[0]["type"] == "SETTINGS"


def test_calls_as_json_keep_their_contract() -> None:
    done = run("calls", DATA / "b_full.pcapng", "--json", "--proto", DATA / "peers.proto")
    assert (done.returncode, done.stderr) == (0, "")
    calls = objects(done.stdout)
    assert [call["stream"] for call in calls] == sorted(call["stream"] for call in calls)
    assert {call["kind"] for call in calls} == {"unary", "client_streaming", "server_streaming", "bidi_streaming"}
    for call in calls:
        assert list(call) == CALL_KEYS
        assert call["status"] == {"code": 0, "name": "OK", "message": call["status"]["message"]}
        for message in call["requests"] + call["responses"]:
            assert list(message) == MESSAGE_KEYS
            assert message["format"] == "protobuf"
            assert message["type"] in ("HelloRequest", "HelloReply")


def test_follow_gives_a_page_and_the_messages_as_files(tmp_path: Path) -> None:
    folder = tmp_path / "messages"
    done = run("follow", DATA / "g_gzip_node_node.pcapng", "0/1", "--html", "--messages", folder)
    assert done.returncode == 0
    assert done.stdout.startswith("<!DOCTYPE html>")
    assert "grpc-encoding" in done.stdout
    names = sorted(each.name for each in folder.iterdir())
    assert names[:2] == ["001-request.bin", "002-response.bin"]
    assert f"Saved {len(names)} messages in {folder}." in done.stderr
    again = run("follow", DATA / "g_gzip_node_node.pcapng", "0/1", "--messages", folder)
    assert (again.returncode, "is not empty" in again.stderr) == (1, True)


def test_follow_prints_one_stream() -> None:
    done = run("follow", DATA / "g_gzip_node_node.pcapng", "0/1", "--proto", DATA / "peers.proto")
    assert done.returncode == 0
    assert "HEADERS" in done.stdout
    assert '"name": "node0"' in done.stdout
    assert "grpc-status: 0  OK" in done.stdout


def test_a_closed_pipe_ends_quietly() -> None:
    done = shell(
        f"{sys.executable} -m inspector frames {DATA / 'b_full.pcapng'} | head -n 1",
    )
    assert done.stderr == ""
    assert done.stdout.count("\n") == 1


def test_standard_input_is_a_source() -> None:
    with (DATA / "a_full_go.pcapng").open("rb") as capture:
        piped = run("calls", "-", "--json", stdin=capture)
    assert (piped.returncode, len(objects(piped.stdout))) == (0, 30)
    through_a_pipe = shell(
        f"cat {DATA / 'i_classic.pcap.gz'} | {sys.executable} -m inspector calls - --json",
    )
    assert len(objects(through_a_pipe.stdout)) == 43


def test_count_ends_after_so_many_lines() -> None:
    assert run("frames", DATA / "b_full.pcapng", "--json", "--count", "5").stdout.count("\n") == 5
    assert run("calls", DATA / "b_full.pcapng", "--json", "--count", "5").stdout.count("\n") == 5


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("frames", "nowhere.pcap"), 1, "no file nowhere.pcap"),
        (("frames", DATA / "i_not_a_capture.pcapng"), 1, "not a capture"),
        (("frames", DATA / "i_empty_file.pcapng"), 1, "empty"),
        (("frames", DATA), 1, "folder"),
        (("frames", "localhost:70000"), 2, "70000"),
        (("frames",), 2, "SOURCE"),
        (("frames", DATA / "a_mid.pcapng", "--port", "x"), 2, "--port"),
        (("frames", DATA / "a_mid.pcapng", "--count", "0"), 2, "--count"),
        (("follow", DATA / "a_mid.pcapng", "1"), 2, "CONNECTION/STREAM"),
        (("follow", DATA / "b_full.pcapng", "0/999"), 1, "no call on stream 0/999"),
        (("calls", DATA / "b_full.pcapng", "--proto", "nowhere.proto"), 1, "nowhere.proto"),
        (("calls", DATA / "b_full.pcapng", "--protoset", DATA / "peers.proto"), 1, "descriptor"),
        (("calls", DATA / "b_full.pcapng", "--tls-keylog", "nowhere"), 1, "key log"),
        (("calls", DATA / "b_full.pcapng", "--tls-keylog", DATA), 1, "key log"),
        (("calls", DATA / "b_full.pcapng", "--proto-path", "nowhere"), 1, "no folder nowhere"),
        (("calls", DATA / "b_full.pcapng", "--proto", DATA / "i_not_a_capture.pcapng"), 1, "protoc"),
        (("calls", DATA / "b_full.pcapng", "--write", "nowhere/x.pcapng"), 1, "no folder nowhere"),
        (("calls", DATA / "b_full.pcapng", "--write", f"{sys.executable}/x.pcapng"), 1, "no folder"),
        (("calls", DATA / "b_full.pcapng", "--proto-path", sys.executable), 1, "no folder"),
        (("calls", "/proc/self/mem"), 1, "cannot be read"),
        (("calls", "x" * 5000), 1, "File name too long"),
        (("calls", "~no-such-user/x.pcap"), 1, "no file"),
        (("calls", ""), 2, "no name"),
        (("calls", DATA / "b_full.pcapng", "--count", "1" * 5000), 2, "not a number of lines"),
        (("follow", DATA / "b_full.pcapng", f"0/{'1' * 5000}"), 2, "does not name a stream"),
        (("call", "localhost:1", "HelloWorld/greet", "--engine", "tap", "--write", DATA), 1, "exists already"),
        (("call", "localhost:1", "HelloWorld/greet", "x", "--engine", "tap"), 78, "localhost:1"),
        (("call", "localhost:1", "HelloWorld/none", "x", "--engine", "tap"), 1, "HelloWorld/none"),
        (("call", "localhost:1", "HelloWorld/greet", '{"nam": 1}', "--engine", "tap"), 1, "nam"),
        (("call", "localhost:1", "HelloWorld/greet", "x", "-H", "novalue"), 2, "name:value"),
        (("frames", "localhost:1", "--interface", "nosuch0", "--for", "1"), 1, "nosuch0"),
        (("frames", "no-such-host.invalid:1", "--for", "1"), 1, "no-such-host.invalid"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, tuple) else None,
)
def test_a_failure_is_one_plain_line(arguments: tuple[str, ...], status: int, words: str) -> None:
    done = run(*arguments)
    assert done.returncode == status, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1 + ("did not return its schema" in done.stderr)


def test_the_command_line_works_with_streams_that_are_closed() -> None:
    calls = " ".join((*COMMAND, "calls"))
    unwritable = shell(f"{calls} {DATA / 'b_full.pcapng'} >&-")
    assert (unwritable.returncode, len(unwritable.stderr.splitlines())) == (1, 1)
    assert "Standard output is closed" in unwritable.stderr
    unreadable = shell(f"{calls} - <&-", stdin=None)
    assert unreadable.returncode == 1
    assert "Standard input is empty" in unreadable.stderr
    assert "needs a terminal" in shell(f"{' '.join(COMMAND)} <&-", stdin=None).stderr
    unheard = shell(f"{calls} nowhere.pcap 2>&-")
    assert (unheard.returncode, unheard.stdout) == (1, "")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may look everywhere")
def test_a_home_that_is_another_users_is_no_hindrance(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0)
    env = {**os.environ, "HOME": str(closed), "XDG_CACHE_HOME": f"{closed}/c", "XDG_STATE_HOME": f"{closed}/s"}
    for arguments in (("calls", DATA / "b_full.pcapng"), ("frames", "localhost:1", "--for", "0.1"), ("doctor",)):
        done = run(*arguments, env=env)
        assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr


def test_a_damaged_capture_gives_what_there_is() -> None:
    done = run("frames", DATA / "i_truncated_half.pcapng")
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 346
    assert "cut short" in done.stderr


def test_a_capture_without_packets_is_said_to_be_one() -> None:
    done = run("calls", DATA / "i_no_packets.pcapng")
    assert (done.returncode, done.stdout) == (0, "")
    assert "This capture has no packets" in done.stderr


def test_no_tshark_is_said_with_the_cure(tmp_path: Path) -> None:
    done = run("frames", DATA / "b_full.pcapng", env={**os.environ, "PATH": str(tmp_path)})
    if "tshark is not installed" not in done.stderr:  # it is where macOS and some systems keep it
        pytest.skip("tshark is found without PATH here")
    assert done.returncode == 1
    assert "apt-get install tshark" in done.stderr


def test_an_old_tshark_is_said_with_the_cure(tmp_path: Path) -> None:
    old = tmp_path / "tshark"
    old.write_text("#!/bin/sh\necho 'TShark (Wireshark) 3.4.10 (Git)'\n")
    old.chmod(0o755)
    done = run("frames", DATA / "b_full.pcapng", env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"})
    assert done.returncode == 1
    assert "3.4.10 is too old" in done.stderr


@pytest.mark.parametrize("engine", [pytest.param("tcpdump", marks=needs_capture), "tap"])
def test_call_prints_the_frames_that_carried_it(engine: str, greet: GreetProcess) -> None:
    done = run("call", greet.target, "HelloWorld/greet", "World", "--engine", engine, "-H", "x-trace:abc")
    assert (done.returncode, done.stderr) == (0, "")
    for part in (":path: /HelloWorld/greet", '"name": "World"', '"message": "Hello, World"', "x-trace: abc", "0  OK"):
        assert part in done.stdout


def test_call_as_json_is_the_calls_object(greet: GreetProcess) -> None:
    done = run("call", greet.target, "/HelloWorld/greet", "-", "--json", "--engine", "tap", input='{"name": "Ada"}')
    (call,) = objects(done.stdout)
    assert list(call) == CALL_KEYS
    assert call["responses"][0]["value"] == {"message": "Hello, Ada"}
    assert call["kind"] == "unary"


def test_a_method_that_is_not_there_gives_its_status(greet: GreetProcess, tmp_path: Path) -> None:
    proto = tmp_path / "other.proto"
    proto.write_text(
        'syntax = "proto3"; message M { string a = 1; } service HelloWorld { rpc Missing (M) returns (M); }'
    )
    done = run("call", greet.target, "HelloWorld/Missing", "x", "--proto", proto, "--engine", "tap")
    assert done.returncode == 64 + 12
    assert "UNIMPLEMENTED" in done.stdout


@needs_capture
def test_a_live_command_prints_what_others_call_until_it_is_interrupted(greet: GreetProcess, tmp_path: Path) -> None:
    kept, output = tmp_path / "kept.pcap", tmp_path / "output"
    with started(output, "frames", greet.target, "--json", "--no-reflection", "--write", str(kept)) as process:
        call_until_printed(output, greet)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=20)
        assert process.returncode == 130
        assert said == "" or said.startswith("grpc-inspector: Joined 1 connection late")  # it began amid a call
    printed = objects(output.read_text())
    assert [list(each) for each in printed] == [FRAME_KEYS] * len(printed)
    assert objects(run("frames", kept, "--json").stdout) == printed
    assert kept.stat().st_mode & 0o777 == 0o600


@needs_capture
def test_a_live_command_ends_by_itself(greet: GreetProcess) -> None:
    done = run("calls", greet.target, "--for", "0.5", "--no-reflection")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@needs_capture
def test_nothing_is_left_of_a_killed_command(greet: GreetProcess, tmp_path: Path) -> None:
    output = tmp_path / "output"
    with started(output, "frames", greet.target, "--json", "--no-reflection") as process:
        call_until_printed(output, greet)
        children = psutil.Process(process.pid).children(recursive=True)
        assert {child.name() for child in children} >= {"tshark", "tcpdump"}
        process.kill()
        process.wait()
        _, alive = psutil.wait_procs(children, timeout=5)
        assert [child for child in alive if child.status() != psutil.STATUS_ZOMBIE] == []


def test_a_capture_that_cannot_be_written_where_it_was_to_go_is_kept() -> None:
    capture = DATA / "a_mid.pcapng"
    with capture.open("rb") as piped:
        done = run("frames", "-", "--write", "/proc/none.pcapng", stdin=piped)
    assert done.returncode == 1
    said, kept = done.stderr.strip().rsplit(" What was captured is kept in ")
    assert "grpc-inspector: Nothing can be saved in /proc: " in said
    assert Path(kept.removesuffix(".")).read_bytes() == capture.read_bytes()
    Path(kept.removesuffix(".")).unlink()


def test_a_capture_is_written_also_when_nobody_reads_what_is_printed(tmp_path: Path) -> None:
    capture, saved = DATA / "b_full.pcapng", tmp_path / "saved.pcapng"
    done = shell(f"{sys.executable} -m inspector frames --write {saved} {capture} | true")
    assert done.stderr == ""
    assert saved.read_bytes() == capture.read_bytes()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no such device")
@pytest.mark.parametrize("command", ["frames {}", "calls --json {}", "follow {} 0/1 --html"])
def test_output_to_a_full_disk_is_said_in_a_sentence(command: str) -> None:
    what = command.format(DATA / "b_full.pcapng")
    done = shell(f"{sys.executable} -m inspector {what} > /dev/full")
    assert done.returncode == 1
    assert done.stderr == "grpc-inspector: The output cannot be written: No space left on device. It is incomplete.\n"


def test_doctor_tells_what_is_here() -> None:
    done = run("doctor", "--json")
    findings = {finding["check"]: finding for finding in objects(done.stdout)}
    assert done.returncode == 0
    assert findings["tshark"]["ok"]
    assert findings["tap"]["ok"]
    assert {"tcpdump", "dumpcap"} <= findings.keys()
    assert all(finding["fix"] for finding in findings.values() if not finding["ok"])


def test_doctor_names_a_few_of_the_captures_that_killed_runs_left(tmp_path: Path) -> None:
    folder = tmp_path / "grpc-inspector"
    folder.mkdir()
    for number in range(9):
        (folder / f"capture-999999{number}-left.pcap").write_bytes(b"of a run that was killed")
    done = run("doctor", env={**os.environ, "XDG_CACHE_HOME": str(tmp_path)})
    assert done.stdout.count("left its capture") == 3
    assert f"6 older ones in {folder}" in done.stdout


def test_headless_commands_load_no_textual() -> None:
    script = "import sys; from inspector.cli import main; main(sys.argv[1:]); print('textual' in sys.modules)"
    done = shell([sys.executable, "-c", script, "calls", str(DATA / "b_full.pcapng")])
    assert done.stdout.splitlines()[-1] == "False"


def test_help_is_there() -> None:
    for arguments in (("--help",), ("frames", "--help"), ("call", "--help")):
        done = run(*arguments)
        assert done.returncode == 0
        assert "usage:" in done.stdout
    ascii_only = {**os.environ, "PYTHONIOENCODING": "ascii"}
    assert "METHOD [JSON…]" in run("--help", env=ascii_only, encoding="utf-8").stdout
    full = shell(f"{' '.join(COMMAND)} --help >/dev/full") if Path("/dev/full").exists() else None
    assert full is None or (full.returncode, len(full.stderr.splitlines())) == (1, 1)
