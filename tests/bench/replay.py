"""`python -m tests.bench.replay RATE SECONDS`: both ends of a burst of greet calls, as light as may be.

Neither end is gRPC: one process has both, sends the frames of each call at its moment over loopback, and waits for
nothing. That takes a tenth of one core, and leaves the machine's time to those who are measured. Prints the port, waits
for a line, makes the calls, and prints how many they were and by how many seconds the latest of them was late.
"""

from __future__ import annotations

import socket
import sys
import time
from typing import Final

from hpack import Encoder
from hyperframe.frame import DataFrame, Frame, HeadersFrame, SettingsFrame, WindowUpdateFrame

from sample_service.helloworld_pb2 import HelloReply, HelloRequest

CONNECTIONS: Final = 4
OPENING_FRAMES: Final = 6
"""Of each connection."""
CALL_FRAMES: Final = 5
"""HEADERS and DATA, HEADERS, DATA and HEADERS."""
_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_WINDOW: Final = 1 << 30
_TOGETHER: Final = 4
"""Calls between two looks at the clock, one on each connection."""


def _frames(*frames: Frame) -> bytes:
    return b"".join(frame.serialize() for frame in frames)


def _message(message: HelloRequest | HelloReply) -> bytes:
    data = message.SerializeToString()
    return b"\0" + len(data).to_bytes(4, "big") + data


class _Connection:
    """One connection, both ends."""

    def __init__(self, listener: socket.socket) -> None:
        self.client = socket.create_connection(listener.getsockname())
        self.server, _ = listener.accept()
        for end in (self.client, self.server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._asking, self._answering = Encoder(), Encoder()
        self._stream = 1
        host, port = listener.getsockname()
        self._request = [(":method", "POST"), (":scheme", "http"), (":path", "/HelloWorld/greet")]
        self._request += [(":authority", f"{host}:{port}"), ("te", "trailers"), ("content-type", "application/grpc")]

    def open(self) -> None:
        opening = SettingsFrame(0, settings={SettingsFrame.INITIAL_WINDOW_SIZE: _WINDOW})
        window, ack = WindowUpdateFrame(0, window_increment=_WINDOW), SettingsFrame(0, flags=["ACK"])
        self._say(self.client, self.server, _PREFACE + _frames(opening, window))
        self._say(self.server, self.client, _frames(opening, window, ack))
        self._say(self.client, self.server, ack.serialize())

    def call(self, name: str) -> None:
        stream, self._stream = self._stream, self._stream + 2
        headers = HeadersFrame(stream, self._asking.encode(self._request), flags=["END_HEADERS"])
        data = DataFrame(stream, _message(HelloRequest(name=name)), flags=["END_STREAM"])
        self._say(self.client, self.server, _frames(headers, data))
        head = self._answering.encode([(":status", "200"), ("content-type", "application/grpc")])
        reply = DataFrame(stream, _message(HelloReply(message=f"Hello, {name}")))
        tail = HeadersFrame(stream, self._answering.encode([("grpc-status", "0")]), flags=["END_HEADERS", "END_STREAM"])
        begin = HeadersFrame(stream, head, flags=["END_HEADERS"])
        self._say(self.server, self.client, _frames(begin, reply, tail))

    def close(self) -> None:
        self.client.close()
        self.server.close()

    @staticmethod
    def _say(sender: socket.socket, receiver: socket.socket, data: bytes) -> None:
        sender.sendall(data)
        left = len(data)
        while left:
            left -= len(receiver.recv(left))


def main() -> None:
    """Make the burst."""
    rate, seconds = (int(word) for word in sys.argv[1:])
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        sys.stdin.readline()
        connections = [_Connection(listener) for _ in range(CONNECTIONS)]
        for connection in connections:
            connection.open()
        started, late, calls = time.monotonic(), 0.0, rate * seconds
        for number in range(calls):
            if number % _TOGETHER == 0:
                due = started + number / rate - time.monotonic()
                late = max(late, -due)
                time.sleep(max(due, 0))
            connections[number % CONNECTIONS].call(f"name-{number}")
        print(calls, late, flush=True)
        for connection in connections:
            connection.close()


if __name__ == "__main__":
    main()
