"""A part of a session's capture, saved: which packets that are, and what is written of them.

Owns which packets calls and connections take; of calls, `carriers` knows. Reads the recording beside everybody else; a
live capture is saved as far as it has come.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Container, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from inspector.capture.extract import Extract
from inspector.capture.recording import so_far
from inspector.capture.saving import save_pieces
from inspector.errors import SourceError
from inspector.model.call import StreamKey
from inspector.model.frame import FRAME_HEADER, Frame
from inspector.model.log import Log
from inspector.session.carriers import Carriers
from inspector.session.session import Session
from inspector.turns import give_way

_NAMED_PCAP: Final = "In spite of its name it is a pcapng; `editcap -F pcap FILE OTHER` makes a pcap of it."
NOT_KEPT: Final = "What was to be saved is not kept any more, to bound memory."
_AT_ONCE: Final = 20_000
"""Frames that are looked at between two looks at the keyboard: some milliseconds."""
_PIECE: Final = 32 * 1024
"""Bytes, likewise: of small packets, which take most."""


class Part(NamedTuple):
    """What is to be saved of a capture."""

    packets: Container[int] | None = None
    """Their numbers; None for all."""
    keeps_secrets: bool = False
    """True to keep TLS keys that are in the capture."""
    comments: Mapping[int, tuple[str, ...]] = {}
    """By packet: what stands in the place of the comments that it has."""


class Picked:
    """Packet numbers: a byte for each up to the highest, as there may be millions."""

    def __init__(self) -> None:
        self._marks = bytearray()

    def __contains__(self, number: object) -> bool:
        return isinstance(number, int) and number < len(self._marks) and self._marks[number] == 1

    def add(self, numbers: Collection[int]) -> None:
        """Pick these too."""
        self._marks.extend(bytes(max(max(numbers) + 1 - len(self._marks), 0)))
        for number in numbers:
            self._marks[number] = 1


async def picked(numbers: Iterable[int]) -> Picked:
    """These packets, for a `Part`; the loop is left to others now and then."""
    found, rest = Picked(), iter(numbers)
    while some := list(islice(rest, _AT_ONCE)):
        found.add(some)
        await give_way()
    return found


async def save_part(session: Session, part: Part, path: Path, *, overwrite: bool = False) -> str:
    """Save a part of the capture as far as it has come; a sentence that says what was written.

    A pcapng stays one; a pcap becomes one where its name ends so, or where there are comments. Raises SourceError.
    """
    if not session.can_begin_again:
        raise SourceError("There is no capture that could be saved.")
    name = path.name.removesuffix(".gz")
    as_pcapng = name.endswith(".pcapng")
    _, recording = await session.packets.ground()
    deleted, comments = recording.first[0], dict(part.comments)
    extract = Extract(
        part.packets, keeps_secrets=part.keeps_secrets, comments=comments, as_pcapng=as_pcapng, first=deleted
    )
    await save_pieces(_through(extract, so_far(recording)), path, overwrite=overwrite)
    if part.packets is None and comments == session.comments.changed:
        session.comments.saved()
    if part.packets is None and not extract.problem:
        session.note_saved(path)
    count = f"{extract.packets:,} packet{'' if extract.packets == 1 else 's'}"
    kind = "pcapng" if extract.is_pcapng else "pcap"
    keys = ", without the TLS keys that were in it" if extract.secrets else ""
    gone = f"The oldest {deleted:,} had been deleted to make room on the disk." if deleted else ""
    other = _NAMED_PCAP if extract.is_pcapng and name.endswith(".pcap") else ""
    return " ".join(filter(None, (f"Saved {count} as {path} ({kind}){keys}.", other, gone, extract.problem)))


async def _through(extract: Extract, data: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async for piece in data:
        for start in range(0, len(piece), _PIECE):
            yield extract.take(piece[start : start + _PIECE])
    extract.finish()


async def packets_of_connections(session: Session, connections: Collection[int]) -> frozenset[int]:
    """All packets of some connections. Raises TsharkError."""
    found: set[int] = set()
    if connections:
        await session.packets.of_connections(connections, lambda segment: found.add(segment.number))
    return frozenset(found)


async def packets_of_calls(session: Session, keys: Collection[StreamKey]) -> frozenset[int]:
    """The packets that carry some calls, from which their frames can be read again. Raises SourceError, TsharkError."""
    store, wanted = session.store, set[int]()
    for key in keys:
        call = store.calls.get(key)
        wanted.update(packets_of_frames(session, call.frames) if call is not None else ())
        await asyncio.sleep(0)
    if not wanted:
        raise SourceError(NOT_KEPT)
    connections = {key.connection for key in keys}
    carriers = Carriers(wanted, await _bytes_by_packet(store.frames, connections))
    await session.packets.of_connections(connections, carriers.take, max(wanted))
    return frozenset(carriers.found | wanted)


def packets_of_frames(session: Session, positions: Iterable[int]) -> Iterator[int]:
    """The packets in which frames end, of those that are kept."""
    frames = session.store.frames
    return (frames[position].packet for position in positions if frames.holds(position))


async def _bytes_by_packet(frames: Log[Frame], connections: Container[int]) -> dict[int, int]:
    """By packet of these connections: the bytes of the frames that end in it."""
    ended: dict[int, int] = {}
    for start in range(frames.first, len(frames), _AT_ONCE):
        for frame in frames[start : start + _AT_ONCE]:
            if frame.connection in connections:
                ended[frame.packet] = ended.get(frame.packet, 0) + FRAME_HEADER + frame.length
        await give_way()
    return ended
