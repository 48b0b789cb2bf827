"""What rows, follow steps, bytes and JSON say, for calls that went well, badly, and past what could be known."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from hypothesis import given
from hypothesis import strategies as st

from inspector.model.call import StreamKey
from inspector.model.frame import FrameType, HeaderSource
from inspector.present.detail import Dump, frame_detail, message_detail
from inspector.present.export import json as as_json
from inspector.present.export.text import follow_lines, row_line
from inspector.present.follow import Follow
from inspector.present.rows import CALL_COLUMNS, FRAME_COLUMNS, call_row, frame_row
from inspector.present.spans import Line, Span, Tone, plain
from inspector.present.times import Times, TimeStyle
from inspector.schema.catalog import Catalog, greet_files
from inspector.text import clean, duration
from tests.conversation import (
    BEGAN,
    CLIENT,
    Conversation,
    Said,
    SaidPacket,
    data,
    frame,
    goaway,
    headers,
    hello,
    packets,
    prefixed,
    reply,
    request,
    reset,
    response,
    say_all,
    settings,
    trailers,
    window,
)

CATALOG = Catalog()
FIRST = StreamKey(0, 1)


@pytest.fixture
def talk() -> Conversation:
    return Conversation()


def info(talk: Conversation, position: int, catalog: Catalog = CATALOG) -> tuple[str, set[Tone]]:
    row = frame_row(talk.store, catalog, position)
    return plain(row.info), {span.tone for span in row.info if span.text.strip()}


def said_by_client(talk: Conversation, *said: Said) -> list[str]:
    talk.client(*said)
    return [info(talk, position)[0] for position in range(len(talk.store.frames))]


# --- rows


def test_a_greet_call_row_by_row(talk: Conversation) -> None:
    talk.greet()
    times = Times.of(talk.store)
    rows = [frame_row(talk.store, CATALOG, position, times) for position in range(5)]
    assert [(row.packet, row.time, row.stream, row.side, row.type, plain(row.info)) for row in rows] == [
        (1, "0.0000", "0/1", "client", "HEADERS", "POST /HelloWorld/greet"),
        (1, "0.0000", "0/1", "client", "DATA", 'HelloRequest  name: "World"'),
        (2, "+7.6 ms", "0/1", "server", "HEADERS", "  200  application/grpc"),
        (2, "+7.6 ms", "0/1", "server", "DATA", '  HelloReply  message: "Hello, World"'),
        (2, "+7.6 ms", "0/1", "server", "HEADERS", "  OK  grpc-status 0  end of stream"),
    ]
    assert {span.tone for span in rows[4].info[1:] if span.text.strip()} == {Tone.OK}


@pytest.mark.parametrize(
    ("said", "text", "tone"),
    [
        (settings(MAX_FRAME_SIZE=16384, ENABLE_PUSH=0), "MAX_FRAME_SIZE=16384  ENABLE_PUSH=0", Tone.PLAIN),
        (frame(FrameType.SETTINGS, 0, 0, 1, detail={"ack": True, "settings": {}}), "ack", Tone.DIM),
        (window(0, 65535), "+65535", Tone.DIM),
        (
            frame(FrameType.PING, 0, 8, detail={"ack": False, "opaque": "02041010090e0707"}),
            "ping 02041010090e0707",
            Tone.DIM,
        ),
        (frame(FrameType.PING, 0, 8, 1, detail={"ack": True, "opaque": "00"}), "ack 00", Tone.DIM),
        (reset(1), "CANCEL", Tone.ERROR),
        (
            goaway(3, "ENHANCE_YOUR_CALM", "too_many_pings"),
            "ENHANCE_YOUR_CALM  last stream 3  too_many_pings",
            Tone.ERROR,
        ),
        (frame(FrameType.PRIORITY, 1, 5, detail={"dependency": 3, "weight": 15}), "dependency 3  weight 15", Tone.DIM),
        (frame(0xFA, 1, 5), "", None),
    ],
)
def test_a_control_frame_says_what_it_does(talk: Conversation, said: Said, text: str, tone: Tone | None) -> None:
    talk.client(said)
    shown, tones = info(talk, 0)
    assert shown == text
    assert tone is None or tone in tones


def test_an_error_is_shown_by_name_with_its_message(talk: Conversation) -> None:
    talk.client(request(1, "/HelloWorld/Missing"), data(1, hello("World"), end=True))
    talk.server(trailers(1, 12, "Method%20not%20found!"))
    assert info(talk, 1)[0] == 'wire  1: "World"'
    assert info(talk, 2) == (
        "  UNIMPLEMENTED  Method not found!  end of stream",
        {Tone.PLAIN, Tone.ERROR} - {Tone.PLAIN},
    )


def test_a_data_frame_without_the_end_of_a_message_says_so(talk: Conversation) -> None:
    whole = hello("x" * 300)
    talk.client(request(1), data(1, whole[:100]), data(1, whole[100:200]), data(1, whole[200:]))
    assert info(talk, 1)[0] == f"part of a message, 100 of {len(whole)} B"
    assert info(talk, 2)[0] == f"part of a message, 100 of {len(whole)} B"
    assert info(talk, 3)[0].startswith('HelloRequest  name: "xxx')
    assert len(info(talk, 3)[0]) < 250


def test_several_messages_in_a_frame_are_joined(talk: Conversation) -> None:
    talk.client(request(1), data(1, hello("a") + hello("b") + hello("c")[:3]))
    assert info(talk, 1)[0] == 'HelloRequest  name: "a" · HelloRequest  name: "b"'


def test_an_empty_message_and_an_empty_frame_are_not_the_same(talk: Conversation) -> None:
    talk.client(request(1), data(1, prefixed(b"")), data(1, b"", end=True))
    assert info(talk, 1)[0] == 'HelloRequest  name: ""'
    assert info(talk, 2)[0] == "end of stream"


def test_a_body_that_is_not_grpc_is_shown_as_what_it_is(talk: Conversation) -> None:
    fields = ((":method", "POST"), (":path", "/api"), ("content-type", "application/json"))
    talk.client(headers(1, *fields), data(1, b'{"a": [1, true]}', end=True))
    assert info(talk, 1)[0] == "json  a: [1, true]  end of stream"


def test_a_method_that_the_wire_did_not_tell_is_marked_as_guessed(talk: Conversation) -> None:
    unknown = headers(1, (":method", "POST"), ("<unknown>", ""), sources=((1, HeaderSource.UNKNOWN),))
    talk.client(unknown, data(1, hello("World")))
    assert info(talk, 0)[0] == "POST unknown method"  # nobody named the greet schema: that it fits says nothing
    named = Catalog()
    named.add(FileDescriptorSet(file=greet_files().file[:1]), "--proto helloworld.proto")
    assert info(talk, 0, named) == ("POST /HelloWorld/greet (guessed)", {Tone.PLAIN, Tone.GUESSED})
    assert info(talk, 1, named)[0] == 'HelloRequest (guessed)  name: "World"'
    told = as_json.call_object(talk.store, named, FIRST)
    assert (told["method"], told["method_source"], told["method_candidates"]) == ("/HelloWorld/greet", "guessed", [])


def test_headers_that_are_not_known_look_different(talk: Conversation) -> None:
    talk.client(request(1))
    sources = ((1, HeaderSource.RECOVERED), (2, HeaderSource.DOUBTFUL), (3, HeaderSource.UNKNOWN))
    talk.server(headers(1, (":status", "200"), ("a", "1"), ("b", "2"), ("<unknown>", ""), sources=sources))
    body = Follow(talk.store, CATALOG, FIRST).step(1).body
    assert [line.text for line in body] == [
        ":status: 200",
        "a: 1  (recovered)",
        "b: 2  (doubtful)",
        "<unknown>: ?  (unknown)",
    ]
    assert [line.spans[-1].tone for line in body[1:]] == [Tone.RECOVERED, Tone.DOUBTFUL, Tone.UNKNOWN]


HOSTILE = ("[/red]", "\x1b[31m", "a\rb", "\u202egnp", "\ud800", "\x9b0m", "x\u200by", "tab\tnew\nline", "\u2028")


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_from_the_wire_can_move_the_cursor_or_hide(talk: Conversation, text: str) -> None:
    talk.client(request(1, f"/{text}"), data(1, hello(text.encode(errors="replace").decode())))
    talk.server(headers(1, ("grpc-status", "2"), ("grpc-message", text), (text, text), end=True))
    talk.server(goaway(0, "NO_ERROR", text))
    spans = [span for position in range(4) for span in frame_row(talk.store, CATALOG, position).info]
    spans += [span for line in lines_of(talk) for span in line.spans]
    spans += call_row(talk.store, CATALOG, FIRST).info
    assert all(span.text.isprintable() for span in spans if span.text)


def lines_of(talk: Conversation) -> list[Line]:
    view = Follow(talk.store, CATALOG, FIRST)
    steps = [Line((*step.title, *step.facts)) for step in view.steps()]
    bodies = [line for step in view.steps() for line in step.body]
    details = [line for at in range(4) for line in frame_detail(talk.store, CATALOG, at)]
    messages = [line for at in range(4) for line in message_detail(talk.store, CATALOG, at)]
    return [Line(view.heading()), *view.notes(), *steps, *bodies, *details, *messages]


def test_control_characters_become_visible() -> None:
    assert clean("\x1b[31m\r\n\t\x7f\u202e\ud800") == "␛[31m␍␊␉␡<U+202E><U+D800>"
    assert clean("[/red] Grüße 日本 \U0001f600") == "[/red] Grüße 日本 \U0001f600"


@given(st.text())
def test_any_text_becomes_one_line_of_visible_characters(text: str) -> None:
    assert not any(ord(each) < 32 or 0x7F <= ord(each) < 0xA0 for each in clean(text))
    clean(text).encode()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0 µs"),
        (0.0076, "7.6 ms"),
        (0.09994, "100 ms"),
        (0.25, "250 ms"),
        (0.9996, "1.00 s"),
        (1.01, "1.01 s"),
        (9.996, "10.0 s"),
        (59.99, "60.0 s"),
        (200, "3 min 20 s"),
        (7500, "2 h 05 min"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_times_can_count_from_the_capture_alone(talk: Conversation) -> None:
    talk.greet()
    times = Times.of(talk.store, TimeStyle.CAPTURE)
    assert frame_row(talk.store, CATALOG, 4, times).time == "0.0076"


# --- calls


def test_call_rows_say_how_it_ended(talk: Conversation) -> None:
    talk.greet(1)
    talk.client(request(3, "/a.B/C"))
    talk.client(request(5, "/a.B/C"), data(5, prefixed(b"\x0b")), reset(5))
    talk.client(request(7, "/a.B/C"))
    talk.server(trailers(7, 5, "no such thing"))
    times = Times.of(talk.store)
    rows = [call_row(talk.store, CATALOG, key, times) for key in talk.store.calls]
    assert [(plain(row.method), row.kind, plain(row.status), row.requests, row.responses) for row in rows] == [
        ("/HelloWorld/greet", "unary", "OK", 1, 1),
        ("/a.B/C", "", "open", 0, 0),
        ("/a.B/C", "", "cancelled", 1, 0),
        ("/a.B/C", "", "NOT_FOUND", 0, 0),
    ]
    assert (rows[0].start, rows[0].duration, rows[1].duration) == ("0.0000", "7.6 ms", "")
    assert plain(rows[3].info) == "no such thing"
    assert row_line(CALL_COLUMNS, rows[0]).split() == [
        "0/1",
        "0.0000",
        "7.6",
        "ms",
        "1",
        "1",
        "OK",
        "/HelloWorld/greet",
    ]


# --- follow


def test_follow_tells_a_greet_call_step_by_step(talk: Conversation) -> None:
    talk.greet()
    text = "\n".join(follow_lines(Follow(talk.store, CATALOG, FIRST)))
    clock = Times(style=TimeStyle.CLOCK).show(BEGAN + 0.001)
    assert (
        text
        == f"""\
connection 0   [::1]:50316 → [::1]:37564   stream 1   OK   7.6 ms

→ HEADERS   packet 1 · 30 B · {clock}
    :method: POST
    :path: /HelloWorld/greet
    :authority: localhost:37564
    content-type: application/grpc

→ DATA  HelloRequest   packet 1 · 7 B message · end of stream · +0
    {{
      "name": "World"
    }}

  ← HEADERS  200   packet 2 · 30 B · +7.6 ms
      :status: 200
      content-type: application/grpc

  ← DATA  HelloReply   packet 2 · 14 B message · +0
      {{
        "message": "Hello, World"
      }}

  ← HEADERS  OK   packet 2 · 30 B · trailers · end of stream · +0
      grpc-status: 0  OK
      grpc-message: (empty)"""
    )


def titles(view: Follow) -> list[str]:
    return [plain(step.title) for step in view.steps()]


def test_frames_with_a_part_of_a_message_are_folded_into_the_step_of_its_end(talk: Conversation) -> None:
    whole = hello("World")
    talk.client(request(1), data(1, whole[:3]), data(1, whole[3:6]))
    view = Follow(talk.store, CATALOG, FIRST)
    assert titles(view) == ["→ HEADERS", "→ DATA  part of a message"]
    assert "in 2 frames" in plain(view.step(1).facts)
    talk.client(data(1, whole[6:]))
    assert view.update() == 1
    assert titles(view) == ["→ HEADERS", "→ DATA  HelloRequest"]
    assert "in 3 frames" in plain(view.step(1).facts)
    assert [view.step_of(position) for position in range(4)] == [0, 1, 1, 1]


def test_messages_of_one_frame_are_a_step_each(talk: Conversation) -> None:
    talk.client(request(1), data(1, hello("a") + hello("b")))
    view = Follow(talk.store, CATALOG, FIRST)
    assert titles(view) == ["→ HEADERS", "→ DATA  HelloRequest", "→ DATA  HelloRequest"]
    assert [step.body[1].text for step in view.steps(1)] == ['"name": "a"', '"name": "b"']


def test_resets_and_goaways_are_steps(talk: Conversation) -> None:
    talk.client(request(1), window(1, 5))
    talk.server(goaway(0, "NO_ERROR", "bye"))
    view = Follow(talk.store, CATALOG, FIRST)
    assert titles(view) == ["→ HEADERS", "← GOAWAY"]
    talk.client(reset(1))
    view.update()
    assert titles(view) == ["→ HEADERS", "← GOAWAY", "→ RST_STREAM"]
    assert view.step(2).body[0].text == "CANCEL"
    assert any("GOAWAY" in note.text for note in view.notes())


def test_a_goaway_stands_where_it_came(talk: Conversation) -> None:
    talk.client(request(1))
    live = Follow(talk.store, CATALOG, FIRST)
    talk.server(goaway(1))
    live.update()
    talk.server(response(1), trailers(1))
    live.update()
    talk.server(goaway(1))
    live.update()
    assert titles(live) == ["→ HEADERS", "← GOAWAY", "← HEADERS  200", "← HEADERS  OK"]
    assert live.steps() == Follow(talk.store, CATALOG, FIRST).steps()


def test_a_long_message_is_cut_and_says_so(talk: Conversation) -> None:
    talk.client(request(1, "/a.B/C"), data(1, prefixed(b"".join(bytes([10, 2]) + b"%02d" % n for n in range(90)))))
    view = Follow(talk.store, CATALOG, FIRST)
    step = view.step(1)
    assert len(step.body) == 41
    assert step.body[-1].text == "… 54 more lines; the Message tab shows more"
    assert not any("more lines" in line for line in follow_lines(view))  # a page has no tabs
    assert len([line for line in message_detail(talk.store, CATALOG, 1) if line.text.startswith("1: ")]) == 90


def test_compressed_messages_say_both_sizes(talk: Conversation) -> None:
    body = gzip.compress(hello("World")[5:])
    talk.client(request(1, "/HelloWorld/greet", ("grpc-encoding", "gzip")), data(1, prefixed(body, compressed=True)))
    assert f"{len(body)} B message · gzip, 7 B inflated" in plain(Follow(talk.store, CATALOG, FIRST).step(1).facts)


def test_a_message_that_was_lost_is_a_step_with_the_reason(talk: Conversation) -> None:
    whole = reply("x" * 100)
    talk.client(request(1))
    talk.server(response(1), data(1, whole[:50]))
    talk.server(data(1, reply("next")), trailers(1), gap=True)
    view = Follow(talk.store, CATALOG, FIRST)
    missing = next(step for step in view.steps() if step.body and step.body[0].spans[0].tone is Tone.WARN)
    assert plain(missing.title) == "← DATA  HelloReply"
    told = call(talk, 1)["responses"][0]
    assert (told["format"], told["value"], told["type"]) == ("missing", None, "HelloReply")
    assert view.notes()


def test_only_the_steps_that_are_asked_for_are_drawn_up(talk: Conversation) -> None:
    talk.client(request(1))
    for _ in range(30):
        talk.server(data(1, b"".join(reply(f"{n}") for n in range(100))))
    view = Follow(talk.store, CATALOG, FIRST)
    assert len(view) == 3001
    assert [step.body[1].text for step in view.steps(2000, 2002)] == ['"message": "99"', '"message": "0"']
    assert view.steps(3001) == ()


cuts = st.lists(st.integers(1, 60), max_size=12)


@given(cuts, cuts, st.lists(st.sampled_from("cs"), max_size=24))
def test_follow_grown_step_by_step_equals_follow_made_at_the_end(sent: list[int], got: list[int], turns: str) -> None:
    talk = Conversation()
    talk.client(request(1))
    talk.server(response(1))
    view = Follow(talk.store, CATALOG, FIRST)
    streams = {"c": b"".join(hello(f"{n}") for n in range(9)), "s": b"".join(reply(f"{n}") for n in range(9))}
    sizes = {"c": list(sent), "s": list(got)}
    for turn in turns:
        if sizes[turn]:
            size = sizes[turn].pop()
            part, streams[turn] = streams[turn][:size], streams[turn][size:]
            (talk.client if turn == "c" else talk.server)(data(1, part))
            before = view.steps()
            kept = view.update()
            assert view.steps(0, kept) == before[:kept]
    assert view.steps() == Follow(talk.store, CATALOG, FIRST).steps()


@given(packets())
def test_whatever_is_said_follow_grows_right_and_no_view_raises(said: list[SaidPacket]) -> None:
    talk, live = Conversation(), dict[StreamKey, Follow]()
    for packet in said:
        say_all(talk, [packet])
        for key in talk.store.calls:
            view = live.setdefault(key, Follow(talk.store, CATALOG, key))
            before, kept = view.steps(), view.update()
            assert view.steps(0, kept) == before[:kept]
    for key in talk.store.calls:
        assert live[key].steps() == Follow(talk.store, CATALOG, key).steps()
        assert list(follow_lines(live[key]))
        assert row_line(CALL_COLUMNS, call_row(talk.store, CATALOG, key))
        json.loads(as_json.json_line(as_json.call_object(talk.store, CATALOG, key)))
    for position in range(len(talk.store.frames)):
        assert row_line(FRAME_COLUMNS, frame_row(talk.store, CATALOG, position))
        assert frame_detail(talk.store, CATALOG, position)
        assert message_detail(talk.store, CATALOG, position)
        assert sum(len(plain(line.ascii)) for line in Dump(talk.store, position).lines()) >= 0
        json.loads(as_json.json_line(as_json.frame_object(talk.store, position)))


# --- bytes and details


def test_bytes_tell_prefix_and_message_apart(talk: Conversation) -> None:
    whole = hello("World")
    talk.client(request(1), data(1, whole[:3]), data(1, whole[3:] + hello("b")[:7]))
    lines = Dump(talk.store, 2).lines()
    assert lines[0].hex == (
        Span("00 07", Tone.PREFIX),
        Span(" 0a 05 57 6f 72 6c  64", Tone.CLIENT),
        Span(" 00 00 00 00 03", Tone.PREFIX),
        Span(" 0a 01", Tone.CLIENT),
    )
    assert plain(lines[0].ascii) == "····World·······"
    assert Dump(talk.store, 1).lines()[0].hex == (Span("00 00 00", Tone.PREFIX),)


@given(st.lists(st.integers(1, 40), max_size=10), st.integers(1, 20))
def test_every_byte_is_shown_once(sizes: list[int], width: int) -> None:
    talk, stream = Conversation(), b"".join(hello("x" * n) for n in range(12))
    talk.client(request(1))
    for size in sizes:
        talk.client(data(1, stream[:size]))
        stream = stream[size:]
    for position, each in enumerate(talk.store.frames):
        view = Dump(talk.store, position, width)
        assert bytes.fromhex("".join(plain(line.hex) for line in view.lines())) == each.payload
        assert sum(len(plain(line.ascii)) for line in view.lines()) == len(each.payload)
        assert [line.offset for line in view.lines(1, 3)] == list(range(0, len(each.payload), width))[1:3]


def test_the_frame_tab_names_every_field(talk: Conversation) -> None:
    talk.client(settings(MAX_FRAME_SIZE=16384))
    talk.greet()
    text = "\n".join(line.text for line in frame_detail(talk.store, CATALOG, 1))
    for said in (
        "packet      2",
        f"from        {CLIENT}  client",
        "flags       END_HEADERS  0x04",
        ":path: /HelloWorld/greet",
    ):
        assert said in text
    assert "MAX_FRAME_SIZE: 16384" in "\n".join(line.text for line in frame_detail(talk.store, CATALOG, 0))


def test_the_message_tab_gives_the_reason_for_the_reading(talk: Conversation) -> None:
    talk.client(request(1, "/a.B/C"), data(1, prefixed(b"World")))
    text = [line.text for line in message_detail(talk.store, CATALOG, 1)]
    assert text[1] == "No schema gives its type; the bytes are plain text."
    assert text[2] == "World"


# --- the JSON contract


def test_frame_objects_have_every_key(talk: Conversation) -> None:
    talk.client(settings(MAX_FRAME_SIZE=16384))
    talk.greet()
    objects = [json.loads(as_json.json_line(as_json.frame_object(talk.store, at))) for at in range(6)]
    assert objects[0] == {
        "packet": 1,
        "time": BEGAN + 0.001,
        "connection": 0,
        "stream": 0,
        "sender": "client",
        "type": "SETTINGS",
        "flags": [],
        "length": 6,
        "headers": None,
        "header_sources": {},
        "data": None,
        "detail": {"ack": False, "settings": {"MAX_FRAME_SIZE": 16384}},
    }
    assert objects[2]["data"] == "00000000070a05576f726c64"
    assert objects[5]["headers"] == [["grpc-status", "0"], ["grpc-message", ""]]
    assert objects[5]["flags"] == ["END_STREAM", "END_HEADERS"]


def call(talk: Conversation, stream: int) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        as_json.json_line(as_json.call_object(talk.store, CATALOG, StreamKey(0, stream)))
    )
    return found


def test_call_objects_have_every_key(talk: Conversation) -> None:
    talk.greet()
    began, ended = talk.store.frames[0].time, talk.store.frames[4].time
    assert call(talk, 1) == {
        "connection": 0,
        "stream": 1,
        "client": "[::1]:50316",
        "server": "[::1]:37564",
        "method": "/HelloWorld/greet",
        "method_source": "wire",
        "authority": "localhost:37564",
        "method_candidates": [],
        "kind": "unary",
        "state": "complete",
        "status": {"code": 0, "name": "OK", "message": ""},
        "http_status": 200,
        "started": began,
        "duration": ended - began,
        "request_headers": [list(each) for each in talk.store.frames[0].headers or ()],
        "response_headers": [[":status", "200"], ["content-type", "application/grpc"]],
        "trailers": [["grpc-status", "0"], ["grpc-message", ""]],
        "requests": [message(1, began, 7, "HelloRequest", {"name": "World"})],
        "responses": [message(2, ended, 14, "HelloReply", {"message": "Hello, World"})],
        "problems": [],
        "status_details": None,
        "status_source": "wire",
        "why": None,
    }


def message(packet: int, time: float, length: int, name: str, value: object) -> dict[str, object]:
    known = {"packet": packet, "time": time, "length": length, "encoding": None}
    return {**known, "type": name, "format": "protobuf", "value": value}


def test_an_open_call_says_null_where_nothing_is_known(talk: Conversation) -> None:
    talk.client(request(1, "/no.Such/Method"))
    told = call(talk, 1)
    assert [key for key in told if told[key] is None] == [
        "kind",
        "status",
        "http_status",
        "duration",
        "response_headers",
        "trailers",
        "status_details",
        "status_source",
    ]
    assert told["state"] == "open"


def test_json_survives_an_unpaired_surrogate() -> None:
    assert json.loads(as_json.json_line({"a": "\ud800"})) == {"a": "\ud800"}


def test_frame_lines_are_coloured_only_when_asked(talk: Conversation) -> None:
    talk.greet()
    row = frame_row(talk.store, CATALOG, 0)
    assert "\x1b" not in row_line(FRAME_COLUMNS, row)
    assert "\x1b[33m→\x1b[0m \x1b[33mHEADERS" in row_line(FRAME_COLUMNS, row, colour=True)
