"""Saves part of a capture, or the messages of a call, as files."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from inspector.capture.spool import so_far
from inspector.errors import SourceError
from inspector.files import save_folder, save_pieces
from inspector.model.call import Call, StreamKey
from inspector.model.frame import FRAME_HEADER, Frame, Side
from inspector.model.retained_list import RetainedList
from inspector.pcap.export import Extract
from inspector.scheduling import run_in_slices
from inspector.session.session import Session
from inspector.tshark.flow_state import PREFACE
from inspector.tshark.tcp_stream import Segment


@dataclass(slots=True)
class _Direction:
    pending: list[int] = field(default_factory=list)
    """Its packets since a frame began at the start of a packet."""
    unframed: int = 0
    """Bytes that it has sent in no frame that has ended."""


class FramePackets:
    """Finds the packets from which some frames can be read again, the handshakes of their connections included.

    `take` all packets of these connections in order. Where bytes were lost, or are encrypted, all packets before a
    wanted one are included.
    """

    def __init__(self, wanted: Container[int], ended: Mapping[int, int]) -> None:
        """`wanted`: the packets in which the frames end; `ended`: by packet, the bytes of all frames that end in it."""
        self.found: set[int] = set()
        self._wanted = wanted
        self._ended = ended
        self._directions: dict[tuple[int, int], _Direction] = {}
        """By connection and the sender's port."""
        self._has_data: set[int] = set()
        """The connections on which data was sent."""

    def take(self, segment: Segment) -> None:
        """Examine the next packet."""
        if not segment.length:
            if segment.connection not in self._has_data:  # part of the handshake
                self.found.add(segment.number)
            return
        self._has_data.add(segment.connection)
        direction = self._directions.get((segment.connection, segment.port))
        if direction is None:
            direction = self._directions[segment.connection, segment.port] = _Direction()
            self.found.add(segment.number)
        direction.pending.append(segment.number)
        if segment.number in self._wanted:
            self.found.update(direction.pending)
            direction.pending.clear()
        direction.unframed += segment.length - self._ended.get(segment.number, 0)
        if direction.unframed in (0, PREFACE):
            direction.pending.clear()


_NAMED_PCAP: Final = "Despite its name it is a pcapng; `editcap -F pcap FILE OTHER` converts it."
NOT_KEPT: Final = "What was to be saved is not kept any more, to bound memory."
_ITEMS_PER_STEP: Final = 1_000
_BYTES_PER_STEP: Final = 32 * 1024
"""Chosen for small packets, which take the longest per byte."""


class CapturePart(NamedTuple):
    """The part of a capture that is saved."""

    packets: Container[int] | None = None
    """Their numbers; None for all packets."""
    keeps_secrets: bool = False
    """True to keep the TLS keys in the capture."""
    comments: Mapping[int, tuple[str, ...]] = {}
    """By packet: the comments that replace those of the capture."""


class PickedPackets:
    """A set of packet numbers that takes one byte for each packet up to the highest: there may be millions."""

    def __init__(self) -> None:
        self._marks = bytearray()

    def __contains__(self, number: object) -> bool:
        return isinstance(number, int) and number < len(self._marks) and self._marks[number] == 1

    def add(self, numbers: Collection[int]) -> None:
        """Add some numbers."""
        self._marks.extend(bytes(max(max(numbers) + 1 - len(self._marks), 0)))
        for number in numbers:
            self._marks[number] = 1


async def pick_packets(numbers: Iterable[int]) -> PickedPackets:
    """Collect packet numbers for a `CapturePart`, in slices."""
    picked, rest = PickedPackets(), iter(numbers)

    def steps() -> Iterator[None]:
        while some := list(islice(rest, _ITEMS_PER_STEP)):
            picked.add(some)
            yield

    await run_in_slices(steps())
    return picked


async def save_part(session: Session, part: CapturePart, path: Path, *, overwrite: bool = False) -> str:
    """Save part of what was captured so far, and return a sentence that says what was written.

    A pcapng stays one. A pcap becomes a pcapng if the path ends in .pcapng, or if there are comments.

    Raises:
        SourceError: there is no capture yet, or it cannot be read or written.
    """
    if not session.can_reread:
        raise SourceError("There is no capture to save yet.")
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
        for start in range(0, len(piece), _BYTES_PER_STEP):
            yield extract.take(piece[start : start + _BYTES_PER_STEP])
    extract.finish()


async def packets_of_connections(session: Session, connections: Collection[int]) -> frozenset[int]:
    """Return the packets of some connections. Raises TsharkError."""
    found: set[int] = set()
    if connections:
        await session.packets.of_connections(connections, lambda segment: found.add(segment.number))
    return frozenset(found)


async def packets_of_calls(session: Session, keys: Collection[StreamKey]) -> frozenset[int]:
    """Return the packets from which the frames of some calls can be read again. Raises SourceError, TsharkError."""
    store, wanted = session.store, set[int]()
    for key in keys:
        call = store.calls.get(key)
        wanted.update(packets_of_frames(session, call.frames) if call is not None else ())
        await asyncio.sleep(0)
    if not wanted:
        raise SourceError(NOT_KEPT)
    connections = {key.connection for key in keys}
    packets = FramePackets(wanted, await _bytes_by_packet(store.frames, connections))
    await session.packets.of_connections(connections, packets.take, max(wanted))
    return frozenset(packets.found | wanted)


def packets_of_frames(session: Session, positions: Iterable[int]) -> Iterator[int]:
    """Return the packets in which frames end, without evicted frames."""
    frames = session.store.frames
    return (frames[position].packet for position in positions if frames.holds(position))


async def _bytes_by_packet(frames: RetainedList[Frame], connections: Container[int]) -> dict[int, int]:
    """Return, by packet of these connections, the bytes of the frames that end in it."""
    ended: dict[int, int] = {}

    def steps() -> Iterator[None]:
        for start in range(frames.first, len(frames), _ITEMS_PER_STEP):
            for frame in frames[start : start + _ITEMS_PER_STEP]:
                if frame.connection in connections:
                    ended[frame.packet] = ended.get(frame.packet, 0) + FRAME_HEADER + frame.length
            yield

    await run_in_slices(steps())
    return ended


class MessageFile(NamedTuple):
    """One message as a file; `data` is None for a message that was not captured completely."""

    name: str
    data: bytes | None


def message_files(call: Call) -> Iterator[MessageFile]:
    """Yield `001-request.bin`, `002-response.bin`, … in order of their frames; numbers are as wide as the last one."""
    sides = ((Side.CLIENT, "request"), (Side.SERVER, "response"))
    found = [(each.frame, index, name, each) for side, name in sides for index, each in enumerate(call.messages(side))]
    width = max(len(str(len(found))), 3)
    for number, (_, _, name, message) in enumerate(sorted(found, key=lambda each: each[:3]), 1):
        yield MessageFile(f"{number:0{width}}-{name}.bin", message.data)


async def save_messages(call: Call, folder: Path) -> str:
    """Save the messages of a call in a new or empty folder; return a sentence for users. Raises SourceError."""
    files = list(message_files(call))
    count = await save_folder(((each.name, each.data) for each in files if each.data is not None), folder)
    lost = f" {len(files) - count:,} incomplete ones were left out." if len(files) > count else ""
    return f"Saved {count:,} message{'' if count == 1 else 's'} in {folder}.{lost}"
