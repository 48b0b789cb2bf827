"""Serves greet and the tour on the loopback addresses of this host, with reflection and health.

Owns the life of the server, from binding to a clean end. Refuses to share a port: a second service on the same port
would get some of the connections and not others, so a taken port is an error.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from sample_service import PORT_TAKEN, helloworld_pb2, helloworld_pb2_grpc, sample_pb2_grpc
from sample_service.tour import Tour

SERVICE: Final = "HelloWorld"
TOUR: Final = "sample.v1.Tour"
_LOOPBACK: Final = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))
_GRACE: Final = 0.5
"""Seconds that running calls get to finish once the service was asked to end."""
_THREADS: Final = 32
"""How many calls are served at once; a health watch or a reflection stream takes one while it is open."""
_ATTEMPTS: Final = 20
"""How many free ports of the first address may turn out to be taken on the second."""


class PortError(Exception):
    """The port cannot be listened on; the text is one sentence that names it."""


class Greeter(helloworld_pb2_grpc.HelloWorldServicer):
    """The one method of the service."""

    def greet(self, request: helloworld_pb2.HelloRequest, _context: object) -> helloworld_pb2.HelloReply:
        """Greet by name; an empty name is a name."""
        return helloworld_pb2.HelloReply(message=f"Hello, {request.name}")


def run(port: int, wait: Callable[[], object]) -> None:
    """Serve on localhost until `wait` returns; port 0 takes a free one. Prints one line once it listens.

    Raises PortError when the port is taken or not permitted.
    """
    chosen = _reserve(port)
    server, condition = _make_server()
    for _family, host in _addresses():
        _bind(server, host, chosen)
    server.start()
    print(f"The greet service listens on localhost:{chosen}", flush=True)
    wait()
    condition.enter_graceful_shutdown()
    server.stop(_GRACE).wait()


def _make_server() -> tuple[grpc.Server, health.HealthServicer]:
    """Threads, not asyncio: an asyncio server prints a traceback for every call that is open when it stops."""
    server = grpc.server(ThreadPoolExecutor(_THREADS), options=[("grpc.so_reuseport", 0)])
    condition = health.HealthServicer()
    for name in (SERVICE, TOUR):
        condition.set(name, health_pb2.HealthCheckResponse.SERVING)
    helloworld_pb2_grpc.add_HelloWorldServicer_to_server(Greeter(), server)  # type: ignore[no-untyped-call]
    sample_pb2_grpc.add_TourServicer_to_server(Tour(), server)  # type: ignore[no-untyped-call]
    health_pb2_grpc.add_HealthServicer_to_server(condition, server)
    reflection.enable_server_reflection((SERVICE, TOUR, health.SERVICE_NAME, reflection.SERVICE_NAME), server)
    return server, condition


def _bind(server: grpc.Server, host: str, port: int) -> None:
    try:
        server.add_insecure_port(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
    except RuntimeError as error:
        raise PortError(f"Port {port} cannot be listened on: {error}") from error


def _addresses() -> list[tuple[socket.AddressFamily, str]]:
    """The loopback addresses that this host has: a host without IPv6 has one."""
    return [(family, host) for family, host in _LOOPBACK if _try(family, host, 0) is not None]


def _reserve(port: int) -> int:
    """A port that is free on every loopback address: the one asked for, or for 0 any.

    gRPC does not say why it cannot bind, a plain socket does.
    """
    for _attempt in range(_ATTEMPTS):
        candidate = port or _try(*_addresses()[0], 0) or 0
        try:
            for family, host in _addresses():
                _open(family, host, candidate)
        except OSError as error:
            if port or error.errno != errno.EADDRINUSE:
                raise PortError(_refusal(candidate, error)) from error
        else:
            return candidate
    raise PortError("No port is free on all loopback addresses.")


def _refusal(port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} {PORT_TAKEN}. Stop it, or choose another port with --port."
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"Port {port} is not permitted to this user. Choose one above 1023 with --port."
    return f"Port {port} cannot be listened on: {error.strerror}."


def _try(family: socket.AddressFamily, host: str, port: int) -> int | None:
    try:
        return _open(family, host, port)
    except OSError:
        return None


def _open(family: socket.AddressFamily, host: str, port: int) -> int:
    """Bind and let go again; the port that it was. Raises OSError with the reason."""
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As gRPC does it: connections that are only waiting out their end do not take the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))
        return int(probe.getsockname()[1])
