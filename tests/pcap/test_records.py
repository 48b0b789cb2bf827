"""A capture cut into whole packets: in any pieces, of any format, continued by another engine."""

from __future__ import annotations

import itertools
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.capture.engines.tap_packets import PCAP_HEADER
from inspector.errors import SpoolError
from inspector.pcap.records import Records, classic_format


def packet(data: bytes, order: str = "<", extra: bytes = b"") -> bytes:
    return struct.pack(f"{order}IIII", 1, 2, len(data), len(data)) + extra + data


def header(magic: int, order: str = "<", link: int = 1) -> bytes:
    return struct.pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, 262144, link)


PACKETS = [packet(bytes([number]) * number) for number in range(1, 40)]
CAPTURE = PCAP_HEADER + b"".join(PACKETS)
FORMATS = {
    "little": (header(0xA1B2C3D4), packet(b"x")),
    "big": (header(0xA1B2C3D4, ">"), packet(b"x", ">")),
    "nanoseconds": (header(0xA1B23C4D), packet(b"x")),
    "big nanoseconds": (header(0xA1B23C4D, ">"), packet(b"x", ">")),
    "modified": (header(0xA1B2CD34), packet(b"x", "<", bytes(8))),
    "big modified": (header(0xA1B2CD34, ">"), packet(b"x", ">", bytes(8))),
}


def split(data: bytes, cuts: list[int]) -> list[bytes]:
    ends = [0, *sorted(cuts), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(ends)]


def whole_sizes(capture_header: bytes, packets: list[bytes]) -> set[int]:
    sizes, size = {0, len(capture_header)}, len(capture_header)
    for one in packets:
        size += len(one)
        sizes.add(size)
    return sizes


@given(st.lists(st.integers(0, len(CAPTURE)), max_size=30))
def test_any_pieces_give_the_same_capture_and_never_half_a_packet(cuts: list[int]) -> None:
    records, taken = Records(), b""
    for piece in split(CAPTURE, cuts):
        taken += records.take(piece)
        assert len(taken) in whole_sizes(PCAP_HEADER, PACKETS)
    assert taken == CAPTURE


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_cut_at_its_packets(name: str) -> None:
    start, one = FORMATS[name]
    records = Records()
    assert records.take(start + one + one[:-1]) == start + one
    assert records.take(one[-1:]) == one


@given(st.integers(0, len(CAPTURE)), st.lists(st.integers(0, len(CAPTURE)), max_size=10))
def test_a_restarted_engine_continues_the_capture(death: int, cuts: list[int]) -> None:
    """Its first life may end in the middle of a packet, or of the file header."""
    records = Records()
    taken = records.take(CAPTURE[:death])
    before = len(taken)
    records.restart()
    for piece in split(CAPTURE, cuts):
        taken += records.take(piece)
    assert taken[before:] == (CAPTURE[len(PCAP_HEADER) :] if before else CAPTURE)


@pytest.mark.parametrize("first", FORMATS)
@pytest.mark.parametrize("second", FORMATS)
@given(cut=st.integers(0, 200))
def test_a_capture_is_continued_in_another_classic_format(first: str, second: str, cut: int) -> None:
    """Its packets are rewritten: same data, same time as far as the first format can count it."""
    records = Records()
    written = records.take(FORMATS[first][0] + FORMATS[first][1])
    records.restart()
    continued = FORMATS[second][0] + FORMATS[second][1] * 2
    for piece in split(continued, [min(cut, len(continued))]):
        written += records.take(piece)
    one = FORMATS[first][1]
    assert records.packets == 3
    assert len(written) == len(FORMATS[first][0]) + 3 * len(one)
    file = classic_format(written)
    source = classic_format(continued)
    assert file is not None
    assert source is not None
    expected = file.record_header.pack(1, 2 * file.units // source.units, 1, 1) + bytes(len(one) - 17) + b"x"
    assert written[len(FORMATS[first][0]) :] == one + expected * 2


def test_a_continuation_that_is_not_a_classic_pcap_is_refused() -> None:
    records = Records()
    records.take(CAPTURE)
    records.restart()
    with pytest.raises(SpoolError, match="another kind of capture"):
        records.take(b"\x0a\x0d\x0d\x0a" + bytes(40))


def test_a_restart_with_another_link_type_is_refused() -> None:
    records = Records()
    records.take(CAPTURE)
    records.restart()
    with pytest.raises(SpoolError, match="another kind of capture"):
        records.take(header(0xA1B2C3D4, link=0))


@given(st.lists(st.binary(max_size=60), max_size=5))
def test_bytes_that_are_no_pcap_pass_through(pieces: list[bytes]) -> None:
    records = Records()
    taken = b"".join(map(records.take, [b"\x0a\x0d\x0d\x0a", *pieces]))
    assert taken == b"\x0a\x0d\x0d\x0a" + b"".join(pieces)


@given(st.binary(max_size=200), st.integers(0, 200))
def test_any_bytes_at_all_come_out_as_they_went_in(data: bytes, cut: int) -> None:
    records = Records()
    taken = records.take(PCAP_HEADER + data[:cut]) + records.take(data[cut:])
    assert taken + records.rest == PCAP_HEADER + data
