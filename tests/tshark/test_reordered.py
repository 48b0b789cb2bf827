"""Captures whose packets are out of order, doubled, or really lost, through the real tshark."""

from __future__ import annotations

import asyncio
import json
import math
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import msgspec
import pytest

from inspector.http2.assembler import Assembler
from inspector.model.frame import Packet, Side, TcpEvent
from inspector.scheduling import yield_to_ui
from inspector.session import FileSource, Session
from inspector.store.store import Change, Store
from inspector.tshark.binary import Decoding
from inspector.tshark.ingest import DISORDER, ORDERED, PacketIngest, ReorderBuffer
from tests.captures import DATA, SHARED, read_store
from tests.conversation import CLIENT, SERVER, Conversation, hello, reply, request
from tests.wire import Wire

RECORD = 16
FIVE = DATA / "t_five_java_java.pcap"
"""Five calls of grpc-java; packet 18 is the first reply."""


def records(path: Path) -> tuple[bytes, list[bytes]]:
    """The header of a classic capture, and its records."""
    raw, found, at = path.read_bytes(), [], 24
    while at < len(raw):
        end = at + RECORD + int.from_bytes(raw[at + 8 : at + 12], "little")
        found.append(raw[at:end])
        at = end
    return raw[:24], found


async def read_told(path: Path, *ports: int) -> tuple[Store, str, list[int]]:
    """A file's store, its last notice, and the numbers of the frames in the order in which they were told."""
    session, told = Session(FileSource(path), Decoding(frozenset(ports))), list[int]()
    session.on_change = lambda change: told.extend(range(change.first_frame, change.end_frame))
    await session.run()
    await session.close()
    return session.store, session.status.notice, told


@pytest.mark.system
@pytest.mark.skipif(not SHARED.exists(), reason="the project's captures are not at hand")
async def test_a_capture_that_is_only_out_of_order_decodes_fully() -> None:
    store, notice, told = await read_told(SHARED / "own" / "r_reordered_1000.pcap")
    (call,) = store.calls.values()
    assert len(call.responses) == 1000
    assert all(message.data is not None for message in call.responses)
    assert call.problems == []
    assert notice == ORDERED
    assert told == list(range(len(store.frames)))


@pytest.mark.system
@pytest.mark.skipif(not SHARED.exists(), reason="the project's captures are not at hand")
async def test_reordering_does_no_harm_where_a_segment_is_lost_too(tmp_path: Path) -> None:
    header, all_records = records(SHARED / "own" / "r_reordered_1000.pcap")
    lost = next(at for at, record in enumerate(all_records) if at > 25 and len(record) > 1000)
    path = tmp_path / "lost.pcap"
    path.write_bytes(header + b"".join(all_records[:lost] + all_records[lost + 1 :]))
    store, _, told = await read_told(path, 50142)
    assert told == list(range(len(store.frames)))
    assert sum(message.data is not None for call in store.calls.values() for message in call.responses) > 50


@pytest.mark.system
@pytest.mark.skipif(not SHARED.exists(), reason="the project's captures are not at hand")
async def test_a_stream_that_ends_at_once_is_put_in_order_and_a_live_one_is_not_kept_waiting() -> None:
    argv = (sys.executable, "-m", "inspector", "calls", "-", "--json")
    raw = (SHARED / "own" / "r_reordered_1000.pcap").read_bytes()
    process = await asyncio.create_subprocess_exec(*argv, stdin=PIPE, stdout=PIPE, stderr=PIPE)
    output, said = await process.communicate(raw)
    assert len(json.loads(output)["responses"]) == 1000
    assert ORDERED in said.decode()

    process = await asyncio.create_subprocess_exec(*argv, stdin=PIPE, stdout=PIPE, stderr=PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(raw)
    (call,) = [json.loads(await process.stdout.readline())]  # while the stream goes on
    _, said = await process.communicate(b"")
    assert len(call["responses"]) < 1000
    assert any("not captured" in problem for problem in call["problems"])
    assert DISORDER in said.decode()


@pytest.mark.system
@pytest.mark.parametrize("keeps_its_time", [False, True], ids=["sent again", "written late"])
async def test_a_late_segment_fills_its_gap(keeps_its_time: bool, tmp_path: Path) -> None:
    """Lost before the place of capture and sent again, or from another queue of a network card; both real shapes."""
    header, told = records(FIVE)
    moved = told[17]
    rest = [*told[:17], *told[18:]]
    late = moved if keeps_its_time else rest[22][:8] + moved[8:]
    path = tmp_path / "late.pcap"
    path.write_bytes(header + b"".join((*rest[:23], late, *rest[23:])))
    expected, (store, notice, _) = await read_store(FIVE), await read_told(path)
    assert notice == ORDERED
    assert len(store.frames) == len(expected.frames)
    assert [call.status for call in store.calls.values()] == [call.status for call in expected.calls.values()]
    assert all(call.problems == [] for call in store.calls.values())


@pytest.mark.system
@pytest.mark.parametrize("name", ["b_lost_req", "b_lost_reply"])
async def test_a_real_loss_is_not_reported_as_disorder(name: str) -> None:
    store, notice, told = await read_told(DATA / f"{name}.pcapng")
    assert notice == ""
    assert len(store.calls) == 43
    assert told == list(range(len(store.frames)))


@pytest.mark.system
async def test_packets_that_were_captured_twice_count_once(tmp_path: Path) -> None:
    wire = Wire()
    wire.begin()
    for stream in (1, 3, 5):
        wire.greet(stream, hello("a"), reply("b"))
    whole = wire.write(tmp_path / "once.pcap")
    header, once = records(whole)
    twice = tmp_path / "twice.pcap"
    twice.write_bytes(header + b"".join(record + record for record in once))
    expected, found = await read_store(whole), await read_store(twice)
    assert len(found.frames) == len(expected.frames)
    assert [len(call.responses) for call in found.calls.values()] == [1, 1, 1]
    assert all(call.problems == [] for call in found.calls.values())


def test_packets_without_a_gap_are_not_held() -> None:
    held, ports = ReorderBuffer(), {SERVER.port}
    clean = [Packet(number, 0.0, 60) for number in (1, 2)]
    assert held.pass_on(clean, ports) == clean
    gap = Packet(3, 0.0, 60, 0, CLIENT, SERVER, int(TcpEvent.GAP))
    late = Packet(4, 0.0, 60, 0, CLIENT, SERVER, int(TcpEvent.OUT_OF_ORDER))
    assert held.pass_on([gap], {1}) == [gap]
    assert held.pass_on([clean[0], gap], ports) == [clean[0]]
    assert held.pass_on([late], ports) == []
    assert held.is_worth_ordering
    assert held.release() == ([gap, late], False)


def test_packets_are_held_when_times_go_back() -> None:
    held, ports = ReorderBuffer(), {SERVER.port}
    early, other, late = (
        Packet(number, time, 60, 0, CLIENT, end)
        for number, time, end in ((1, 2.0, SERVER), (2, 0.5, CLIENT), (3, 1.0, SERVER))
    )
    assert held.pass_on([early, other], ports) == [early, other]
    assert held.pass_on([late], ports) == []
    assert held.is_worth_ordering


def test_packets_behind_a_loss_are_held_only_while_it_may_be_filled() -> None:
    held, ports = ReorderBuffer(), {SERVER.port}
    gap, soon, other_gap, later = (
        Packet(number, time, 60, 0, CLIENT, SERVER, events)
        for number, time, events in ((1, 0.0, int(TcpEvent.GAP)), (2, 1.0, 0), (3, 2.5, int(TcpEvent.GAP)), (4, 3.5, 0))
    )
    assert held.pass_on([gap, soon, other_gap], ports) == []
    assert held.pass_on([later], ports) == [gap, soon]
    last = Packet(5, 9.0, 60, 0, CLIENT, SERVER)
    assert held.pass_on([last], ports) == [other_gap, later, last]
    assert not held.is_worth_ordering
    assert held.pass_on([last], ports) == [last]


async def test_held_packets_are_applied_in_batches_before_later_ones() -> None:
    """One packet came late in a file that does not end soon: all of it waits, until it is paused."""
    talk, store, told = Conversation(), Store(), list[Change]()
    ingest = PacketIngest(store, Assembler({SERVER.port}), told.append, lambda _: None, math.inf)
    late = msgspec.structs.replace(talk.packet(Side.CLIENT), tcp=int(TcpEvent.OUT_OF_ORDER))
    calls = [talk.packet(Side.CLIENT, request(2 * number + 1)) for number in range(1_000)]
    ingest.take([late, *calls[:900]], lambda: False)
    assert len(store.frames) == 0
    ingest.stop_holding()
    await yield_to_ui()
    assert 0 < len(store.frames) < 900
    ingest.take(calls[900:], lambda: False)
    await ingest.drain()
    assert [frame.packet for frame in store.frames] == [packet.number for packet in calls]
    assert max(change.end_frame - change.first_frame for change in told) <= 200
    assert len(store.calls) == 1_000
