"""One run of the real tshark: what it refuses is recognised, and its output arrives as whole lines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.capture.engines.tap_packets import PCAP_HEADER
from inspector.tshark.binary import TsharkDied, find_tshark
from inspector.tshark.process import TsharkProcess
from inspector.tshark.pyshark_adapter import _LineParser


async def empty_capture() -> AsyncIterator[bytes]:
    yield PCAP_HEADER


@pytest.mark.system
async def test_a_field_that_tshark_refuses_is_left_out() -> None:
    tshark = find_tshark()
    process = TsharkProcess(tshark, ["-r", "-", "-T", "fields", "-e", "frame.number", "-e", "no.such_field"])
    with pytest.raises(TsharkDied) as death:
        await process.read(empty_capture(), lambda _lines: None)
    assert tshark.leave_out(death.value.stderr)
    assert tshark.refused == {"no.such_field"}
    assert not tshark.leave_out(death.value.stderr)


@given(st.lists(st.binary(max_size=6), max_size=8), st.integers(1, 5))
def test_lines_are_whole_wherever_the_output_is_cut(lines: list[bytes], read_size: int) -> None:
    lines = [line.replace(b"\n", b"") for line in lines]
    assert asyncio.run(parsed(b"".join(line + b"\n" for line in lines) + b"no end", read_size)) == lines


async def parsed(output: bytes, read_size: int) -> list[bytes]:
    stream, parser, found = asyncio.StreamReader(), _LineParser(read_size), list[bytes]()
    stream.feed_data(output)
    stream.feed_eof()
    while True:
        try:
            batch, _ = await parser.get_packets_from_stream(stream, b"")
        except EOFError:
            return found
        found += batch
