"""The spool holds whole packets only, whatever happens to the engine, the disk or the program."""

from __future__ import annotations

import asyncio
import os
import stat
import struct
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from typing import cast

import pytest

from inspector.capture.engines.tap_packets import PCAP_HEADER
from inspector.capture.left_captures import spool_folder
from inspector.capture.spool import Spool, make_file
from inspector.errors import SourceError, SpoolError
from tests.small_disk import disk_of


def packet(data: bytes, order: str = "<", extra: bytes = b"") -> bytes:
    return struct.pack(f"{order}IIII", 1, 2, len(data), len(data)) + extra + data


PACKETS = [packet(bytes([number]) * number) for number in range(1, 40)]
CAPTURE = PCAP_HEADER + b"".join(PACKETS)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def spool() -> Iterator[Spool]:
    spool = Spool.create()
    yield spool
    spool.discard()


async def read_all(spool: Spool, offset: int = 0) -> bytes:
    return b"".join([chunk async for chunk in spool.read_from(offset)])


async def test_readers_follow_the_spool_to_its_end(spool: Spool) -> None:
    readers = [asyncio.create_task(read_all(spool, offset)) for offset in (0, 0, 100)]
    for start in range(0, len(CAPTURE), 7):
        spool.append(CAPTURE[start : start + 7])
        await asyncio.sleep(0)
    spool.finish()
    assert await asyncio.gather(*readers) == [CAPTURE, CAPTURE, CAPTURE[100:]]
    assert await read_all(spool) == spool.path.read_bytes() == CAPTURE


async def test_discarding_ends_the_readers_and_the_file(spool: Spool) -> None:
    reader = asyncio.create_task(read_all(spool))
    spool.append(CAPTURE)
    await asyncio.sleep(0)
    spool.discard()
    assert CAPTURE.startswith(await reader)
    assert not spool.path.exists()


def test_a_packet_cut_short_is_kept_when_nothing_follows(spool: Spool) -> None:
    spool.append(CAPTURE[:-1])
    assert spool.size == len(CAPTURE) - len(PACKETS[-1])
    spool.finish()
    assert spool.path.read_bytes() == CAPTURE[:-1]


def test_only_this_user_may_read_it(spool: Spool) -> None:
    assert stat.S_IMODE(spool.path.stat().st_mode) == 0o600
    assert spool.path.parent == spool_folder()
    assert str(os.getpid()) in spool.path.name


def test_where_the_cache_cannot_be_written_a_temporary_folder_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    spool = Spool.create()
    spool.append(CAPTURE)
    folder = spool.path.parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    spool.discard()
    assert not folder.exists()


async def test_a_full_disk_is_reported_and_the_capture_is_kept(spool: Spool) -> None:
    spool.append(CAPTURE)
    with (
        disk_of(len(CAPTURE) + 1000),
        pytest.raises(SpoolError, match=r"The disk is full.*1,428 bytes, which are kept"),
    ):
        spool.append(packet(bytes(2000)))
    assert spool.path.read_bytes() == CAPTURE
    spool.resume()
    spool.append(CAPTURE)
    spool.finish()
    assert await read_all(spool) == CAPTURE + b"".join(PACKETS)


async def test_saving_copies_for_this_user_only(spool: Spool, tmp_path: Path) -> None:
    spool.append(CAPTURE + PACKETS[0][:5])
    await spool.save(tmp_path / "saved.pcap")
    assert (tmp_path / "saved.pcap").read_bytes() == CAPTURE
    assert stat.S_IMODE((tmp_path / "saved.pcap").stat().st_mode) == 0o600


async def test_saving_over_a_file_needs_leave(spool: Spool, tmp_path: Path) -> None:
    spool.append(CAPTURE)
    there = tmp_path / "there.pcap"
    there.write_text("precious")
    with pytest.raises(SourceError, match="exists already"):
        await spool.save(there)
    assert there.read_text() == "precious"
    await spool.save(there, overwrite=True)
    assert there.read_bytes() == CAPTURE


async def test_saving_where_it_cannot_be_leaves_nothing(spool: Spool, tmp_path: Path) -> None:
    spool.append(CAPTURE)
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(SourceError, match="is a folder"):
        await spool.save(folder, overwrite=True)
    with pytest.raises(SourceError, match="Nothing can be saved in"):
        await spool.save(folder / "no" / "such.pcap")
    with disk_of(100), pytest.raises(SourceError, match="cannot be saved"):
        await spool.save(folder / "full.pcap")
    assert list(folder.iterdir()) == []


def small() -> Spool:
    return Spool(make_file(), max_size=len(CAPTURE) * 2)


async def test_the_oldest_files_go_and_offsets_stay(tmp_path: Path) -> None:
    spool = small()
    packets = [packet(bytes([number]) * 300) for number in range(40)]
    spool.append(CAPTURE[:24])
    reader = cast("AsyncGenerator[bytes]", spool.read_from(0))
    assert await anext(reader) == CAPTURE[:24]
    ends = []
    for each in packets:
        spool.append(each)
        ends.append(spool.size)
    whole = CAPTURE[:24] + b"".join(packets)
    paths = {spool.path, *(path for path in spool.path.parent.iterdir() if str(os.getpid()) in path.name)}
    assert not spool.delete_before(spool.size)  # the reader is still at the beginning
    await reader.aclose()
    assert not spool.delete_before(0)
    assert spool.is_too_large(spool.size)
    assert spool.delete_before(spool.size)
    gone, start = spool.first
    assert start == ends[gone - 1]
    assert sum(path.exists() for path in paths) < len(paths)
    spool.finish()
    assert await read_all(spool) == CAPTURE[:24] + whole[start:]
    assert await read_all(spool, start) == whole[start:]
    assert await read_all(spool, ends[38]) == whole[ends[38] :]
    await spool.save(tmp_path / "kept.pcap")
    assert (tmp_path / "kept.pcap").read_bytes() == CAPTURE[:24] + whole[start:]
    assert len(whole) - start <= len(CAPTURE) * 2 + 400
    spool.discard()
    assert not any(path.exists() for path in paths)


async def test_each_file_is_a_capture_by_itself() -> None:
    spool = small()
    spool.append(CAPTURE + b"".join(PACKETS) * 4)
    spool.append(PACKETS[0])
    assert not spool.is_at_path
    assert spool.path.read_bytes() == CAPTURE[:24] + PACKETS[0]
    spool.discard()
