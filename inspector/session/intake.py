"""How a capture comes in: from an engine, as a stream, or as a file that lies there already.

Owns what fills the recording, up to its end. The decoder behind it reads the recording and knows none of this.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, Protocol, TypeAlias

from inspector.capture.capture_file import (
    CaptureFile,
    CaptureStream,
    JoinedFiles,
    ObservedFile,
    open_capture,
    open_joined,
    open_standard_input,
)
from inspector.capture.left_captures import remove_old_orphans
from inspector.capture.source import FileSource, LiveSource, Source
from inspector.capture.spool import Spool
from inspector.errors import InspectorError, SpoolError
from inspector.session.recorder import Recorder
from inspector.session.status import Completeness, Phase, StatusPublisher

OnBytes: TypeAlias = Callable[[bytes], None]

_WATCH_SECONDS: Final = 1.0


class Intake(Protocol):
    """A source at work."""

    @property
    def recording(self) -> Spool | ObservedFile:
        """Where the capture is, or is going."""

    async def start(self) -> None:
        """Begin, or go on, to fill the recording; returns when that is under way. Raises InspectorError."""

    async def pause(self) -> None:
        """Take no more in until it is started again."""

    async def finish(self) -> None:
        """End the recording behind what has come. Raises what its task did not expect."""

    async def close(self) -> None:
        """End everything that was started, and give the recording up; harmless when done twice."""


async def open_intake(source: Source, board: StatusPublisher, on_bytes: OnBytes, *, keeps_all: bool = False) -> Intake:
    """The intake for a source, not started yet; with `keeps_all`, no packet is deleted while the disk takes more.

    Raises:
        SourceError, SpoolError, UsageError: it cannot be opened, or not be copied.
    """
    if isinstance(source, LiveSource):
        remove_old_orphans()
        return LiveIntake(source, board, on_bytes, Spool.create(keeps_all=keeps_all))
    opened: CaptureFile | JoinedFiles | CaptureStream
    if isinstance(source, FileSource) and source.left is not None:
        opened = open_joined(source.left.paths)
    elif isinstance(source, FileSource):
        opened = open_capture(str(source.path))
    else:
        opened = open_standard_input(source.descriptor)
    if isinstance(opened, CaptureStream):
        return StreamIntake(opened, board, on_bytes, Spool.create(keeps_all=keeps_all))
    return FileIntake(ObservedFile(opened, on_bytes), board)


class FileIntake:
    """A plain file, read in its own place."""

    def __init__(self, recording: ObservedFile, board: StatusPublisher) -> None:
        self.recording = recording
        self._board = board

    async def start(self) -> None:
        """Nothing has to be done for it but to say how much there is."""
        self._board.tell(phase=Phase.READING, captured=self.recording.size, is_whole=True)

    async def pause(self) -> None:
        """A file has no pause."""

    async def finish(self) -> None:
        """It has its end."""

    async def close(self) -> None:
        """Close the file."""
        self.recording.discard()


class StreamIntake:
    """A capture that comes through a pipe, or gzipped: copied to a spool as it comes."""

    def __init__(self, stream: CaptureStream, board: StatusPublisher, on_bytes: OnBytes, spool: Spool) -> None:
        self.recording = spool
        self._stream = stream
        self._board = board
        self._on_bytes = on_bytes
        self._copying: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to copy."""
        self._board.tell(phase=Phase.READING)
        self._copying = asyncio.create_task(self._copy())

    async def pause(self) -> None:
        """A stream that somebody else writes has no pause."""

    async def finish(self) -> None:
        """Take what has come for all of it."""
        await self._stream.stop()
        await _ended(self._copying)

    async def close(self) -> None:
        """Read no further, and delete the copy."""
        await self._stream.stop()
        if self._copying is not None:
            self._copying.cancel()
        try:
            await _ended(self._copying)
        finally:
            _give_up(self.recording, self._board)

    async def _copy(self) -> None:
        try:
            async for data in self._stream.chunks():
                self._on_bytes(self.recording.append(data))
                self._board.tell(captured=self.recording.size)
            self._end()
        except InspectorError as error:
            self._board.tell(error=error)
        finally:
            self.recording.finish()
            self._board.tell(is_whole=True)

    def _end(self) -> None:
        if self._stream.is_stopped:  # by us: what is missing of a packet, nobody has cut off
            self.recording.drop_rest()
        self._on_bytes(self.recording.finish())
        if self._stream.problem:
            self._board.notify(self._stream.problem)
            is_cut = self._stream.is_cut_off
            self._board.tell(completeness=Completeness.CUT_OFF if is_cut else Completeness.DAMAGED)
        elif not self._stream.shows_its_end:
            self._board.tell(completeness=Completeness.UNKNOWN)


class LiveIntake:
    """An engine that captures into a spool."""

    def __init__(self, source: LiveSource, board: StatusPublisher, on_bytes: OnBytes, spool: Spool) -> None:
        self.recording = spool
        self._board = board
        self._recorder = Recorder(source, self.recording, self._tell_bytes, board.notify)
        self._on_bytes = on_bytes
        self._working: asyncio.Task[None] | None = None

    @property
    def own_client_ports(self) -> frozenset[int]:
        """As of an engine."""
        return self._recorder.engine.own_client_ports if self._recorder.engine else frozenset()

    async def start(self) -> None:
        """Start the engine; returns when it listens."""
        await _ended(self._working)
        self._board.tell(phase=Phase.STARTING, error=None)
        try:
            await self._recorder.start()
        except InspectorError:
            self._board.tell(phase=Phase.STOPPED)
            raise
        self._tell_engine()
        if self._recorder.service is not None and self._recorder.service.note:
            self._board.notify(self._recorder.service.note)
        self._board.tell(phase=Phase.LIVE)
        self._working = asyncio.create_task(self._record())

    async def pause(self) -> None:
        """Stop the engine; a tap goes on relaying."""
        self._board.tell(phase=Phase.STOPPED)
        await self._recorder.pause()

    async def finish(self) -> None:
        """Stop the engine for good."""
        await self._recorder.pause()
        await _ended(self._working)
        self._on_bytes(self.recording.finish())

    async def close(self) -> None:
        """End the engine, and the service if it was started for this; delete the spool."""
        await self._recorder.stop()
        if self._working is not None:
            self._working.cancel()
        try:
            await _ended(self._working)
        finally:
            _give_up(self.recording, self._board)

    async def _record(self) -> None:
        watching, is_known = asyncio.create_task(self._watch()), False
        try:
            await self._recorder.record()
            is_known = True
        except InspectorError as error:
            self._board.tell(phase=Phase.STOPPED, error=error)
            is_known = True
        finally:
            watching.cancel()
            if not is_known:  # ends the decoding, so that `finish` raises the exception instead of waiting for bytes
                self.recording.finish()

    async def _watch(self) -> None:
        """Engines lose packets, and services fall silent, without a byte being captured."""
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            self._tell_engine()

    def _tell_bytes(self, data: bytes) -> None:
        self._on_bytes(data)
        self._board.tell(captured=self.recording.size, recorded=self.recording.packets)
        self._tell_engine()

    def _tell_engine(self) -> None:
        engine, service = self._recorder.engine, self._recorder.service
        if engine is None:
            return
        started = f"started on port {service.port}" if service and service.started else ""
        self._board.tell(
            engine=engine.name,
            interface=engine.interface,
            reason=engine.reason,
            target=engine.target,
            dropped=engine.dropped,
            amiss=engine.notice,
            service=(service.note or started) if service else "",
        )


async def _ended(task: asyncio.Task[None] | None) -> None:
    """Wait for a task. An exception that it did not expect is raised here; a cancelled task is no error."""
    if task is None:
        return
    await asyncio.wait({task})
    if not task.cancelled():
        task.result()


def _give_up(spool: Spool, board: StatusPublisher) -> None:
    """Delete a spool; one that ended because the disk was full is kept, as the error says where it is."""
    if isinstance(board.status.error, SpoolError):
        spool.keep()
    else:
        spool.discard()
