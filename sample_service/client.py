"""`python -m sample_service.client [NAME] [--port N]`: send one greet call and print the reply."""

from __future__ import annotations

import argparse
import sys
from typing import Final

import grpc

from sample_service import DEFAULT_PORT, helloworld_pb2, helloworld_pb2_grpc, port_number

_DEADLINE: Final = 5.0
_OPTIONS: Final = (("grpc.enable_http_proxy", 0),)


def greet(name: str, port: int) -> str:
    """Call the greet service on localhost; return the message of its reply. Raises grpc.RpcError."""
    with grpc.insecure_channel(f"localhost:{port}", options=_OPTIONS) as channel:
        stub = helloworld_pb2_grpc.HelloWorldStub(channel)  # type: ignore[no-untyped-call]
        reply: helloworld_pb2.HelloReply = stub.greet(helloworld_pb2.HelloRequest(name=name), timeout=_DEADLINE)
        return reply.message


def main() -> int:
    """Send a call and print the reply; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m sample_service.client", description="Call the greet service on localhost."
    )
    parser.add_argument("name", nargs="?", default="World", help="the name to greet; %(default)s by default")
    parser.add_argument("--port", type=port_number, default=DEFAULT_PORT, help="%(default)s by default")
    arguments = parser.parse_args()
    try:
        print(f"Reply: {greet(arguments.name, arguments.port)}")
    except KeyboardInterrupt:
        return 130
    except grpc.RpcError as error:
        print(_explanation(error, arguments.port), file=sys.stderr)
        return 1
    return 0


def _explanation(error: grpc.RpcError, port: int) -> str:
    code, details = error.code(), error.details()
    if code is grpc.StatusCode.UNAVAILABLE:
        return f"No greet service answers on localhost:{port}. Start one with: python -m sample_service --port {port}"
    return f"The call failed with {code.name}: {details}"


if __name__ == "__main__":
    sys.exit(main())
