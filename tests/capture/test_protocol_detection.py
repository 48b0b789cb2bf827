"""Ports found in raw bytes: by how connections begin, behind any headers, and by their frames."""

from __future__ import annotations

import asyncio
import os
import struct
from pathlib import Path

import pytest
from hyperframe.frame import SettingsFrame

from inspector.capture.port_discovery import FrameScan
from inspector.capture.protocol_detection import Opening
from inspector.model.frame import Endpoint, Side
from inspector.session import Completeness, Session, StdinSource
from tests.captures import openings_in, read_store
from tests.conversation import hello, reply
from tests.wire import PREFACE, Wire, data

TCP_TO_50051 = struct.pack("!HHIIBBHHH", 41234, 50051, 1, 1, 0x50, 0x18, 512, 0, 0)
UPGRADE = (
    b"GET /first HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
    b"HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n"
)
SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"


def ipv6(*extensions: tuple[int, bytes]) -> bytes:
    """An IPv6 header with extensions, each its number and its bytes behind the first."""
    kinds = [*(kind for kind, _ in extensions), 6]
    chain = b"".join(bytes([after]) + rest for after, (_, rest) in zip(kinds[1:], extensions, strict=True))
    return struct.pack("!IHBB32x", 6 << 28, 100, kinds[0], 64) + chain


def test_a_port_is_found_behind_extension_headers() -> None:
    hop_by_hop, fragment, routing = (0, bytes(7)), (44, bytes(7)), (43, bytes([1]) + bytes(14))
    for extensions in ((), (hop_by_hop,), (hop_by_hop, fragment), (routing, fragment, hop_by_hop)):
        found = list(openings_in(ipv6(*extensions) + TCP_TO_50051 + PREFACE))
        assert found == [Opening(50051, is_tls=False)]
    assert list(openings_in(ipv6((17, bytes(7))) + TCP_TO_50051 + PREFACE)) == []


def test_one_whole_segment_with_a_request_identifies_its_port() -> None:
    wire = Wire()
    wire.greet(1, hello("a"), reply("b"))
    records = bytes(wire.capture)
    assert set(FrameScan().feed(records)) == {Opening(50051, is_tls=False)}
    assert set(FrameScan().feed(records[records.index(b"\x00\x00\x00\x01", 400) :])) == set()


def test_nothing_at_all_may_come_at_any_time() -> None:
    """As where a piece of a live capture has no whole packet, and at its end."""
    wire, scan = Wire(), FrameScan()
    wire.greet(1, hello("a"), reply("b"))
    half = len(wire.capture) // 2
    found = [*scan.feed(bytes(wire.capture[:half])), *scan.feed(b""), *scan.feed(bytes(wire.capture[half:]))]
    assert found == [Opening(50051, is_tls=False)]
    for _ in range(17):
        assert list(scan.feed(bytes(1 << 20))) == []
    assert list(scan.feed(b"")) == []


@pytest.mark.system
async def test_a_long_capture_through_a_pipe_comes_to_its_end(tmp_path: Path) -> None:
    wire = Wire()
    wire.greet(1, hello("a"), reply("b"))
    path = wire.write(tmp_path / "long.pcap")
    other = struct.pack("<IIII", 1, 0, 60_000, 60_000) + bytes(60_000)
    path.write_bytes(path.read_bytes() + other * 300)
    reading, writing = os.pipe()
    cat = await asyncio.create_subprocess_exec("cat", path, stdout=writing)
    os.close(writing)
    session = Session(StdinSource(reading))
    try:
        await session.run()
        assert session.store.calls
        assert session.status.completeness is Completeness.UNKNOWN
    finally:
        await session.close()
        await cat.wait()


def test_a_syn_identifies_the_server_where_no_header_does() -> None:
    wire = Wire(Endpoint("127.0.0.1", 1234), Endpoint("127.0.0.1", 50051))
    for _ in range(6):
        wire.client(SettingsFrame(0), data(1, hello("a")))
    assert list(FrameScan().feed(bytes(wire.capture))) == [Opening(50051, is_tls=False)]


@pytest.mark.system
async def test_a_connection_joined_late_is_found_beside_others(tmp_path: Path) -> None:
    late, fresh = Wire(), Wire(Endpoint("127.0.0.1", 41235), Endpoint("127.0.0.1", 50052))
    fresh.begin()
    for wire in (late, fresh):
        wire.greet(1, hello("a"), reply("b"))
    path = late.write(tmp_path / "both.pcap")
    path.write_bytes(path.read_bytes() + bytes(fresh.capture[24:]))
    assert [call.method for call in (await read_store(path)).calls.values()] == ["/HelloWorld/greet"] * 2


@pytest.mark.system
async def test_an_upgrade_from_http_1_and_a_proxy_are_followed(tmp_path: Path) -> None:
    upgraded = Wire()
    upgraded.client(UPGRADE)
    upgraded.server(SWITCHING, SettingsFrame(0))
    upgraded.server(upgraded.headers(Side.SERVER, 1, (":status", "200"), end=True))
    upgraded.begin()
    upgraded.greet(3, hello("a"), reply("b"))
    store = await read_store(upgraded.write(tmp_path / "upgraded.pcap"))
    assert {key.stream: call.method for key, call in store.calls.items()} == {1: "/first", 3: "/HelloWorld/greet"}

    proxied = Wire()
    proxied.client(b"CONNECT localhost:50099 HTTP/1.1\r\nHost: localhost\r\n\r\n")
    proxied.server(b"HTTP/1.1 200 OK\r\n\r\n")
    proxied.begin()
    proxied.greet(1, hello("a"), reply("b"))
    store = await read_store(proxied.write(tmp_path / "proxied.pcap"), 50099)
    assert [call.method for call in store.calls.values()] == ["/HelloWorld/greet"]
