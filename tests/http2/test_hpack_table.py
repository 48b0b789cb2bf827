"""Our HPACK decoder against the encoder of the hpack library, from the start and after a late join."""

from __future__ import annotations

from hpack import Encoder
from hypothesis import given
from hypothesis import strategies as st

from inspector.http2.hpack.table import HpackTable

names = st.sampled_from(["x-a", "x-b", ":path", "grpc-timeout", "user-agent"])
values = st.text(st.characters(codec="ascii", exclude_categories=["C"]), max_size=12)
blocks = st.lists(st.lists(st.tuples(names, values), min_size=1, max_size=6), max_size=8)


@given(blocks)
def test_a_complete_connection_is_decoded_as_it_was_encoded(written: list[list[tuple[str, str]]]) -> None:
    encoder, table = Encoder(), HpackTable()
    for headers in written:
        entries = table.decode(encoder.encode(headers))
        assert entries is not None
        assert [(e.name, e.value) for e in entries] == [(n.encode(), v.encode()) for n, v in headers]


@given(blocks, st.integers(0, 8))
def test_nothing_wrong_is_decoded_after_a_late_join(written: list[list[tuple[str, str]]], missed: int) -> None:
    encoder, table = Encoder(), HpackTable()
    encoded = [encoder.encode(headers) for headers in written]
    for headers, block in list(zip(written, encoded, strict=True))[missed:]:
        entries = table.decode(block)
        assert entries is not None
        for entry, (name, value) in zip(entries, headers, strict=True):
            assert entry.name in (None, name.encode())
            assert entry.value in (None, value.encode())
            assert entry.name is not None or entry.from_table


@given(st.binary(max_size=60))
def test_any_bytes_are_accepted(block: bytes) -> None:
    HpackTable().decode(block)
