"""`call` as a person uses it: every kind of call, messages as arguments and as they come, and every way to fail."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from inspector.headless import call as lines_in
from tests.client.test_tls import Authority, pki, secured
from tests.conftest import GreetProcess
from tests.engines_here import needs_capture
from tests.headless.test_commands import CALL_KEYS, COMMAND, objects, run
from tests.servers import listening, serving

__all__ = ("pki",)
TOUR = "sample.v1.Tour/"
HELLO = Path(__file__).parents[2] / "proto" / "helloworld.proto"
ENGINES = [pytest.param("tcpdump", marks=needs_capture), "tap"]


@contextmanager
def calling(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """`call` while it runs, with pipes to talk to it."""
    with subprocess.Popen(
        [*COMMAND, "call", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="surrogateescape",
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def say(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdin is not None
    process.stdin.write(line + "\n")
    process.stdin.flush()


def hear(process: subprocess.Popen[str], words: str) -> None:
    """Read until a line with these words has come."""
    assert process.stdout is not None
    for line in process.stdout:
        if words in line:
            return
    raise AssertionError(f"never said: {words}")


@pytest.mark.system
@pytest.mark.parametrize(
    ("method", "messages", "requests", "responses"),
    [
        ("Echo", ['{"text": "hey"}'], 1, 1),
        ("Count", ['{"to": 3}'], 1, 3),
        ("Sum", ['{"value": 1}', '{"value": "2"}', "3"], 3, 1),
        ("Sum", [], 0, 1),
        ("Chat", ["one", '{"text": "two"}'], 2, 2),
    ],
)
def test_every_kind_of_call(
    greet: GreetProcess, method: str, messages: list[str], requests: int, responses: int
) -> None:
    done = run("call", greet.target, TOUR + method, *messages, "--json", "--engine", "tap")
    assert (done.returncode, done.stderr) == (0, "")
    (call,) = objects(done.stdout)
    assert list(call) == CALL_KEYS
    assert (len(call["requests"]), len(call["responses"])) == (requests, responses)
    assert (call["state"], call["problems"], call["authority"]) == ("complete", [], greet.target)
    if method == "Sum":
        assert call["responses"][0]["value"]["value"] == str(sum(range(requests + 1)))


@pytest.mark.system
@pytest.mark.parametrize("engine", ENGINES)
def test_a_conversation_over_standard_input_is_seen_while_it_runs(greet: GreetProcess, engine: str) -> None:
    with calling(greet.target, TOUR + "Chat", "-", "--engine", engine) as process:
        for text in ("one", "two"):
            say(process, json.dumps({"text": text}))
            hear(process, f"You said: {text}")
        say(process, '{\n  "text": "over { lines"\n}')
        hear(process, "You said: over { lines")
        assert process.stdin is not None
        process.stdin.close()
        hear(process, "grpc-status: 0  OK")
        assert process.wait(timeout=20) == 0


@pytest.mark.system
@pytest.mark.parametrize("engine", ENGINES)
def test_an_interrupt_ends_a_stream(greet: GreetProcess, engine: str) -> None:
    endless = '{"to": 1000000, "pause": "0.01s"}'
    with calling(greet.target, TOUR + "Count", endless, "--engine", engine) as process:
        hear(process, '"value": "3"')
        process.send_signal(signal.SIGINT)
        _, complaints = process.communicate(timeout=20)
        assert (process.returncode, complaints) == (130, "")


@pytest.mark.system
def test_a_reader_who_has_seen_enough_ends_it(greet: GreetProcess) -> None:
    with calling(greet.target, TOUR + "Count", '{"to": 20000}', "--engine", "tap") as process:
        hear(process, '"value": "3"')
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(timeout=20) == 0


@pytest.mark.system
def test_what_was_asked_for_is_on_the_wire(greet: GreetProcess) -> None:
    metadata = ("-H", "x-twice: 1", "-H", "x-twice: 2", "-H", "raw-bin: AP8")
    more = ("--gzip", "--authority", "shop.test", "--deadline", "7")
    words = '{"words": ["' + "tell " * 200 + '"]}'
    done = run("call", greet.target, TOUR + "Echo", words, *metadata, *more, "--json", "--engine", "tap")
    (call,) = objects(done.stdout)
    headers = [tuple(pair) for pair in call["request_headers"]]
    for pair in (("x-twice", "1"), ("x-twice", "2"), ("raw-bin", "AP8="), ("grpc-encoding", "gzip")):
        assert pair in headers
    assert call["authority"] == "shop.test"
    assert dict(headers)["grpc-timeout"].startswith(("6", "7"))
    assert (call["requests"][0]["encoding"], call["responses"][0]["encoding"]) == ("gzip", "gzip")


@pytest.mark.system
def test_a_failure_gives_its_status(greet: GreetProcess) -> None:
    message = '{"code": 5, "message": "gone\\u001b[31m\\naway"}'
    done = run("call", greet.target, "sample.v1.Tour.Fail", message, "--engine", "tap")
    assert done.returncode == 64 + 5
    assert done.stderr == f"grpc-inspector: {greet.target} answered NOT_FOUND: gone␛[31m away\n"
    assert "grpc-status-details-bin" in done.stdout


@pytest.mark.system
def test_where_nothing_listens_the_tap_is_not_blamed() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        target = f"127.0.0.1:{taken.getsockname()[1]}"
        done = run("call", target, "HelloWorld/greet", "x", "--no-reflection", "--engine", "tap")
    assert done.returncode == 64 + 14
    refused = f"The service {target} does not answer: Connection refused. Start the service, or check the port."
    assert done.stderr == f"grpc-inspector: {refused}\n"


@pytest.mark.system
@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (
            (TOUR + "None", "x"),
            1,
            "The method /sample.v1.Tour/None is in no schema. Give a schema with --proto FILE, or",
        ),
        ((TOUR + "Sum", '{"value": "x"}'), 1, "value"),
        ((TOUR + "Sum", '{"value": 1'), 1, "JSON"),
        ((TOUR + "Sum", '{"valu": 1}'), 1, "Did you mean value?"),
        ((TOUR + "Count", '{"to": 1}', '{"to": 2}'), 1, "takes one message, but 2 are given"),
        ((TOUR + "Chat", "-", "-"), 2, "give - once"),
        ((TOUR + "Echo", "--tls", "--plaintext"), 2, "--plaintext"),
        ((TOUR + "Echo", "--insecure", "--plaintext"), 2, "contradict each other"),
        ((TOUR + "Echo", "--tls", "--write", "x.pcap"), 2, "cannot be read on the wire"),
        ((TOUR + "Echo", "--max-message-size", "0"), 2, "is not a size; for example: 1000000 or 64M"),
        ((TOUR + "Sleep", '{"time": "30s"}', "--deadline", "0.3"), 64 + 4, "within 0.3 s. The service is slow"),
        ((TOUR + "Echo", '{"text": "' + "x" * 3000 + '"}', "--max-message-size", "1k"), 64 + 8, "--max-message-size"),
        (("shop.v1.Shop/Buy", "--tls", "--no-reflection", "--proto", str(HELLO)), 1, "is in no schema"),
        (("HelloWorld/greet", "x", "--tls", "--no-reflection"), 64 + 14, "does not speak TLS"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, tuple) else None,
)
def test_what_goes_wrong_is_said(greet: GreetProcess, arguments: tuple[str, ...], status: int, words: str) -> None:
    done = run("call", greet.target, *arguments, "--engine", "tap")
    assert done.returncode == status, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.system
def test_a_bad_line_of_standard_input_ends_the_call(greet: GreetProcess) -> None:
    for text, words in (
        ('{"value": 1}\n{"valu": 2}\n', "valu"),
        ('{"value": 1}\n{"value":', "JSON"),
        ("\udcff\n", "UTF-8"),
    ):
        with calling(greet.target, TOUR + "Sum", "-", "--engine", "tap") as process:
            assert process.stdin is not None
            process.stdin.write(text)
            _, complaints = process.communicate(timeout=20)
            assert process.returncode == 1
            assert words in complaints


@pytest.mark.system
async def test_a_reply_too_large_is_a_sentence() -> None:
    async def handler(_request: bytes, _context: object) -> bytes:
        return bytes(100_000_000)

    async with serving(handler) as target:
        done = await asyncio.to_thread(run, "call", target, "HelloWorld/greet", "x", "--engine", "tap")
    assert done.returncode == 64 + 8
    assert "The reply has 100000000 bytes, and the limit is 67108864. Raise it with --max-message-size" in done.stderr


@pytest.mark.system
async def test_a_tls_port_spoken_to_in_plaintext(pki: Authority) -> None:
    async with secured(pki, "here") as target:
        done = await asyncio.to_thread(run, "call", target, "HelloWorld/greet", "x", "--engine", "tap")
    assert done.returncode == 64 + 14
    assert "speaks TLS. The call was sent in plaintext. Use --tls" in done.stderr


@pytest.mark.system
async def test_a_call_over_tls_is_told_by_the_client(pki: Authority) -> None:
    arguments = ("HelloWorld/greet", "World", "--cacert", str(pki["ca.pem"]), "-H", "x-who:me")
    async with secured(pki, "here") as target:
        done = await asyncio.to_thread(run, "call", target, *arguments)
        as_json = await asyncio.to_thread(run, "call", target, *arguments, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    for words in ("cannot be read on the wire", "x-who: me", '"name": "World"', '"message": "World"', "OK"):
        assert words in done.stdout
    (call,) = objects(as_json.stdout)
    assert list(call) == CALL_KEYS
    assert call["responses"][0]["value"] == {"message": "World"}
    assert call["problems"]


@pytest.mark.system
async def test_a_reflection_that_hangs_holds_nobody_up() -> None:
    """Reflection has two seconds; after that the call is made all the same."""

    async def talk(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with listening(talk) as target:
        arguments = ("HelloWorld/greet", "x", "--engine", "tap", "--deadline", "0.2")
        done = await asyncio.to_thread(run, "call", target, *arguments)
    assert done.returncode == 64 + 4
    assert "did not return its schema" in done.stderr
    assert "did not answer as a gRPC service within 0.2 s" in done.stderr


@pytest.mark.parametrize(
    ("lines", "messages"),
    [
        (["a\n", "\n", "b"], ["a", "b"]),
        (['{"a": 1}\n', '{"a": 2}\n'], ['{"a": 1}', '{"a": 2}']),
        (["{\n", '"a": "}\\"{"\n', "}\n", "b\n"], ['{\n"a": "}\\"{"\n}', "b"]),
        (['{"a": {\n', "}}\n", "{}"], ['{"a": {\n}}', "{}"]),
        (["{\n", "\n"], ["{"]),
        (["}\n", "x"], ["}", "x"]),
        ([], []),
    ],
)
async def test_where_a_message_ends(lines: list[str], messages: list[str]) -> None:
    async def given() -> AsyncIterator[str]:
        for line in lines:
            yield line

    assert [text async for text in lines_in.split(given())] == messages


@pytest.mark.system
def test_standard_input_may_be_a_file_or_closed(greet: GreetProcess, tmp_path: Path) -> None:
    path = tmp_path / "messages"
    path.write_text('{"value": 1}\n{"value": 2}\n')
    with path.open() as file:
        done = run("call", greet.target, TOUR + "Sum", "-", "--json", "--engine", "tap", stdin=file)
    assert len(objects(done.stdout)[0]["requests"]) == 2
    shut = f"{sys.executable} -m inspector call {greet.target} {TOUR}Sum - --json --engine tap <&-"
    closed = subprocess.run(shut, shell=True, capture_output=True, text=True, timeout=30, check=False)
    assert (closed.returncode, len(objects(closed.stdout)[0]["requests"])) == (0, 0)


@pytest.mark.system
def test_a_method_that_no_schema_knows(greet: GreetProcess) -> None:
    text = '{"1": "Ada", "2": {"sint": -3}}'
    arguments = ("/other.Service/Do", text, "--kind", "unary", "--json", "--engine", "tap")
    done = run("call", greet.target, *arguments)
    assert done.returncode == 64 + 12
    (call,) = objects(done.stdout)
    assert (call["requests"][0]["format"], call["requests"][0]["value"]) == ("wire", {"1": "Ada", "2": 5})
    known = run("call", greet.target, TOUR + "Count", "--kind", "unary", "--engine", "tap")
    assert known.returncode == 1
    assert "/sample.v1.Tour/Count is server_streaming according to reflection of" in known.stderr
