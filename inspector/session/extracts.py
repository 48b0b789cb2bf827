"""A part of a session's capture, saved: which packets that are, and what is written of them.

Owns which packets a call and a connection take. Reads the recording beside everybody else; a live capture is saved as
far as it has come.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Container, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from inspector.capture.extract import Extract
from inspector.capture.lanes import PREFACE
from inspector.capture.recording import so_far
from inspector.capture.saving import save_pieces
from inspector.capture.segments import Segment
from inspector.errors import SourceError
from inspector.model.call import StreamKey
from inspector.model.frame import FRAME_HEADER
from inspector.session.session import Session

_NAMED_PCAP: Final = "In spite of its name it is a pcapng; `editcap -F pcap FILE OTHER` makes a pcap of it."


class Part(NamedTuple):
    """What is to be saved of a capture."""

    packets: Container[int] | None = None
    """Their numbers; None for all."""
    keeps_secrets: bool = False
    """True to keep TLS keys that are in the capture."""
    comments: Mapping[int, tuple[str, ...]] = {}
    """By packet: what stands in the place of the comments that it has."""


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
    count = f"{extract.packets:,} packet{'' if extract.packets == 1 else 's'}"
    kind = "pcapng" if extract.is_pcapng else "pcap"
    keys = ", without the TLS keys that were in it" if extract.secrets else ""
    gone = f"The oldest {deleted:,} had been deleted to make room on the disk." if deleted else ""
    other = _NAMED_PCAP if extract.is_pcapng and name.endswith(".pcap") else ""
    return " ".join(filter(None, (f"Saved {count} as {path} ({kind}){keys}.", other, gone, extract.problem)))


async def _through(extract: Extract, data: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async for piece in data:
        yield extract.take(piece)
    extract.finish()


async def packets_of_connection(session: Session, connection: int) -> frozenset[int]:
    """All packets of a connection. Raises TsharkError."""
    return frozenset(each.number for each in await session.packets.of_connection(connection))


async def packets_of_call(session: Session, key: StreamKey) -> frozenset[int]:
    """The packets that carry a call, from which its frames can be read again. Raises TsharkError.

    Those in which its frames lie, and of the same sender those before, back to where a frame begins with a packet; with
    the connection's handshake and what each side said first.
    """
    segments, frames = await session.packets.of_connection(key.connection), session.store.frames
    ended: dict[int, int] = {}
    for frame in frames:
        if frame.connection == key.connection:
            ended[frame.packet] = ended.get(frame.packet, 0) + FRAME_HEADER + frame.length
    wanted = {frames[position].packet for position in session.store.calls[key].frames}
    found = set(_greeting(segments))
    for port in {each.port for each in segments}:
        sent = [each for each in segments if each.port == port and each.length]
        found |= needed(wanted, sent, ended)
    return frozenset(found | wanted)


def needed(wanted: Container[int], sent: Iterable[Segment], ended: Mapping[int, int]) -> set[int]:
    """Of what one side sent: the packets that are wanted, and those before back to where a frame begins with a packet.

    `ended` are, by packet, the bytes of the frames that end in it. Where bytes were lost, or sealed, no beginning is
    found, and all that came before is taken.
    """
    found: set[int] = set()
    waiting: list[int] = []
    behind = 0
    for each in sent:
        waiting.append(each.number)
        if each.number in wanted:
            found.update(waiting)
        behind += each.length - ended.get(each.number, 0)
        if behind in (0, PREFACE):
            waiting.clear()
    return found


def _greeting(segments: Sequence[Segment]) -> Iterator[int]:
    """The handshake, and the first bytes of each side."""
    heard: set[int] = set()
    for each in segments:
        if (each.length and each.port not in heard) or not heard:
            yield each.number
        if each.length:
            heard.add(each.port)


def packets_of_frames(session: Session, positions: Iterable[int]) -> frozenset[int]:
    """The packets in which frames end."""
    frames = session.store.frames
    return frozenset(frames[position].packet for position in positions)
