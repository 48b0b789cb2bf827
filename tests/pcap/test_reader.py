"""Where a capture is cut off is found in its bytes alone, and packets are counted as tshark counts them."""

from __future__ import annotations

import gzip
import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.pcap.reader import CaptureScan
from tests.captures import DATA, read_store

CLASSIC = gzip.decompress((DATA / "i_classic.pcap.gz").read_bytes())
PCAPNG = (DATA / "b_full.pcapng").read_bytes()


def scan(data: bytes, ends: list[int]) -> CaptureScan:
    found = CaptureScan()
    for start, end in itertools.pairwise([0, *sorted(ends), len(data)]):
        list(found.take(data[start:end]))
    return found


def boundaries(data: bytes) -> list[int]:
    """Offsets at which a capture may end and nobody can tell that something is missing."""
    at, found, is_pcapng = 0, [0], data is PCAPNG
    while at < len(data):
        header = (24 if at == 0 else 16) if not is_pcapng else 0
        length = data[at + 4 : at + 8] if is_pcapng else data[at + 8 : at + 12]
        at += header + (0 if not is_pcapng and at == 0 else int.from_bytes(length, "little"))
        found.append(at)
    return found


@pytest.mark.parametrize("capture", [CLASSIC, PCAPNG], ids=["pcap", "pcapng"])
@given(data=st.data())
def test_a_capture_is_cut_wherever_it_does_not_end_with_a_packet(capture: bytes, data: st.DataObject) -> None:
    ends = boundaries(capture)
    size = data.draw(st.one_of(st.integers(0, len(capture)), st.sampled_from(ends)))
    pieces = data.draw(st.lists(st.integers(0, size), max_size=4))
    found = scan(capture[:size], pieces)
    assert bool(found.cut("It")) == (size not in ends)
    assert found.packets == scan(capture[:size], []).packets


@pytest.mark.system
async def test_packets_are_counted_as_tshark_counts_them(tmp_path: Path) -> None:
    for data in (CLASSIC, PCAPNG):
        (path := tmp_path / "whole.pcap").write_bytes(data)
        assert scan(data, []).packets == (await read_store(path)).packets


def test_the_incomplete_part_at_the_end_is_named() -> None:
    for data, words in (
        (CLASSIC[:10], "its file header. No packet is whole."),
        (CLASSIC[:25], "packet 1. No packet is whole."),
        (CLASSIC[: boundaries(CLASSIC)[2] + 1], "packet 2. One whole packet comes before it."),
        (PCAPNG[:5], "its file header. No packet is whole."),
        (PCAPNG[:4000], "packet 24. The 23 packets before it are whole."),
        (PCAPNG + b"\4\0\0\0\x10\0\0\0", "a block. The 223 packets before it are whole."),
    ):
        assert scan(data, []).cut("It") == f"It is cut short: it ends in the middle of {words}"


def test_nothing_is_claimed_behind_damage() -> None:
    damaged = CLASSIC[:1000] + b"\xff" * 64
    assert scan(damaged, []).cut("It") == ""
    assert scan(PCAPNG + b"\4\0\0\0\3\0\0\0" + bytes(4), []).cut("It") == ""
