"""Saves a part of a capture, or the messages of a call, as files."""

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
from inspector.scheduling import yield_to_ui
from inspector.session.session import Session
from inspector.tshark.flow_state import PREFACE
from inspector.tshark.tcp_stream import Segment


@dataclass(slots=True)
class _Sender:
    waiting: list[int] = field(default_factory=list)
    """Its packets since a frame began with a packet."""
    behind: int = 0
    """Bytes that it has sent, and that no frame which ended had."""


class FramePackets:
    """Give it packets in their order. Where bytes were lost, or sealed, all that came before is taken."""

    def __init__(self, wanted: Container[int], ended: Mapping[int, int]) -> None:
        """`wanted` are packets in which frames end; `ended`, by packet, the bytes of all frames that end in it."""
        self.found: set[int] = set()
        self._wanted = wanted
        self._ended = ended
        self._senders: dict[tuple[int, int], _Sender] = {}
        self._spoken: set[int] = set()
        """Connections on which something was said."""

    def take(self, segment: Segment) -> None:
        """The next packet."""
        if not segment.length:
            if segment.connection not in self._spoken:  # the handshake
                self.found.add(segment.number)
            return
        self._spoken.add(segment.connection)
        sender = self._senders.get((segment.connection, segment.port))
        if sender is None:
            sender = self._senders[segment.connection, segment.port] = _Sender()
            self.found.add(segment.number)
        sender.waiting.append(segment.number)
        if segment.number in self._wanted:
            self.found.update(sender.waiting)
            sender.waiting.clear()
        sender.behind += segment.length - self._ended.get(segment.number, 0)
        if sender.behind in (0, PREFACE):
            sender.waiting.clear()


_NAMED_PCAP: Final = "In spite of its name it is a pcapng; `editcap -F pcap FILE OTHER` makes a pcap of it."
NOT_KEPT: Final = "What was to be saved is not kept any more, to bound memory."
_AT_ONCE: Final = 20_000
"""Frames that are looked at between two looks at the keyboard: some milliseconds."""
_PIECE: Final = 32 * 1024
"""Bytes, likewise: of small packets, which take most."""


class CapturePart(NamedTuple):
    """What is to be saved of a capture."""

    packets: Container[int] | None = None
    """Their numbers; None for all."""
    keeps_secrets: bool = False
    """True to keep TLS keys that are in the capture."""
    comments: Mapping[int, tuple[str, ...]] = {}
    """By packet: what stands in the place of the comments that it has."""


class PickedPackets:
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


async def pick_packets(numbers: Iterable[int]) -> PickedPackets:
    """These packets, for a `CapturePart`; the loop is left to others now and then."""
    found, rest = PickedPackets(), iter(numbers)
    while some := list(islice(rest, _AT_ONCE)):
        found.add(some)
        await yield_to_ui()
    return found


async def save_part(session: Session, part: CapturePart, path: Path, *, overwrite: bool = False) -> str:
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
    carriers = FramePackets(wanted, await _bytes_by_packet(store.frames, connections))
    await session.packets.of_connections(connections, carriers.take, max(wanted))
    return frozenset(carriers.found | wanted)


def packets_of_frames(session: Session, positions: Iterable[int]) -> Iterator[int]:
    """The packets in which frames end, of those that are kept."""
    frames = session.store.frames
    return (frames[position].packet for position in positions if frames.holds(position))


async def _bytes_by_packet(frames: RetainedList[Frame], connections: Container[int]) -> dict[int, int]:
    """By packet of these connections: the bytes of the frames that end in it."""
    ended: dict[int, int] = {}
    for start in range(frames.first, len(frames), _AT_ONCE):
        for frame in frames[start : start + _AT_ONCE]:
            if frame.connection in connections:
                ended[frame.packet] = ended.get(frame.packet, 0) + FRAME_HEADER + frame.length
        await yield_to_ui()
    return ended


class MessageFile(NamedTuple):
    """One message; `data` is None where it is not there whole."""

    name: str
    data: bytes | None


def message_files(call: Call) -> Iterator[MessageFile]:
    """`001-request.bin`, `002-response.bin`, …; numbers are as wide as the last one needs."""
    sides = ((Side.CLIENT, "request"), (Side.SERVER, "response"))
    found = [(each.frame, index, name, each) for side, name in sides for index, each in enumerate(call.messages(side))]
    width = max(len(str(len(found))), 3)
    for number, (_, _, name, message) in enumerate(sorted(found, key=lambda each: each[:3]), 1):
        yield MessageFile(f"{number:0{width}}-{name}.bin", message.data)


async def save_messages(call: Call, folder: Path) -> str:
    """Write them into a folder in which nothing is yet; a sentence that says how many. Raises SourceError."""
    files = list(message_files(call))
    count = await save_folder(((each.name, each.data) for each in files if each.data is not None), folder)
    lost = f" {len(files) - count:,} that are not whole were left out." if len(files) > count else ""
    return f"Saved {count:,} message{'' if count == 1 else 's'} in {folder}.{lost}"
