"""`list` and `describe` against real services, and the source that they print: protoc makes the same of it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import grpc.aio
import pytest
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_reflection.v1alpha import reflection

from inspector.client.proto_files import compile_files
from inspector.present.proto_source import source_lines
from sample_service import sample_pb2
from tests.conftest import GreetProcess
from tests.headless.test_commands import run
from tests.servers import listening

ROOT = Path(__file__).parents[2]
OLD = """syntax = "proto2";
package old;
enum Size { option allow_alias = true; SMALL = -1; LARGE = 5; HUGE = 5; }
message Old {
  required string name = 1 [default = "a\\"b"];
  optional Size size = 2 [default = LARGE];
  repeated int32 many = 3 [deprecated = true];
  map<string, Old> olds = 4;
  reserved 8, 10 to 12;
  reserved "gone";
  extensions 100 to max;
  message Inner { optional bytes raw = 1; }
  oneof one { Inner inner = 5; double real = 6; }
}
"""


async def compiled(path: Path) -> tuple[FileDescriptor, list[FileDescriptorProto]]:
    files = list((await compile_files([path])).file)
    pool = DescriptorPool()
    for file in files:
        pool.Add(file)
    return pool.FindFileByName(path.name), files


@pytest.mark.parametrize("text", [OLD, (ROOT / "proto" / "sample.proto").read_text()], ids=["proto2", "proto3"])
async def test_protoc_makes_the_same_of_the_printed_source(text: str, tmp_path: Path) -> None:
    path = tmp_path / "file.proto"
    path.write_text(text)
    file, files = await compiled(path)
    head = [line for line in text.splitlines() if line.startswith(("syntax", "package", "import"))]
    types: tuple[Any, ...] = (
        *file.enum_types_by_name.values(),
        *file.message_types_by_name.values(),
        *file.services_by_name.values(),
    )
    body = [line for found in types for line in source_lines(found)]
    path.write_text("\n".join((*head, *body)).replace("enum Size {", "enum Size { option allow_alias = true;"))
    _, again = await compiled(path)
    assert again[-1].SerializeToString() == sorted_like(files[-1], again[-1]).SerializeToString()


def sorted_like(file: FileDescriptorProto, other: FileDescriptorProto) -> FileDescriptorProto:
    """The same file with its types in the order of another: descriptors by name have none."""
    places = [message.name for message in other.message_type]
    kept: list[DescriptorProto] = sorted(file.message_type, key=lambda message: places.index(message.name))
    copy = FileDescriptorProto()
    copy.CopyFrom(file)
    copy.ClearField("message_type")
    copy.message_type.extend(kept)
    return copy


@pytest.mark.system
def test_list_names_services_and_methods(greet: GreetProcess) -> None:
    done = run("list", greet.target)
    assert (done.returncode, done.stderr) == (0, "")
    assert {"HelloWorld", "sample.v1.Tour", "grpc.health.v1.Health"} <= set(done.stdout.split())
    assert run("list", greet.target, "HelloWorld").stdout == "HelloWorld.greet\n"


@pytest.mark.system
def test_describe_prints_every_kind_of_symbol(greet: GreetProcess) -> None:
    for symbol, line in (
        ("sample.v1.Tour", "  rpc Chat (stream sample.v1.Line) returns (stream sample.v1.Line);"),
        ("sample.v1.Tour/Sum", "rpc Sum (stream sample.v1.Number) returns (sample.v1.Total);"),
        ("sample.v1.Tour.Sum", "rpc Sum (stream sample.v1.Number) returns (sample.v1.Total);"),
        ("sample.v1.Things", "  map<string, int32> counts = 9;"),
        (".sample.v1.Colour", "  COLOUR_BLUE = 3;"),
        ("sample.v1.Things.colour", "sample.v1.Colour colour = 7;"),
        ("google.protobuf.Timestamp", "  int64 seconds = 1;"),
    ):
        done = run("describe", greet.target, symbol)
        assert (done.returncode, done.stderr) == (0, "")
        assert line in done.stdout.splitlines()
    assert "service Tour {" in run("describe", greet.target).stdout


@pytest.mark.system
def test_files_tell_without_a_server() -> None:
    done = run("describe", "localhost:1", "sample.v1.Total", "--proto", ROOT / "proto" / "sample.proto")
    assert done.stdout.splitlines()[1:] == ["message Total {", "  int64 value = 1;", "  int32 count = 2;", "}"]


@pytest.mark.system
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("list", "{}", "no.Such"), "There is no service no.Such"),
        (("describe", "{}", "no.Such"), "knows no.Such"),
        (("list", "{}", "--no-reflection"), "no source for the schema"),
        (("list", "localhost:1"), "Nothing listens on localhost:1. Start"),
        (("list", "{}", "--tls"), "does not speak TLS. The call was sent over TLS. Use --plaintext"),
        (("list", "{}", "--tls", "--cacert", "none.pem"), "none.pem cannot be read"),
    ],
)
def test_what_cannot_be_asked_is_said(greet: GreetProcess, arguments: tuple[str, ...], words: str) -> None:
    done = run(*(each.format(greet.target) for each in arguments))
    assert (done.returncode, done.stdout) == (1, "")
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.system
async def test_reflection_has_metadata_of_its_own() -> None:
    class Guard(grpc.aio.ServerInterceptor):
        async def intercept_service(self, proceed, details):  # type: ignore[no-untyped-def]
            if ("key", "secret") in details.invocation_metadata:
                return await proceed(details)

            async def refuse(_requests: object, context: grpc.aio.ServicerContext[bytes, bytes]) -> None:
                await context.abort(grpc.StatusCode.UNAUTHENTICATED, "who are you?")

            return grpc.stream_stream_rpc_method_handler(refuse)

    server = grpc.aio.server(interceptors=[Guard()])
    reflection.enable_server_reflection(("sample.v1.Tour",), server)
    target = f"localhost:{server.add_insecure_port('localhost:0')}"
    await server.start()
    refused = await asyncio.to_thread(run, "list", target)
    told = await asyncio.to_thread(run, "list", target, "--reflect-header", "key: secret")
    await server.stop(None)
    assert refused.returncode == 1
    assert "who are you? Send metadata with -H NAME:VALUE" in refused.stderr
    assert "--reflect-header" in refused.stderr
    assert "sample.v1.Tour" in told.stdout
    assert sample_pb2.DESCRIPTOR.package == "sample.v1"


@pytest.mark.system
async def test_a_server_that_hangs_is_given_up() -> None:
    async def talk(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with listening(talk) as target:
        done = await asyncio.to_thread(run, "list", target, "--deadline", "0.3")
    assert done.returncode == 1
    assert "did not answer as a gRPC service within 0.3 s" in done.stderr
