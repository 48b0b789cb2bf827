"""Starting the greet service, identifying what listens on a taken port, and reflection."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import grpc
import grpc.aio
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_health.v1 import health, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest, ServerReflectionResponse

from inspector.client.reflection import fetch, list_services
from inspector.client.sample import greet_service
from inspector.client.sender import Sender
from inspector.errors import SchemaError, ServiceError
from tests.conftest import GreetProcess

GREET = "/HelloWorld/greet"
V1 = "grpc.reflection.v1.ServerReflection"


@asynccontextmanager
async def serving(
    *services: str, answer: Callable[[ServerReflectionRequest], bytes] | None = None
) -> AsyncIterator[int]:
    """A gRPC service with health, and with reflection (v1alpha) if it lists any services or (v1) if it has answers."""
    server = grpc.aio.server()
    health_pb2_grpc.add_HealthServicer_to_server(health.aio.HealthServicer(), server)
    if services:
        reflection.enable_server_reflection(services, server)
    if answer is not None:
        server.add_generic_rpc_handlers((_reflection(answer),))
    port = server.add_insecure_port("localhost:0")
    await server.start()
    try:
        yield port
    finally:
        await server.stop(None)


def _reflection(answer: Callable[[ServerReflectionRequest], bytes]) -> grpc.GenericRpcHandler:
    async def handler(requests: AsyncIterator[bytes], _context: object) -> AsyncIterator[bytes]:
        async for request in requests:
            if not (reply := answer(ServerReflectionRequest.FromString(request))):
                return
            yield reply

    method: grpc.RpcMethodHandler[bytes, bytes] = grpc.stream_stream_rpc_method_handler(handler)
    return grpc.method_handlers_generic_handler(V1, {"ServerReflectionInfo": method})


async def test_it_starts_on_a_free_port_and_stops() -> None:
    service = await greet_service("localhost", 0)
    assert service.started
    assert not service.found
    caller = Sender(f"localhost:{service.port}")
    assert (await caller.unary(GREET, b"\n\x03Ada")).responses == (b"\n\x0aHello, Ada",)
    await caller.close()
    await service.stop()
    assert service.process is not None
    assert service.process.returncode == 0


async def test_it_starts_on_the_requested_port(free_port: int) -> None:
    service = await greet_service("localhost", free_port)
    assert (service.started, service.port) == (True, free_port)
    await service.stop()


async def test_the_current_folder_does_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "grpc.py").write_text("raise SystemExit('the wrong grpc')")
    monkeypatch.chdir(tmp_path)
    await (await greet_service("localhost", 0)).stop()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_its_death_is_noticed(number: signal.Signals) -> None:
    service = await greet_service("localhost", 0)
    assert service.process is not None
    ended = asyncio.create_task(service.ended())
    os.kill(service.process.pid, number)
    error = await ended
    assert f"port {service.port}" in error.message
    assert ("SIGKILL" if number is signal.SIGKILL else "exit status 0") in error.message
    await service.stop()


async def test_a_running_greet_service_is_attached_to(greet: GreetProcess) -> None:
    service = await greet_service("localhost", greet.port)
    assert service.found
    assert service.port == greet.port
    assert "A greet service was running already" in service.note
    await service.stop()
    assert greet.process.poll() is None


async def test_a_grpc_service_without_reflection_is_attached_to() -> None:
    async with serving() as port:
        service = await greet_service("localhost", port)
        assert service.found
        assert "it cannot be identified" in service.note


async def test_another_grpc_service_is_an_error() -> None:
    async with serving("shop.Basket") as port:
        with pytest.raises(ServiceError, match=rf"Port {port} is taken by another gRPC service, .*shop\.Basket"):
            await greet_service("localhost", port)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_a_port_of_another_program_is_an_error(host: str) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    try:
        server = await asyncio.start_server(talk, host, 0)
    except OSError:
        pytest.skip("this host has no IPv6")
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(ServiceError, match=f"Port {port} is taken, but not by a greet service"):
            await greet_service(host, port)


async def test_a_port_of_a_silent_program_is_an_error() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        with pytest.raises(ServiceError, match=f"Port {port} is taken"):
            await greet_service("localhost", port)


async def test_a_privileged_port_is_an_error() -> None:
    with socket.socket() as probe, suppress(PermissionError):
        probe.bind(("127.0.0.1", 1))
        pytest.skip("this user may listen on every port")
    with pytest.raises(ServiceError, match="does not start"):
        await greet_service("localhost", 1)


async def test_reflection_of_the_greet_service(greet: GreetProcess) -> None:
    files = await fetch(greet.target)
    assert files is not None
    assert {"helloworld.proto", "grpc_health/v1/health.proto"} <= {file.name for file in files.file}
    assert "HelloWorld" in (await list_services(greet.target) or ())


async def test_a_service_without_reflection_is_not_an_error() -> None:
    async with serving() as port:
        assert await fetch(f"localhost:{port}") is None


async def test_imports_are_requested_one_by_one() -> None:
    """A server may answer with the one file that was asked for (as grpc-go does for files it has sent before)."""
    files = {
        "a.proto": FileDescriptorProto(name="a.proto", dependency=["b.proto", "gone.proto"]),
        "b.proto": FileDescriptorProto(name="b.proto", dependency=["c.proto"]),
        "c.proto": FileDescriptorProto(name="c.proto"),
    }

    def answer(request: ServerReflectionRequest) -> bytes:
        reply = ServerReflectionResponse()
        if request.HasField("list_services"):
            reply.list_services_response.service.add(name="A")
        elif file := files.get(request.file_by_filename or "a.proto"):
            reply.file_descriptor_response.file_descriptor_proto.append(file.SerializeToString())
        else:
            reply.error_response.error_code = 5
        return bytes(reply.SerializeToString())

    async with serving(answer=answer) as port:
        found = await fetch(f"localhost:{port}")
    assert found is not None
    assert [file.name for file in found.file] == ["a.proto", "b.proto", "c.proto"]


@pytest.mark.parametrize("reply", [b"", b"\xff\xff", b"\x22\x03\x0a\x01\xff"])
async def test_an_invalid_reflection_reply_is_an_error(reply: bytes) -> None:
    def answer(request: ServerReflectionRequest) -> bytes:
        if request.HasField("list_services"):
            listing = reflection_pb2.ListServiceResponse(service=[reflection_pb2.ServiceResponse(name="A")])
            return bytes(ServerReflectionResponse(list_services_response=listing).SerializeToString())
        return reply

    async with serving(answer=answer) as port:
        with pytest.raises(SchemaError):
            await fetch(f"localhost:{port}")


async def test_reflection_without_a_service_is_an_error(free_port: int) -> None:
    with pytest.raises(ServiceError, match="Nothing listens"):
        await fetch(f"localhost:{free_port}")
