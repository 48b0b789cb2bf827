"""Captures that are corrupted, cut and shuffled: no traceback, no hang, and what the command line promises.

Seeds are fixed. The damage is done by our own hands to classic captures, record by record, so that it falls on packets
and not only on the file's own headers; and by blind cuts, so that it falls on those as well.
"""

from __future__ import annotations

import asyncio
import gzip
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from inspector.errors import InspectorError
from inspector.present.export.json import call_object, frame_object, json_line
from inspector.present.rows import call_row, frame_row
from inspector.present.times import Times
from inspector.schema.catalog import Catalog
from inspector.session import FileSource, Session
from inspector.store.store import Store
from inspector.tshark.binary import Decoding
from tests.captures import DATA

pytestmark = pytest.mark.system

HEADER, RECORD = 24, 16
PORT = 50102
SECONDS = 20
"""Nothing here takes a second; this only ends what would never end."""


def whole() -> tuple[bytes, list[bytes]]:
    """A classic capture's header and its records."""
    raw, found, at = gzip.decompress((DATA / "i_classic.pcap.gz").read_bytes()), [], HEADER
    while at < len(raw):
        end = at + RECORD + int.from_bytes(raw[at + 8 : at + 12], "little")
        found.append(raw[at:end])
        at = end
    return raw[:HEADER], found


def corrupt(chance: random.Random, records: list[bytes]) -> list[bytes]:
    """Bytes behind the TCP header changed, one in a hundred."""
    return [
        record[: RECORD + 66]
        + bytes(chance.randrange(256) if chance.random() < 0.01 else byte for byte in record[RECORD + 66 :])
        for record in records
    ]


def corrupt_all(chance: random.Random, records: list[bytes]) -> list[bytes]:
    """Bytes of any header changed, too."""
    return [
        record[:RECORD] + bytes(chance.randrange(256) if chance.random() < 0.02 else b for b in record[RECORD:])
        for record in records
    ]


def drop(chance: random.Random, records: list[bytes]) -> list[bytes]:
    """One packet in ten lost."""
    return [record for record in records if chance.random() > 0.1]


def shuffle(chance: random.Random, records: list[bytes]) -> list[bytes]:
    """Neighbours exchanged, and some captured twice."""
    out = sorted(range(len(records)), key=lambda at: at + chance.random() * 4)
    return [records[at] for at in out for _ in range(1 + (chance.random() < 0.1))]


def late(chance: random.Random, records: list[bytes]) -> list[bytes]:
    """Joined late, and lossy."""
    return drop(chance, records[chance.randrange(10, 60) :])


def snap(chance: random.Random, records: list[bytes]) -> list[bytes]:
    """Packets cut to a length."""
    kept = chance.randrange(60, 200)
    cut = [record[: RECORD + kept] for record in records]
    return [r[:8] + (len(r) - RECORD).to_bytes(4, "little") + r[12:] for r in cut]


DAMAGES = [corrupt, corrupt_all, drop, shuffle, late, snap]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
async def test_damaged_packets_never_break_a_reader(
    damage: Callable[[random.Random, list[bytes]], list[bytes]], tmp_path: Path
) -> None:
    header, records = whole()
    for seed in range(4):
        path = tmp_path / f"{seed}.pcap"
        path.write_bytes(header + b"".join(damage(random.Random(seed), records)))
        store = await survives(path)
        assert store is not None
        assert store.packets > 0


@pytest.mark.parametrize("name", ["a_mid.pcapng", "i_classic.pcap.gz", "h_bin_py_py.pcapng"])
async def test_files_cut_and_overwritten_blindly_never_break_a_reader(name: str, tmp_path: Path) -> None:
    raw = (DATA / name).read_bytes()
    for seed in range(4):
        chance = random.Random(seed)
        damaged = bytearray(raw[: chance.randrange(len(raw))])
        for _ in range(len(damaged) // 500):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        path = tmp_path / f"{seed}.pcapng"
        path.write_bytes(damaged)
        await survives(path)


async def survives(path: Path) -> Store | None:
    """What a file gives; None where it was refused in plain words. All that front ends say of it can be said."""
    session = Session(FileSource(path), Decoding(frozenset({PORT})))
    try:
        async with asyncio.timeout(SECONDS):
            await session.run()
    except InspectorError:
        return None
    finally:
        await session.close()
    say_everything(session.store)
    return session.store


def say_everything(store: Store) -> None:
    catalog, times = Catalog(), Times.of(store)
    for position in range(len(store.frames)):
        json_line(frame_object(store, position))
        frame_row(store, catalog, position, times)
    for key, call in store.calls.items():
        json_line(call_object(store, catalog, key))
        call_row(store, catalog, key, times)
        assert all(store.frames[position].stream == key.stream for position in call.frames)
