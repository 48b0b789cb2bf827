"""How the bytes of a source reach the disk: from an engine, copied from a stream, or in a file that exists already.

An intake fills its recording. The decoder reads the recording and does not depend on how it is filled.
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

_POLL_SECONDS: Final = 1.0


class Intake(Protocol):
    """A source that fills a recording."""

    @property
    def recording(self) -> Spool | ObservedFile:
        """The capture on disk."""

    async def start(self) -> None:
        """Start or resume filling the recording, and return once that is under way. Raises InspectorError."""

    async def pause(self) -> None:
        """Stop filling the recording until `start` is called again."""

    async def finish(self) -> None:
        """End the recording after what has arrived. Raises an unexpected exception of the intake's own task."""

    async def close(self) -> None:
        """End everything that was started and give up the recording; harmless when repeated."""


async def open_intake(
    source: Source, publisher: StatusPublisher, on_bytes: OnBytes, *, keeps_all: bool = False
) -> Intake:
    """Open the intake of a source without starting it.

    With `keeps_all`, no packet of a spool is deleted to make room on the disk.

    Raises:
        SourceError, SpoolError, UsageError: the source cannot be opened, or cannot be copied.
    """
    if isinstance(source, LiveSource):
        remove_old_orphans()
        return LiveIntake(source, publisher, on_bytes, Spool.create(keeps_all=keeps_all))
    opened: CaptureFile | JoinedFiles | CaptureStream
    if isinstance(source, FileSource) and source.left is not None:
        opened = open_joined(source.left.paths)
    elif isinstance(source, FileSource):
        opened = open_capture(str(source.path))
    else:
        opened = open_standard_input(source.descriptor)
    if isinstance(opened, CaptureStream):
        return StreamIntake(opened, publisher, on_bytes, Spool.create(keeps_all=keeps_all))
    return FileIntake(ObservedFile(opened, on_bytes), publisher)


class FileIntake:
    """A plain file, which is read where it is: nothing has to be copied, paused or ended."""

    def __init__(self, recording: ObservedFile, publisher: StatusPublisher) -> None:
        self.recording = recording
        self._publisher = publisher

    async def start(self) -> None:
        """Report the size of the file."""
        self._publisher.update(phase=Phase.READING, captured=self.recording.size, is_whole=True)

    async def pause(self) -> None:
        """Do nothing: the decoder is paused instead."""

    async def finish(self) -> None:
        """Do nothing: a file has an end."""

    async def close(self) -> None:
        """Close the file."""
        self.recording.discard()


class StreamIntake:
    """A capture from a pipe, or a gzipped one: copied to a spool."""

    def __init__(self, stream: CaptureStream, publisher: StatusPublisher, on_bytes: OnBytes, spool: Spool) -> None:
        self.recording = spool
        self._stream = stream
        self._publisher = publisher
        self._on_bytes = on_bytes
        self._copying: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start copying."""
        self._publisher.update(phase=Phase.READING)
        self._copying = asyncio.create_task(self._copy())

    async def pause(self) -> None:
        """Do nothing: the writer of the stream cannot be paused."""

    async def finish(self) -> None:
        """Stop reading the stream, as if it had ended."""
        await self._stream.stop()
        await _wait_for(self._copying)

    async def close(self) -> None:
        """Stop reading, and delete the copy."""
        await self._stream.stop()
        if self._copying is not None:
            self._copying.cancel()
        try:
            await _wait_for(self._copying)
        finally:
            _delete(self.recording, self._publisher)

    async def _copy(self) -> None:
        try:
            async for data in self._stream.chunks():
                self._on_bytes(self.recording.append(data))
                self._publisher.update(captured=self.recording.size)
            self._report_end()
        except InspectorError as error:
            self._publisher.update(error=error)
        finally:
            self.recording.finish()
            self._publisher.update(is_whole=True)

    def _report_end(self) -> None:
        if self._stream.is_stopped:  # by us, so an incomplete packet does not make it a truncated capture
            self.recording.drop_rest()
        self._on_bytes(self.recording.finish())
        if self._stream.problem:
            self._publisher.notify(self._stream.problem)
            is_cut_off = self._stream.is_cut_off
            self._publisher.update(completeness=Completeness.CUT_OFF if is_cut_off else Completeness.DAMAGED)
        elif not self._stream.shows_its_end:
            self._publisher.update(completeness=Completeness.UNKNOWN)


class LiveIntake:
    """An engine that captures into a spool."""

    def __init__(self, source: LiveSource, publisher: StatusPublisher, on_bytes: OnBytes, spool: Spool) -> None:
        self.recording = spool
        self._publisher = publisher
        self._recorder = Recorder(source, self.recording, self._receive, publisher.notify)
        self._on_bytes = on_bytes
        self._recording_task: asyncio.Task[None] | None = None

    @property
    def own_client_ports(self) -> frozenset[int]:
        """The client ports under which a tap records the connections of this process."""
        return self._recorder.engine.own_client_ports if self._recorder.engine else frozenset()

    async def start(self) -> None:
        """Start the engine, and return when it captures."""
        await _wait_for(self._recording_task)
        self._publisher.update(phase=Phase.STARTING, error=None)
        try:
            await self._recorder.start()
        except InspectorError:
            self._publisher.update(phase=Phase.STOPPED)
            raise
        self._report_engine()
        if self._recorder.service is not None and self._recorder.service.note:
            self._publisher.notify(self._recorder.service.note)
        self._publisher.update(phase=Phase.LIVE)
        self._recording_task = asyncio.create_task(self._record())

    async def pause(self) -> None:
        """Stop the engine; a tap continues to relay."""
        self._publisher.update(phase=Phase.STOPPED)
        await self._recorder.pause()

    async def finish(self) -> None:
        """Stop the engine for good."""
        await self._recorder.pause()
        await _wait_for(self._recording_task)
        self._on_bytes(self.recording.finish())

    async def close(self) -> None:
        """End the engine, and the service if it was started for this capture; delete the spool."""
        await self._recorder.stop()
        if self._recording_task is not None:
            self._recording_task.cancel()
        try:
            await _wait_for(self._recording_task)
        finally:
            _delete(self.recording, self._publisher)

    async def _record(self) -> None:
        polling, is_expected = asyncio.create_task(self._poll_engine()), False
        try:
            await self._recorder.record()
            is_expected = True
        except InspectorError as error:
            self._publisher.update(phase=Phase.STOPPED, error=error)
            is_expected = True
        finally:
            polling.cancel()
            if not is_expected:  # end the decoding, so that `finish` raises the exception instead of awaiting bytes
                self.recording.finish()

    async def _poll_engine(self) -> None:
        """Report drops, and services that do not answer, also while no bytes are captured."""
        while True:
            await asyncio.sleep(_POLL_SECONDS)
            self._report_engine()

    def _receive(self, data: bytes) -> None:
        self._on_bytes(data)
        self._publisher.update(captured=self.recording.size, recorded=self.recording.packets)
        self._report_engine()

    def _report_engine(self) -> None:
        engine, service = self._recorder.engine, self._recorder.service
        if engine is None:
            return
        started = f"started on port {service.port}" if service and service.started else ""
        self._publisher.update(
            engine=engine.name,
            interface=engine.interface,
            reason=engine.reason,
            target=engine.target,
            dropped=engine.dropped,
            warning=engine.notice,
            service=(service.note or started) if service else "",
        )


async def _wait_for(task: asyncio.Task[None] | None) -> None:
    """Wait for a task, and raise its exception; a cancelled task has none."""
    if task is None:
        return
    await asyncio.wait({task})
    if not task.cancelled():
        task.result()


def _delete(spool: Spool, publisher: StatusPublisher) -> None:
    """Delete a spool, except after a full disk: the error that reports it names the file."""
    if isinstance(publisher.status.error, SpoolError):
        spool.keep()
    else:
        spool.discard()
