"""Filters: their syntax, their errors, and the frames and calls that match."""

from __future__ import annotations

import base64
import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.errors import FilterError
from inspector.model.call import StreamKey
from inspector.store.filters.filter import BulkMatcher, Filter
from inspector.store.filters.syntax import parse
from tests.conversation import (
    Conversation,
    data,
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


@pytest.fixture(scope="module")
def talk() -> Conversation:
    """Positions 0-2 control; 3-7 greet Ada; 8-9 a failing call; 10-12 a cancelled call with gzip; 13 GOAWAY."""
    talk = Conversation()
    talk.client(settings(INITIAL_WINDOW_SIZE=65535))
    talk.server(settings(MAX_FRAME_SIZE=16384), window(0, 4711))
    talk.greet(1, "Ada")
    talk.client(request(3, "/shop.v1.Shop/Watch", ("x-tenant", "Müller")), connection=1)
    talk.server(trailers(3, 5, "no%20such%20order"), connection=1)
    body = gzip.compress(b"\n\x0ahidden one")
    talk.client(request(5, "/shop.v1.Shop/Pack", ("grpc-encoding", "gzip")), connection=1)
    talk.client(data(5, prefixed(body, compressed=True)), reset(5), connection=1)
    talk.server(goaway(5, "ENHANCE_YOUR_CALM", "too_many_pings"), connection=1)
    return talk


def frames(talk: Conversation, text: str) -> list[int]:
    """Return the matching frames, tested one by one and in bulk."""
    found = parse(text)
    matching = [each for each in range(len(talk.store.frames)) if found.matches_frame(talk.store, each)]
    assert list(BulkMatcher(found).matching(talk.store, 0, len(talk.store.frames))) == matching
    return matching


@pytest.mark.parametrize(
    ("text", "positions"),
    [
        ("", range(14)),
        ("   ", range(14)),
        ("greet", range(3, 8)),
        ("GREET", range(3, 8)),
        ("greet ada", [4, 6]),
        ("HelloWorld", range(3, 8)),
        ('"Hello, Ada"', [6]),
        ("-greet", [0, 1, 2, *range(8, 14)]),
        ("not:greet", [0, 1, 2, *range(8, 14)]),
        ("-not:greet", range(3, 8)),
        ("method:GREET", range(3, 8)),
        ("method:shop -method:watch", [10, 11, 12]),
        ("status:ok", range(3, 8)),
        ("status:0", range(3, 8)),
        ("status:5", [8, 9]),
        ("status:not_found", [8, 9]),
        ("status:NotFound", [8, 9]),
        ("status:cancelled", [10, 11, 12]),
        ("status:un", []),
        ("type:data", [4, 6, 11]),
        ("type:head -type:data sender:client", [3, 8, 10]),
        ("type:0x4", [0, 1]),
        ("stream:1", range(3, 8)),
        ("stream:1/3", [8, 9]),
        ("connection:1", range(8, 14)),
        ("sender:server type:settings", [1]),
        ("tcp.port == 37564", range(14)),
        ("tcp.port==37564 && greet", range(3, 8)),
        ("tcp.port != 37564", []),
        ("tcp.port ne 80", range(14)),
        ("tcp.stream eq 1", range(8, 14)),
        ("http2.streamid==1", range(3, 8)),
        ("NOT_FOUND", [8, 9]),
        ("müLLER", [8]),
        ("such order", [8, 9]),
        ("4711", [2]),
        ("max_frame_size", [1]),
        ("goaway", [13]),
        ("pings", [13]),
        ("hidden", [11]),
        ("rst_stream", [12]),
        ('method:"greet"', range(3, 8)),
        ('"localhost:37564"', [3, 8, 10]),
        (":path", [3, 8, 10]),
    ],
)
def test_frames_that_match(talk: Conversation, text: str, positions: list[int]) -> None:
    assert frames(talk, text) == list(positions)


def test_a_word_is_found_in_a_message_that_begins_in_the_frame_before() -> None:
    talk, body = Conversation(), hello("astride") + hello("another") + hello("and a long one behind")
    talk.client(request(1))
    talk.client(data(1, body[:10]), data(1, body[10:]))
    assert frames(talk, "astride") == frames(talk, "another") == [2]


def test_a_word_is_found_in_messages_in_base64() -> None:
    talk = Conversation()
    talk.client(headers(1, (":method", "POST"), (":path", "/a.B/C"), ("content-type", "application/grpc-web-text")))
    talk.client(data(1, base64.b64encode(hello("encoded"))))
    assert frames(talk, "encoded") == [1]


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("", ["0/1", "1/3", "1/5"]),
        ("greet", ["0/1"]),
        ("hello ada", ["0/1"]),
        ("type:rst_stream", ["1/5"]),
        ("-type:rst_stream", ["0/1", "1/3"]),
        ("status:not_found", ["1/3"]),
        ("hidden", ["1/5"]),
        ("connection:1 stream:3", ["1/3"]),
        ("tcp.port == 37564", ["0/1", "1/3", "1/5"]),
        ("sender:server", ["0/1", "1/3"]),
    ],
)
def test_a_call_matches_when_one_of_its_frames_does(talk: Conversation, text: str, keys: list[str]) -> None:
    found = parse(text)
    assert [str(key) for key in talk.store.calls if found.matches_call(talk.store, key)] == keys


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("colour:red", "method, status, type, stream, connection and sender"),
        ("localhost:37564", 'quote it: "localhost:37564"'),
        ("status:fine", "not_found"),
        ("status:", "status:not_found"),
        ("type:quic", "window_update"),
        ("stream:x", "stream: needs a number, not x"),
        ("sender:proxy", "client and server"),
        ('"open', 'The quote before "open" is not closed'),
        ("tcp.port ==", "tcp.port == 37564"),
        ("tcp.port == http", "needs a number, not http"),
        ("tcp.port > 5", "cannot be compared with >"),
        ("frame.number == 5", "tcp.port, tcp.stream and http2.streamid"),
        ("greet || World", "all of its parts must match"),
    ],
)
def test_errors_say_what_is_wrong(text: str, said: str) -> None:
    with pytest.raises(FilterError) as caught:
        parse(text)
    assert said in str(caught.value)


def test_a_word_is_found_across_two_frames_of_a_message() -> None:
    talk = Conversation()
    whole = hello("Wonderland")
    talk.client(request(1), data(1, whole[:10]), data(1, whole[10:]))
    assert frames(talk, "wonderland") == [2]


def test_a_word_that_is_a_status_matches_the_frames_before_the_trailers() -> None:
    talk = Conversation()
    talk.client(request(1), data(1, hello("x")))
    assert frames(talk, "unavailable") == []
    talk.server(response(1), data(1, reply("y")), trailers(1, 14))
    assert frames(talk, "unavailable") == [0, 1, 2, 3, 4]
    assert parse("unavailable").matches_call(talk.store, StreamKey(0, 1))


@given(st.text())
def test_any_text_is_a_filter_or_an_error(text: str) -> None:
    try:
        found: Filter | FilterError = parse(text)
    except FilterError as error:
        found = error
    assert isinstance(found, Filter) or found.message
