"""The list of packets, the matches of a display filter and the bytes of a TCP stream: all by a real tshark."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import psutil
import pytest

from inspector.capture.capture_file import CaptureFile, open_capture
from inspector.capture.left_captures import spool_folder
from inspector.capture.spool import Spool
from inspector.errors import TsharkError
from inspector.present.tcp_stream import TcpForm, tcp_lines, tcp_pieces, tcp_text
from inspector.session.packets import Packets
from inspector.tshark.binary import Decoding, find_tshark
from inspector.tshark.display_filter import PacketMatches
from inspector.tshark.packet_list import PacketList
from inspector.tshark.tcp_stream import TcpChunk, TcpStream
from tests.captures import DATA

CAPTURE = DATA / "b_full.pcapng"
PORT = json.loads((DATA / "b_full.json").read_text())["port"]
PATIENCE = 60


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def packets_of(path: Path, *ports: int) -> Packets:
    packets = Packets(lambda: Decoding(frozenset(ports)), print)
    recording = open_capture(str(path))
    assert isinstance(recording, CaptureFile)
    packets.attach(find_tshark(), recording)
    return packets


def matching(path: Path, filter_: str) -> list[int]:
    """What a tshark that is started by hand says."""
    argv = ["tshark", "-r", str(path), "-n", "-d", f"tcp.port=={PORT},http2", "-Y", filter_]
    fields = ["-T", "fields", "-e", "frame.number"]
    done = subprocess.run([*argv, *fields], capture_output=True, text=True, check=True)
    return [int(line) for line in done.stdout.split()]


class Watcher:
    """Told how a filter gets on."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.shares: list[float] = []
        self.stirred = asyncio.Event()

    def note_matches(self, numbers: Sequence[int]) -> None:
        self.numbers += numbers
        self.stirred.set()

    def forget_matches(self) -> None:
        self.numbers.clear()

    def note_share(self, share: float) -> None:
        self.shares.append(share)


@pytest.mark.system
async def test_every_packet_is_a_line_as_wireshark_has_it() -> None:
    packets = packets_of(CAPTURE, PORT)
    await packets.read_list(lambda: None)
    assert len(packets.list) == 223
    first, request = packets.list.line(1), packets.list.line(6)
    assert (first.source, first.destination, first.protocol, first.length) == ("127.0.0.1", "127.0.0.1", "TCP", 74)
    assert first.info.startswith("36948 → 50102 [SYN]")
    assert first.time == pytest.approx(1795335911.402636303)
    assert "HEADERS[1]: POST /peers.v1.Greeter/SayHello" in request.info
    assert "(GRPC) (PROTOBUF)" in request.info
    assert [packets.list.line(number).number for number in range(1, 224)] == list(range(1, 224))
    for beyond in (0, 224):
        with pytest.raises(IndexError):
            packets.list.line(beyond)
    await packets.close()
    assert list(spool_folder().iterdir()) == []


@pytest.mark.system
async def test_a_packet_of_a_thousand_frames_has_all_its_columns() -> None:
    port = json.loads((DATA / "e_1000_go_go.json").read_text())["port"]
    packets = packets_of(DATA / "e_1000_go_go.pcapng", port)
    await packets.read_list(lambda: None)
    line = packets.list.line(12)
    assert line[2:6] == ("127.0.0.1", "127.0.0.1", "GRPC", 30_912)
    assert line.info.startswith("WINDOW_UPDATE[0], PING[0], HEADERS[1]: 200 OK, DATA[1]")
    await packets.close()


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("GRPCGRPC", "GRPC"),
        ("GRPCGRPCHTTP2", "GRPC"),
        ("HTTP2HTTP2", "HTTP2"),
        ("GRPC/PB(<UNKNOWN>)", "GRPC"),
        ("HTTP2", "HTTP2"),
        ("0x8888", "0x8888"),
    ],
)
def test_a_protocol_is_named_once(said: str, name: str) -> None:
    packets = PacketList()
    packets.take([f"1\t0.5\ta\t{said}\tb\t60\tinfo".encode()])
    assert packets.line(1).protocol == name
    packets.close()


@pytest.mark.system
async def test_a_display_filter_finds_what_tshark_finds() -> None:
    packets, matches = packets_of(CAPTURE, PORT), PacketMatches()
    watcher = Watcher()
    filter_ = 'http2.header.value contains "grpc" && !tcp.analysis.flags'
    await packets.read_matches(filter_, matches, watcher)
    assert list(matches.numbers) == matching(CAPTURE, filter_) != []
    assert [number for number in range(300) if number in matches] == list(matches.numbers)
    assert watcher.numbers == list(matches.numbers)
    assert watcher.shares[-1] == 1.0


def test_lines_that_come_again_are_passed_over_and_others_never_taken_for_packets() -> None:
    lines = [
        b"  1\t1.5\ta\tTCP\tb\t60\tfirst",
        b"and its second line",
        b"3\t9\tforged\t\t\t\t",
        b"  2\t2\tc\tTCP\td\t61\t",
    ]
    packets = PacketList()
    packets.take(lines[:1])
    packets.take(lines)
    assert [packets.line(1).info, packets.line(2).source, len(packets)] == ["first", "c", 2]
    packets.take([b"3\tno time"])
    assert packets.line(3) == (3, 0.0, "", "", "", 0, "")
    packets.close()
    matches = PacketMatches()
    assert [matches.take([b"  1", b"4"]), matches.take([b"1", b"4", b"x", b"9"])] == [[1, 4], [9]]
    assert list(matches.numbers) == [1, 4, 9]


async def copy_slowly(spool: Spool, parts: AsyncIterator[bytes]) -> None:
    async for part in parts:
        spool.append(part)
    spool.finish()


async def pieces(wait: asyncio.Event) -> AsyncIterator[bytes]:
    data = CAPTURE.read_bytes()
    yield data[:9000]
    await wait.wait()
    yield data[9000:]


@pytest.mark.system
async def test_rows_come_while_the_capture_goes_on_and_a_tshark_that_is_killed_costs_none() -> None:
    spool, packets, more = Spool.create(), Packets(lambda: Decoding(frozenset({PORT})), print), asyncio.Event()
    matches, watcher = PacketMatches(), Watcher()
    stirred = watcher.stirred
    reading = asyncio.gather(
        packets.read_list(stirred.set),
        packets.read_matches("http2.streamid == 3", matches, watcher),
    )
    packets.attach(find_tshark(), spool)
    copying = asyncio.create_task(copy_slowly(spool, pieces(more)))
    async with asyncio.timeout(PATIENCE):
        while len(packets.list) < 20 or not matches:
            await stirred.wait()
            stirred.clear()
        assert len(packets.list) < 223
        for child in psutil.Process().children(recursive=True):
            if child.name() == "tshark":
                os.kill(child.pid, signal.SIGKILL)
        more.set()
        await reading
    await copying
    assert len(packets.list) == 223
    assert list(matches.numbers) == matching(CAPTURE, "http2.streamid == 3")
    await packets.close()
    spool.discard()


@pytest.mark.system
async def test_a_change_of_ports_starts_the_list_again() -> None:
    decoding = Decoding()
    packets = Packets(lambda: decoding, print)
    spool = Spool.create()
    packets.attach(find_tshark(), spool)
    stirred = asyncio.Event()
    reading = asyncio.create_task(packets.read_list(stirred.set))
    spool.append(CAPTURE.read_bytes())
    async with asyncio.timeout(PATIENCE):
        while len(packets.list) < 223:
            await stirred.wait()
            stirred.clear()
        decoding = Decoding(frozenset({PORT}))
        packets.decode_anew()
        spool.finish()
        await reading
    assert len(packets.list) == 223
    assert packets.list.line(6).protocol in {"GRPC", "HTTP2"}
    await packets.close()
    spool.discard()


@pytest.mark.system
async def test_both_directions_of_a_tcp_stream_in_their_order() -> None:
    packets = packets_of(CAPTURE, PORT)
    stream = await packets.follow_tcp(0)
    assert stream.peers == ("127.0.0.1:36948", "127.0.0.1:50102")
    assert [(each.packet, each.peer) for each in stream.chunks[:3]] == [(4, 1), (6, 0), (8, 1)]
    assert stream.chunks[1].data.startswith(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    assert stream.sizes == (6584, 6683)
    assert not stream.is_cut
    absent = await packets.follow_tcp(77)
    assert (absent.peers, absent.chunks) == ((), ())


@pytest.mark.system
async def test_a_refusal_of_tshark_is_reported() -> None:
    packets = packets_of(CAPTURE)
    with pytest.raises(TsharkError, match="unexpected in this context"):
        await packets.read_matches("tcp = = 3", PacketMatches(), Watcher())


def test_lines_of_a_followed_stream_are_cut_where_the_stream_cuts_them() -> None:
    body = b"GET / HTTP/1.1\r\n\r\n" + b"x" * 1_015 + b"\r\n" + b"y" * 3_000
    stream = TcpStream(0, ("a:1", "b:2"), (TcpChunk(4, 0.0, 0, body), TcpChunk(5, 0.0, 1, b"ok\r\n")), is_cut=False)
    lines = ["GET / HTTP/1.1", "", "x" * 1_015, "y" * 3_000]
    assert tcp_text(stream, TcpForm.TEXT).split("\n")[4:8] == lines
    assert tcp_text(stream, TcpForm.TEXT).endswith("\n    ok")
    for form in TcpForm:
        pieces = tcp_pieces(stream, form)
        assert b"".join(piece.data for piece in pieces) == body + b"ok\r\n"
        assert max(len(piece.data) for piece in pieces) <= 1_024
    shown = [
        line.text for piece in tcp_pieces(stream, TcpForm.TEXT)[:-1] for line in tcp_lines(piece, TcpForm.TEXT, 0.0)
    ]
    assert shown[1:4] == lines[:3]


def test_raw_bytes_are_never_cut_in_two() -> None:
    stream = TcpStream(0, ("a:1", "b:2"), (TcpChunk(4, 0.0, 0, bytes(100)),), is_cut=False)
    assert [len(line) for line in tcp_text(stream, TcpForm.RAW).split("\n")[4:]] == [64, 64, 64, 8]
