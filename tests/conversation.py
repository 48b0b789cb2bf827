"""Captures written down as a conversation: one line for each packet, turned into a store by the real assembler."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from hypothesis import strategies as st

from inspector.http2.assembler import Assembler
from inspector.http2.events import Event
from inspector.model.frame import Endpoint, Frame, FrameType, Header, HeaderSource, Packet, Side, TcpEvent
from inspector.store.store import Change, Store
from sample_service.helloworld_pb2 import HelloReply, HelloRequest

CLIENT = Endpoint("::1", 50316)
SERVER = Endpoint("::1", 37564)
BEGAN = 1_795_334_811.149

Sources: TypeAlias = tuple[tuple[int, HeaderSource], ...]
Said: TypeAlias = Callable[[int, float, int, Endpoint], Frame]
"""A frame that lacks only its place: packet, time, connection and sender."""


def frame(kind: int, stream: int = 0, length: int = 0, flags: int = 0, **more: Any) -> Said:
    return lambda packet, time, connection, source: Frame(
        packet, time, connection, source, stream, kind, flags, length, **more
    )


def headers(stream: int, *fields: Header, end: bool = False, sources: Sources = ()) -> Said:
    flags = 0x4 | (0x1 if end else 0)
    return frame(FrameType.HEADERS, stream, 30, flags, headers=fields, header_sources=sources)


def request(stream: int, path: str = "/HelloWorld/greet", *more: Header) -> Said:
    first = ((":method", "POST"), (":path", path), (":authority", "localhost:37564"))
    return headers(stream, *first, ("content-type", "application/grpc"), *more)


def response(stream: int, *more: Header) -> Said:
    return headers(stream, (":status", "200"), ("content-type", "application/grpc"), *more)


def trailers(stream: int, code: int = 0, message: str = "") -> Said:
    return headers(stream, ("grpc-status", f"{code}"), ("grpc-message", message), end=True)


def data(stream: int, payload: bytes, *, end: bool = False) -> Said:
    return frame(FrameType.DATA, stream, len(payload), 0x1 if end else 0, payload=payload)


def prefixed(body: bytes, *, compressed: bool = False) -> bytes:
    return bytes([compressed]) + len(body).to_bytes(4, "big") + body


def hello(name: str) -> bytes:
    return prefixed(HelloRequest(name=name).SerializeToString())


def reply(message: str) -> bytes:
    return prefixed(HelloReply(message=message).SerializeToString())


def settings(**values: int) -> Said:
    return frame(FrameType.SETTINGS, 0, 6 * len(values), detail={"ack": False, "settings": values})


def window(stream: int, increment: int) -> Said:
    return frame(FrameType.WINDOW_UPDATE, stream, 4, detail={"increment": increment})


def reset(stream: int, error: str = "CANCEL") -> Said:
    return frame(FrameType.RST_STREAM, stream, 4, detail={"error": error})


def goaway(last: int, error: str = "NO_ERROR", debug: str = "") -> Said:
    return frame(FrameType.GOAWAY, 0, 8, detail={"error": error, "last_stream": last, "debug": debug})


class Conversation:
    """What was said so far, in a store."""

    def __init__(self) -> None:
        self.store = Store()
        self.now = BEGAN
        self._assembler = Assembler(ports=(SERVER.port,))
        self._packets = 0

    def client(self, *said: Said, after: float = 0.001, connection: int = 0) -> Change:
        """A packet from the client, so many seconds after the one before."""
        return self.store.apply(self.events(Side.CLIENT, *said, after=after, connection=connection))

    def server(self, *said: Said, after: float = 0.001, connection: int = 0, gap: bool = False) -> Change:
        return self.store.apply(self.events(Side.SERVER, *said, after=after, connection=connection, gap=gap))

    def events(
        self, side: Side, *said: Said, after: float = 0.001, connection: int = 0, gap: bool = False
    ) -> Iterable[Event]:
        """A packet's events, for a test that takes them in itself; `gap` when bytes before it were lost."""
        return tuple(self._assembler.receive(self.packet(side, *said, after=after, connection=connection, gap=gap)))

    def packet(self, side: Side, *said: Said, after: float = 0.001, connection: int = 0, gap: bool = False) -> Packet:
        """The next packet, for a test that has it received itself."""
        self.now += after
        self._packets += 1
        source, destination = (CLIENT, SERVER) if side is Side.CLIENT else (SERVER, CLIENT)
        frames = tuple(each(self._packets, self.now, connection, source) for each in said)
        return Packet(self._packets, self.now, 100, connection, source, destination, TcpEvent.GAP if gap else 0, frames)

    def greet(self, stream: int = 1, name: str = "World", *, after: float = 0.001) -> None:
        """A whole call of the greet service."""
        self.client(request(stream), data(stream, hello(name), end=True), after=after)
        self.server(response(stream), data(stream, reply(f"Hello, {name}")), trailers(stream), after=0.0076)


SaidPacket: TypeAlias = tuple[Side, list[Said], int]
"""Who sends a packet, what is in it, and on which connection."""


@st.composite
def packets(draw: st.DrawFn) -> list[SaidPacket]:
    """Frames in any order and from any side: late joins, answers before requests, sides that turn out exchanged."""
    streams = st.sampled_from((1, 3, 5))
    said = st.one_of(
        st.builds(request, streams, st.sampled_from(("/HelloWorld/greet", "/a.B/C"))),
        st.builds(response, streams),
        st.builds(trailers, streams, st.sampled_from((0, 5))),
        st.builds(
            data, streams, st.sampled_from((hello("x"), hello("split")[:8], hello("split")[8:])), end=st.booleans()
        ),
        st.builds(reset, streams),
        st.builds(window, st.sampled_from((0, 1, 3)), st.just(7)),
        st.builds(headers, streams, end=st.booleans()),
        st.builds(goaway, st.sampled_from((0, 3))),
        st.builds(frame, st.just(int(FrameType.PRIORITY)), streams),
    )
    packet = st.tuples(st.sampled_from(Side), st.lists(said, max_size=4), st.sampled_from((0, 1)))
    return draw(st.lists(packet, max_size=12))


def say_all(talk: Conversation, said: Iterable[SaidPacket]) -> list[Change]:
    return [talk.store.apply(talk.events(side, *frames, connection=index)) for side, frames, index in said]
