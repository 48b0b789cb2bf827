"""Frames of every type, written by another library and read through the real tshark."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hyperframe.frame import (
    ContinuationFrame,
    ExtensionFrame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    PriorityFrame,
    PushPromiseFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)
from hypothesis import given
from hypothesis import strategies as st

from inspector.capture.port_discovery import FrameScan
from inspector.capture.protocol_detection import Opening, PortFinder
from inspector.model.frame import Frame, Side
from inspector.pcap.pcapng import INTERFACE, SECTION, SIMPLE_PACKET, make_block
from inspector.tshark.fields import FIELDS, JOINT, Layers, LineReader
from inspector.tshark.packets import header_counts, read_packet
from tests.bench.recording import packets_of
from tests.captures import DATA, SHARED, capture_of, openings_in, read_store, read_truth, truth_files
from tests.conversation import hello, prefixed, reply
from tests.wire import Wire, data

OWN_SETTING = b"\0\0\6\4\0\0\0\0\0" + b"\xfe\3\0\0\0\x09"
"""SETTINGS with one that RFC 9113 does not know: hyperframe writes only the low byte of its number."""


async def frames_of(wire: Wire, folder: Path) -> list[Frame]:
    return list((await read_store(wire.write(folder / "made.pcap"))).frames)


@pytest.mark.system
async def test_packets_without_a_time(tmp_path: Path) -> None:
    wire = Wire()
    wire.begin()
    wire.client(PingFrame(0, b"12345678"))
    blocks = [
        make_block(SECTION, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)),
        make_block(INTERFACE, struct.pack("<HHI", 1, 0, 0)),
        *(
            make_block(SIMPLE_PACKET, struct.pack("<I", len(packet)) + packet)
            for _, packet in packets_of(wire.write(tmp_path / "made.pcap"))
        ),
    ]
    (simple := tmp_path / "simple.pcapng").write_bytes(b"".join(block.data for block in blocks))
    frames = (await read_store(simple)).frames
    assert [(frame.type_name, frame.time) for frame in frames][-1] == ("PING", 0)


@pytest.mark.system
async def test_every_type_of_frame(tmp_path: Path) -> None:
    wire = Wire()
    wire.begin()
    settings = {1: 100, 2: 0, 3: 7, 4: 1000, 5: 20000, 6: 300, 8: 1}
    wire.server(SettingsFrame(0, settings=settings), OWN_SETTING, SettingsFrame(0, flags=["ACK"]))
    wire.client(PingFrame(0, b"12345678"), PingFrame(0, b"abcdefgh", flags=["ACK"]), WindowUpdateFrame(0, 70000))
    block = wire.headers(Side.CLIENT, 1, (":method", "GET"), (":path", "/x")).data
    wire.client(
        HeadersFrame(1, block, flags=["END_HEADERS", "PRIORITY"], depends_on=0, stream_weight=15, exclusive=True)
    )
    wire.client(PriorityFrame(1, depends_on=0, stream_weight=200, exclusive=False), RstStreamFrame(1, 8))
    wire.server(GoAwayFrame(0, 1, 11, b"too many \x1b[31mpings"))
    wire.server(ExtensionFrame(0xB0, 0, flag_byte=3, body=b"grease"))
    told = [
        (frame.type_name, frame.flag_names, frame.stream, frame.detail) for frame in await frames_of(wire, tmp_path)
    ]
    names = {
        "HEADER_TABLE_SIZE": 100,
        "ENABLE_PUSH": 0,
        "MAX_CONCURRENT_STREAMS": 7,
        "INITIAL_WINDOW_SIZE": 1000,
        "MAX_FRAME_SIZE": 20000,
        "MAX_HEADER_LIST_SIZE": 300,
        "ENABLE_CONNECT_PROTOCOL": 1,
    }
    assert told == [
        ("SETTINGS", (), 0, {"ack": False, "settings": {}}),
        ("SETTINGS", (), 0, {"ack": False, "settings": names}),
        ("SETTINGS", (), 0, {"ack": False, "settings": {"0xfe03": 9}}),
        ("SETTINGS", ("ACK",), 0, {"ack": True, "settings": {}}),
        ("PING", (), 0, {"ack": False, "opaque": b"12345678".hex()}),
        ("PING", ("ACK",), 0, {"ack": True, "opaque": b"abcdefgh".hex()}),
        ("WINDOW_UPDATE", (), 0, {"increment": 70000}),
        ("HEADERS", ("END_HEADERS", "PRIORITY"), 1, {"dependency": 0, "weight": 16, "exclusive": True}),
        ("PRIORITY", (), 1, {"dependency": 0, "weight": 201, "exclusive": False}),
        ("RST_STREAM", (), 1, {"error": "CANCEL"}),
        ("GOAWAY", (), 0, {"error": "ENHANCE_YOUR_CALM", "last_stream": 1, "debug": "too many \x1b[31mpings"}),
        ("0xb0", ("0x01", "0x02"), 0, None),
    ]


@pytest.mark.system
async def test_padding_is_not_data(tmp_path: Path) -> None:
    wire = Wire()
    wire.begin()
    start = wire.headers(Side.CLIENT, 1, (":method", "POST"), (":path", "/a/B"), ("content-type", "application/grpc"))
    wire.client(start, data(1, hello("World"), pad=9), data(1, b"", pad=3), data(1, hello("Ada"), end=True))
    store = await read_store(wire.write(tmp_path / "padded.pcap"))
    (call,) = store.calls.values()
    assert [message.data for message in call.requests] == [b"\n\x05World", b"\n\x03Ada"]
    assert call.problems == []


@pytest.mark.system
async def test_a_push_promise_and_its_response(tmp_path: Path) -> None:
    wire = Wire()
    wire.begin()
    wire.client(wire.headers(Side.CLIENT, 1, (":method", "GET"), (":path", "/"), end=True))
    promised = wire.headers(Side.SERVER, 1, (":method", "GET"), (":path", "/pushed")).data
    wire.server(PushPromiseFrame(1, promised_stream_id=2, data=promised, flags=["END_HEADERS"]))
    wire.server(wire.headers(Side.SERVER, 2, (":status", "200"), ("x-pushed", "yes"), end=True))
    frames = await frames_of(wire, tmp_path)
    assert frames[2].detail == {"promised_stream": 2}
    assert frames[2].headers == ((":method", "GET"), (":path", "/pushed"))
    assert frames[3].headers == ((":status", "200"), ("x-pushed", "yes"))


@pytest.mark.system
async def test_a_header_block_in_many_pieces(tmp_path: Path) -> None:
    wire = Wire()
    wire.begin()
    fields = [(":method", "POST"), (":path", "/a/B"), *((f"x-{number}", "v" * 50) for number in range(40))]
    block = wire.headers(Side.CLIENT, 1, *fields).data
    pieces = [block[start : start + 100] for start in range(0, len(block), 100)]
    last = len(pieces) - 1
    wire.client(HeadersFrame(1, pieces[0], flags=["END_STREAM"]))
    for number, piece in enumerate(pieces[1:], 1):
        wire.client(ContinuationFrame(1, piece, flags=["END_HEADERS"] if number == last else []))
    (call,) = (await read_store(wire.write(tmp_path / "pieces.pcap"))).calls.values()
    assert call.request_headers is not None
    assert list(call.request_headers.headers) == fields


HOSTILE = [
    "[/red]",
    "[bold]x[/bold]",
    "\x1b]0;title\x07\x1b[2J",
    "line\rover",
    "tab\tand\nnewline",
    "\u202egnirts",
    "x" * 15_000,
    'quotes " and \\',
]


@pytest.mark.system
@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
async def test_hostile_text_arrives_as_it_is(text: str, tmp_path: Path) -> None:
    wire = Wire()
    wire.begin()
    wire.greet(1, hello("a"), reply(text), ("x-hostile", text))
    (call,) = (await read_store(wire.write(tmp_path / "hostile.pcap"))).calls.values()
    assert call.request_headers is not None
    assert call.request_headers.first("x-hostile") == text
    assert text.encode() in (call.responses[0].data or b"")


@pytest.mark.system
async def test_header_bytes_that_are_no_text_harm_nothing_else(tmp_path: Path) -> None:
    wire = Wire()
    wire.begin()
    wire.greet(1, hello("a"), reply("b"), ("x-bytes", b"\xff\xfe\x80"), ("x-after", "fine"))
    (call,) = (await read_store(wire.write(tmp_path / "bytes.pcap"))).calls.values()
    assert call.request_headers is not None
    assert call.request_headers.first("x-bytes") == "\ufffd\ufffd\ufffd"
    assert call.request_headers.first("x-after") == "fine"


@pytest.mark.system
async def test_binary_metadata_that_is_repeated_is_read_each_time(tmp_path: Path) -> None:
    wire = Wire()
    wire.begin()
    for stream in (1, 3, 5):
        wire.greet(stream, hello("a"), reply("b"), ("x-trace-bin", b"\0\xff\x00\x80"), ("x-none-bin", b""))
    store = await read_store(wire.write(tmp_path / "binary.pcap"))
    blocks = [call.request_headers for call in store.calls.values()]
    assert [block and block.first("x-trace-bin") for block in blocks] == ["/wCA"] * 3
    assert [block and block.first("x-none-bin") for block in blocks] == [""] * 3
    assert all(block is not None and block.sources == () for block in blocks)


@pytest.mark.system
async def test_a_packet_cut_by_a_snap_length_reports_the_missing_bytes(tmp_path: Path) -> None:
    wire = Wire()
    wire.begin()
    wire.greet(1, prefixed(b"\n\x7f" + b"x" * 127), reply("b"))
    path = wire.write(tmp_path / "whole.pcap")
    store = await read_store(cut(path, tmp_path / "cut.pcap", 150), 50051)
    assert store.packets == (await read_store(path)).packets


def cut(path: Path, to: Path, snap_length: int) -> Path:
    """The capture with every packet cut to a length, as `-s` does."""
    old, new = path.read_bytes(), bytearray(path.read_bytes()[:24])
    at = 24
    while at < len(old):
        length = int.from_bytes(old[at + 8 : at + 12], "little")
        kept = min(length, snap_length)
        new += old[at : at + 8] + kept.to_bytes(4, "little") + old[at + 12 : at + 16] + old[at + 16 : at + 16 + kept]
        at += 16 + length
    to.write_bytes(new)
    return to


# Ports


@pytest.mark.parametrize("path", [p for p in truth_files() if "truth" in read_truth(p)], ids=lambda path: path.stem)
def test_the_port_of_a_capture_is_found_in_its_bytes(path: Path) -> None:
    is_tls = path.stem.startswith("o_tls")
    found = set(openings_in(capture_of(path).read_bytes()))
    port = read_truth(path)["port"]
    assert found == {Opening(port, is_tls), Opening(port, is_tls, is_answer=True)}


def test_a_port_is_found_however_the_bytes_are_cut() -> None:
    whole = (DATA / "a_full_go.pcapng").read_bytes()[:4000]
    expected = set(openings_in(whole))
    for size in (1, 7, 100, 999):
        finder = PortFinder()
        told = (each for at in range(0, len(whole), size) for each in finder.feed(whole[at : at + size]))
        assert {opening for _, openings in told for opening in openings} == expected


def test_a_quoted_preface_is_not_an_opening() -> None:
    wire = Wire()
    wire.begin()
    wire.greet(1, hello("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), reply("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))
    assert list(openings_in(bytes(wire.capture))) == [Opening(50051, is_tls=False)]


@pytest.mark.parametrize("path", [p for p in truth_files() if "port" in read_truth(p)], ids=lambda path: path.stem)
def test_frames_alone_identify_the_port_of_a_capture(path: Path) -> None:
    found = set(FrameScan().feed(capture_of(path).read_bytes()))
    port = read_truth(path)["port"]
    is_quiet = path.stem.startswith(("o_tls", "i_no_packets"))
    assert found == (set() if is_quiet else {Opening(port, is_tls=False)})


@pytest.mark.parametrize("size", [1000, 70_000])
def test_frames_are_counted_once_however_the_bytes_are_cut(size: int) -> None:
    whole, scan = (DATA / "a_mid.pcapng").read_bytes(), FrameScan()
    found = [opening for at in range(0, len(whole), size) for opening in scan.feed(whole[at : at + size])]
    assert found == [Opening(50101, is_tls=False)]


@pytest.mark.system
async def test_a_capture_joined_late_needs_no_port() -> None:
    assert len((await read_store(DATA / "a_mid.pcapng")).calls) == 24


@pytest.mark.skipif(not (SHARED / "third-party").exists(), reason="the captures of other projects are not at hand")
def test_other_protocols_do_not_look_like_frames() -> None:
    mixed = (SHARED / "third-party" / "lucian-mixed_traffic_sample.pcapng").read_bytes()
    assert set(FrameScan().feed(mixed)) == {Opening(8097, is_tls=False)}


@pytest.mark.skipif(not (SHARED / "third-party").exists(), reason="the captures of other projects are not at hand")
@pytest.mark.parametrize(("name", "port"), [("grpc-unary.pcap", 30035), ("grpc-unknown.pcap", 7000)])
def test_one_request_and_its_reply_are_enough(name: str, port: int) -> None:
    assert set(FrameScan().feed((SHARED / "third-party" / name).read_bytes())) == {Opening(port, is_tls=False)}


@given(st.binary(max_size=400))
def test_any_bytes_at_all_can_be_scanned(data: bytes) -> None:
    assert list(FrameScan().feed(b"\x45" + data + b"\x60" + data)) == []


# Lines


def test_every_field_is_requested_once() -> None:
    assert len(set(FIELDS.values())) == len(FIELDS)
    assert set(FIELDS) == set(Layers._fields)


@pytest.mark.parametrize("line", [b"", b"1", b"\x1e" * (len(FIELDS) - 2)])
def test_a_line_that_tshark_would_not_print_is_an_error(line: bytes) -> None:
    with pytest.raises(ValueError, match=r".*"):
        LineReader().read(line)


def test_fields_that_tshark_refused_are_passed_over() -> None:
    asked = {attribute: f"<{attribute}>" for attribute in FIELDS if attribute not in ("preface", "malformed")}
    layers = LineReader({FIELDS["preface"], FIELDS["malformed"]}).read("\x1e".join(asked.values()).encode())
    assert layers == Layers(**asked)


@pytest.mark.system
@pytest.mark.parametrize(
    "strange",
    [
        ("x-joint", "a\x1fb"),
        ("x-separator", "a\x1eb"),
        ("x-both\x1f", "\x1e\x1e\x1f"),
        ("x-lines", "a\nb\\n\\"),
        ("", ""),
    ],
)
async def test_headers_that_contain_a_separator_are_read_from_their_block(
    strange: tuple[str, str], tmp_path: Path
) -> None:
    plain = ((":method", "POST"), (":path", "/a.B/C"), ("x-empty", ""))
    wire = Wire()
    wire.begin()
    wire.client(wire.headers(Side.CLIENT, 1, *plain, strange), data(1, b"", end=True))
    wire.client(wire.headers(Side.CLIENT, 3, strange), data(3, b"", end=True))
    frames = [frame for frame in await frames_of(wire, tmp_path) if frame.headers]
    assert [frame.headers for frame in frames] == [(*plain, strange), (strange,)]


@pytest.mark.parametrize(
    ("types", "flags", "blocks", "counts", "names", "expected"),
    [
        ("1 0 1", "4 0 5", "2088 88", "2 1", 2, "1 1"),
        ("1 1", "4 5", "88 203fe11f88be", "1 4", 3, "1 2"),
        ("1 9 1", "0 4 5", "20 88", "1 1 1", 2, "0 1 1"),
        ("1 9 1", "0 4 5", "20 88", "1 1", 2, "1 1"),
        ("1 1", "4 5", "2088 88", "1 1", 2, "1 1"),
        ("1 1", "4 5", "88 88", "1 1", 2, "1 1"),
        ("1 1", "4 5", "3f 88", "1 1", 1, "1 1"),
    ],
)
def test_updates_of_the_header_table_are_not_counted(
    types: str, flags: str, blocks: str, counts: str, names: int, expected: str
) -> None:
    joined = (JOINT.join(each.split()) for each in (types, flags, blocks, counts))
    layers = Layers(**dict(zip(("types", "flags", "blocks", "header_counts"), joined, strict=True)))
    counted = header_counts(layers._replace(header_names=JOINT.join([":status"] * names)))
    assert counted.split(JOINT) == expected.split()


def test_absolute_times_by_iso_8601_are_read() -> None:
    layers = Layers(number="1", time="2026-11-22T10:00:00.123456789Z")
    assert read_packet(layers).time == pytest.approx(1795341600.123456789)
