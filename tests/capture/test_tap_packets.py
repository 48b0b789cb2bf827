"""The packets that the tap builds: tshark finds no fault with them."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from inspector.capture.engines.tap_packets import MAX_SEGMENT, PCAP_HEADER, Flow, checksum
from inspector.model.frame import Endpoint, Side
from tests.packet_rows import ACK, PSH, RST, SYN, complaints, sent, tshark

C, S = Side.CLIENT, Side.SERVER
NOW = 1_795_334_811_157_206_000
PEERS = {
    "IPv4": (Endpoint("127.0.0.1", 40000), Endpoint("127.0.0.1", 37564)),
    "IPv6": (Endpoint("::1", 40000), Endpoint("::1", 37564)),
}


@pytest.mark.system
@pytest.mark.parametrize("family", PEERS)
def test_a_conversation_reads_like_any_other_capture(family: str, tmp_path: Path) -> None:
    flow = Flow(*PEERS[family], first_numbers=(2**32 - 100_000, 2**32 - 3))  # both wrap
    large = bytes(range(256)) * 1200
    capture = PCAP_HEADER + flow.open(NOW)
    capture += flow.carry(C, b"PRI", NOW) + flow.carry(S, b"odd", NOW + 1000) + flow.carry(C, large, NOW + 2000)
    capture += flow.finish(C, NOW + 3000) + flow.carry(S, large, NOW + 4000) + flow.finish(S, NOW + 5000)
    rows = tshark(capture, tmp_path / "flow.pcap")
    assert complaints(rows) == []
    assert [row.flags for row in rows[:5]] == [SYN, SYN | ACK, ACK, ACK | PSH, ACK]
    assert sent(rows, 40000) == b"PRI" + large
    assert sent(rows, 37564) == b"odd" + large
    assert flow.over


@pytest.mark.system
def test_a_reset_is_the_last_packet(tmp_path: Path) -> None:
    flow = Flow(*PEERS["IPv4"])
    capture = PCAP_HEADER + flow.open(NOW) + flow.carry(C, b"x", NOW) + flow.reset(S, NOW)
    assert flow.carry(C, b"y", NOW) + flow.finish(C, NOW) + flow.reset(C, NOW) == b""
    rows = tshark(capture, tmp_path / "reset.pcap")
    assert complaints(rows) == []
    assert rows[-1][:2] == (37564, RST | ACK)


@given(st.binary(min_size=1, max_size=99).filter(any))
@example(b"\xff\xff")
@example(b"\xff\xfe\x00\x01")
def test_the_checksum_is_that_of_rfc_1071(data: bytes) -> None:
    even = data + b"\0" * (len(data) % 2)
    total = sum(word for (word,) in struct.iter_unpack("!H", even))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    assert checksum(data) == ~total & 0xFFFF


@given(st.lists(st.tuples(st.sampled_from([C, S]), st.integers(0, 3 * MAX_SEGMENT)), max_size=4))
def test_every_byte_is_in_a_packet_that_ip_can_carry(said: list[tuple[Side, int]]) -> None:
    flow = Flow(*PEERS["IPv4"])
    records = b"".join(flow.carry(side, bytes(length), NOW) for side, length in said)
    carried = 0
    while records:
        (length,) = struct.unpack_from("<8xI", records)
        (total,) = struct.unpack_from("!H", records, 16 + 14 + 2)
        assert total == length - 14
        carried += total - 40
        records = records[16 + length :]
    assert carried == sum(length for _, length in said)
