"""Records the captures of calls that fail: `python -m tests.data.why.record [NAME…]`, as root, in a network of its own.

Real peers, each failing in its own way: grpcio and the sample service, Node's HTTP/2 and HTTP/1 servers, openssl. Each
capture is small, and holds one failure. Seven more, not made here, are of other stacks: grpclib's client to grpc-js
(`deadline_grpclib`), grpcio (`goaway_and_left`) and grpc-go (`server_gone`), grpc-go's to Connect (`answer_rejected`),
and Connect's own (`deadline_connect`, `client_goaway`, `connect`). `http1_to_grpc` is curl's to the sample service.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

import grpc
import grpc.aio

from sample_service import helloworld_pb2, sample_pb2

HERE: Final = Path(__file__).parent
PORT: Final = 50_210
TARGET: Final = f"127.0.0.1:{PORT}"
GREET: Final = "/HelloWorld/greet"
WORLD: Final = helloworld_pb2.HelloRequest(name="World").SerializeToString()
LONG: Final = helloworld_pb2.HelloRequest(name="x" * 5_000).SerializeToString()
_OPTIONS: Final = (("grpc.enable_http_proxy", 0), ("grpc.enable_retries", 0))

Server: TypeAlias = Callable[[Path], AbstractAsyncContextManager[Process | None]]
Play: TypeAlias = Callable[[Process | None], Awaitable[None]]


class Case(NamedTuple):
    """Who answers, and what happens then."""

    server: Server
    play: Play


@asynccontextmanager
async def started(*argv: str, sign: bytes) -> AsyncIterator[Process]:
    """A program, as soon as it has said its sign."""
    process = await asyncio.create_subprocess_exec(*argv, stdin=DEVNULL, stdout=PIPE, stderr=asyncio.subprocess.STDOUT)
    assert process.stdout is not None
    try:
        while sign not in (line := await process.stdout.readline()):
            if not line:
                raise RuntimeError(f"{argv[0]} ended before it was ready")
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGINT)
        await process.communicate()


def service(_folder: Path) -> AbstractAsyncContextManager[Process]:
    """The sample service: grpcio."""
    return started(sys.executable, "-m", "sample_service", "--port", str(PORT), sign=b"listens")


def node(way: str) -> Server:
    """A server that fails in one of the ways of peer.js."""
    return lambda folder: started("node", str(HERE / "peer.js"), way, str(PORT), str(folder), sign=b"listens")


def openssl(folder: Path) -> AbstractAsyncContextManager[Process]:
    """A server that speaks TLS and nothing else."""
    argv = ("openssl", "s_server", "-accept", f"127.0.0.1:{PORT}", "-key", "key.pem", "-cert", "cert.pem")
    return started(*(str(folder / each) if each.endswith(".pem") else each for each in argv), sign=b"ACCEPT")


def java(folder: Path) -> AbstractAsyncContextManager[Process]:
    """A server of Java's TLS, which says by an alert what it thinks of anything else."""
    argv = ("java", str(HERE / "TlsServer.java"), str(PORT), str(folder / "pair.p12"))
    return started(*argv, sign=b"listens")


async def _echo(request: bytes, _context: object) -> bytes:
    return request


@asynccontextmanager
async def secure_grpc(folder: Path) -> AsyncIterator[Process | None]:
    """grpcio's server over TLS."""
    server = grpc.aio.server()
    handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(_echo)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("HelloWorld", {"greet": handler}),))
    pair = (folder / "key.pem").read_bytes(), (folder / "cert.pem").read_bytes()
    server.add_secure_port(TARGET, grpc.ssl_server_credentials([pair]))
    await server.start()
    try:
        yield None
    finally:
        await server.stop(None)


def _method(channel: grpc.aio.Channel, path: str) -> grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]:
    return channel.unary_unary(path)


async def call(
    _server: object = None,
    path: str = GREET,
    request: bytes = WORLD,
    deadline: float | None = 5,
    times: int = 1,
    **options: int,
) -> None:
    """Unary calls; how they fail is on the wire."""
    more = tuple((f"grpc.{name}", value) for name, value in options.items())
    async with grpc.aio.insecure_channel(TARGET, options=(*_OPTIONS, *more)) as channel:
        for _ in range(times):
            with suppress(grpc.RpcError):
                await _method(channel, path)(request, timeout=deadline)


async def call_secure(_server: object) -> None:
    """A call over TLS."""
    async with grpc.aio.secure_channel(TARGET, grpc.ssl_channel_credentials(), options=_OPTIONS) as channel:
        with suppress(grpc.RpcError):
            await _method(channel, GREET)(WORLD, timeout=1)


async def call_both(_server: object) -> None:
    """A connection over TLS, and one in cleartext."""
    openssl = ("openssl", "s_client", "-connect", TARGET, "-alpn", "h2")
    client = await asyncio.create_subprocess_exec(*openssl, stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL)
    await client.wait()
    await call(deadline=1)


async def call_and_call_secure(_server: object) -> None:
    """A call in cleartext, which ends well, and one over TLS, which does not."""
    await call()
    await call_secure(None)


async def curl(_server: object) -> None:
    """A client that sends its request right behind the preface."""
    options = ("--http2-prior-knowledge", "-s", "-H", "content-type: application/grpc", "--data-binary", "x")
    client = await asyncio.create_subprocess_exec("curl", *options, f"http://{TARGET}{GREET}", stdout=DEVNULL)
    await client.wait()


async def cancel(_server: object) -> None:
    """A call that its client gives up."""
    async with grpc.aio.insecure_channel(TARGET, options=_OPTIONS) as channel:
        running = _method(channel, SLEEP)(slept(20), timeout=30)
        await asyncio.sleep(0.2)
        running.cancel()
        await asyncio.sleep(0.1)


async def kill(server: Process | None) -> None:
    """The server dies in the middle of a call."""
    assert server is not None
    running = asyncio.create_task(call(path=SLEEP, request=slept(20)))
    await asyncio.sleep(0.3)
    server.kill()
    await running


async def leave(_server: object) -> None:
    """The client dies in the middle of a call."""
    code = "import asyncio; from tests.data.why.record import *; asyncio.run(call(path=SLEEP, request=slept(20)))"
    client = await asyncio.create_subprocess_exec(sys.executable, "-c", code)
    await asyncio.sleep(1.5)
    client.kill()
    await client.wait()
    await asyncio.sleep(0.2)


SLEEP: Final = "/sample.v1.Tour/Sleep"


def slept(seconds: int) -> bytes:
    """A request to sleep so long."""
    request = sample_pb2.SleepRequest()
    request.time.seconds = seconds
    return request.SerializeToString()


FAIL: Final = sample_pb2.FailRequest(code=5, message="no such greeting").SerializeToString()
DEADLINE: Final = sample_pb2.FailRequest(code=4, message="the database did not answer in time").SerializeToString()

CASES: Final[Mapping[str, Case]] = {
    "deadline": Case(node("silent"), partial(call, deadline=0.4)),
    "deadline_grpc": Case(service, partial(call, path=SLEEP, request=slept(20), deadline=0.4)),
    "deadline_of_server": Case(service, partial(call, path="/sample.v1.Tour/Fail", request=DEADLINE)),
    "cancelled": Case(service, cancel),
    "refused_stream": Case(node("refused_stream"), call),
    "enhance_your_calm": Case(node("enhance_your_calm"), call),
    "internal_error": Case(node("internal_error"), call),
    "goaway_refused": Case(node("goaway"), partial(call, times=2, deadline=1)),
    "goaway_and_end": Case(node("leaving"), call),
    "too_many_pings": Case(
        service,
        partial(
            call,
            path=SLEEP,
            request=slept(20),
            deadline=8,
            keepalive_time_ms=100,
            **{"http2.max_pings_without_data": 0},
        ),
    ),
    "server_killed": Case(service, kill),
    "server_reset": Case(node("reset"), call),
    "client_gone": Case(service, leave),
    "wrong_method": Case(service, partial(call, path="/HelloWorld/great")),
    "details": Case(service, partial(call, path="/sample.v1.Tour/Fail", request=FAIL)),
    "bad_gateway": Case(node("bad_gateway"), call),
    "not_found": Case(node("not_found"), call),
    "web_page": Case(node("web_page"), call),
    "plaintext_to_openssl": Case(openssl, partial(call, deadline=1)),
    "plaintext_to_node": Case(node("tls"), partial(call, deadline=1)),
    "plaintext_to_grpc": Case(secure_grpc, partial(call, deadline=1)),
    "plaintext_to_java": Case(java, partial(call, deadline=1)),
    "plaintext_and_tls": Case(secure_grpc, call_both),
    "request_to_tls": Case(node("tls"), curl),
    "tls_and_plaintext": Case(service, call_and_call_secure),
    "tls_to_grpc": Case(service, call_secure),
    "tls_to_node": Case(node("silent"), call_secure),
    "http1": Case(node("http1"), partial(call, deadline=1)),
    "stalled": Case(node("deaf"), partial(call, request=LONG, deadline=1)),
    "good": Case(service, call),
}


_PAIR: Final = (
    "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=here -keyout key.pem -out cert.pem",
    "pkcs12 -export -inkey key.pem -in cert.pem -out pair.p12 -passout pass:pair",
)
"""Keys for this run only."""


def _make_pair(folder: str) -> None:
    for words in _PAIR:
        subprocess.run(["openssl", *words.split()], check=True, capture_output=True, cwd=folder)


@asynccontextmanager
async def capturing(path: Path) -> AsyncIterator[None]:
    """tcpdump on the port; what it wrote is whole afterwards."""
    argv = ("tcpdump", "-i", "lo", "-U", "--immediate-mode", "-Z", "root", "-w", str(path), f"tcp port {PORT}")
    async with started(*argv, sign=b"listening on"):
        yield
        await asyncio.sleep(0.3)


async def record(name: str, folder: Path) -> None:
    """One capture."""
    case, path = CASES[name], HERE / f"{name}.pcap"
    async with capturing(path), case.server(folder) as server:
        await case.play(server)
    print(f"{path.name}: {path.stat().st_size:,} bytes")


async def main(names: list[str]) -> None:
    """Those asked for, or all."""
    with tempfile.TemporaryDirectory() as folder:
        _make_pair(folder)
        for name in names or CASES:
            await record(name, Path(folder))


if __name__ == "__main__":
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    asyncio.run(main(sys.argv[1:]))
