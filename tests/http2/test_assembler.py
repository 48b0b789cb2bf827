"""The protocol as conversations: packets in, calls out."""

from __future__ import annotations

import base64
import gzip
import itertools
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.http2.assembler import Assembler
from inspector.http2.events import BytesLost
from inspector.model.call import MAX_GAPS, CallState, MethodSource, Status, StreamKey
from inspector.model.frame import Endpoint, FrameType, HeaderSource, Packet, Side, TcpEvent
from inspector.store.store import Store
from tests.conversation import (
    BEGAN,
    CLIENT,
    SERVER,
    Conversation,
    Said,
    data,
    frame,
    goaway,
    headers,
    hello,
    prefixed,
    reply,
    request,
    reset,
    response,
    settings,
    trailers,
    window,
)

KEY = StreamKey(0, 1)


def test_a_unary_call() -> None:
    talk = Conversation()
    talk.greet(name="World")
    call = talk.store.calls[KEY]
    assert (call.method, call.method_source) == ("/HelloWorld/greet", MethodSource.WIRE)
    assert (call.state, call.status) == (CallState.COMPLETE, Status(0, "OK", ""))
    assert [message.data for message in call.requests] == [b"\n\x05World"]
    assert [message.data for message in call.responses] == [b"\n\x0cHello, World"]
    assert call.duration == pytest.approx(0.0076, abs=1e-6)
    assert call.frames == [0, 1, 2, 3, 4]
    assert call.problems == []


def test_a_call_is_open_until_the_server_ends_it() -> None:
    talk = Conversation()
    talk.client(request(1), data(1, hello("World"), end=True))
    talk.server(response(1), data(1, reply("Hello, World")))
    assert talk.store.calls[KEY].state is CallState.OPEN
    talk.server(trailers(1))
    assert talk.store.calls[KEY].state is CallState.COMPLETE


def test_trailers_only() -> None:
    talk = Conversation()
    talk.client(request(1, "/HelloWorld/Missing"), data(1, hello("World"), end=True))
    talk.server(headers(1, (":status", "200"), ("grpc-status", "12"), ("grpc-message", "no%20such"), end=True))
    call = talk.store.calls[KEY]
    assert call.response_headers is None
    assert call.status == Status(12, "UNIMPLEMENTED", "no such")
    assert call.http_status == 200


def test_a_reset_cancels_and_late_frames_still_count() -> None:
    talk = Conversation()
    talk.client(request(1), data(1, hello("World"), end=True))
    talk.server(response(1), data(1, reply("one")))
    talk.client(reset(1))
    talk.server(data(1, reply("two")))
    call = talk.store.calls[KEY]
    assert call.state is CallState.CANCELLED
    assert len(call.responses) == 2
    assert len(call.frames) == 6


def test_informational_responses_are_not_the_response() -> None:
    talk = Conversation()
    talk.client(request(1))
    talk.server(headers(1, (":status", "103"), ("link", "</a>")))
    talk.server(response(1))
    talk.server(trailers(1))
    call = talk.store.calls[KEY]
    assert call.http_status == 200
    assert call.trailers is not None


def test_goaway_breaks_the_calls_above_its_last_stream() -> None:
    talk = Conversation()
    talk.client(request(1), request(3))
    talk.server(goaway(1, "ENHANCE_YOUR_CALM"))
    assert talk.store.calls[KEY].state is CallState.OPEN
    refused = talk.store.calls[StreamKey(0, 3)]
    assert refused.state is CallState.BROKEN
    assert "ENHANCE_YOUR_CALM" in refused.problems[0]


def test_continuation_is_one_block() -> None:
    talk = Conversation()
    first = frame(FrameType.HEADERS, 1, 9, 0x1, headers=((":method", "GET"), (":path", "/a/B")))
    rest = frame(FrameType.CONTINUATION, 1, 9, 0x4, headers=(("x-more", "1"),))
    talk.client(first, rest)
    call = talk.store.calls[KEY]
    assert call.method == "/a/B"
    assert call.request_headers is not None
    assert call.request_headers.first("x-more") == "1"


def test_the_end_of_a_stream_inside_a_message_is_a_problem() -> None:
    talk = Conversation()
    talk.client(request(1))
    talk.server(response(1), data(1, reply("Hello")[:-2], end=True))
    assert talk.store.calls[KEY].problems == ["The server ended the stream inside a message."]


def test_bodies_other_than_grpc_are_not_cut_into_messages() -> None:
    talk = Conversation()
    talk.client(headers(1, (":method", "GET"), (":path", "/"), end=True))
    talk.server(headers(1, (":status", "200"), ("content-type", "text/html")), data(1, b"\0\0\0\0\1x", end=True))
    call = talk.store.calls[KEY]
    assert call.responses == []
    assert call.state is CallState.COMPLETE


@pytest.mark.parametrize(
    ("encoding", "body", "problem"),
    [
        ("gzip", gzip.compress(b"\n\x02hi", mtime=0), None),
        ("deflate", zlib.compress(b"\n\x02hi"), None),
        ("deflate", zlib.compress(b"\n\x02hi")[2:-4], None),
        (None, gzip.compress(b"\n\x02hi", mtime=0), None),
        ("gzip", b"no gzip", "broken"),
        ("zstd", b"no zstd", "zstd"),
        ("gzip", gzip.compress(b"\n\x02hi", mtime=0)[:-9], "ends too early"),
        ("gzip", gzip.compress(bytes((64 << 20) + 1), mtime=0), "more than 64 MiB"),
        ("snappy", b"anything", "compressed with snappy"),
        (None, b"anything", "no grpc-encoding"),
    ],
)
def test_compressed_messages(encoding: str | None, body: bytes, problem: str | None) -> None:
    talk = Conversation()
    talk.client(request(1, "/HelloWorld/greet", *([("grpc-encoding", encoding)] if encoding else [])))
    talk.client(data(1, prefixed(body, compressed=True), end=True))
    (message,) = talk.store.calls[KEY].requests
    assert message.length == len(body)
    if problem is None:
        assert message.data == b"\n\x02hi"
    else:
        assert message.data is None
        assert problem in (message.problem or "")
        assert problem in talk.store.calls[KEY].problems[0]


def test_a_wrong_grpc_encoding_is_a_problem_but_the_message_is_read() -> None:
    talk = Conversation()
    talk.client(request(1, "/HelloWorld/greet", ("grpc-encoding", "snappy")))
    talk.client(data(1, prefixed(gzip.compress(b"\n\x02hi", mtime=0), compressed=True)))
    (message,) = talk.store.calls[KEY].requests
    assert (message.data, message.encoding) == (b"\n\x02hi", "gzip")
    assert talk.store.calls[KEY].problems == [
        "A message from the client is compressed with gzip, though its grpc-encoding says snappy."
    ]


WEB_TRAILERS = b"\x80" + len(b"grpc-status: 5\r\nGrpc-Message: no%20one\r\n").to_bytes(4, "big")
WEB_TRAILERS += b"grpc-status: 5\r\nGrpc-Message: no%20one\r\n"


@pytest.mark.parametrize("kind", ["application/grpc-web+proto", "application/grpc-web-text"])
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_grpc_web_has_its_trailers_in_the_body(kind: str, size: int) -> None:
    parts = [reply("one"), reply("two"), WEB_TRAILERS]
    body = b"".join(map(base64.b64encode, parts) if "text" in kind else parts)
    talk = Conversation()
    talk.client(headers(1, (":method", "POST"), (":path", "/HelloWorld/greet"), ("content-type", kind)))
    talk.server(headers(1, (":status", "200"), ("content-type", kind)))
    for at in range(0, len(body), size):
        talk.server(data(1, body[at : at + size], end=at + size >= len(body)))
    call = talk.store.calls[KEY]
    assert [message.data for message in call.responses] == [reply("one")[5:], reply("two")[5:]]
    assert call.status == Status(5, "NOT_FOUND", "no one")
    assert call.state is CallState.COMPLETE
    assert call.problems == []


# --- which end is the client


def tcp(number: int, source: Endpoint, flags: int = 0, *said: Said) -> Packet:
    destination = SERVER if source == CLIENT else CLIENT
    frames = tuple(each(number, BEGAN + number, 0, source) for each in said)
    return Packet(number, BEGAN + number, 60, 0, source, destination, flags, frames)


def assembled(*packets: Packet, ports: tuple[int, ...] = ()) -> Store:
    store, assembler = Store(), Assembler(ports)
    for packet in packets:
        store.apply(assembler.receive(packet))
    return store


def test_the_server_may_speak_first() -> None:
    store = assembled(tcp(1, CLIENT, TcpEvent.SYN), tcp(2, SERVER, 0, settings(MAX_FRAME_SIZE=16384)))
    assert store.side(store.frames[0]) is Side.SERVER
    assert not store.connections[0].joined_late


def test_the_port_identifies_the_server_until_better_evidence() -> None:
    store = assembled(tcp(1, CLIENT, 0, settings()), ports=(SERVER.port,))
    assert store.connections[0].client == CLIENT
    assert store.connections[0].joined_late


@pytest.mark.parametrize(
    "proof", [tcp(2, CLIENT, TcpEvent.PREFACE), tcp(2, CLIENT, 0, request(1)), tcp(2, SERVER, 0, response(1))]
)
def test_frames_overrule_the_port(proof: Packet) -> None:
    store = assembled(tcp(1, SERVER, 0, settings()), proof, ports=(CLIENT.port,))
    assert store.connections[0].client == CLIENT
    assert store.side(store.frames[0]) is Side.SERVER


def test_a_call_that_began_with_swapped_sides_is_corrected() -> None:
    begun = tcp(1, CLIENT, 0, data(1, hello("World")))
    store = assembled(begun, tcp(2, SERVER, 0, response(1)), ports=(CLIENT.port,))
    call = store.calls[KEY]
    assert len(call.requests) == 1
    assert call.responses == []
    assert call.response_headers is not None


def test_a_connection_that_ends_breaks_its_open_calls() -> None:
    begun = tcp(1, CLIENT, TcpEvent.PREFACE, request(1))
    for ending in (tcp(2, SERVER, TcpEvent.FIN), tcp(2, CLIENT, TcpEvent.RST)):
        call = assembled(begun, ending).calls[KEY]
        assert call.state is CallState.BROKEN
        assert call.ended == BEGAN + 2
    half_closed = assembled(begun, tcp(2, CLIENT, TcpEvent.FIN))
    assert half_closed.calls[KEY].state is CallState.OPEN


def test_a_gap_inside_a_message_leaves_it_missing() -> None:
    begun = tcp(1, CLIENT, TcpEvent.PREFACE, request(1), data(1, hello("World")[:6]))
    store = assembled(begun, tcp(2, CLIENT, TcpEvent.GAP, data(1, hello("Ada"), end=True)))
    lost, found = store.calls[KEY].requests
    assert lost.data is None
    assert lost.length == 7
    assert found.data == b"\n\x03Ada"
    assert "not captured" in store.calls[KEY].problems[0]


def test_a_packet_that_is_not_tcp_only_counts() -> None:
    store = assembled(Packet(1, BEGAN, 60))
    assert store.packets == 1
    assert not store.connections


# --- properties

kinds = st.sampled_from([*FrameType, 0xAB])
any_headers = st.lists(
    st.tuples(
        st.sampled_from([":method", ":path", ":status", "grpc-status", "content-type", "x-bin"]), st.text(max_size=5)
    ),
    max_size=4,
).map(tuple)


@st.composite
def any_frames(draw: st.DrawFn) -> Said:
    kind, payload = draw(kinds), draw(st.binary(max_size=20))
    carries = kind in (FrameType.HEADERS, FrameType.CONTINUATION, FrameType.PUSH_PROMISE)
    sources = draw(st.sampled_from([(), ((0, HeaderSource.UNKNOWN),)])) if carries else ()
    detail = {"error": "CANCEL", "last_stream": draw(st.integers(0, 5))} if kind == FrameType.GOAWAY else None
    more = {"headers": draw(any_headers) if carries else None, "header_sources": sources, "detail": detail}
    length = draw(st.integers(0, 25))
    return frame(kind, draw(st.integers(0, 5)), length, draw(st.integers(0, 255)), payload=payload, **more)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 31), st.lists(any_frames(), max_size=4)), max_size=12))
def test_any_frames_give_a_consistent_store(said: list[tuple[bool, int, list[Said]]]) -> None:
    packets = [
        tcp(number, CLIENT if by_client else SERVER, flags, *frames)
        for number, (by_client, flags, frames) in enumerate(said, 1)
    ]
    store = assembled(*packets)
    assert len(store.frames) == sum(len(packet.frames) for packet in packets)
    positions = [position for call in store.calls.values() for position in call.frames]
    assert len(positions) == len(set(positions))
    for call in store.calls.values():
        assert all(store.frames[position].stream == call.key.stream for position in call.frames)
        assert (call.ended is None) == (call.state is CallState.OPEN)
        assert all(message.frame < len(store.frames) for message in (*call.requests, *call.responses))


@given(st.lists(st.binary(max_size=30), min_size=1, max_size=6), st.lists(st.integers(1, 60), max_size=8))
def test_messages_do_not_depend_on_how_data_is_cut_into_frames(bodies: list[bytes], cuts: list[int]) -> None:
    wire = b"".join(map(prefixed, bodies))
    edges = sorted({0, len(wire), *(cut for cut in cuts if cut < len(wire))})
    pieces = [wire[start:end] for start, end in itertools.pairwise(edges)]
    talk = Conversation()
    talk.client(request(1), window(1, 5))
    for piece in pieces:
        talk.client(data(1, piece))
    assert [message.data for message in talk.store.calls[KEY].requests] == bodies


def test_an_idle_call_gets_a_bounded_number_of_gaps() -> None:
    """A lossy connection may leave thousands of calls open: each further gap must not visit all of them."""
    talk = Conversation()
    talk.client(request(1))
    talk.client(request(3))

    def told() -> set[int]:
        losses = talk.events(Side.SERVER, trailers(9), gap=True)
        return {event.key.stream for event in losses if isinstance(event, BytesLost)}

    assert [told() & {1, 3} for _ in range(MAX_GAPS)] == [{1, 3}] * MAX_GAPS
    assert told() & {1, 3} == set()
    talk.events(Side.SERVER, response(3))
    assert told() & {1, 3} == {3}
