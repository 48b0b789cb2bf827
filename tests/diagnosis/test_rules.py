"""Why calls failed: a real capture for each cause, and nothing said of calls that are OK."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from inspector.diagnosis import diagnose
from inspector.http2.assembler import Assembler
from inspector.http2.framings import CONNECT_STREAMING
from inspector.model.call import HeaderBlock, Status, StreamKey
from inspector.model.connection import Cause, Diagnosis
from inspector.model.frame import DetectedProtocol, HeaderSource, Packet, Protocol, TcpEvent
from inspector.present.export.text import follow_lines
from inspector.present.follow import Follow
from inspector.schema.catalog import Catalog
from inspector.session import FileSource, Session
from inspector.store.store import Store
from tests.captures import DATA, SHARED, capture_of, read_store, read_truth, truth_files
from tests.conversation import (
    CLIENT,
    SERVER,
    Conversation,
    data,
    goaway,
    headers,
    hello,
    reply,
    request,
    reset,
    response,
    settings,
    trailers,
)
from tests.tshark.test_reordered import records
from tests.ui_running import lines, opened, text

WHY = DATA / "why"


class Case(NamedTuple):
    """A capture, and what is to be said of its last call."""

    capture: str
    cause: Cause
    packets: tuple[int, ...]
    words: tuple[str, ...]


CALLS = (
    Case("deadline", Cause.DEADLINE, (9, 13), ("The client gave up", "394 ms", "RST_STREAM CANCEL after 399 ms")),
    Case("deadline_grpc", Cause.DEADLINE, (10, 15), ("400 ms", "the server returned DEADLINE_EXCEEDED after 402 ms")),
    Case("deadline_of_server", Cause.STATUS, (15,), ("returned DEADLINE_EXCEEDED", "the database did not answer")),
    Case("deadline_grpclib", Cause.DEADLINE, (8, 16), ("The client gave up", "146 ms", "NO_ERROR after 151 ms")),
    Case("deadline_connect", Cause.DEADLINE, (6, 15), ("150 ms (connect-timeout-ms, packet 6)", "it closed the conn")),
    Case("cancelled", Cause.CANCELLED, (15,), ("cancelled", "after 200 ms", "deadline of 30 s had not passed")),
    Case("refused_stream", Cause.RESET, (13,), ("The server reset", "REFUSED_STREAM", "may be sent again")),
    Case("enhance_your_calm", Cause.RESET, (12,), ("The server reset", "ENHANCE_YOUR_CALM", "RESOURCE_EXHAUSTED")),
    Case("internal_error", Cause.RESET, (13,), ("The server reset", "INTERNAL_ERROR")),
    Case("goaway_refused", Cause.GOAWAY, (15,), ("refused", "“going down for maintenance”", "1 as the last stream")),
    Case("goaway_and_end", Cause.GOAWAY, (11, 15), ("“restarting”", "it closed the connection", "FIN, packet 15")),
    Case("goaway_and_left", Cause.GOAWAY, (16, 17, 18), ("“max_age”", "client had closed", "FIN, packet 17")),
    Case("too_many_pings", Cause.GOAWAY, (30,), ("ENHANCE_YOUR_CALM", "“too_many_pings”", "UNAVAILABLE")),
    Case("server_killed", Cause.CONNECTION_LOST, (15,), ("The server closed the connection", "FIN", "302 ms")),
    Case("server_reset", Cause.CONNECTION_LOST, (11,), ("The server reset the connection", "RST")),
    Case("client_gone", Cause.CONNECTION_LOST, (14, 15), ("The client had closed the connection", "FIN, packet 14")),
    Case(
        "client_goaway", Cause.CONNECTION_LOST, (12, 13), ("The client sent GOAWAY CANCEL (packet 12); then it closed",)
    ),
    Case("wrong_method", Cause.WRONG_PATH, (11, 14), ("not implement /HelloWorld/great", "has /HelloWorld/greet")),
    Case("details", Cause.STATUS, (14,), ("NOT_FOUND", "no such greeting", "ErrorInfo ASKED_FOR", "RetryInfo 1.500s")),
    Case("bad_gateway", Cause.HTTP_ERROR, (11,), ("HTTP 502, text/html", "502 Bad Gateway", "UNAVAILABLE")),
    Case("not_found", Cause.HTTP_ERROR, (11,), ("HTTP 404, text/plain", "“404 page not found”", "UNIMPLEMENTED")),
    Case("answer_rejected", Cause.HTTP_ERROR, (12, 13), ("HTTP 404", "UNIMPLEMENTED", "reset the stream with PROTO")),
    Case("web_page", Cause.HTTP_ERROR, (11,), ("HTTP 200, text/html", "Please log in")),
    Case("stalled", Cause.FLOW_CONTROL, (9, 13), ("client was blocked for 1.00 s", "its stream", "at its deadline")),
    Case("request_to_tls", Cause.CONNECTION_LOST, (4, 6, 7), ("sent nothing", "FIN, packet 6", "expects TLS")),
)
CONNECTIONS = (
    Case("plaintext_to_java", Cause.PLAINTEXT_TO_TLS, (4, 6), ("speaks TLS", "preface", "alert unexpected_message")),
    Case("plaintext_and_tls", Cause.PLAINTEXT_TO_TLS, (17, 19), ("speaks TLS", "FIN", "it answered in TLS")),
    Case("plaintext_to_openssl", Cause.CONNECTION_LOST, (4, 6), ("sent nothing", "RST, packet 6", "expects TLS")),
    Case("plaintext_to_node", Cause.CONNECTION_LOST, (4, 6), ("sent nothing", "FIN, packet 6", "expects TLS")),
    Case("plaintext_to_grpc", Cause.CONNECTION_LOST, (4, 6), ("sent nothing", "FIN, packet 6", "expects TLS")),
    Case("tls_to_grpc", Cause.TLS_TO_PLAINTEXT, (4, 6), ("ClientHello (packet 4)", "SETTINGS (packet 6)")),
    Case("tls_to_node", Cause.TLS_TO_PLAINTEXT, (4, 6), ("ClientHello (packet 4)", "SETTINGS (packet 6)")),
    Case("tls_and_plaintext", Cause.TLS_TO_PLAINTEXT, (22, 24), ("ClientHello (packet 24)", "SETTINGS (packet 22)")),
    Case("http1", Cause.NOT_HTTP2, (4, 6), ("HTTP/1", "“HTTP/1.1 400 Bad Request”")),
)


def reasons(store: Store) -> dict[StreamKey, Diagnosis]:
    """Of every call that is not OK."""
    catalog = Catalog()
    found = ((key, diagnose(store, catalog, key)) for key in store.calls)
    return {key: each for key, each in found if each is not None}


def check(case: Case, found: Diagnosis | None) -> None:
    assert found is not None
    assert (found.cause, found.packets) == (case.cause, case.packets)
    assert [words for words in case.words if words not in found.sentence] == []
    assert found.sentence.endswith(".")


@pytest.mark.system
@pytest.mark.parametrize("case", CALLS, ids=lambda case: case.capture)
async def test_a_call_says_why_it_failed(case: Case) -> None:
    store = await read_store(WHY / f"{case.capture}.pcap")
    found = reasons(store)
    key = list(store.calls)[-1]
    assert set(found) == {key}
    check(case, found[key])
    assert {store.frames[position].packet for position in found[key].frames} <= set(case.packets)


@pytest.mark.system
@pytest.mark.parametrize("case", CONNECTIONS, ids=lambda case: case.capture)
async def test_a_connection_says_why_it_carries_no_call(case: Case) -> None:
    store = await read_store(WHY / f"{case.capture}.pcap")
    assert reasons(store) == {}
    failed = [each for each in store.connections.values() if each.diagnosis is not None]
    assert len(failed) == 1
    check(case, failed[0].diagnosis)
    assert failed[0].server.port == 50210


@pytest.mark.system
async def test_a_client_that_speaks_http1_to_a_grpc_port_is_told_so() -> None:
    """curl to the sample service."""
    (connection,) = (await read_store(WHY / "http1_to_grpc.pcap", 50210)).connections.values()
    words = ("client speaks HTTP/1.1", "“GET / HTTP/1.1” (packet 4) met", "SETTINGS (packet 6)", "`grpc_pass` in nginx")
    check(Case("http1_to_grpc", Cause.NOT_HTTP2, (4, 6), words), connection.diagnosis)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("HTTP/1.1 505 HTTP Version Not Supported", "refused “GET / HTTP/1.1” (packet 1): “HTTP/1.1 505"),
        ("HTTP/1.1 200 OK", ""),
        ("HTTP/1.1 404 Not Found", ""),
        ("", "the server sent nothing and closed the connection (FIN, packet 2)"),
    ],
)
def test_a_request_in_http1_is_a_failure_where_it_is_refused(answer: str, words: str) -> None:
    """Servers may speak both on one port."""
    assembler, store = Assembler({SERVER.port}), Store()
    speech = DetectedProtocol(Protocol.HTTP1, answer) if answer else None
    asked = Packet(
        1,
        0.0,
        60,
        0,
        CLIENT,
        SERVER,
        int(TcpEvent.SYN),
        payload=9,
        detected=DetectedProtocol(Protocol.HTTP1, "GET / HTTP/1.1"),
    )
    told = Packet(2, 0.1, 60, 0, SERVER, CLIENT, int(TcpEvent.FIN), payload=len(answer), detected=speech)
    for packet in (asked, told):
        store.apply(assembler.receive(packet))
    found = [each.diagnosis for each in store.connections.values() if each.diagnosis is not None]
    assert [words in each.sentence and "--http2-prior-knowledge" in each.sentence for each in found] == [True] * bool(
        words
    )


@pytest.mark.system
async def test_a_server_that_spoke_http2_before_does_not_expect_tls() -> None:
    """A server of grpc-go, killed in a call; grpclib's client comes once more before the port is closed."""
    store = await read_store(WHY / "server_gone.pcap")
    said = store.connections[1].diagnosis
    assert said is not None
    assert "RST, packet 29); on other connections it spoke HTTP/2." in said.sentence
    assert {each.cause for each in reasons(store).values()} == {Cause.CONNECTION_LOST}


@pytest.mark.system
async def test_a_client_that_speaks_tls_by_mistake_hides_no_call() -> None:
    store = await read_store(WHY / "tls_and_plaintext.pcap")
    assert [call.status.name for call in store.calls.values() if call.status] == ["OK"]
    assert store.connections[0].diagnosis is None


def whole_captures() -> Iterator[Path]:
    """Captures of which all calls are known to have ended well."""
    yield WHY / "good.pcap"
    for path in truth_files():
        truth = read_truth(path).get("truth", {})
        if truth and set(truth["by_status"]) == {"0"}:
            yield capture_of(path)


@pytest.mark.system
@pytest.mark.parametrize("path", list(whole_captures()), ids=lambda path: path.stem)
async def test_nothing_is_said_of_calls_that_are_ok(path: Path) -> None:
    keys = path.with_suffix(".keys")
    store = await read_store(path, keylog=keys if keys.exists() else None)
    assert len(store.calls) > 0
    assert reasons(store) == {}
    assert [each.diagnosis for each in store.connections.values() if each.diagnosis] == []


@pytest.mark.system
async def test_a_deadline_and_what_was_cancelled_are_told_apart() -> None:
    path = SHARED / "own" / "k_cancel_node_node.json"
    if not path.exists():
        pytest.skip("the project's captures are not at hand")
    found = reasons(await read_store(capture_of(path)))
    assert {key.stream: each.cause for key, each in found.items()} == {
        1: Cause.DEADLINE,
        3: Cause.CANCELLED,
        5: Cause.CANCELLED,
    }
    assert "181 ms" in found[StreamKey(0, 1)].sentence


@pytest.mark.system
async def test_statuses_say_so_and_unknown_methods_are_named() -> None:
    found = reasons(await read_store(DATA / "f_errors_node_node.pcapng"))
    causes = [each.cause for each in found.values()]
    assert causes == [Cause.STATUS, Cause.STATUS, Cause.STATUS, Cause.WRONG_PATH, Cause.WRONG_PATH]
    assert "“予期しないエラー: 50% 失敗”" in found[StreamKey(0, 1)].sentence
    assert "/peers.v1.Greeter/NotThere" in found[StreamKey(0, 7)].sentence


@pytest.mark.system
async def test_a_server_that_was_killed_closed_the_connection() -> None:
    found = reasons(await read_store(DATA / "q_serverkilled_node_go.pcapng"))
    assert [(key.stream, each.cause, each.packets) for key, each in found.items()] == [
        (3, Cause.CONNECTION_LOST, (15,))
    ]


LOSSY: tuple[tuple[str, dict[int, Cause]], ...] = (
    ("b_lost_reply.pcapng", {51: Cause.BYTES_LOST}),
    ("b_lost_req.pcapng", {}),
    ("i_corrupt_light.pcapng", {81: Cause.BYTES_LOST, 83: Cause.BYTES_LOST, 85: Cause.BYTES_LOST}),
    ("i_truncated_half.pcapng", {81: Cause.STILL_OPEN}),
    ("a_mid.pcapng", {}),
)


@pytest.mark.system
@pytest.mark.parametrize(("name", "expected"), LOSSY)
async def test_what_the_capture_lacks_is_nobodys_fault(name: str, expected: dict[int, Cause]) -> None:
    told = read_truth((DATA / name).with_suffix(".json"))
    found = reasons(await read_store(DATA / name, told["port"]))
    assert {key.stream: each.cause for key, each in found.items()} == expected


@pytest.mark.system
async def test_trailers_that_a_snap_length_cut_off_are_not_without_a_status(tmp_path: Path) -> None:
    """The request is whole in 200 bytes of each packet, the status with its details is not."""
    header, told = records(WHY / "details.pcap")
    cut = (record[:8] + len(record[16:216]).to_bytes(4, "little") + record[12:216] for record in told)
    path = tmp_path / "cut.pcap"
    path.write_bytes(header + b"".join(cut))
    found = reasons(await read_store(path, 50210))
    assert {each.cause for each in found.values()} == {Cause.BYTES_LOST}


@pytest.mark.parametrize("answer", ["application/json", "text/html"])
def test_what_may_be_another_protocol_is_no_failed_grpc(answer: str) -> None:
    talk = Conversation()
    unknown = ((3, HeaderSource.UNKNOWN),)
    first = ((":method", "POST"), (":path", "/a.B/C"), (":authority", "localhost"), ("<unknown>", ""))
    talk.client(headers(1, *first, sources=unknown), data(1, b"{}", end=True))
    talk.server(headers(1, (":status", "200"), ("content-type", answer)), data(1, b"{}", end=True))
    assert only(talk) is None


# What a conversation tells


def only(talk: Conversation) -> Diagnosis | None:
    (key,) = talk.store.calls
    return diagnose(talk.store, Catalog(), key)


def test_a_reset_by_the_client_before_its_deadline_is_its_own_will() -> None:
    talk = Conversation()
    talk.client(request(1, "/HelloWorld/greet", ("grpc-timeout", "500m")), data(1, hello("x"), end=True))
    talk.client(reset(1), after=0.4)
    found = only(talk)
    assert found is not None
    assert found.cause is Cause.CANCELLED
    assert "deadline of 500 ms had not passed" in found.sentence


@pytest.mark.parametrize(("timeout", "after"), [("1010m", 1.0), ("30S", 29.9), ("100u", 0.0002), ("0m", 0.001)])
def test_clients_round_up_what_they_announce(timeout: str, after: float) -> None:
    talk = Conversation()
    talk.client(request(1, "/HelloWorld/greet", ("grpc-timeout", timeout)))
    talk.client(reset(1), after=after)
    found = only(talk)
    assert found is not None
    assert found.cause is Cause.DEADLINE


@pytest.mark.parametrize("timeout", ["", "soon", "5", "123456789m", "5x", "٣S"])
def test_a_timeout_that_is_none_proves_nothing(timeout: str) -> None:
    talk = Conversation()
    talk.client(request(1, "/HelloWorld/greet", ("grpc-timeout", timeout)))
    talk.client(reset(1), after=100.0)
    found = only(talk)
    assert found is not None
    assert found.cause is Cause.CANCELLED
    assert "deadline" not in found.sentence


@pytest.mark.parametrize(("after", "expected"), [(0.4, Cause.STATUS), (0.5, Cause.DEADLINE)])
def test_unknown_at_the_deadline_is_the_deadline(after: float, expected: Cause) -> None:
    talk = Conversation()
    talk.client(request(1, "/HelloWorld/greet", ("grpc-timeout", "500m")), data(1, hello("x"), end=True))
    talk.server(trailers(1, 2, "context deadline exceeded"), after=after)
    found = only(talk)
    assert found is not None
    assert found.cause is expected
    assert "UNKNOWN" in found.sentence
    assert "“context deadline exceeded”" in found.sentence


@pytest.mark.parametrize(("error", "is_told"), [("CANCEL", True), ("NO_ERROR", False)])
def test_a_reset_behind_the_trailers_is_told_where_clients_may_mind(error: str, is_told: bool) -> None:
    talk = Conversation()
    talk.client(request(1), data(1, hello("x")))
    talk.server(response(1), data(1, reply("y")), trailers(1), reset(1, error))
    (call,) = talk.store.calls.values()
    assert ("reset the stream with CANCEL" in " ".join(call.problems)) is is_told
    assert only(talk) is None


def test_a_reset_after_the_trailers_changes_nothing() -> None:
    talk = Conversation()
    talk.client(request(1), data(1, hello("x")))
    talk.server(response(1), data(1, reply("y")), trailers(1), reset(1, "NO_ERROR"))
    assert only(talk) is None


def test_a_stream_that_goaway_does_not_name_was_not_refused() -> None:
    talk = Conversation()
    talk.client(request(1), data(1, hello("x"), end=True))
    talk.server(goaway(1))
    talk.server(response(1), data(1, reply("y")), trailers(1))
    assert only(talk) is None


def test_a_lost_packet_leaves_the_end_open_even_when_the_client_resets() -> None:
    talk = Conversation()
    talk.client(request(1), data(1, hello("x"), end=True))
    talk.server(response(3), gap=True)
    talk.client(reset(1), after=1.0)
    found = diagnose(talk.store, Catalog(), StreamKey(0, 1))
    assert found is not None
    assert (found.cause, found.packets) == (Cause.BYTES_LOST, (2,))


@pytest.mark.parametrize(("waited", "expected"), [(0.05, Cause.CANCELLED), (2.0, Cause.FLOW_CONTROL)])
def test_a_window_at_zero_is_a_cause_when_it_lasts(waited: float, expected: Cause) -> None:
    talk = Conversation()
    talk.server(settings(INITIAL_WINDOW_SIZE=6))
    talk.client(request(1), data(1, hello("a long name")[:6]))
    talk.client(reset(1), after=waited)
    found = only(talk)
    assert found is not None
    assert found.cause is expected


def test_an_answer_says_more_than_a_window_at_zero() -> None:
    talk = Conversation()
    talk.server(settings(INITIAL_WINDOW_SIZE=6))
    talk.client(request(1), data(1, hello("a long name")[:6]))
    talk.server(trailers(1, 8, "too large"), after=2.0)
    found = only(talk)
    assert found is not None
    assert found.cause is Cause.STATUS


def test_a_message_that_fills_the_window_exactly_waits_for_nothing() -> None:
    talk = Conversation()
    talk.server(settings(INITIAL_WINDOW_SIZE=len(hello("x"))))
    talk.client(request(1), data(1, hello("x")))
    talk.client(reset(1), after=2.0)
    found = only(talk)
    assert found is not None
    assert found.cause is Cause.CANCELLED


def test_a_stream_that_ends_without_trailers_has_no_status() -> None:
    talk = Conversation()
    talk.client(request(1), data(1, hello("x"), end=True))
    talk.server(response(1), data(1, reply("y"), end=True))
    found = only(talk)
    assert found is not None
    assert (found.cause, found.packets) == (Cause.NO_STATUS, (2,))


def test_a_method_that_others_call_with_success_is_no_wrong_path() -> None:
    talk = Conversation()
    for stream, code in ((1, 0), (3, 12)):
        talk.client(request(stream, "/a.B/C"), data(stream, hello("x"), end=True))
        talk.server(response(stream), trailers(stream, code, "not with this flag"))
    found = diagnose(talk.store, Catalog(), StreamKey(0, 3))
    assert found is not None
    assert found.cause is Cause.STATUS


def test_words_from_the_wire_cannot_move_the_cursor() -> None:
    talk = Conversation()
    talk.client(request(1), data(1, hello("x"), end=True))
    talk.server(trailers(1, 5, "\x1b[2Jgone\r\n\u202e"))
    found = only(talk)
    assert found is not None
    assert found.sentence.isprintable()


@pytest.mark.system
async def test_calls_of_the_connect_protocol_say_how_they_ended() -> None:
    """connect-node 1.7 with itself: streams tell it in their last envelope, unary calls in their body."""
    store = await read_store(WHY / "connect.pcap", 50210)
    few, many, chat, greet, nobody, as_json, _ = store.calls.values()
    assert [call.status and call.status.name for call in (few, chat, greet)] == ["OK", "OK", None]
    assert [len(call.requests) for call in (few, many, chat)] == [1, 1, 2]
    assert [len(call.responses) for call in (few, many, chat)] == [2, 2, 2]
    assert [(each.encoding, len(each.data or b"")) for each in many.responses] == [(None, 8), ("gzip", 2009)]
    assert many.trailers is not None
    assert many.trailers.headers == (("x-count", "2"), ("x-left", "0"))
    found = reasons(store)
    assert set(found) == {many.key, nobody.key, as_json.key}
    assert (found[many.key].cause, found[many.key].packets) == (Cause.STATUS, (19,))
    assert "RESOURCE_EXHAUSTED" in found[as_json.key].sentence
    assert found[nobody.key].sentence == (
        "The server returned INVALID_ARGUMENT in the Connect protocol (HTTP 400, packet 40): “no name given”."
    )
    steps = "\n".join(follow_lines(Follow(store, Catalog(), many.key)))
    assert "trailers in the body" in steps
    assert "protocol: Connect, streaming" in steps
    assert "part of a message" not in steps


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"error": 7}',
        b'{"metadata": {"a": "b"}}',
        b"\xff",
        b'{"code": 5}',
        pytest.param(b'{"x":' + b"[" * 100_000, id="deep"),
    ],
)
def test_what_is_no_end_of_a_connect_stream_ends_nothing(body: bytes) -> None:
    assert CONNECT_STREAMING.read_end(body) in (None, (HeaderBlock(()), Status.of(0)))
    assert CONNECT_STREAMING.read_error(body) is None


# Where it is shown


@pytest.mark.system
async def test_the_follow_view_begins_with_it() -> None:
    store = await read_store(WHY / "deadline.pcap")
    lines = list(follow_lines(Follow(store, Catalog(), StreamKey(0, 1))))
    assert lines[1].startswith("why: The client gave up at the deadline of 394 ms (grpc-timeout, packet 9)")


def printed(*options: str) -> list[str]:
    command = (sys.executable, "-m", "inspector", "calls", str(WHY / "goaway_refused.pcap"), *options)
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


@pytest.mark.system
def test_calls_print_it() -> None:
    good, refused = (json.loads(line)["why"] for line in printed("--json"))
    assert good is None
    assert (refused["cause"], refused["packets"], list(refused)) == ("goaway", [15], ["cause", "sentence", "packets"])
    assert refused["sentence"] in printed()[-1]


@pytest.mark.system
async def test_enter_on_it_leads_to_the_frame_that_proves_it() -> None:
    async with opened(WHY / "refused_stream.pcap") as run:
        await run.press("enter", "home")
        row = next(at for at, line in enumerate(lines(run.pane)) if "why: The server reset the stream" in line)
        await run.press(*"j" * row, "enter")
        assert run.focused == "frames"
        assert "RST_STREAM" in next(line for line in lines(run.frames) if line.startswith("▌"))


@pytest.mark.system
async def test_a_frame_of_a_connection_that_failed_tells_of_it() -> None:
    async with opened(WHY / "http1.pcap") as run:
        await run.press("h")
        await run.until(lambda: "HTTP/1.1 400" in text(run.pane))
        assert "in HTTP/1" in run.notice


@pytest.mark.system
async def test_a_session_tells_of_a_connection_that_carries_no_call() -> None:
    session = Session(FileSource(WHY / "http1.pcap"))
    try:
        await session.run()
    finally:
        await session.close()
    assert "in HTTP/1" in session.status.notice
