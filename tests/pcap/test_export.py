"""Parts of real captures, saved and read back by Wireshark's own programs."""

from __future__ import annotations

import gzip
import struct
import subprocess
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.errors import SourceError
from inspector.model.call import StreamKey
from inspector.pcap.export import Extract
from inspector.pcap.pcapng import make_block
from inspector.pcap.reader import CaptureScan, PacketWalk
from inspector.pcap.records import MAX_RECORD, Remainder
from inspector.session import FileSource, Session
from inspector.session.export import (
    CapturePart,
    FramePackets,
    packets_of_calls,
    packets_of_connections,
    pick_packets,
    save_part,
)
from inspector.tshark.tcp_stream import Segment
from tests.captures import DATA, read_store

PCAPNG, PCAP = DATA / "b_full.pcapng", DATA / "why" / "good.pcap"


def tshark(path: Path, *options: str) -> list[str]:
    found = subprocess.run(["tshark", "-r", path, *options], capture_output=True, text=True, check=True)
    assert not [line for line in found.stderr.splitlines() if "Running as" not in line]
    return found.stdout.splitlines()


def fields(path: Path, *names: str) -> list[str]:
    return tshark(path, "-T", "fields", *(word for name in names for word in ("-e", name)))


def extracted(data: bytes, extract: Extract, step: int = 1 << 20) -> bytes:
    made = b"".join(extract.take(data[at : at + step]) for at in range(0, len(data), step))
    extract.finish()
    return made


@pytest.mark.system
@pytest.mark.parametrize("path", [PCAPNG, PCAP])
def test_some_packets_are_the_same_packets(path: Path, tmp_path: Path) -> None:
    before = fields(path, "frame.time_epoch", "frame.len", "tcp.seq_raw", "tcp.ack_raw")
    wanted = {1, 2, 7, len(before)}
    saved = tmp_path / "some"
    extract = Extract(wanted)
    saved.write_bytes(extracted(path.read_bytes(), extract, 977))
    assert fields(saved, "frame.time_epoch", "frame.len", "tcp.seq_raw", "tcp.ack_raw") == [
        before[number - 1] for number in sorted(wanted)
    ]
    assert (extract.packets, extract.problem) == (4, "")


@pytest.mark.system
@pytest.mark.parametrize("path", [PCAPNG, PCAP, DATA / "i_classic.pcap.gz"])
def test_comments_are_written_and_a_pcap_becomes_a_pcapng_for_them(path: Path, tmp_path: Path) -> None:
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    (plain := tmp_path / "plain").write_bytes(data)
    comments = {2: ("first\nline", "é𝄞"), 3: ("x" * 70_000,), 4: ()}
    saved = tmp_path / "saved.pcapng"
    saved.write_bytes(extracted(data, Extract(comments=comments), 4096))
    assert {"first\\nline", "é𝄞"} <= {*fields(saved, "frame.comment")[1].split(",")}
    assert len(fields(saved, "frame.comment")[2]) == 65_535
    names = ("frame.time_epoch", "frame.len", "tcp.payload", "frame.encap_type")
    assert fields(saved, *names) == fields(plain, *names)
    changed = tmp_path / "changed.pcapng"
    changed.write_bytes(extracted(saved.read_bytes(), Extract(comments={2: ("other",), 3: ()})))
    assert fields(changed, "frame.comment")[1:3] == ["other", ""]
    assert fields(changed, *names) == fields(plain, *names)


@pytest.mark.system
def test_secrets_are_left_out_unless_asked_for(tmp_path: Path) -> None:
    with_keys = tmp_path / "keys.pcapng"
    keys = DATA / "o_tls_node_go.keys"
    source = DATA / "o_tls_node_go.pcapng"
    subprocess.run(["editcap", "--inject-secrets", f"tls,{keys}", source, with_keys], check=True, capture_output=True)
    assert fields(with_keys, "http2.type") != fields(source, "http2.type")
    for keeps in (False, True):
        saved = tmp_path / f"{keeps}.pcapng"
        extract = Extract(keeps_secrets=keeps)
        saved.write_bytes(extracted(with_keys.read_bytes(), extract))
        assert fields(saved, "http2.type") == fields(with_keys if keeps else source, "http2.type")
        assert extract.secrets == (not keeps)


@given(data=st.binary(max_size=400), cut=st.integers(1, 50))
def test_any_bytes_at_all_never_raise(data: bytes, cut: int) -> None:
    for start in (PCAPNG.read_bytes()[:900], PCAP.read_bytes()[:300], b""):
        extracted(start + data, Extract({2}, comments={1: ("x",)}), cut)


CLASSIC = PCAP.read_bytes()
SECTION = make_block(0x0A0D0D0A, struct.pack("<IHHQ", 0x1A2B3C4D, 1, 0, 2**64 - 1)).data
GOOD = SECTION + make_block(1, struct.pack("<HHI", 1, 0, 0)).data + make_block(6, bytes(24)).data


@pytest.mark.system
@pytest.mark.parametrize(
    ("good", "packets", "header"),
    [
        (CLASSIC, 0, struct.pack("<IIII", 1, 2, 0xFFFFFFFF, 0xFFFFFFFF)),
        (CLASSIC, 0, struct.pack("<IIII", 1, 2, MAX_RECORD + 1, 60)),
        (GOOD, 1, struct.pack("<II", 6, 0xFFFFFFFC)),
        (GOOD, 1, struct.pack("<II", 6, 0)),
    ],
)
def test_a_length_that_cannot_be_costs_no_memory(good: bytes, packets: int, header: bytes) -> None:
    packets = packets or len(fields(PCAP, "frame.number"))
    extract, scan, piece = Extract(), CaptureScan(), bytes(1 << 16)
    tracemalloc.start()
    try:
        made = extract.take(good + header)
        list(scan.take(good + header))
        for _ in range(256):
            made += extract.take(piece)
            list(scan.take(piece))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    extract.finish()
    assert made == good
    assert extract.problem == f"What comes behind packet {packets} is damaged or cut short, and was left out."
    assert scan.packets == packets
    assert most < 8 * len(piece)


def test_a_packet_of_a_pcapng_that_is_too_short_for_its_fields_is_left_as_it_is() -> None:
    short = SECTION + make_block(6, b"").data
    assert extracted(short, Extract(comments={1: ("x",)})) == short


@given(cuts=st.lists(st.integers(1, 3_000), min_size=1, max_size=50), path=st.sampled_from([PCAPNG, PCAP]))
def test_a_copy_does_not_depend_on_how_the_bytes_are_cut(cuts: list[int], path: Path) -> None:
    data, extract, made, at = path.read_bytes(), Extract({2, 3, 40}), b"", 0
    for length in (*cuts, len(data)):
        made += extract.take(data[at : at + length])
        at += length
    assert made == extracted(data, Extract({2, 3, 40}))


@given(pieces=st.lists(st.integers(1, 3_000), min_size=1, max_size=200), path=st.sampled_from([PCAPNG, PCAP]))
def test_the_packets_are_the_same_in_whatever_pieces_they_are_walked_over(pieces: list[int], path: Path) -> None:
    data, wanted = path.read_bytes()[: sum(pieces)], range(1, 1_000)
    found = list((whole := PacketWalk()).take(data, 1_000, wanted))
    walk, rest, walked, at = PacketWalk(), Remainder(), list[tuple[int, bytes]](), 0
    for length in pieces:
        if (joined := rest.join(data[at : at + length])) is not None:
            offset = walk.offset
            walked += walk.take(joined, 1_000, wanted)
            rest.keep(joined[walk.offset - offset :], walk.needed)
        at += length
    assert (walked, walk.number, walk.offset) == (found, whole.number, whole.offset)


async def opened(path: Path) -> Session:
    session = Session(FileSource(path))
    await session.run()
    return session


@pytest.mark.system
@pytest.mark.parametrize("name", ["b_full.pcapng", "e_1000_go_go.pcapng"])
async def test_a_call_can_be_read_again_from_its_packets(name: str, tmp_path: Path) -> None:
    session = await opened(DATA / name)
    try:
        for number, key in enumerate([next(iter(session.store.calls)), list(session.store.calls)[-1]]):
            saved = tmp_path / f"{number}.pcapng"
            said = await save_part(session, CapturePart(await packets_of_calls(session, [key])), saved)
            store = await read_store(saved)
            call, before = store.calls[StreamKey(0, key.stream)], session.store.calls[key]
            assert [each.data for each in call.requests] == [each.data for each in before.requests]
            assert [each.data for each in call.responses] == [each.data for each in before.responses]
            assert f"Saved {store.packets:,} packets as {saved} (pcapng)." == said
            assert store.packets <= session.store.packets
            assert saved.stat().st_mode & 0o777 == 0o600
    finally:
        await session.close()


@pytest.mark.system
async def test_a_connection_is_all_its_packets(tmp_path: Path) -> None:
    session = await opened(DATA / "why" / "plaintext_and_tls.pcap")
    try:
        streams = fields(DATA / "why" / "plaintext_and_tls.pcap", "tcp.stream")
        found = await packets_of_connections(session, [0])
        assert found == {number for number, stream in enumerate(streams, 1) if stream == "0"}
    finally:
        await session.close()


def carried(wanted: set[int], ended: dict[int, int]) -> set[int]:
    carriers = FramePackets(wanted, ended)
    for number in (1, 2, 3, 5, 7, 9):
        carriers.take(Segment(0, number, 1, 0 if number == 1 else 100))
    return carriers.found


def test_the_packets_of_a_call_begin_at_a_frame() -> None:
    ended = {2: 76, 3: 50, 5: 150, 9: 150}  # the preface and a frame; one that goes on into 5; one from 7 into 9
    assert carried({5}, ended) == {1, 2, 3, 5}
    assert carried({9}, ended) == {1, 2, 7, 9}
    assert carried({2}, ended) == {1, 2}
    assert carried({9}, {}) == {1, 2, 3, 5, 7, 9}


@pytest.mark.system
async def test_the_packets_of_several_calls_are_found_together_and_of_none_that_left() -> None:
    session = await opened(DATA / "b_full.pcapng")
    try:
        first, *_, last = session.store.calls
        both = await packets_of_calls(session, [first, last])
        assert both == await packets_of_calls(session, [first]) | await packets_of_calls(session, [last])
        assert await packets_of_connections(session, []) == frozenset()
        with pytest.raises(SourceError, match="not kept any more"):
            await packets_of_calls(session, [StreamKey(7, 7)])
    finally:
        await session.close()


async def test_picked_packets_are_those_that_were_named() -> None:
    found = await pick_packets(iter([5, 2, 70_000]))
    assert [number for number in range(70_002) if number in found] == [2, 5, 70_000]
    assert 1 not in await pick_packets(())


@pytest.mark.system
async def test_a_path_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    session = await opened(PCAPNG)
    try:
        (there := tmp_path / "there").write_text("precious")
        with pytest.raises(SourceError, match="exists already"):
            await save_part(session, CapturePart(), there)
        assert there.read_text() == "precious"
        with pytest.raises(SourceError, match="Nothing can be saved in"):
            await save_part(session, CapturePart(), tmp_path / "nowhere" / "x")
    finally:
        await session.close()


@pytest.mark.system
async def test_a_capture_that_is_cut_short_is_reported(tmp_path: Path) -> None:
    session = await opened(DATA / "i_truncated_half.pcapng")
    try:
        said = await save_part(session, CapturePart(), saved := tmp_path / "saved.pcapng")
        assert "damaged or cut short" in said
        assert len(fields(saved, "frame.number")) == session.store.packets
    finally:
        await session.close()


@pytest.mark.system
async def test_the_name_decides_about_gzip_and_the_format_is_reported(tmp_path: Path) -> None:
    session = Session(FileSource(PCAPNG))
    await session.run()
    try:
        plain, packed = tmp_path / "saved.pcapng", tmp_path / "saved.pcapng.gz"
        await save_part(session, CapturePart(), plain)
        await save_part(session, CapturePart(), packed)
        assert gzip.decompress(contents(packed)) == contents(plain)
        assert fields(packed, "frame.time_epoch") == fields(PCAPNG, "frame.time_epoch")
        assert "Despite its name it is a pcapng" in await save_part(session, CapturePart(), tmp_path / "saved.pcap")
    finally:
        await session.close()


def contents(path: Path) -> bytes:
    return path.read_bytes()
