"""All packets of a capture, as Wireshark shows them: the list, display filters, protocol trees, TCP streams.

A session makes one `Packets` and attaches the recording to it. Nothing is started before a front end needs it: that
runs `read_list` and `read_matches` for as long as it shows them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from typing import Final, Protocol

from inspector.capture.spool import Recording, so_far
from inspector.errors import TsharkError
from inspector.model.dissection import Dissection
from inspector.tshark.binary import Decoding, Tshark, TsharkDied, find_tshark
from inspector.tshark.display_filter import DisplayFilterService, PacketMatches
from inspector.tshark.dissector import DiskRecording, Dissector
from inspector.tshark.packet_list import PacketList
from inspector.tshark.process import Bounds, RestartingReader, TsharkProcess
from inspector.tshark.tcp_stream import Segment, TcpFollow, TcpStream, read_segment, segment_arguments

_UNBOUND: Final = Bounds()
_SHARE_SECONDS: Final = 0.1


class MatchesWatcher(Protocol):
    """Receives the progress of a display filter."""

    def note_matches(self, numbers: Sequence[int]) -> None:
        """Add packets that match."""

    def forget_matches(self) -> None:
        """Remove all packets: the recording is read again."""

    def note_share(self, share: float) -> None:
        """Update how much of the recording has been read, from 0 to 1."""


class Packets:
    """The packets of one session's recording."""

    def __init__(
        self, decoding: Callable[[], Decoding], on_notice: Callable[[str], None], bounds: Bounds = _UNBOUND
    ) -> None:
        self._bounds = bounds
        self.list = PacketList()
        self.revision = 0
        """Increases each time that all packets are decoded again."""
        self._decoding = decoding
        self._on_notice = on_notice
        self._dissector: Dissector | None = None
        self._grammar: DisplayFilterService | None = None
        self._ground: asyncio.Future[tuple[Tshark, DiskRecording]] | None = None
        self._attached: tuple[Tshark, DiskRecording] | None = None
        self._readings: set[RestartingReader] = set()

    @classmethod
    def none(cls) -> Packets:
        """Return the packets of a recording that is never attached."""
        return cls(Decoding, lambda _notice: None)

    def attach(self, tshark: Tshark, recording: DiskRecording) -> None:
        """Set the recording, and the tshark that reads it."""
        self._attached = (tshark, recording)
        if self._ground is not None and not self._ground.done():
            self._ground.set_result(self._attached)

    async def ground(self) -> tuple[Tshark, DiskRecording]:
        """Return what was attached; wait until it is."""
        if self._attached is not None:
            return self._attached
        if self._ground is None:
            self._ground = asyncio.get_running_loop().create_future()
        return await asyncio.shield(self._ground)

    async def _whole(self) -> tuple[Tshark, DiskRecording]:
        """Return what was attached, for reading it from its first packet.

        Raises:
            SourceError: the file has changed.
            TsharkError: the oldest packets were deleted.
        """
        tshark, recording = await self.ground()
        recording.check()
        if recording.first[0]:
            raise TsharkError(
                f"The oldest {recording.first[0]:,} packets were deleted to make room on the disk, and without them "
                "the others cannot be numbered.",
                "Save the rest, and open that file.",
            )
        return tshark, recording

    def decode_anew(self) -> None:
        """Read everything again, as ports are decoded differently."""
        self.revision += 1
        for reading in self._readings:
            reading.restart()

    async def read_list(self, on_lines: Callable[[], None]) -> None:
        """Fill the list up to the end of the recording. Raises TsharkError, SpoolError."""

        def take(lines: list[bytes]) -> None:
            self.list.take(lines)
            on_lines()

        tshark, recording = await self._whole()
        reading = RestartingReader(tshark, recording, lambda: tshark.list_arguments(self._decoding()), self._bounds)
        await self._read(reading, take, self.list.clear)

    async def read_matches(self, filter_: str, matches: PacketMatches, watcher: MatchesWatcher) -> None:
        """Find the packets that match a display filter, up to the end of the recording. Raises TsharkError."""

        def take(lines: list[bytes]) -> None:
            if added := matches.take(lines):
                watcher.note_matches(added)

        def clear() -> None:
            matches.clear()
            watcher.forget_matches()

        tshark, recording = await self._whole()
        reading = RestartingReader(
            tshark, recording, lambda: tshark.list_arguments(self._decoding(), filter_), self._bounds
        )
        reporting = asyncio.create_task(_report_share(reading, recording, watcher.note_share))
        try:
            await self._read(reading, take, clear)
            watcher.note_share(1.0)
        finally:
            reporting.cancel()
            await asyncio.wait({reporting})

    async def follow_tcp(self, stream: int) -> TcpStream:
        """Return what both ends of a TCP connection sent, as captured so far. Raises TsharkError."""
        follow = TcpFollow(stream)
        tshark, _ = await self.ground()
        arguments = tshark.query_arguments(self._decoding(), "-q", "-z", f"follow,tcp,yaml,{stream}")
        await self._look(arguments, follow.take, f"follow TCP stream {stream}")
        return follow.stream

    async def of_connections(
        self, connections: Collection[int], on_segment: Callable[[Segment], object], last: int | None = None
    ) -> None:
        """Pass on the packets of some connections in order, up to the packet `last` if given. Raises TsharkError."""

        def take(lines: list[bytes]) -> None:
            for segment in map(read_segment, lines):
                if segment.connection in connections:
                    on_segment(segment)

        tshark, _ = await self.ground()
        which = f"connection {min(connections)}" if len(connections) == 1 else f"{len(connections):,} connections"
        await self._look(segment_arguments(tshark, connections, last), take, f"list the packets of {which}")

    async def dissect(self, number: int) -> Dissection:
        """Return all layers of a packet. Raises TsharkError."""
        tshark, recording = await self._whole()
        if self._dissector is None:
            self._dissector = Dissector(tshark, recording, self._decoding, self._on_notice, self._bounds.memory)
        return await self._dissector.dissect(number)

    @property
    def is_loading(self) -> bool:
        """True while sharkd reads the whole recording, before the first packet can be dissected."""
        return self._dissector is not None and self._dissector.is_loading

    @property
    def grammar(self) -> DisplayFilterService:
        """The service that checks and completes display filters. Raises TsharkError if there is no tshark."""
        if self._grammar is None:
            self._grammar = DisplayFilterService(find_tshark() if self._attached is None else self._attached[0])
        return self._grammar

    async def close(self) -> None:
        """Clear the list, and end what was started here; the front end ends what it runs itself."""
        self.list.close()
        dissector, self._dissector = self._dissector, None
        grammar, self._grammar = self._grammar, None
        if dissector is not None:
            await dissector.close()
        if grammar is not None:
            await grammar.close()

    async def _look(self, arguments: Sequence[str], take: Callable[[list[bytes]], object], what: str) -> None:
        """Run tshark once over what was recorded so far."""
        tshark, recording = await self._whole()
        try:
            await TsharkProcess(tshark, arguments, max_memory=self._bounds.memory).read(so_far(recording), take)
        except TsharkDied as death:
            if death.signal is not None:
                raise TsharkError(
                    f"tshark was killed before it could {what}.", "Try again: another one is started."
                ) from death
            raise TsharkError(f"tshark cannot {what}: {death.stderr}.") from death

    async def _read(
        self, reading: RestartingReader, take: Callable[[list[bytes]], None], clear: Callable[[], None]
    ) -> None:
        self._readings.add(reading)
        try:
            await reading.run(take, clear)
        finally:
            self._readings.discard(reading)


async def _report_share(reading: RestartingReader, recording: Recording, on_share: Callable[[float], None]) -> None:
    while True:
        on_share(reading.fed / max(recording.size, 1))
        await asyncio.sleep(_SHARE_SECONDS)
