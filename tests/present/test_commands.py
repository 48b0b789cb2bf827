"""A captured call as a command: the Python is run for real, the shell words are read back, hostile text stays text."""

from __future__ import annotations

import ast
import base64
import json
import shlex
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from hypothesis import given
from hypothesis import strategies as st

from inspector.errors import RequestError
from inspector.model.call import Call, HeaderBlock, Message, MethodSource, StreamKey
from inspector.model.frame import HeaderSource
from inspector.model.retained_list import RetainedList
from inspector.present.export.commands import grpcurl_command, python_script, resendable_call
from inspector.schema.catalog import Catalog
from sample_service import sample_pb2
from sample_service.sample_pb2 import CountRequest, FailRequest, Line, Number, Things
from tests.conftest import GreetProcess

TOUR = "/sample.v1.Tour/"
OWN = [
    (":method", "POST"),
    ("te", "trailers"),
    ("content-type", "application/grpc"),
    ("user-agent", "another/1"),
    ("grpc-accept-encoding", "gzip"),
]


def catalog() -> Catalog:
    files = FileDescriptorSet()
    for name in sample_pb2.DESCRIPTOR.dependencies:
        files.file.append(FileDescriptorProto.FromString(name.serialized_pb))
    files.file.append(FileDescriptorProto.FromString(sample_pb2.DESCRIPTOR.serialized_pb))
    found = Catalog()
    found.add(files, "sample")
    return found


def captured(
    method: str, *messages: bytes, headers: Iterable[tuple[str, str]] = (), encoding: str | None = None
) -> Call:
    requests = RetainedList(Message(1, 0.0, 1, 0, len(each), each, encoding) for each in messages)
    block = HeaderBlock((*OWN, (":path", method), *headers))
    return Call(
        StreamKey(0, 1), 0.0, method=method, method_source=MethodSource.WIRE, request_headers=block, requests=requests
    )


def run(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=False)


def replies(done: subprocess.CompletedProcess[str]) -> list[bytes]:
    assert (done.returncode, done.stderr) == (0, "")
    return [ast.literal_eval(line) for line in done.stdout.splitlines()]


def test_the_python_of_every_kind_of_call_works(greet: GreetProcess) -> None:
    known = catalog()
    things = Things(text="\"'\\\n\x1b[31m", raw=bytes(range(256))).SerializeToString()
    numbers = [Number(value=value).SerializeToString() for value in (1, 2)]
    for call, expected in (
        (captured(TOUR + "Echo", things, encoding="gzip"), [things]),
        (captured(TOUR + "Count", CountRequest(to=2).SerializeToString()), numbers),
        (captured(TOUR + "Sum", *numbers), [sample_pb2.Total(value=3, count=2).SerializeToString()]),
        (captured(TOUR + "Sum"), [b""]),
        (captured(TOUR + "Chat", Line(text="a").SerializeToString()), [Line(text="You said: a").SerializeToString()]),
    ):
        assert replies(run(python_script(call, known, greet.target))) == expected
        assert replies(run(python_script(call, Catalog(), greet.target))) == expected  # without a schema


def test_the_python_tells_a_failure(greet: GreetProcess) -> None:
    call = captured(TOUR + "Fail", FailRequest(code=5, message="gone").SerializeToString())
    done = run(python_script(call, catalog(), greet.target))
    assert (done.returncode, done.stderr.strip()) == (1, "NOT_FOUND: gone")


def test_metadata_and_deadline_are_in_both() -> None:
    raw = base64.b64encode(b"\x00\xff").decode()
    headers = [
        ("x-who", "it's me"),
        ("x-who", "twice"),
        ("raw-bin", f"{raw},{raw.rstrip('=')}"),
        ("grpc-timeout", "250m"),
    ]
    call = captured(TOUR + "Echo", b"", headers=headers)
    assert resendable_call(call, catalog()).options.metadata == (
        ("x-who", "it's me"),
        ("x-who", "twice"),
        ("raw-bin", b"\x00\xff"),
        ("raw-bin", b"\x00\xff"),
    )
    words = shlex.split(grpcurl_command(call, catalog(), "localhost:1"))
    assert words[:4] == ["grpcurl", "-plaintext", "-max-time", "0.25"]
    assert [words[index + 1] for index, word in enumerate(words) if word == "-H"] == [
        "x-who: it's me",
        "x-who: twice",
        f"raw-bin: {raw}",
        f"raw-bin: {raw}",
    ]
    assert words[-2:] == ["localhost:1", "sample.v1.Tour/Echo"]
    assert "timeout=0.25" in python_script(call, catalog(), "localhost:1")


def test_grpcurl_is_given_every_message() -> None:
    call = captured(TOUR + "Sum", *(Number(value=value).SerializeToString() for value in (1, 2)))
    words = shlex.split(grpcurl_command(call, catalog(), "localhost:1", ("-proto", "my file.proto")))
    assert words[2:4] == ["-proto", "my file.proto"]
    assert words[words.index("-d") + 1] == '{"value": "1"} {"value": "2"}'


def test_the_name_of_the_host_that_was_called_is_kept() -> None:
    call = captured(TOUR + "Echo", b"", headers=[(":authority", "shop.test:443"), (":scheme", "https")])
    assert "-authority shop.test:443" in grpcurl_command(call, catalog(), "localhost:443")
    assert "-plaintext" not in grpcurl_command(call, catalog(), "localhost:443")
    script = python_script(call, catalog(), "localhost:443")
    assert "grpc.secure_channel(" in script
    assert "'shop.test:443'" in script
    ast.parse(script)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (captured("/a.B/C", b"\x08\x01"), "no schema"),
        (captured(TOUR + "Echo", b"\xff\xff"), "grpcurl cannot send this call"),
        (captured("/a.B/C\x1b]0;x\x07", b""), "not a method that can be called"),
        (captured(TOUR + "Echo", b"", headers=[("x", "a\nb")]), "No command line can carry"),
        (captured(TOUR + "Echo", b"", headers=[("x-bin", "?")]), "not base64"),
    ],
)
def test_what_grpcurl_could_not_send_is_refused(call: Call, words: str) -> None:
    with pytest.raises(RequestError, match=words):
        grpcurl_command(call, catalog(), "localhost:1")


def test_what_the_wire_did_not_tell_is_refused() -> None:
    lost = captured(TOUR + "Echo")
    lost.requests.append(Message(1, 0.0, 1, 0, 5, None, None, "bytes were lost"))
    with pytest.raises(RequestError, match="bytes were lost"):
        resendable_call(lost, catalog())
    guessed = captured(TOUR + "Echo", b"")
    guessed.request_headers = HeaderBlock((("authorization", ""),), ((0, HeaderSource.UNKNOWN),))
    with pytest.raises(RequestError, match="not read from the wire with certainty"):
        resendable_call(guessed, catalog())
    nameless = captured(TOUR + "Echo", b"")
    nameless.method = None
    with pytest.raises(RequestError, match="is unknown"):
        resendable_call(nameless, Catalog())


hostile = st.text(st.characters() | st.sampled_from("'\"\\$`!;|&\n\r\x1b\u202e{}#"))


@given(text=hostile, raw=st.binary(), values=st.lists(hostile, max_size=3), target=hostile)
def test_hostile_text_stays_text(text: str, raw: bytes, values: Sequence[str], target: str) -> None:
    message = Things(text=text.encode(errors="replace").decode(), raw=raw)
    call = captured(TOUR + "Echo", message.SerializeToString(), headers=[("x", value) for value in values])
    script = python_script(call, catalog(), target)
    assert script.isascii()
    assert script.replace("\n", "").isprintable()
    found = dict(assigned(script))
    assert found["requests"] == [message.SerializeToString()]
    assert found.get("metadata", []) == [("x", value) for value in values]
    try:
        command = grpcurl_command(call, catalog(), target)
    except RequestError:
        return
    assert command.isascii()
    assert command.isprintable()
    words = shlex.split(command)
    assert json.loads(words[words.index("-d") + 1])["text"] == message.text
    assert words[-2:] == [target, "sample.v1.Tour/Echo"]


def assigned(script: str) -> Iterator[tuple[str, object]]:
    for node in ast.parse(script).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            yield node.targets[0].id, ast.literal_eval(node.value)
