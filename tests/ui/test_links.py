"""The same calls, however the packets are framed, tunnelled, fragmented or stored."""

from __future__ import annotations

import shutil
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from inspector.model.call import Call
from inspector.session import FileSource, Session
from tests.captures import DATA, read_store
from tests.fuzz.damage import RECORD, split, tool

pytestmark = [pytest.mark.system, pytest.mark.skipif(shutil.which("editcap") is None, reason="editcap is not at hand")]

CAPTURE = DATA / "h_bin_py_py.pcapng"
ETHERNET, LOOPBACK, RAW_IP, LINUX_SLL, LINUX_SLL2 = 1, 0, 101, 113, 276
OPTIONS = bytes([60, 0, 1, 4, 0, 0, 0, 0, 6, 0, 1, 4, 0, 0, 0, 0])
"""A hop-by-hop header and one of destination options, padded."""


def ip(packet: bytes) -> bytes:
    return packet[14:]


def ipv6(packet: bytes) -> bytes:
    """The same segment in IPv6, behind extension headers."""
    old = ip(packet)
    segment = old[20 : int.from_bytes(old[2:4], "big")]
    head = struct.pack("!IHBB", 6 << 28, len(segment) + len(OPTIONS), 0, 64)
    return head + bytes(12) + old[12:16] + bytes(12) + old[16:20] + OPTIONS + segment


def around(protocol: int, inner: bytes) -> bytes:
    """Another IPv4 packet around it."""
    ends = bytes([10, 0, 0, 1, 10, 0, 0, 2])
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(inner), 1, 0, 64, protocol, 0)
    return bytes(12) + b"\x08\0" + head + ends + inner


def vxlan(packet: bytes) -> bytes:
    inner = struct.pack("!II", 8 << 24, 0x100) + packet
    return around(17, struct.pack("!HHHH", 5555, 4789, 8 + len(inner), 0) + inner)


def fragments(packet: bytes) -> Iterator[bytes]:
    old = ip(packet)
    segment = old[20 : int.from_bytes(old[2:4], "big")]
    half = len(segment) // 16 * 8
    for offset, part, is_more in ((0, segment[:half], 1), (half, segment[half:], 0)):
        more = old[:2] + struct.pack("!H2sH", 20 + len(part), old[4:6], is_more << 13 | offset // 8) + old[8:20]
        yield packet[:14] + more + part


FRAMINGS: dict[str, tuple[int, Callable[[bytes], list[bytes]]]] = {
    "VLAN in VLAN": (ETHERNET, lambda p: [p[:12] + b"\x88\xa8\0\x05\x81\0\0\x06" + p[12:]]),
    "any, cooked": (LINUX_SLL, lambda p: [b"\0\0\x03\x04\0\x06" + bytes(8) + b"\x08\0" + ip(p)]),
    "any, cooked v2": (LINUX_SLL2, lambda p: [b"\x08\0\0\0\0\0\0\1\x03\x04\0\6" + bytes(8) + ip(p)]),
    "loopback": (LOOPBACK, lambda p: [b"\2\0\0\0" + ip(p)]),
    "raw": (RAW_IP, lambda p: [ip(p)]),
    "IPv6 with extensions": (RAW_IP, lambda p: [ipv6(p)]),
    "IPv6 in IPv4": (ETHERNET, lambda p: [around(41, ipv6(p))]),
    "VXLAN": (ETHERNET, lambda p: [vxlan(p)]),
    "fragments": (ETHERNET, lambda p: list(fragments(p)) if len(p) > 200 else [p]),
    "captured twice": (ETHERNET, lambda p: [p, p]),
}


def framed(link: int, make: Callable[[bytes], list[bytes]]) -> bytes:
    """The capture in another framing; big-endian, with nanoseconds."""
    _, records = split(tool("editcap", ["-F", "pcap"], CAPTURE.read_bytes(), ".pcapng"))
    out = [struct.pack(">IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, link)]
    for record in records:
        seconds, micros = struct.unpack_from("<II", record)
        out.extend(
            struct.pack(">IIII", seconds, micros * 1000, len(packet), len(packet)) + packet
            for packet in make(record[RECORD:])
        )
    return b"".join(out)


def told(call: Call) -> tuple[object, ...]:
    blocks = (call.request_headers, call.response_headers, call.trailers)
    bodies = [message.data for message in (*call.requests, *call.responses)]
    return call.key, call.method, call.method_source, call.status, call.state, blocks, bodies, call.problems


@pytest.mark.parametrize("name", FRAMINGS)
async def test_the_same_calls_in_any_framing(name: str, tmp_path: Path) -> None:
    path = tmp_path / "framed.pcap"
    path.write_bytes(framed(*FRAMINGS[name]))
    store, expected = await read_store(path), await read_store(CAPTURE)
    assert [told(call) for call in store.calls.values()] == [told(call) for call in expected.calls.values()]
    assert "10.0.0.1" not in {each.client.host for each in store.connections.values()}


async def test_keys_that_are_in_the_capture_itself_are_used_and_not_asked_for(tmp_path: Path) -> None:
    path, plain = tmp_path / "keys.pcapng", DATA / "o_tls_node_go"
    inject = ["--inject-secrets", f"tls,{plain.with_suffix('.keys')}"]
    path.write_bytes(tool("editcap", inject, plain.with_suffix(".pcapng").read_bytes(), ".pcapng"))
    session = Session(FileSource(path))
    await session.run()
    await session.close()
    assert len(session.store.calls) == 7
    assert session.status.notice == ""
