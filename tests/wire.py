"""Captures made to measure: frames written by hyperframe and hpack, on a TCP connection such as the tap writes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hpack import Encoder
from hyperframe.frame import DataFrame, Frame, HeadersFrame, SettingsFrame

from inspector.capture.engines.tap_packets import PCAP_HEADER, Flow
from inspector.model.frame import Endpoint, Side

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
CLIENT, SERVER = Endpoint("127.0.0.1", 41234), Endpoint("127.0.0.1", 50051)
_BEGAN = 1_795_334_811_000_000
_STEP = 1_000


class Wire:
    """One connection; what is sent on it goes into a capture, a packet for each call."""

    def __init__(
        self, client: Endpoint = CLIENT, server: Endpoint = SERVER, first_numbers: tuple[int, int] = (0, 0)
    ) -> None:
        self.capture = bytearray(PCAP_HEADER)
        self._flow = Flow(client, server, first_numbers)
        self._now = _BEGAN
        self._encoders = {side: Encoder() for side in Side}
        self.capture += self._flow.open(self._now)

    def client(self, *frames: Frame | bytes) -> None:
        """A packet from the client."""
        self._send(Side.CLIENT, frames)

    def server(self, *frames: Frame | bytes) -> None:
        """A packet from the server."""
        self._send(Side.SERVER, frames)

    def headers(
        self, side: Side, stream: int, *fields: tuple[str | bytes, str | bytes], end: bool = False
    ) -> HeadersFrame:
        """A HEADERS frame of one side, encoded by that side's own HPACK table."""
        flags = ["END_HEADERS", *(["END_STREAM"] if end else [])]
        pairs = [(_bytes(name), _bytes(value)) for name, value in fields]
        return HeadersFrame(stream, self._encoders[side].encode(pairs), flags=flags)

    def begin(self) -> None:
        """The preface and the client's SETTINGS."""
        self.client(PREFACE, SettingsFrame(0))

    def greet(self, stream: int, request: bytes, reply: bytes, *more: tuple[str | bytes, str | bytes]) -> None:
        """A whole call of the greet service, with more request headers."""
        first = ((":method", "POST"), (":path", "/HelloWorld/greet"), ("content-type", "application/grpc"))
        self.client(self.headers(Side.CLIENT, stream, *first, *more), data(stream, request, end=True))
        self.server(
            self.headers(Side.SERVER, stream, (":status", "200"), ("content-type", "application/grpc")),
            data(stream, reply),
            self.headers(Side.SERVER, stream, ("grpc-status", "0"), end=True),
        )

    def end(self) -> None:
        """Both sides close the connection."""
        for side in Side:
            self.capture += self._flow.finish(side, self._now)

    def write(self, path: Path) -> Path:
        """The capture as a file."""
        path.write_bytes(self.capture)
        return path

    def _send(self, side: Side, frames: Sequence[Frame | bytes]) -> None:
        self._now += _STEP
        wire = b"".join(each if isinstance(each, bytes) else each.serialize() for each in frames)
        self.capture += self._flow.carry(side, wire, self._now)


def data(stream: int, payload: bytes, *, end: bool = False, pad: int = 0) -> Frame:
    """A DATA frame; padded when `pad` is not 0."""
    flags = [*(["END_STREAM"] if end else []), *(["PADDED"] if pad else [])]
    return DataFrame(stream, payload, pad_length=pad, flags=flags)


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode()
