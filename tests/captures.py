"""The real captures with their truth: those kept beside the tests, and all of the project's where they are at hand."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from inspector.capture.protocol_detection import Opening, PortFinder
from inspector.session import FileSource, Session
from inspector.store.store import Store
from inspector.tshark.binary import Decoding
from tests.bench.recording import repeat

DATA = Path(__file__).parent / "data"
SHARED = Path(__file__).parents[2] / "shared" / "captures"


def truth_files() -> list[Path]:
    """The JSON files that say what is in each capture; of those in both places, the one beside the tests."""
    found = {path.name: path for folder in (SHARED / "own", DATA) for path in sorted(folder.glob("*.json"))}
    return sorted(found.values())


def capture_of(truth: Path) -> Path:
    """The capture that a truth file is about."""
    return next(path for path in truth.parent.iterdir() if path.stem == truth.stem and path.suffix.startswith(".pcap"))


def read_truth(path: Path) -> dict[str, Any]:
    """What a truth file says."""
    truth: dict[str, Any] = json.loads(path.read_text())
    return truth


def write_copies(copies: int, folder: Path) -> Path:
    """A classic pcap of so many copies of a real capture, 31 kB each, every one with connections of its own."""
    one, large = folder / "one.pcap", folder / "large.pcap"
    one.write_bytes(gzip.decompress((DATA / "i_classic.pcap.gz").read_bytes()))
    repeat(one, copies, 50102, large)
    one.unlink()
    return large


async def read_store(path: Path, *ports: int, keylog: Path | None = None) -> Store:
    """A capture file, all the way through the real tshark into a store."""
    session = Session(FileSource(path), Decoding(frozenset(ports), keylog=keylog))
    try:
        await session.run()
    finally:
        await session.close()
    return session.store


def openings_in(data: bytes) -> Iterator[Opening]:
    """Those of a whole capture."""
    return (opening for _, openings in PortFinder().feed(data) for opening in openings)
