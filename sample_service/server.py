"""The server: greet and the tour on the loopback addresses of this host, with reflection and health checks.

It does not share its port: a second service on the same port would receive some of the connections.
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
"""Seconds that active calls have to complete when the service ends."""
_THREADS: Final = 32
"""How many calls are served at once, open health watches and reflection streams included."""
_ATTEMPTS: Final = 20
"""How many free ports of the first address are tried that may be taken on the second."""


class PortError(Exception):
    """The service cannot listen on the port; the text is a sentence for users."""


class Greeter(helloworld_pb2_grpc.HelloWorldServicer):
    """The service `HelloWorld`."""

    def greet(self, request: helloworld_pb2.HelloRequest, _context: object) -> helloworld_pb2.HelloReply:
        """Greet by name, which may be empty."""
        return helloworld_pb2.HelloReply(message=f"Hello, {request.name}")


def run(port: int, wait: Callable[[], object]) -> None:
    """Serve on localhost until `wait` returns, on any free port for 0. Print one line once the service listens.

    Raises:
        PortError: the port is taken, or the user may not listen on it.
    """
    chosen = _reserve(port)
    server, health_service = _make_server()
    for _family, host in _addresses():
        _bind(server, host, chosen)
    server.start()
    print(f"The greet service listens on localhost:{chosen}", flush=True)
    wait()
    health_service.enter_graceful_shutdown()
    server.stop(_GRACE).wait()


def _make_server() -> tuple[grpc.Server, health.HealthServicer]:
    """Make a server with threads: one with asyncio prints a traceback for every call that is open when it stops."""
    server = grpc.server(ThreadPoolExecutor(_THREADS), options=[("grpc.so_reuseport", 0)])
    health_service = health.HealthServicer()
    for name in (SERVICE, TOUR):
        health_service.set(name, health_pb2.HealthCheckResponse.SERVING)
    helloworld_pb2_grpc.add_HelloWorldServicer_to_server(Greeter(), server)  # type: ignore[no-untyped-call]
    sample_pb2_grpc.add_TourServicer_to_server(Tour(), server)  # type: ignore[no-untyped-call]
    health_pb2_grpc.add_HealthServicer_to_server(health_service, server)
    reflection.enable_server_reflection((SERVICE, TOUR, health.SERVICE_NAME, reflection.SERVICE_NAME), server)
    return server, health_service


def _bind(server: grpc.Server, host: str, port: int) -> None:
    try:
        server.add_insecure_port(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
    except RuntimeError as error:
        raise PortError(f"The service cannot listen on port {port}: {error}") from error


def _addresses() -> list[tuple[socket.AddressFamily, str]]:
    """Return the loopback addresses of this host: only one if it has no IPv6."""
    return [(family, host) for family, host in _LOOPBACK if _try(family, host, 0) is not None]


def _reserve(port: int) -> int:
    """Return the port, or for 0 any port, that is free on every loopback address. Raises PortError.

    Unlike gRPC, a plain socket reports why it cannot bind.
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
        return f"This user may not listen on port {port}. Choose one above 1023 with --port."
    return f"The service cannot listen on port {port}: {error.strerror}."


def _try(family: socket.AddressFamily, host: str, port: int) -> int | None:
    try:
        return _open(family, host, port)
    except OSError:
        return None


def _open(family: socket.AddressFamily, host: str, port: int) -> int:
    """Bind a socket, close it, and return its port. Raises OSError with the reason."""
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As gRPC does: connections in TIME_WAIT do not block the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))
        return int(probe.getsockname()[1])
