"""Headers from HPACK entries never seen: what is recovered, what is guessed, and what stays unknown."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from google.rpc import status_pb2  # type: ignore[import-untyped]  # its stubs are not marked
from hpack import Encoder
from hypothesis import given
from hypothesis import strategies as st

from inspector.diagnosis import diagnose
from inspector.diagnosis.call_facts import method_name
from inspector.http2.hpack.header_order import ANY, METADATA, RANKS, BlockRole, SenderOrders, possible_names
from inspector.http2.hpack.inference import Loss, status_code
from inspector.http2.hpack.recovery import HeaderRecovery
from inspector.http2.hpack.table import HpackTable, UnknownEntry
from inspector.model.call import Call, MethodSource, Status, StreamKey
from inspector.model.frame import Endpoint, Frame, FrameType, HeaderSource, Side
from inspector.present.export.json import call_object
from inspector.schema.catalog import Catalog
from inspector.session import FileSource, Session
from inspector.session.schema import SchemaSources, load_files
from inspector.store.store import Store
from inspector.tshark.binary import Decoding
from tests.captures import DATA, SHARED, read_store
from tests.conversation import hello, reply
from tests.tshark.test_reordered import records
from tests.wire import Wire, data

GO = (":method", ":scheme", ":path", ":authority", "content-type", "user-agent", "te")
VALUES = ("POST", "http", "/HelloWorld/greet", "localhost:50051", "application/grpc", "grpc-go/1.33.1", "trailers")
DECODING = Decoding(frozenset({50051}))


def go_call(wire: Wire, stream: int, path: str = "/HelloWorld/greet", *, status: str = "0", replies: int = 1) -> None:
    values = (*VALUES[:2], path, *VALUES[3:])
    wire.client(wire.headers(Side.CLIENT, stream, *zip(GO, values, strict=True)), data(stream, hello("x"), end=True))
    wire.server(
        wire.headers(Side.SERVER, stream, (":status", "200"), ("content-type", "application/grpc")),
        *(data(stream, reply("y")) for _ in range(replies)),
        wire.headers(Side.SERVER, stream, ("grpc-status", status), ("grpc-message", ""), end=True),
    )


def joined_late(*paths: str) -> Wire:
    """Return a capture without the beginning of its connection and the first call of each path."""
    wire = Wire()
    wire.begin()
    for stream, path in enumerate(dict.fromkeys(paths)):
        go_call(wire, 2 * stream + 1, path)
    del wire.capture[24:]
    for stream, path in enumerate(paths, len(set(paths))):
        go_call(wire, 2 * stream + 1, path)
    return wire


async def late_store(wire: Wire, folder: Path) -> Store:
    return await read_store(wire.write(folder / "late.pcap"), 50051)


@pytest.mark.system
async def test_one_unknown_entry_has_one_identity(tmp_path: Path) -> None:
    store = await late_store(joined_late("/a.B/C", "/a.B/D", "/a.B/C", "/a.B/D"), tmp_path)
    first, second, third, fourth = store.calls.values()
    assert first.path_entry is third.path_entry
    assert first.path_entry is not None
    assert list(first.path_entry.calls.values()) == [first, third]
    assert second.path_entry is fourth.path_entry is not first.path_entry
    notes = dict(store.frames[first.frames[0]].header_notes)
    assert notes[2].reason == "probably :path, by its position among the headers"
    assert all(call.method is None for call in store.calls.values())


@pytest.mark.system
async def test_a_shared_status_after_replies_is_guessed_and_marked(tmp_path: Path) -> None:
    store = await late_store(joined_late("/a.B/C", "/a.B/C"), tmp_path)
    for call in store.calls.values():
        assert call.status is not None
        assert call.status.name == "OK"
        assert call.status_source is HeaderSource.GUESSED
        assert "a guess" in call.problems[0]


@pytest.mark.system
async def test_a_stream_without_a_reply_undoes_the_guess(tmp_path: Path) -> None:
    wire = joined_late("/a.B/C", "/a.B/C")
    go_call(wire, 9, "/a.B/C", replies=0)
    store = await late_store(wire, tmp_path)
    assert [call.status for call in store.calls.values()] == [None] * 3


@pytest.mark.system
async def test_the_usual_status_of_replies_is_ok_for_streams_without_one_too(tmp_path: Path) -> None:
    wire = joined_late(*["/a.B/C"] * 8)
    go_call(wire, 101, "/a.B/C", replies=0)
    store = await late_store(wire, tmp_path)
    assert {call.status and call.status.name for call in store.calls.values()} == {"OK"}


def fail(wire: Wire, stream: int, code: int, message: str, details: bytes = b"") -> None:
    """Add a call that fails without a reply, Trailers-Only."""
    values = (*VALUES[:2], "/a.B/C", *VALUES[3:])
    wire.client(wire.headers(Side.CLIENT, stream, *zip(GO, values, strict=True)), data(stream, hello("x"), end=True))
    block: list[tuple[str | bytes, str | bytes]] = [(":status", "200"), ("content-type", "application/grpc")]
    block += [("grpc-status", f"{code}"), *([("grpc-message", message)] if message else [])]
    block += [("grpc-status-details-bin", base64.b64encode(details))] if details else []
    wire.server(wire.headers(Side.SERVER, stream, *block, end=True))


def failing_late(*failures: tuple[int, str, bytes]) -> Wire:
    """Return a capture without the beginning of its connection, in which each code was sent before."""
    wire = Wire()
    wire.begin()
    for stream, (code, _, _) in enumerate(failures):
        fail(wire, 2 * stream + 1, code, "")
    del wire.capture[24:]
    go_call(wire, 51)  # tells the implementation, which writes its headers in one order
    for stream, failure in enumerate(failures, len(failures)):
        fail(wire, 2 * stream + 1, *failure)
    return wire


@pytest.mark.system
async def test_the_details_of_a_status_tell_its_code_for_all_streams_that_share_it(tmp_path: Path) -> None:
    details = status_pb2.Status(code=5, message="no such name").SerializeToString()
    wire = failing_late((5, "one", details), (13, "other", b""))
    fail(wire, 101, 5, "again")
    store = await late_store(wire, tmp_path)
    _, first, other, again = store.calls.values()
    for call, message in (first, "one"), (again, "again"):
        assert call.status == Status.of(5, message)
        assert call.status_source is HeaderSource.GUESSED
    assert other.status == Status.failed("other")


@pytest.mark.system
async def test_an_unread_status_with_a_message_is_a_failure_without_a_code(tmp_path: Path) -> None:
    store = await late_store(failing_late((14, "carrier is down", b"")), tmp_path)
    _, call = store.calls.values()
    assert call.status == Status.failed("carrier is down")
    assert call.status_source is HeaderSource.GUESSED
    assert call_object(store, Catalog(), call.key)["status"] == {
        "code": None,
        "name": None,
        "message": "carrier is down",
    }
    found = diagnose(store, Catalog(), call.key)
    assert found is not None
    assert "an error whose code cannot be read (guessed)" in found.sentence


@pytest.mark.parametrize(
    ("details", "code"),
    [
        (status_pb2.Status(code=7).SerializeToString(), 7),
        (status_pb2.Status(code=300).SerializeToString(), None),
        (status_pb2.Status(message="without a code").SerializeToString(), None),
        (b"", None),
        (b"\x08", None),
    ],
)
def test_the_code_in_details(details: bytes, code: int | None) -> None:
    assert status_code(base64.b64encode(details)) == code
    assert status_code(b"\0" + details) == code


@pytest.mark.system
@pytest.mark.parametrize(("before", "guess"), [(["/a.B/C"], "/a.B/C"), (["/a.B/C", "/a.B/D"], None)])
async def test_the_only_method_of_earlier_connections_is_guessed(
    before: list[str], guess: str | None, tmp_path: Path
) -> None:
    first = Wire(client=Endpoint("127.0.0.1", 40001))
    first.begin()
    for stream, path in enumerate(before):
        go_call(first, 2 * stream + 1, path)
    late = joined_late("/a.B/C", "/a.B/C").capture[24:]
    (tmp_path / "both.pcap").write_bytes(first.capture + late)
    store = await read_store(tmp_path / "both.pcap")
    calls = [call for call in store.calls.values() if call.key.connection == 1]
    assert {(call.method, call.method_source) for call in calls} == {(guess, guess and MethodSource.GUESSED)}


@pytest.mark.system
async def test_a_method_named_by_the_user_applies_to_all_calls_that_share_it(tmp_path: Path) -> None:
    path = joined_late("/a.B/C", "/a.B/D", "/a.B/C").write(tmp_path / "late.pcap")
    session = Session(FileSource(path), DECODING)
    await session.run()
    first, second, third = session.store.calls.values()
    session.decoder.name_method(first.key, "/a.B/C")
    assert methods(first, second, third) == ["/a.B/C", None, "/a.B/C"]
    assert first.method_source is MethodSource.GUESSED
    frame = session.store.frames[third.frames[0]]
    assert frame.header(":path") == "/a.B/C"
    assert dict(frame.header_notes)[2].reason == "named by hand"
    session.decoder.name_method(third.key, None)
    assert methods(first, second, third) == [None, None, None]
    session.decoder.name_method(StreamKey(7, 7), "/a.B/C")
    await session.close()


def methods(*calls: Call) -> list[str | None]:
    return [call.method for call in calls]


@pytest.mark.system
@pytest.mark.skipif(not SHARED.exists(), reason="the project's captures are not at hand")
async def test_the_schema_names_all_calls_of_an_unknown_entry() -> None:
    catalog = Catalog()
    await load_files(catalog, SchemaSources(proto_files=(DATA / "peers.proto",)))
    store = await read_store(SHARED / "own" / "a_mid_go.pcapng", 50144)
    for call in store.calls.values():
        known = method_name(call, catalog)
        assert known.method in (None, "/peers.v1.Greeter/SayHello")


@pytest.mark.system
@pytest.mark.parametrize("lost", [1, 2, 5])
async def test_a_loss_that_inserted_entries_moves_the_others(lost: int, tmp_path: Path) -> None:
    wire = Wire()
    wire.begin()
    for stream in (1, 3):
        go_call(wire, stream)
    kept = len(wire.capture)
    fresh = [(f"x-{number}", f"{number}") for number in range(lost)]
    wire.client(wire.headers(Side.CLIENT, 5, *zip(GO, VALUES, strict=True), *fresh), data(5, hello("z"), end=True))
    del wire.capture[kept:]
    for stream in (7, 9, 11):
        go_call(wire, stream)
    store = await read_store(wire.write(tmp_path / "lost.pcap"))
    for stream in (7, 9, 11):
        call = store.calls[StreamKey(0, stream)]
        assert call.method == "/HelloWorld/greet"
        assert call.method_source is MethodSource.DOUBTFUL
        assert call.request_headers is not None
        assert call.request_headers.headers == tuple(zip(GO, VALUES, strict=True))


@given(st.integers(0, 12), st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=5))
def test_entries_found_across_a_loss_are_never_wrong(inserted: int, said: list[str]) -> None:
    encoder, table = Encoder(), HpackTable()
    shapes = set()
    for value in ("a", "b", "c"):
        entries = table.decode(encoder.encode([(":path", value), ("te", "trailers"), ("user-agent", "x")])) or []
        shapes.add(tuple(entry.name for entry in entries))
    encoder.encode([("x-lost", f"{number}") for number in range(inserted)])
    after = table.after_loss()
    loss = Loss(table, after.epoch, shapes)
    for value in said:
        fields = [(":path", value), ("te", "trailers"), ("user-agent", "x")]
        entries = after.decode(encoder.encode(fields)) or []
        loss.observe(entries)
        for entry, (name, true) in zip(entries, fields, strict=True):
            found = loss.find(entry.unknown.depth) if entry.unknown else entry
            assert found is None or (found.name, found.value) == (name.encode(), true.encode())


def test_a_guess_after_a_loss_revises_each_frame_once() -> None:
    encoder, recovery = Encoder(), HeaderRecovery()
    end = Endpoint("127.0.0.1", 50051)

    def trailers(stream: int) -> Frame:
        block = encoder.encode([("grpc-status", "0")])
        headers = (("grpc-status", "0"),)
        return Frame(stream, 0.0, 0, end, stream, FrameType.HEADERS, 5, len(block), headers, payload=block)

    assert recovery.is_clean(trailers(1))
    recovery.mark_gap()
    retold = []
    for position in range(40):
        recovery.read(trailers(2 * position + 3), position, lambda: (BlockRole.TRAILERS, True))
        retold += [each for each, _ in recovery.revised()]
    assert len(retold) == len(set(retold))


def test_header_orders_name_headers_where_one_name_fits() -> None:
    names = (":method", ":scheme", None, None, None, None, None, None)
    found = possible_names(BlockRole.REQUEST, names, "grpc-go")
    assert found[2:7] == tuple(frozenset({name}) for name in GO[2:])
    assert METADATA in found[7]
    assert possible_names(BlockRole.TRAILERS, (None, None), "grpc-go")[0] == {"grpc-status"}
    assert possible_names(BlockRole.RESPONSE, ("x", None), "grpc-go") == (frozenset(), frozenset())


@given(
    st.sampled_from(BlockRole),
    st.lists(st.sampled_from([None, ":path", "te", "x-own", "grpc-status"]), max_size=12),
    st.sampled_from(sorted(frozenset().union(*RANKS))),
)
def test_any_names_can_be_aligned(part: BlockRole, names: list[str | None], sender: str) -> None:
    possible = possible_names(part, tuple(names), sender)
    assert len(possible) == len(names)
    for name, found in zip(names, possible, strict=True):
        assert name is None or found <= {name, METADATA, ANY}


def places(*names: str) -> tuple[str | UnknownEntry, ...]:
    """Return a block; names that are numbers stand for unknown entries."""
    return tuple(UnknownEntry(0, int(name)) if name.isdigit() else name for name in names)


@pytest.mark.parametrize(
    ("blocks", "path"),
    [
        (["0 1 :method :scheme 2 3 4 5"], 0),  # the C core
        (["0 1 :method :scheme 2 3 4 5", "0 1 :method :scheme 2 3 4 5 grpc-timeout"], 1),  # grpc-java
        (["0 1 :method :scheme 2 3 4 5", "0 1 :method :scheme 2 3 5 grpc-timeout 4"], 0),
        ([":method :scheme 0 1 2 3 4"], 0),  # grpc-go
        ([":method :scheme 0 1 grpc-timeout 2 3 4"], 0),  # grpclib
        ([":method 0 1 :scheme 2 3"], 0),  # Connect
        ([":method :scheme 0 1 2 grpc-timeout 3 4"], None),  # nginx, or HAProxy
        ([":method :scheme 0 1 2 3 4", "x-odd :method"], None),
    ],
)
def test_an_implementation_is_identified_by_all_of_its_blocks(blocks: list[str], path: int | None) -> None:
    orders = SenderOrders()
    for block in blocks:
        orders.observe(BlockRole.REQUEST, places(*block.split()))
    assert orders.entries(":path") == ([] if path is None else [UnknownEntry(0, path)])


@pytest.mark.system
async def test_a_block_longer_than_tshark_reads_is_read_to_its_end(tmp_path: Path) -> None:
    wire = Wire()
    wire.begin()
    many = [(f"x-{number}", f"{number}") for number in range(230)]
    wire.greet(1, hello("a"), reply("b"), *many)
    wire.greet(3, hello("a"), reply("b"), many[-1], ("x-new", "new"))
    first, second = (await read_store(wire.write(tmp_path / "many.pcap"))).calls.values()
    assert first.request_headers is not None
    assert second.request_headers is not None
    assert first.request_headers.headers[3:] == tuple(many)
    assert second.request_headers.headers[1:] == (
        (":path", "/HelloWorld/greet"),
        ("content-type", "application/grpc"),
        many[-1],
        ("x-new", "new"),
    )


@pytest.mark.system
async def test_a_long_message_after_a_late_join_is_complete(tmp_path: Path) -> None:
    """Its first frame has the prefix, but no content type is known; later frames begin with any byte."""
    wire, said = joined_late("/a.B/C"), hello("x" * 40_000)
    wire.client(wire.headers(Side.CLIENT, 9, *zip(GO, VALUES, strict=True)), data(9, said[:16_000]))
    wire.client(data(9, said[16_000:32_000]))
    wire.client(data(9, said[32_000:], end=True))
    store = await late_store(wire, tmp_path)
    assert [message.length for message in store.calls[StreamKey(0, 9)].requests] == [len(said) - 5]


@pytest.mark.system
async def test_headers_cut_by_a_snap_length_are_doubtful(tmp_path: Path) -> None:
    wire = Wire()
    wire.begin()
    for stream, word in ((1, "one"), (3, "two"), (5, "two"), (7, "one")):
        wire.greet(stream, hello("a"), reply("b"), ("x-word", word))
    header, whole = records(wire.write(tmp_path / "whole.pcap"))
    second = next(at for at, record in enumerate(whole) if record[16 + 54 + 5 :][:4] == b"\x00\x00\x00\x03")
    cut = whole[second][: 16 + 54 + 12]  # three bytes after the header of its first frame
    whole[second] = cut[:8] + (len(cut) - 16).to_bytes(4, "little") + cut[12:]
    path = tmp_path / "cut.pcap"
    path.write_bytes(header + b"".join(whole))
    store = await read_store(path, 50051)
    for stream, word in ((5, "two"), (7, "one")):
        block = store.calls[StreamKey(0, stream)].request_headers
        assert block is not None
        doubted = dict(block.sources)
        assert all(value == word or index in doubted for index, (_, value) in enumerate(block.headers) if index > 2)
        assert doubted
