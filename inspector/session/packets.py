"""All packets of a capture, as a person who knows Wireshark looks at them: the list, filters, trees, TCP streams.

Owns what is started for that, and when: nothing before somebody looks. A session makes one and tells it where the
recording is; a front end runs `read_list` and `read_matches` as long as it wants them, and asks for the rest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from typing import Final, Protocol

from inspector.capture.spool import Recording, so_far
from inspector.errors import TsharkError
from inspector.model.packet import Dissection
from inspector.tshark.binary import Decoding, Tshark, TsharkDied, find_tshark
from inspector.tshark.display_filter import DisplayFilterService, PacketMatches
from inspector.tshark.dissector import DiskRecording, Dissector
from inspector.tshark.lines import TsharkLines
from inspector.tshark.packet_list import PacketList
from inspector.tshark.restarting_reader import Bounds, RestartingReader
from inspector.tshark.tcp_stream import Segment, TcpFollow, TcpStream, read_segment, segment_arguments

_UNBOUND: Final = Bounds()


class MatchesWatcher(Protocol):
    """Who is told how a display filter gets on."""

    def note_matches(self, numbers: Sequence[int]) -> None:
        """It lets these packets through too."""

    def forget_matches(self) -> None:
        """It begins anew."""

    def note_share(self, share: float) -> None:
        """So much of the recording has been read, from 0 to 1."""


class Packets:
    """The packets of one session's recording."""

    def __init__(
        self, decoding: Callable[[], Decoding], on_notice: Callable[[str], None], bounds: Bounds = _UNBOUND
    ) -> None:
        self._bounds = bounds
        self.list = PacketList()
        self.revision = 0
        """Another one each time that all packets are decoded anew."""
        self._decoding = decoding
        self._on_notice = on_notice
        self._dissector: Dissector | None = None
        self._grammar: DisplayFilterService | None = None
        self._ground: asyncio.Future[tuple[Tshark, DiskRecording]] | None = None
        self._attached: tuple[Tshark, DiskRecording] | None = None
        self._readings: set[RestartingReader] = set()

    @classmethod
    def none(cls) -> Packets:
        """The packets of a recording that never comes."""
        return cls(Decoding, lambda _notice: None)

    def attach(self, tshark: Tshark, recording: DiskRecording) -> None:
        """The recording is there."""
        self._attached = (tshark, recording)
        if self._ground is not None and not self._ground.done():
            self._ground.set_result(self._attached)

    async def ground(self) -> tuple[Tshark, DiskRecording]:
        """What reads, and what is read; waits until there is a recording."""
        if self._attached is not None:
            return self._attached
        if self._ground is None:
            self._ground = asyncio.get_running_loop().create_future()
        return await asyncio.shield(self._ground)

    async def _whole(self) -> tuple[Tshark, DiskRecording]:
        """The same, where the recording is what it was, and has its beginning. Raises SourceError, TsharkError."""
        tshark, recording = await self.ground()
        recording.check()
        if recording.first[0]:
            raise TsharkError(
                f"The oldest {recording.first[0]:,} packets were deleted to make room on the disk, and without them "
                "the others cannot be counted.",
                "Save what is kept, and open that.",
            )
        return tshark, recording

    def decode_anew(self) -> None:
        """Ports are decoded otherwise than before: begin again."""
        self.revision += 1
        for reading in self._readings:
            reading.restart()

    async def read_list(self, on_lines: Callable[[], None]) -> None:
        """Fill the list, to the recording's end; returns then. Raises TsharkError, SpoolError."""

        def take(lines: list[bytes]) -> None:
            self.list.take(lines)
            on_lines()

        tshark, recording = await self._whole()
        reading = RestartingReader(tshark, recording, lambda: tshark.list_arguments(self._decoding()), self._bounds)
        await self._read(reading, take, self.list.clear)

    async def read_matches(self, filter_: str, matches: PacketMatches, watcher: MatchesWatcher) -> None:
        """Fill in the packets that a display filter lets through, to the recording's end. Raises TsharkError."""

        def take(lines: list[bytes]) -> None:
            if news := matches.take(lines):
                watcher.note_matches(news)

        def clear() -> None:
            matches.clear()
            watcher.forget_matches()

        tshark, recording = await self._whole()
        reading = RestartingReader(
            tshark, recording, lambda: tshark.list_arguments(self._decoding(), filter_), self._bounds
        )
        telling = asyncio.create_task(_tell_share(reading, recording, watcher.note_share))
        try:
            await self._read(reading, take, clear)
            watcher.note_share(1.0)
        finally:
            telling.cancel()
            await asyncio.wait({telling})

    async def follow_tcp(self, stream: int) -> TcpStream:
        """What both ends of a TCP connection sent, as far as it was captured. Raises TsharkError."""
        follow = TcpFollow(stream)
        tshark, _ = await self.ground()
        arguments = tshark.look_arguments(self._decoding(), "-q", "-z", f"follow,tcp,yaml,{stream}")
        await self._look(arguments, follow.take, f"follow TCP stream {stream}")
        return follow.stream

    async def of_connections(
        self, connections: Collection[int], on_segment: Callable[[Segment], object], last: int | None = None
    ) -> None:
        """Give the packets of these connections so far, or up to one, in their order. Raises TsharkError."""

        def take(lines: list[bytes]) -> None:
            for segment in map(read_segment, lines):
                if segment.connection in connections:
                    on_segment(segment)

        tshark, _ = await self.ground()
        which = f"connection {min(connections)}" if len(connections) == 1 else f"{len(connections):,} connections"
        await self._look(segment_arguments(tshark, connections, last), take, f"tell the packets of {which}")

    async def dissect(self, number: int) -> Dissection:
        """A packet, all its layers. Raises TsharkError."""
        tshark, recording = await self._whole()
        if self._dissector is None:
            self._dissector = Dissector(tshark, recording, self._decoding, self._on_notice, self._bounds.memory)
        return await self._dissector.dissect(number)

    @property
    def is_loading(self) -> bool:
        """True while the whole recording is read, for the first packet that is taken apart."""
        return self._dissector is not None and self._dissector.is_loading

    @property
    def grammar(self) -> DisplayFilterService:
        """Who knows about display filters. Raises TsharkError where there is no tshark."""
        if self._grammar is None:
            self._grammar = DisplayFilterService(find_tshark() if self._attached is None else self._attached[0])
        return self._grammar

    async def close(self) -> None:
        """Give the list up, and end what was started; the front end has ended what it runs."""
        self.list.close()
        dissector, self._dissector = self._dissector, None
        grammar, self._grammar = self._grammar, None
        if dissector is not None:
            await dissector.close()
        if grammar is not None:
            await grammar.close()

    async def _look(self, arguments: Sequence[str], take: Callable[[list[bytes]], object], what: str) -> None:
        """Have tshark read the recording as far as it has come, once."""
        tshark, recording = await self._whole()
        try:
            await TsharkLines(tshark, arguments, self._bounds.memory).read(so_far(recording), take)
        except TsharkDied as death:
            if death.signal is not None:
                raise TsharkError(
                    f"tshark was ended while it was to {what}.", "Look again: another is started."
                ) from death
            raise TsharkError(f"tshark cannot {what}: {death.said}.") from death
        except OSError as error:
            raise tshark.cannot_run(error) from error

    async def _read(
        self, reading: RestartingReader, take: Callable[[list[bytes]], None], clear: Callable[[], None]
    ) -> None:
        self._readings.add(reading)
        try:
            await reading.run(take, clear)
        finally:
            self._readings.discard(reading)


async def _tell_share(reading: RestartingReader, recording: Recording, on_share: Callable[[float], None]) -> None:
    while True:
        on_share(reading.fed / max(recording.size, 1))
        await asyncio.sleep(0.1)
