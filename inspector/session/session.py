"""Wires source, spool, tshark, protocol and store together, and tells how that is going.

Owns the life of one capture: starting, stopping, saving, and its end. What dies on the way is started again by
`recorder` and `decoder`. Refuses to draw or print: both front ends make a session, read its `store`, and are told of
every change on the event loop that runs it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from inspector.capture.capture_file import STANDARD_INPUT, CaptureFile, CaptureStream, open_capture
from inspector.capture.orphans import remove_old_orphans
from inspector.capture.ports import PortFinder
from inspector.capture.spool import Spool
from inspector.capture.tshark import Decoding, Tshark, find_tshark
from inspector.errors import InspectorError, SpoolError
from inspector.session.decoder import Decoder
from inspector.session.recorder import Recorder
from inspector.session.remarks import nothing_seen, unreadable
from inspector.session.source import FileSource, LiveSource, Source
from inspector.session.status import Phase, SessionStatus
from inspector.session.together import together
from inspector.store.change import Change
from inspector.store.store import Store

_WATCH_SECONDS: Final = 1.0


class Session:
    """One capture, from its source to the store. Make it, set the two callbacks, `run` it once, and `close` it."""

    def __init__(self, source: Source, decoding: Decoding | None = None) -> None:
        decoding = decoding or Decoding()
        if isinstance(source, LiveSource):
            decoding = replace(decoding, ports=decoding.ports | {source.target.port})
        self.source = source
        self.store = Store()
        self.status = SessionStatus(str(source))
        self.on_change: Callable[[Change], None] = lambda _change: None
        self.on_status: Callable[[SessionStatus], None] = lambda _status: None
        self._decoder = Decoder(self.store, decoding, self._changed, self._notify)
        self._finder = PortFinder()
        self._recording: Spool | CaptureFile | None = None
        self._recorder: Recorder | None = None
        self._stream: CaptureStream | None = None
        self._appending: asyncio.Task[None] | None = None
        self._is_listening = asyncio.Event()

    async def run(self) -> None:
        """Capture and decode until the source has ended and all of it is in the store.

        Raises:
            InspectorError: also told as `status.error`; what came until then is in the store.
        """
        try:
            tshark = find_tshark()
            recording = await self._open()
            await together(self._learn_version(tshark), self._start(), self._decode(tshark, recording))
            self._tell(phase=Phase.ENDED)
        except InspectorError as error:
            self._tell(phase=Phase.FAILED, error=error)
            raise
        finally:
            self._is_listening.set()

    async def wait_live(self) -> None:
        """Wait until the engine listens, or the session has failed; `status` tells which."""
        await self._is_listening.wait()

    async def stop_capture(self) -> None:
        """Stop capturing; what was captured stays, and `start_capture` goes on behind it."""
        if self._recorder is not None and self.status.phase is Phase.LIVE:
            self._tell(phase=Phase.STOPPED)
            await self._recorder.pause()

    async def start_capture(self) -> None:
        """Capture again, behind what there is.

        Raises:
            InspectorError: the engine does not start.
        """
        if self._recorder is not None and self.status.phase is Phase.STOPPED:
            if self._appending is not None:
                await asyncio.wait({self._appending})
            await self._start()

    async def finish(self) -> None:
        """End the source; `run` returns when all that came of it is decoded."""
        if self._recorder is not None:
            await self._recorder.pause()
        if self._stream is not None:
            await self._stream.stop()
        if self._appending is not None:
            await asyncio.wait({self._appending})
        if isinstance(self._recording, Spool):
            self._recording.finish()

    async def save(self, path: Path, *, overwrite: bool = False) -> None:
        """Copy the capture, as far as it has come, to `path`.

        Raises:
            SourceError: it cannot be written there, or is there already and `overwrite` is false.
        """
        if self._recording is not None:
            await self._recording.save(path, overwrite=overwrite)

    async def close(self) -> None:
        """End everything that was started; harmless when done twice.

        The spool is deleted, unless the capture ended because the disk was full: that error says where it is.
        """
        if self._recorder is not None:
            await self._recorder.stop()
        if self._stream is not None:
            await self._stream.stop()
        if self._appending is not None:
            self._appending.cancel()
            await asyncio.wait({self._appending})
        if isinstance(self._recording, Spool) and isinstance(self.status.error, SpoolError):
            self._recording.keep()
        elif self._recording is not None:
            self._recording.discard()

    async def _open(self) -> Spool | CaptureFile:
        if isinstance(self.source, LiveSource):
            remove_old_orphans()
            spool = self._recording = Spool.create()
            self._recorder = Recorder(self.source, spool, self._captured, self._notify)
            return spool
        opened = open_capture(str(self.source.path) if isinstance(self.source, FileSource) else STANDARD_INPUT)
        if isinstance(opened, CaptureFile):
            self._recording = opened
            async for data in opened.read_from(0):  # which ports to decode must be known before tshark starts
                self._captured(data)
            return opened
        self._stream = opened
        self._recording = Spool.create()
        return self._recording

    async def _start(self) -> None:
        """Begin, or go on, to fill the spool; returns when that is under way."""
        if self._recorder is not None:
            self._tell(phase=Phase.STARTING, error=None)
            try:
                await self._recorder.start()
            except InspectorError:
                self._tell(phase=Phase.STOPPED)
                raise
            self._tell_recorder(self._recorder)
            self._tell(phase=Phase.LIVE)
            self._appending = asyncio.create_task(self._record(self._recorder))
        else:
            self._tell(phase=Phase.READING)
            if self._stream is not None and isinstance(self._recording, Spool):
                self._appending = asyncio.create_task(self._copy(self._stream, self._recording))
        self._is_listening.set()

    async def _record(self, recorder: Recorder) -> None:
        watching = asyncio.create_task(self._watch(recorder))
        try:
            await recorder.record()
        except InspectorError as error:
            self._tell(phase=Phase.STOPPED, error=error)
        finally:
            watching.cancel()

    async def _watch(self, recorder: Recorder) -> None:
        """Engines lose packets, and services fall silent, without a byte being captured."""
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            self._tell_recorder(recorder)

    async def _copy(self, stream: CaptureStream, spool: Spool) -> None:
        try:
            async for data in stream.chunks():
                spool.append(data)
                self._captured(data)
            if stream.problem:
                self._notify(stream.problem)
        except InspectorError as error:
            self._tell(error=error)
        finally:
            spool.finish()

    async def _learn_version(self, tshark: Tshark) -> None:
        self._tell(tshark=await tshark.version())

    async def _decode(self, tshark: Tshark, recording: Spool | CaptureFile) -> None:
        note = await self._decoder.run(tshark, recording)
        if note := note or nothing_seen(self.store, self._decoder.decoding, is_live=self._recorder is not None):
            self._notify(note)
        if self.status.error is not None and self._recorder is None:
            raise self.status.error

    def _captured(self, data: bytes) -> None:
        for opening in self._finder.feed(data):
            if self._decoder.learn(opening) and (note := unreadable(self._decoder.decoding)):
                self._notify(note)
        if self._recorder is not None:
            self._tell_recorder(self._recorder)
        self._tell(captured=self.status.captured + len(data))

    def _changed(self, change: Change) -> None:
        self._tell(decoded=self._decoder.decoded)
        self.on_change(change)

    def _notify(self, notice: str) -> None:
        self._tell(notice=notice)

    def _tell_recorder(self, recorder: Recorder) -> None:
        engine, service = recorder.engine, recorder.service
        if engine is None:
            return
        started = f"started on port {service.port}" if service and service.started else ""
        self._tell(
            engine=engine.name,
            interface=engine.interface,
            reason=engine.reason,
            target=engine.target,
            dropped=engine.dropped,
            amiss=engine.notice,
            service=(service.note or started) if service else "",
        )

    def _tell(self, **news: Any) -> None:
        status = replace(self.status, **news)
        if status != self.status:
            self.status = status
            self.on_status(status)
