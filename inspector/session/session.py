"""One capture, from its source to the store.

`Session` starts, watches, stops and saves a capture. `intake` brings its bytes to disk, the decoder reads them into the
store. The app and the headless commands each run a session, read its `store`, and are called back on its event loop.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from inspector.capture.source import FileSource, LiveSource, Source, StdinSource, own_ports
from inspector.errors import InspectorError, shortage
from inspector.pcap.reader import Comments
from inspector.scheduling import run_concurrently, wait_until_done
from inspector.session.discovery import DiscoveryState, FailureNotices, PortDiscovery, notice_of_empty_capture
from inspector.session.intake import Intake, LiveIntake, open_intake
from inspector.session.memory import CollectorTuning, Memory, Retention, usual_memory
from inspector.session.packets import Packets
from inspector.session.status import BacklogMeter, Completeness, Phase, SessionStatus, StatusPublisher
from inspector.store.store import Change, Store
from inspector.tshark.binary import CUT_SHORT, Decoding, Tshark, find_tshark
from inspector.tshark.decoder import Decoder
from inspector.tshark.process import Bounds
from inspector.tshark.rotation import TsharkRotation

_HOLD_SECONDS: Final = {FileSource: math.inf, StdinSource: 2.0}
"""How long packets behind a gap are held back, in case they are only out of order; 0 for live sources."""
_BACKLOG_SECONDS: Final = 0.5
"""The interval at which the backlog of decoding is measured."""
_NAMES: Final = {LiveSource: "The capture", StdinSource: "Standard input"}
"""How a sentence about the capture begins; a file is called by its name."""


@dataclass(slots=True)
class CaptureState:
    """What belongs to a capture and not to one reading of it; handed to the session that reads the capture again."""

    publisher: StatusPublisher
    memory: Memory
    comments_by_packet: dict[int, tuple[str, ...]]
    comments: Comments
    intake: Intake | None = None
    on_bytes: Callable[[bytes], None] = lambda _data: None
    """Called with the bytes of the recording, in order; set by the session that reads it now."""
    discovery: DiscoveryState | None = None
    """What earlier sessions have detected in these bytes."""
    is_saved: bool = False

    @classmethod
    def new(cls, source: Source, memory: Memory | None) -> CaptureState:
        """Return the state of a capture that nobody has read yet."""
        comments: dict[int, tuple[str, ...]] = {}
        return cls(StatusPublisher(str(source)), memory or usual_memory(), comments, Comments(comments))

    def pass_bytes(self, data: bytes) -> None:
        """Pass on the next bytes of the recording. The intake keeps this method when the session changes."""
        self.on_bytes(data)


class Session:
    """One reading of a capture. Set the two callbacks, `run` it once, then `close` it."""

    def __init__(
        self,
        source: Source,
        decoding: Decoding | None = None,
        *,
        memory: Memory | None = None,
        rotation: TsharkRotation | None = None,
        keeps_all: bool = False,
        capture: CaptureState | None = None,
    ) -> None:
        """`rotation` decides when another tshark takes over; `capture` is given where it was read before.

        With `keeps_all`, no packet of the recording is deleted, however large it is.
        """
        decoding = decoding or Decoding()
        self.is_continued = capture is not None
        """True when another session has read this capture before."""
        if capture is None:
            capture = CaptureState.new(source, memory)
            decoding = replace(decoding, ports=decoding.ports | own_ports(source))
        self.source = source
        self.store = Store()
        self.on_change: Callable[[Change], None] = lambda _change: None
        self.on_status: Callable[[SessionStatus], None] = lambda _status: None
        self.is_begun = False
        """True once `run` was called."""
        self.memory, self.comments = capture.memory, capture.comments
        self.store.comments = capture.comments_by_packet
        self._capture, self.publisher, self._intake = capture, capture.publisher, capture.intake
        self._keeps_all = keeps_all
        self._left = source.left if isinstance(source, FileSource) else None
        notify, rotation = self.publisher.notify, rotation or TsharkRotation(self.memory.tshark)
        hold = _HOLD_SECONDS.get(type(source), 0.0)
        self.decoder = Decoder(self.store, decoding, self._publish, notify, rotation, hold_seconds=hold)
        bounds = Bounds(self.memory.tshark, self.decoder.reach)
        self.packets = Packets(lambda: self.decoder.decoding, notify, bounds)
        is_one_port = isinstance(source, LiveSource)
        self._discovery = PortDiscovery(self.decoder, self.packets, notify, capture.discovery, is_one_port=is_one_port)
        self._collector = CollectorTuning(self.store)
        self._retention = Retention(self.store, self.memory.store, self._publish)
        self._failures = FailureNotices(self.store)
        self._observers: list[Callable[[Change], object]] = []
        self._is_live = asyncio.Event()
        capture.on_bytes = self._examine
        self.publisher.on_status = self._report_status

    @property
    def status(self) -> SessionStatus:
        """The current state of the capture."""
        return self.publisher.status

    @property
    def own_client_ports(self) -> frozenset[int]:
        """The client ports under which this process's own connections are recorded, besides its TCP ports."""
        return self._intake.own_client_ports if isinstance(self._intake, LiveIntake) else frozenset()

    @property
    def can_reread(self) -> bool:
        """True when there is a recording that can be read again."""
        return self._intake is not None and self._is_live.is_set()

    def reread(self, decoding: Decoding) -> Session:
        """Return a session that reads the same capture from its start, with another decoding, and goes on with it.

        Cancel the `run` of this session and run that one. Closing this one then leaves the capture alone.
        """
        chosen = self.decoder.decoding.differences(decoding)
        self._capture.discovery = self._discovery.state(chosen)
        self._intake = None
        is_over = self.status.phase in (Phase.ENDED, Phase.FAILED)
        reads = is_over or not isinstance(self.source, LiveSource)
        other = Session(self.source, decoding, capture=self._capture)
        self.publisher.update(phase=Phase.READING if reads else self.status.phase, error=None, notice="", decoded=0)
        return other

    async def run(self) -> None:
        """Capture and decode until the source has ended and all of it is in the store.

        Raises:
            InspectorError: also set as `status.error`; what was decoded before stays in the store.
        """
        self.is_begun = True
        try:
            tshark = find_tshark()
            if self._intake is None:
                self._intake = self._capture.intake = await open_intake(
                    self.source, self.publisher, self._capture.pass_bytes, keeps_all=self._keeps_all
                )
            intake = self._intake
            self.packets.attach(tshark, intake.recording)
            await run_concurrently(
                _report_version(tshark, self.publisher), self._start(intake), self._decode(tshark, intake)
            )
            self.publisher.update(phase=Phase.ENDED)
        except (InspectorError, OSError, MemoryError) as error:
            failure = error if isinstance(error, InspectorError) else shortage(error)
            if failure is None:
                raise
            self.publisher.update(phase=Phase.FAILED, error=failure)
            raise failure from error
        finally:
            self._is_live.set()

    def observe(self, observer: Callable[[Change], object]) -> None:
        """Call an observer with every change, before `on_change`."""
        self._observers.append(observer)

    async def wait_live(self) -> None:
        """Wait until the capture has started or the session has failed; `status` says which."""
        await self._is_live.wait()

    async def stop_capture(self) -> None:
        """Stop capturing, or reading. What was captured stays, and `start_capture` appends to it."""
        if self._intake is not None and self.status.phase is Phase.LIVE:
            await self._intake.pause()
        elif self.status.phase is Phase.READING:
            self.decoder.pause()
            self.publisher.update(phase=Phase.STOPPED)

    async def start_capture(self) -> None:
        """Resume capturing, or reading, after `stop_capture`.

        Raises:
            InspectorError: the engine does not start.
        """
        if self._intake is None or self.status.phase is not Phase.STOPPED:
            return
        if isinstance(self.source, LiveSource):
            await self._intake.start()
        else:
            self.decoder.rotation.go_on()
            self.publisher.update(phase=Phase.READING)

    async def finish(self) -> None:
        """End the source; `run` returns when all that was captured is decoded."""
        if self._intake is not None:
            await self._intake.finish()

    async def save(self, path: Path, *, overwrite: bool = False) -> None:
        """Copy what was captured so far to `path`.

        Raises:
            SourceError: it cannot be written, or the file exists and `overwrite` is false.
        """
        if self._intake is not None:
            await self._intake.recording.save(path, overwrite=overwrite)

    def note_saved(self, path: Path) -> None:
        """Record that all packets are saved in a file: the capture that a killed run left is then deleted by `close`.

        It is kept when it is that very file.
        """
        left = {each.resolve() for each in self._left.paths} if self._left is not None else set()
        self._capture.is_saved = path.resolve() not in left

    async def close(self) -> None:
        """End everything that was started, and delete the spool; harmless when repeated.

        What a killed run left is deleted if all of it was saved elsewhere.
        """
        self._collector.end()
        await self.packets.close()
        if self._intake is not None:
            await self._intake.close()
            if self._capture.is_saved and self._left is not None:
                self._left.delete()

    async def release(self) -> None:
        """Free the memory of the store in slices. For a closed session whose process goes on."""
        await self._retention.release()
        self._collector.release()

    async def _start(self, intake: Intake) -> None:
        if not self.is_continued:
            await intake.start()
        self._is_live.set()

    async def _decode(self, tshark: Tshark, intake: Intake) -> None:
        background = {asyncio.create_task(self._retention.run()), asyncio.create_task(_watch_backlog(self))}
        try:
            problem = await self.decoder.run(tshark, intake.recording)
            await intake.finish()
        finally:
            for task in background:
                task.cancel()
            await wait_until_done(background)
            self.publisher.update(backlog=None)
        cut_off = self.comments.scan.cut(_NAMES.get(type(self.source), str(self.source)))
        if cut_off or problem:
            is_cut_off = bool(cut_off) or CUT_SHORT in problem
            self.publisher.update(completeness=Completeness.CUT_OFF if is_cut_off else Completeness.DAMAGED)
        if self.status.error is not None and not isinstance(self.source, LiveSource):
            raise self.status.error
        empty = (
            "" if isinstance(self.source, LiveSource) else notice_of_empty_capture(self.store, self.decoder.decoding)
        )
        if notice := intake.recording.growth or cut_off or problem or empty:
            self.publisher.notify(notice)

    def _examine(self, data: bytes) -> None:
        """Look through the next bytes of the recording, ahead of tshark."""
        self._discovery.feed(data)
        self.comments.feed(data)

    def _report_status(self, status: SessionStatus) -> None:
        self.on_status(status)

    def _publish(self, change: Change) -> None:
        """Report a change of the store to everyone."""
        self._collector.update()
        self.publisher.update(decoded=self.decoder.decoded)
        if change.first_kept:
            since = oldest.time if (oldest := self.store.frames.oldest) is not None else 0.0
            self.publisher.update(memory=self.memory.limit, left=change.first_kept, kept_since=since)
        if notice := self._failures.update(change):
            self.publisher.notify(notice)
        for observe in self._observers:
            observe(change)
        self.on_change(change)


async def _report_version(tshark: Tshark, publisher: StatusPublisher) -> None:
    publisher.update(tshark=await tshark.version())


async def _watch_backlog(session: Session) -> None:
    """Report the backlog of decoding until cancelled."""
    meter, clock, decoder = BacklogMeter(), asyncio.get_running_loop().time, session.decoder
    while True:
        await asyncio.sleep(_BACKLOG_SECONDS)
        if decoder.rotation.is_paused:
            meter.pause()
            session.publisher.update(backlog=None)
            continue
        backlog = meter.note(clock(), session.comments.scan.packets, decoder.rotation.latest)
        if backlog is not None and backlog.is_stalled:
            backlog = replace(backlog, stopped=decoder.stopped)
        elif isinstance(session.source, FileSource) or session.status.is_whole:
            backlog = None  # the progress of reading is shown instead
        session.publisher.update(backlog=backlog)
