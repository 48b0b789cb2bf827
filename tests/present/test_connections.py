"""What is said of a connection: its row, its facts, its frames in sequence, and `connections` without the screen."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.http2.assembler import Assembler
from inspector.model.connection import MAX_RESET_KINDS
from inspector.model.frame import ACK, Frame, FrameType, Packet, Side
from inspector.present.connection_detail import connection_facts
from inspector.present.connections import CONNECTION_COLUMNS, connection_row
from inspector.present.export.text import row_line, text_line
from inspector.present.sequence import LANES, Sequence, run_lines
from inspector.present.times import Times
from inspector.schema.catalog import Catalog
from inspector.store.store import Store
from inspector.ui.detail.documents import ConnectionDocument, SequenceDocument
from tests.captures import DATA, read_store
from tests.conversation import (
    CLIENT,
    SERVER,
    Conversation,
    Said,
    SaidPacket,
    data,
    frame,
    goaway,
    headers,
    hello,
    packets,
    request,
    reset,
    response,
    say_all,
    settings,
    trailers,
    window,
)
from tests.headless.test_commands import objects, run
from tests.wire import Wire

WHY = DATA / "why"


def facts(store: Store, connection: int = 0) -> str:
    return "\n".join(text_line(each.line) for each in connection_facts(store, connection))


def row(store: Store, connection: int = 0) -> str:
    return row_line(CONNECTION_COLUMNS, connection_row(store, connection, Times.of(store)))


def sequence_of(store: Store, connection: int, most: int = 1_000) -> Sequence:
    found = Sequence(store, connection)
    while found.is_behind:
        found.update(most)
    return found


def sequence(store: Store, connection: int = 0) -> list[str]:
    found = sequence_of(store, connection)
    lines = (run_lines(store, Catalog(), found, index) for index in range(len(found)))
    return [text_line(line)[10:] for each in lines for line in each]


def ping(opaque: str, *, ack: bool = False) -> Said:
    return frame(FrameType.PING, 0, 8, ACK if ack else 0, detail={"ack": ack, "opaque": opaque})


def test_pings_have_their_round_trips_and_some_no_answer() -> None:
    talk = Conversation()
    talk.client(ping("01"), ping("02"))
    talk.server(ping("01", ack=True), ping("01"), after=0.004)
    talk.client(ping("01", ack=True), after=0.002)
    trips = talk.store.traffic(0).ping_trips
    assert (trips.count, round(trips.least, 4), round(trips.most, 4)) == (2, 0.002, 0.004)
    assert "PING to ACK      3.0 ms on average of 2, 2.0 ms to 4.0 ms" in facts(talk.store)
    assert "→ client  0.0000  no ACK" in facts(talk.store)


def test_a_goaway_is_told_with_the_calls_that_it_refused() -> None:
    talk = Conversation()
    talk.client(request(1), request(3), request(5))
    talk.server(goaway(1, "ENHANCE_YOUR_CALM", "too_many_pings"))
    assert "← server  0.0010  ENHANCE_YOUR_CALM  “too_many_pings”  last stream 1" in facts(talk.store)
    assert "refused 2 calls, which may be sent again: stream 3, 5" in facts(talk.store)
    assert "GOAWAY ENHANCE_YOUR_CALM too_many_pings" in row(talk.store)


def test_resets_are_told_with_the_side_that_sent_them() -> None:
    talk = Conversation()
    talk.client(request(1), request(3))
    talk.client(reset(1))
    talk.server(reset(3, "REFUSED_STREAM"))
    said = facts(talk.store)
    assert "→ client  CANCEL  1 time" in said
    assert "← server  0.0020  stream 3  REFUSED_STREAM" in said
    assert "cancelled        2" in said


def test_settings_of_both_sides_and_what_holds_without() -> None:
    talk = Conversation()
    talk.client(request(1), settings(INITIAL_WINDOW_SIZE=1_000_000, ENABLE_PUSH=0))
    talk.server(settings(MAX_FRAME_SIZE=16384))
    table = {line.split()[0]: line.split()[1:] for line in facts(talk.store).splitlines() if line.strip()}
    assert table["INITIAL_WINDOW_SIZE"] == ["1,000,000", "?"]  # joined late: nobody knows what was said before
    assert table["MAX_FRAME_SIZE"] == ["?", "16,384"]


@pytest.mark.system
async def test_who_stood_at_a_window_of_zero_and_for_how_long() -> None:
    store = await read_store(WHY / "stalled.pcap")
    assert "→ client  0.0021  stream 1  at zero for 1.00 s" in facts(store)
    assert "window at zero 1 time, 1.00 s" in row(store)
    pause = next(line for line in sequence(store) if "pass" in line)
    assert pause.split(maxsplit=1) == ["┊", "1.00 s pass, the client's window at zero on stream 1"]


@pytest.mark.system
async def test_a_connection_of_tls_says_so_and_how_to_get_its_keys() -> None:
    store = await read_store(DATA / "o_tls_node_go.pcapng")
    assert "TLS" in row(store)
    assert "cannot be read without its keys" in row(store)
    said = facts(store)
    for way in ("grpc-go", "node --tls-keylog=FILE", "SSLKEYLOGFILE", "Java", "--tls-keylog FILE"):
        assert way in said
    assert "Flow control" not in said
    assert "Settings" not in said


@pytest.mark.system
async def test_a_connection_of_tls_with_its_keys_is_one_like_others() -> None:
    store = await read_store(DATA / "o_tls_node_go.pcapng", keylog=DATA / "o_tls_node_go.keys")
    assert "closed" in row(store)
    assert "TLS" not in row(store)
    assert store.traffic(0).calls == len(store.calls) > 0


@pytest.mark.system
async def test_of_a_late_joined_connection_nothing_is_claimed() -> None:
    store = await read_store(DATA / "a_mid.pcapng", 50101)
    assert "joined late" in row(store)
    assert "may send not known on the connection; a new stream begins with not known" in facts(store)


@pytest.mark.system
async def test_packets_captured_twice_are_counted_once(tmp_path: Path) -> None:
    def written(*, twice: bool) -> Path:
        wire = Wire()
        for act in (wire.begin, lambda: wire.greet(1, hello("World"), hello("there"))):
            before = len(wire.capture)
            act()
            if twice:
                wire.capture += wire.capture[before:]
        return wire.write(tmp_path / f"{twice}.pcap")

    once, doubled = await read_store(written(twice=False)), await read_store(written(twice=True))
    assert len(once.frames) == len(doubled.frames)
    for mine, theirs in zip(once.traffic(0).sent.values(), doubled.traffic(0).sent.values(), strict=True):
        assert (mine.frames, mine.data, mine.windows) == (theirs.frames, theirs.data, theirs.windows)
        assert mine.repeated == 0 < theirs.repeated
    assert "sent or captured again" in facts(doubled)
    assert "sent again" in row(doubled)


def test_a_sequence_shows_streams_interleaved() -> None:
    talk = Conversation()
    talk.client(request(1), data(1, hello("World"), end=True))
    talk.client(request(3, "/a.B/C"))
    talk.server(window(0, 12), window(0, 3))
    talk.server(response(1), trailers(1))
    talk.client(reset(3), after=2.0)
    assert [line.rstrip() for line in sequence(talk.store)] == [
        '┌       1 ──▶ HEADERS POST /HelloWorld/greet · DATA HelloRequest  name: "World" end of stream',
        "│ ┌     3 ──▶ HEADERS POST /a.B/C",
        "│ │       ◀── WINDOW_UPDATE +15 in 2 frames",
        "└ │     1 ◀── HEADERS 200  application/grpc · HEADERS OK  grpc-status 0  end of stream",
        "  ┊         2.00 s pass",
        "  └     3 ──▶ RST_STREAM CANCEL",
    ]


@given(packets(), st.integers(0, 12))
def test_a_sequence_that_grew_is_the_one_made_at_once(said: list[SaidPacket], cut: int) -> None:
    talk = Conversation()
    say_all(talk, said[:cut])
    grown = {index: sequence_of(talk.store, index, most=2) for index in talk.store.connections}
    say_all(talk, said[cut:])
    for index in talk.store.connections:
        fresh, found = sequence_of(talk.store, index), grown.get(index)
        runs = [fresh.run(each) for each in range(len(fresh))]
        if found is not None:
            found.update()
            assert [found.run(each) for each in range(len(found))] == runs
        covered = [each for run in runs for each in run.positions if talk.store.frames[each].connection == index]
        assert covered == [at for at, each in enumerate(talk.store.frames) if each.connection == index]
        assert all(later.open_before == earlier.open_after for earlier, later in pairwise(runs))
        for at, one in enumerate(runs):
            assert fresh.run_of(one.positions[0]) == at
            run_lines(talk.store, Catalog(), fresh, at)


@given(packets(), st.integers(0, 12))
def test_documents_that_grew_say_what_fresh_ones_say(said: list[SaidPacket], cut: int) -> None:
    talk = Conversation()
    talk.greet()
    say_all(talk, said[:cut])
    facts, story = ConnectionDocument(talk.store, 0), SequenceDocument(talk.store, Catalog(), 0)
    shown = {document: [document.block(each) for each in range(len(document))] for document in (facts, story)}
    is_rewritten = any(change.rewritten for change in say_all(talk, said[cut:]))
    for document, fresh in (
        (facts, ConnectionDocument(talk.store, 0)),
        (story, SequenceDocument(talk.store, Catalog(), 0)),
    ):
        first = document.refresh()
        wanted = [fresh.block(each) for each in range(len(fresh))]
        assert [document.block(each) for each in range(len(document))] == wanted
        if not is_rewritten:  # a screen then draws all of it
            assert shown[document][:first] == wanted[:first]


def test_the_end_of_a_request_never_shows_the_status_of_the_reply() -> None:
    talk = Conversation()
    talk.greet()
    talk.client(headers(3, end=True))
    talk.server(trailers(3, 0))
    (request_line,) = [line for line in sequence(talk.store) if " 3 ──▶" in line]
    assert "HEADERS" in request_line
    assert "grpc-status" not in request_line


def test_more_streams_than_lanes_are_told_without_one() -> None:
    talk = Conversation()
    for stream in range(1, 2 * LANES + 3, 2):
        talk.client(request(stream))
    assert sequence(talk.store)[-1].startswith("│ " * LANES + "┆ ")


@pytest.mark.system
@pytest.mark.parametrize("capture", sorted(DATA.glob("why/*.pcap")), ids=lambda path: path.stem)
async def test_every_connection_can_be_told(capture: Path) -> None:
    store = await read_store(capture)
    for index, connection in store.connections.items():
        assert str(connection.client) in row(store, index)
        assert str(connection.server) in facts(store, index)
        assert len(sequence(store, index)) >= any(frame.connection == index for frame in store.frames)
        assert {store.side(each) for each in store.frames} <= set(Side)


@pytest.mark.system
def test_the_command_prints_a_line_or_an_object_for_each() -> None:
    path = WHY / "goaway_refused.pcap"
    done = run("connections", path)
    assert done.returncode == 0
    assert done.stdout.splitlines()[0].split()[:3] == ["№", "Start", "Calls"]
    assert "127.0.0.1:36104 → 127.0.0.1:50210" in done.stdout
    (told,) = objects(run("connections", path, "--json").stdout)
    assert list(told) == [
        *("connection", "client", "server", "started", "ended", "last", "joined_late", "tls_unread", "why", "calls"),
        *("handshake", "ping", "sides", "stalls", "goaways", "resets"),
    ]
    assert told["sides"]["client"]["frames"]["HEADERS"] == 2
    assert [each["refused"] for each in told["goaways"]].count([3]) == 1
    assert json.dumps(told)


def packet(number: int, *frames: Frame, connection: int = 0) -> Packet:
    return Packet(number, 1.0, 60, connection, CLIENT, SERVER, 0, frames)


def first_settings(number: int) -> Frame:
    return settings()(number, 1.0, 0, CLIENT)


def test_a_connection_that_is_told_again_is_counted_once() -> None:
    store, assembler = Store(), Assembler((SERVER.port,))
    for each in (packet(1), packet(2), packet(1), packet(2), packet(3, first_settings(3)), packet(4)):
        store.apply(assembler.receive(each))
    assert store.packets == store.traffic(0).sent[CLIENT].packets == 4


def test_connections_without_http2_are_forgotten() -> None:
    store, assembler = Store(), Assembler((SERVER.port,))
    for number in range(1, 3_000):
        store.apply(assembler.receive(packet(number, connection=number - 1)))
    store.apply(assembler.receive(packet(3_000, first_settings(3_000))))
    assert list(store.connections) == [0]
    assert store.traffic(0).sent[CLIENT].packets == 1  # its first one was too long ago


def test_kinds_of_resets_are_bounded() -> None:
    talk = Conversation()
    for number in range(MAX_RESET_KINDS + 10):
        talk.client(reset(1, f"0x{number:x}"))
    counts = talk.store.traffic(0).reset_counts
    assert len(counts) == MAX_RESET_KINDS + 1
    assert sum(counts.values()) == MAX_RESET_KINDS + 10
