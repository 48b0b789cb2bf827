"""Rotation: a capture that several tsharks read in turn decodes as if one had read it all."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from hpack import Encoder
from hypothesis import given
from hypothesis import strategies as st

from inspector.capture.spool import Spool, make_file
from inspector.http2.connection import EndedStreams
from inspector.http2.hpack.recovery import UNKNOWN_NAME, HeaderRecovery
from inspector.model.call import CallState
from inspector.model.frame import END_HEADERS, Endpoint, Frame, FrameType, Header, HeaderSource, Side
from inspector.pcap.pcapng import PACKET, SECTION, make_block
from inspector.pcap.reader import PacketWalk
from inspector.session import FileSource, Session
from inspector.store.store import Store
from inspector.tshark.binary import Decoding, find_tshark
from inspector.tshark.decoder import DELETED, Decoder
from inspector.tshark.rotation import TsharkRotation
from tests.captures import DATA, SHARED, capture_of, read_truth
from tests.conftest import command_of
from tests.conversation import hello, reply
from tests.wire import CLIENT, Wire, data

CASES = [
    ("a_full_go", 11),
    ("b_full", 47),
    ("h_bin_node_go", 5),
    ("h_bin_py_py", 6),
    ("l_continuation_node_go", 4),
    ("e_1000_go_go", 3),
    ("k_cancel_node_node", 16),
    ("a_mid", 29),
    ("b_lost_req", 59),
]
"""A capture, and after how many packets another tshark takes over."""
LARGE = [("c_300k_node_go", 9), ("d_200_node_go", 5), ("a_full", 40)]


async def read(path: Path, most: int | None = None, *, port: int = 50051, keylog: Path | None = None) -> Store:
    decoding = Decoding(frozenset({port} if keylog is None else ()), keylog=keylog)
    session = Session(FileSource(path), decoding, rotation=TsharkRotation(max_packets=most))
    try:
        await session.run()
    finally:
        await session.close()
    return session.store


def told(store: Store) -> dict[str, Any]:
    return {
        "packets": store.packets,
        "frames": list(store.frames),
        "calls": list(store.calls.values()),
        "connections": store.connections,
        "traffic": {index: store.traffic(index) for index in store.connections},
    }


async def same_in_turns(path: Path, most: int, port: int) -> None:
    whole, in_turns = told(await read(path, port=port)), told(await read(path, most, port=port))
    for what, found in whole.items():
        assert in_turns[what] == found, what


@pytest.mark.system
@pytest.mark.parametrize(("name", "most"), CASES)
async def test_a_real_capture_reads_the_same_in_turns(name: str, most: int) -> None:
    truth = DATA / f"{name}.json"
    await same_in_turns(capture_of(truth), most, read_truth(truth)["port"])


@pytest.mark.system
@pytest.mark.skipif(not SHARED.exists(), reason="the project's captures are not at hand")
@pytest.mark.parametrize(("name", "most"), LARGE)
async def test_large_messages_and_many_streams_read_the_same_in_turns(name: str, most: int) -> None:
    truth = SHARED / "own" / f"{name}.json"
    await same_in_turns(capture_of(truth), most, read_truth(truth)["port"])


def in_pieces(wire: Wire, side: Side, sent: bytes, *sizes: int) -> None:
    say = wire.client if side is Side.CLIENT else wire.server
    for size in sizes:
        piece, sent = sent[:size], sent[size:]
        say(piece)
    say(sent)


def broken_up() -> Wire:
    """Two calls, frames of which begin and end anywhere in their packets; some packets are smaller than any frame."""
    wire = Wire()
    wire.begin()
    request = wire.headers(Side.CLIENT, 1, (":method", "POST"), (":path", "/HelloWorld/greet"), ("a", "b"))
    asked = request.serialize() + data(1, hello("x" * 40), end=True).serialize()
    in_pieces(wire, Side.CLIENT, asked, 3, 4, 5, 20, 1, 30)
    answer = wire.headers(Side.SERVER, 1, (":status", "200"), ("content-type", "application/grpc"))
    replied = answer.serialize() + data(1, reply("y" * 50)).serialize()
    in_pieces(wire, Side.SERVER, replied, 2, 30, 3, 3)
    wire.server(wire.headers(Side.SERVER, 1, ("grpc-status", "0"), end=True))
    wire.greet(3, hello("again"), reply("and again"))
    return wire


@pytest.mark.system
async def test_frames_that_are_in_several_packets_are_read_whole_wherever_the_turn_is(tmp_path: Path) -> None:
    path = broken_up().write(tmp_path / "pieces.pcap")
    await same_in_turns(path, 4, 50051)
    store = await read(path, 3)
    assert [call.state for call in store.calls.values()] == [CallState.COMPLETE] * 2
    assert not any(call.problems for call in store.calls.values())


def records(capture: bytes) -> Iterator[bytes]:
    at = 24
    while at < len(capture):
        end = at + 16 + int.from_bytes(capture[at + 8 : at + 12], "little")
        yield bytes(capture[at:end])
        at = end


@pytest.mark.system
async def test_a_retransmission_behind_the_resume_point_counts_once(tmp_path: Path) -> None:
    wire = Wire()
    wire.begin()
    wire.greet(1, hello("one"), reply("eins"))
    wire.greet(3, hello("two"), reply("zwei"))
    found = list(records(bytes(wire.capture)))
    again = bytes(wire.capture) + b"".join(each for each in found if hello("two") in each or reply("zwei") in each)
    (tmp_path / "again.pcap").write_bytes(again)
    await same_in_turns(tmp_path / "again.pcap", len(found), 50051)


@pytest.mark.system
async def test_connections_keep_their_numbers_and_new_ones_get_the_next(tmp_path: Path) -> None:
    first, second = Wire(), Wire(client=Endpoint("127.0.0.1", 40001))
    for wire in (first, second):
        wire.begin()
        wire.greet(1, hello("a"), reply("b"))
    first.end()
    again = Wire(first_numbers=(70_000, 90_000))  # the same two ends once more
    again.begin()
    again.greet(1, hello("c"), reply("d"))
    capture = first.capture + second.capture[24:] + again.capture[24:]
    (tmp_path / "several.pcap").write_bytes(capture)
    await same_in_turns(tmp_path / "several.pcap", 5, 50051)


@pytest.mark.system
async def test_tls_that_is_open_at_the_resume_point_is_marked_as_unreadable() -> None:
    truth = DATA / "o_tls_node_go.json"
    port = read_truth(truth)["port"]
    whole = await read(capture_of(truth), port=port, keylog=truth.with_suffix(".keys"))
    most = whole.frames[list(whole.calls.values())[-1].frames[0]].packet
    cut = await read(capture_of(truth), most, port=port, keylog=truth.with_suffix(".keys"))
    last = list(cut.calls.values())[-1]
    assert last.state is CallState.BROKEN
    assert "cannot be read" in last.problems[0]
    assert list(cut.frames) == list(whole.frames)[: len(cut.frames)]


@pytest.mark.system
async def test_a_tshark_that_dies_behind_a_turn_begins_again_there() -> None:
    truth = DATA / "b_full.json"
    path, port = capture_of(truth), read_truth(truth)["port"]
    session = Session(FileSource(path), Decoding(frozenset({port})), rotation=TsharkRotation(max_packets=40))
    notices: list[str] = []
    killed: list[int] = []

    def kill(_change: object) -> None:
        if not killed and session.store.packets >= 40:
            for child in psutil.Process().children():
                if child.name() == "tshark" and "-r" in command_of(child):
                    killed.append(child.pid)
                    os.kill(child.pid, signal.SIGKILL)

    session.on_change = kill
    session.on_status = lambda status: notices.append(status.notice)
    await session.run()
    await session.close()
    assert told(session.store) == told(await read(path, port=port))


@pytest.mark.system
async def test_a_spool_deletes_what_was_decoded_and_the_rest_decodes_the_same(tmp_path: Path) -> None:
    wire = Wire()
    wire.begin()
    for stream in range(1, 81, 2):
        wire.greet(stream, hello(f"name-{stream}"), reply(f"Hello, name-{stream}"))
    spool, store, said = Spool(make_file(), max_size=4_000), Store(), list[str]()
    decoder = Decoder(store, Decoding(frozenset({50051})), lambda _: None, said.append, TsharkRotation(max_packets=40))
    reading = asyncio.create_task(decoder.run(find_tshark(), spool))
    for record in (bytes(wire.capture[:24]), *records(bytes(wire.capture))):
        spool.append(record)
    spool.finish()
    await reading
    whole = await read(wire.write(tmp_path / "whole.pcap"))
    assert list(store.frames) == list(whole.frames)
    assert set(said) == {DELETED}
    deleted, _ = spool.first
    assert deleted > 40
    await spool.save(tmp_path / "kept.pcap")
    kept = await read(tmp_path / "kept.pcap")
    assert kept.packets == whole.packets - deleted
    again = Store()  # decoded anew, in another way: packets keep their numbers
    await Decoder(again, Decoding(frozenset({50051})), lambda _: None, said.append).run(find_tshark(), spool)
    assert [frame.packet for frame in again.frames] == [f.packet for f in whole.frames if f.packet > deleted]
    spool.discard()


PCAP = bytes.fromhex("d4c3b2a1020004000000000000000000000004000100000000"[:48])


@given(st.lists(st.binary(max_size=40), max_size=12), st.lists(st.integers(0, 60), max_size=8), st.booleans())
def test_packets_are_found_whatever_pieces_the_capture_comes_in(
    bodies: list[bytes], pieces: list[int], is_pcapng: bool
) -> None:
    if is_pcapng:
        start = (
            make_block(SECTION, bytes.fromhex("4d3c2b1a01000000ffffffffffffffff")).data + make_block(1, bytes(8)).data
        )
        made = [make_block(PACKET, bytes(20) + body).data for body in bodies]
    else:
        start = PCAP
        made = [bytes(8) + 2 * len(body).to_bytes(4, "little") + body for body in bodies]
    capture = start + b"".join(made)
    wanted = set(range(1, len(bodies) + 1, 2))
    walk, rest, found, at = PacketWalk(), b"", dict[int, bytes](), 0
    for size in (*pieces, len(capture)):
        rest, at = rest + capture[at : at + size], at + size
        before = walk.offset
        found.update(walk.take(rest, len(bodies), wanted))
        rest = rest[walk.offset - before :]
    assert found == {number: made[number - 1] for number in wanted}
    assert walk.number == len(bodies)
    assert walk.offset <= len(capture)
    assert not bodies or walk.preamble == start


NAMES = st.sampled_from(["a", "b", "content-type", ":path", "grpc-status"])
BLOCKS = st.lists(st.lists(st.tuples(NAMES, st.sampled_from(["", "0", "x", "/a.B/C"])), min_size=1, max_size=5))


@given(BLOCKS, st.integers(0, 20))
def test_our_own_table_goes_on_where_a_fresh_tshark_has_none(sent: list[list[Header]], turn: int) -> None:
    encoder, recovery = Encoder(), HeaderRecovery()
    for position, headers in enumerate(sent):
        block = encoder.encode([(name.encode(), value.encode()) for name, value in headers])
        if position == turn:
            recovery.resume()
        if position < turn:
            assert recovery.is_clean(headers_frame(tuple(headers), block))
            continue
        unread = tuple((UNKNOWN_NAME, "") for _ in headers)  # the least that tshark may be able to read
        frame = headers_frame(unread, block, tuple((i, HeaderSource.UNKNOWN) for i in range(len(headers))))
        assert not recovery.is_clean(frame)
        told = recovery.read(frame, position, lambda: (None, False))
        assert told.headers == tuple(headers)
        assert told.header_sources == ()
        assert recovery.is_settled(told)


def headers_frame(
    headers: tuple[Header, ...], block: bytes, sources: tuple[tuple[int, HeaderSource], ...] = ()
) -> Frame:
    return Frame(1, 0.0, 0, CLIENT, 1, FrameType.HEADERS, END_HEADERS, len(block), headers, sources, block)


@given(st.lists(st.integers(0, 40), max_size=60))
def test_ended_streams_are_those_that_were_added(streams: list[int]) -> None:
    ended = EndedStreams()
    for count, stream in enumerate(streams, 1):
        ended.add(stream)
        assert {each for each in range(45) if each in ended} == set(streams[:count])
