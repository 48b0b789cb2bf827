"""Captures from files, pipes and standard input, and the errors for anything else."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import os
import pty
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.capture.capture_file import CaptureFile, CaptureStream, ObservedFile, open_capture
from inspector.capture.engines.tap_packets import PCAP_HEADER
from inspector.errors import SourceError, UsageError
from inspector.pcap.unpack import Unpacker

PCAP = PCAP_HEADER + bytes(range(256)) * 40
PCAPNG = b"\x0a\x0d\x0d\x0a" + bytes(600_000)

Put = Callable[[int], None]


async def collect(chunks: AsyncIterator[bytes]) -> bytes:
    return b"".join([chunk async for chunk in chunks])


async def read(source: str) -> bytes:
    opened = open_capture(source)
    if isinstance(opened, CaptureFile):
        data = await collect(opened.read_from(0))
        opened.discard()
        return data
    return await collect(opened.chunks())


@pytest.fixture
def put_on_stdin() -> Iterator[Put]:
    """Lets a descriptor take the place of standard input; it is closed."""
    saved = os.dup(0)

    def put(descriptor: int) -> None:
        os.dup2(descriptor, 0)
        os.close(descriptor)

    yield put
    os.dup2(saved, 0)
    os.close(saved)


@pytest.mark.parametrize("capture", [PCAP, PCAPNG], ids=["pcap", "pcapng"])
async def test_a_plain_file_is_read_in_place(capture: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(capture)
    opened = open_capture(str(path))
    assert isinstance(opened, CaptureFile)
    assert opened.size == len(capture)
    assert await collect(opened.read_from(100)) == capture[100:]
    await opened.save(tmp_path / "copy.pcap")
    opened.discard()
    assert (tmp_path / "copy.pcap").read_bytes() == path.read_bytes() == capture


@pytest.mark.parametrize("capture", [PCAP, PCAPNG], ids=["pcap", "pcapng"])
async def test_a_gzipped_file_is_unpacked_whatever_its_name(capture: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(gzip.compress(capture[:50]) + gzip.compress(capture[50:]) + bytes(512))
    assert await read(str(path)) == capture


@given(st.lists(st.integers(0, 1000), max_size=8), st.booleans())
def test_any_pieces_give_the_same_capture(cuts: list[int], packed: bool) -> None:
    data = gzip.compress(PCAP) if packed else PCAP
    ends = [0, *sorted(cuts), len(data)]
    unpacker = Unpacker("It")
    pieces = [data[start:end] for start, end in itertools.pairwise(ends)]
    assert b"".join(piece for part in pieces for piece in unpacker.take(part)) == PCAP
    unpacker.finish()
    assert unpacker.problem == ""


async def test_gzip_data_without_an_end_is_read_and_reported(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap.gz"
    path.write_bytes(gzip.compress(PCAP)[:-20])
    opened = open_capture(str(path))
    assert isinstance(opened, CaptureStream)
    assert PCAP.startswith(await collect(opened.chunks()))
    assert opened.problem == f"{path} is cut off: its gzip data does not come to an end."


def test_gzip_data_is_read_up_to_damage_which_is_reported() -> None:
    unpacker = Unpacker("It")
    whole = gzip.compress(PCAP)
    given_back = b"".join([*unpacker.take(whole), *unpacker.take(b"rubbish"), *unpacker.take(b"more")])
    assert given_back == PCAP
    unpacker.finish()
    assert unpacker.problem.startswith("It is damaged: its gzip data cannot be read on")


async def test_a_small_file_that_inflates_to_a_large_one_comes_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(PCAPNG + bytes(20_000_000)))
    opened = open_capture(str(path))
    assert isinstance(opened, CaptureStream)
    assert max([len(chunk) async for chunk in opened.chunks()]) <= 256 * 1024


async def test_standard_input_is_read_as_it_comes_and_blocks_nothing(put_on_stdin: Put) -> None:
    reading, writing = os.pipe()
    put_on_stdin(reading)
    opened = open_capture("-")
    assert isinstance(opened, CaptureStream)
    chunks = opened.chunks()
    os.write(writing, PCAP[:2])
    first = asyncio.ensure_future(anext(chunks))
    for _ in range(10):
        await asyncio.sleep(0)
    assert not first.done()
    os.write(writing, PCAP[2:1000])
    assert await first == PCAP[:1000]
    packed = gzip.compress(b"")
    os.write(writing, packed)
    os.close(writing)
    assert await collect(chunks) == packed


async def test_a_file_or_a_gzipped_stream_on_standard_input(put_on_stdin: Put, tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    for content in (PCAP, gzip.compress(PCAP)):
        path.write_bytes(content)
        put_on_stdin(os.open(path, os.O_RDONLY))
        assert await read("-") == PCAP


async def test_a_stream_that_is_stopped_ends_quietly(put_on_stdin: Put) -> None:
    reading, writing = os.pipe()
    put_on_stdin(reading)
    opened = open_capture("-")
    assert isinstance(opened, CaptureStream)
    collecting = asyncio.create_task(collect(opened.chunks()))
    for _ in range(10):
        await asyncio.sleep(0)
    await opened.stop()
    assert await collecting == b""
    os.close(writing)


async def test_a_named_pipe_is_a_stream(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    reading = asyncio.create_task(read(str(path)))
    await asyncio.sleep(0)
    writing = os.open(path, os.O_WRONLY)
    os.write(writing, PCAP)
    os.close(writing)
    assert await reading == PCAP


async def test_a_terminal_is_refused(put_on_stdin: Put) -> None:
    master, terminal = pty.openpty()
    put_on_stdin(terminal)
    with pytest.raises(UsageError, match="Standard input is a terminal"):
        open_capture("-")
    os.close(master)


@pytest.mark.parametrize("content", [b"", gzip.compress(b"")], ids=["plain", "gzipped"])
async def test_an_empty_file_is_an_error(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "empty.pcap"
    path.write_bytes(content)
    with pytest.raises(SourceError, match="is empty: there is no capture in it"):
        await read(str(path))


async def test_empty_input_is_an_error(put_on_stdin: Put) -> None:
    put_on_stdin(os.open(os.devnull, os.O_RDONLY))
    with pytest.raises(SourceError, match="Standard input is empty"):
        await read("-")


@pytest.mark.parametrize("content", [b"#!/bin/sh\n", b"x", gzip.compress(b"no capture at all", mtime=0), b"\x1f\x8b"])
async def test_a_file_of_another_kind_is_an_error_before_anything_starts(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "other"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=r"other is (not a capture|empty)"):
        open_capture(str(path))


def test_other_packers_are_named(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap.zst"
    path.write_bytes(b"\x28\xb5\x2f\xfd" + bytes(20))
    with pytest.raises(SourceError, match=r"packed with zstd\. Unpack it first: zstd -dc FILE"):
        open_capture(str(path))


def test_a_path_that_cannot_be_opened_is_an_error(tmp_path: Path) -> None:
    for source, sentence in (
        ("", "is not the name of a file"),
        (str(tmp_path / "nothing.pcap"), "cannot be opened: No such file or directory"),
        (str(tmp_path), "is a folder"),
        ("a\0b", "is not the name of a file"),
    ):
        with pytest.raises(SourceError, match=sentence):
            open_capture(source)


async def test_bytes_are_observed_once_before_any_of_several_readers(tmp_path: Path) -> None:
    path, heard = tmp_path / "large.pcap", bytearray()
    path.write_bytes(PCAP_HEADER + os.urandom(5_000_000))
    file = open_capture(str(path))
    assert isinstance(file, CaptureFile)
    overheard = ObservedFile(file, heard.extend)

    async def read() -> bytes:
        data = b""
        async for piece in overheard.read_from(0):
            data += piece
            assert len(heard) >= len(data)
        return data

    try:
        one, other = await asyncio.gather(read(), read())
    finally:
        overheard.discard()
    assert one == other == heard == path.read_bytes()
