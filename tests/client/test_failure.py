"""Every failure of a call has its own sentence, tested against a real server that fails that way."""

from __future__ import annotations

import asyncio
import shutil
import socket
import ssl
import subprocess
from pathlib import Path

import grpc.aio
import hpack
import pytest

from inspector.client.failure import Attempt, explain
from inspector.client.sender import Sender
from inspector.model.call import STATUS_NAMES, Status
from tests.conftest import GreetProcess
from tests.servers import GREET, REQUEST, after_request, call, frame, listening, serving


async def test_nothing_listens(free_port: int) -> None:
    outcome = await call(f"localhost:{free_port}")
    assert outcome.status.name == "UNAVAILABLE"
    assert outcome.responses == ()
    assert outcome.detail.startswith(f"Nothing listens on localhost:{free_port}.")


async def test_an_unknown_host() -> None:
    outcome = await call("no-such-host.invalid:50051")
    assert outcome.detail.startswith("The host of no-such-host.invalid:50051 cannot be found.")


async def test_a_web_server() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        await reader.read()

    async with listening(talk) as target:
        assert "does not speak HTTP/2" in (await call(target)).detail


async def test_a_server_of_another_protocol() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-something\r\n")
        await reader.read()

    async with listening(talk) as target:
        assert "does not speak HTTP/2" in (await call(target)).detail


async def test_a_server_that_sends_nothing() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        outcome = await call(f"127.0.0.1:{silent.getsockname()[1]}", deadline=0.2)
    assert outcome.status.name == "DEADLINE_EXCEEDED"
    assert "did not answer as a gRPC service within 0.2 s" in outcome.detail


async def test_a_connection_closed_at_once() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None: ...

    async with listening(talk) as target:
        assert "closed it at once" in (await call(target)).detail


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A key and a certificate for localhost, signed by itself."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed: no certificate can be made")
    folder = tmp_path_factory.mktemp("tls")
    key, signed = folder / "key.pem", folder / "certificate.pem"
    options = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    subprocess.run(["openssl", *options, "-keyout", key, "-out", signed], check=True, capture_output=True)
    return key, signed


async def test_a_grpc_service_with_tls(certificate: tuple[Path, Path]) -> None:
    async def handler(request: bytes, _context: object) -> bytes:
        return request

    key, signed = (path.read_bytes() for path in certificate)
    async with serving(handler, grpc.ssl_server_credentials([(key, signed)])) as target:
        outcome = await call(target)
    assert outcome.status.name == "UNAVAILABLE"
    assert outcome.detail.startswith(f"{target} speaks TLS.")


async def test_another_tls_server(certificate: tuple[Path, Path]) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate[1], certificate[0])
    async with listening(talk, context) as target:
        assert "speaks TLS" in (await call(target)).detail


async def test_a_service_that_exceeds_the_deadline() -> None:
    async def handler(_request: bytes, _context: object) -> bytes:
        await asyncio.Event().wait()
        return b""

    async with serving(handler) as target:
        outcome = await call(target, deadline=0.2)
    assert outcome.status.name == "DEADLINE_EXCEEDED"
    assert outcome.detail.startswith(f"No reply from {target} within 0.2 s.")


@pytest.mark.parametrize("path", ["/HelloWorld/Greet", "/Nobody/greet", "greet"])
async def test_an_unknown_method(greet: GreetProcess, path: str) -> None:
    outcome = await call(greet.target, path=path)
    assert outcome.status.name == "UNIMPLEMENTED"
    assert outcome.detail.startswith(f"{greet.target} has no method {path}.")


async def test_the_message_of_the_service_is_quoted() -> None:
    async def handler(_request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        await context.abort(grpc.StatusCode.NOT_FOUND, "no {such} thing")

    async with serving(handler) as target:
        outcome = await call(target)
    assert outcome.status == Status.of(5, "no {such} thing")
    assert outcome.detail == f"{target} answered NOT_FOUND: no {{such}} thing"


async def test_messages_over_the_limit() -> None:
    async def handler(request: bytes, _context: object) -> bytes:
        return bytes(65 * 1024 * 1024) if request == b"much" else request

    async with serving(handler) as target:
        large = await call(target, request=bytes(5_000_000))
        assert large.detail.startswith("The request has 5000000 bytes, and the service accepts 4194304.")
        assert (await call(target, request=b"much")).detail.startswith("The reply has 68157440 bytes")


@pytest.mark.parametrize("abort", [True, False])
async def test_the_connection_breaks_during_the_call(abort: bool) -> None:
    async with listening(after_request(abort=abort)) as target:
        caller = Sender(target)
        outcome = await caller.unary(GREET, REQUEST)
        assert outcome.status.name == "UNAVAILABLE"
        assert outcome.detail.startswith(f"The connection to {target} broke during the call.")
        assert len(caller.local_ports()) == 1  # its frames were on the wire, and can still be found
        await caller.close()


ANSWERS = {
    "reset the stream: REFUSED_STREAM": frame(3, 0, 1, b"\x00\x00\x00\x07"),
    "closed the connection during the call: ENHANCE_YOUR_CALM": frame(7, 0, 0, bytes(7) + b"\x0b"),
    "HTTP status 404": frame(1, 5, 1, hpack.Encoder().encode([(":status", "404"), ("content-type", "text/html")])),
    "HTTP status 503": frame(1, 5, 1, hpack.Encoder().encode([(":status", "503")])),
}


@pytest.mark.parametrize("sentence", ANSWERS)
async def test_resets_and_http_errors_are_explained(sentence: str) -> None:
    async with listening(after_request(ANSWERS[sentence])) as target:
        assert sentence in (await call(target)).detail


@pytest.mark.parametrize("message", ["", "{} {target}", "\x1b[31m"])
@pytest.mark.parametrize("code", range(1, len(STATUS_NAMES)))
def test_every_status_has_a_sentence(code: int, message: str) -> None:
    error = explain(Status.of(code, message), Attempt("localhost:1", "/a/{b}"))
    assert error.message
    assert message in str(error) or STATUS_NAMES[code] == "DEADLINE_EXCEEDED"
