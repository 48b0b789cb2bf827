"""Wires source, spool, tshark, protocol and store together, and tells how that is going.

Owns the life of one capture: starting, stopping, saving, and its end. How it comes in is the intake's, how it is read
the decoder's; what dies on the way, they start again. Refuses to draw or print: both front ends make a session, read
its `store`, and are told of every change on the event loop that runs it.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from inspector.capture.source import FileSource, LiveSource, Source, StdinSource, own_ports
from inspector.errors import InspectorError, shortage
from inspector.model.call import StreamKey
from inspector.pcap.comments import Comments
from inspector.scheduling import run_concurrently, wait_until_done
from inspector.session.discovery import Failures, PortDiscovery, nothing_seen
from inspector.session.intake import Intake, LiveIntake, open_intake
from inspector.session.memory import CollectorTuning, Memory, Retention, usual_memory
from inspector.session.packets import Packets
from inspector.session.status import BacklogMeter, Completeness, Phase, SessionStatus, StatusPublisher
from inspector.store.store import Change, Store
from inspector.tshark.binary import CUT_SHORT, Decoding, Tshark, find_tshark
from inspector.tshark.decoder import Decoder
from inspector.tshark.restarting_reader import Bounds
from inspector.tshark.rotation import TsharkRotation

_HOLD_SECONDS: Final = {FileSource: math.inf, StdinSource: 2.0}
"""For how long what comes behind a gap may be held back, until it is known whether it is only out of order."""
_BACKLOG_SECONDS: Final = 0.5
"""Between two looks at how far decoding is behind."""
_NAMES: Final = {LiveSource: "The capture", StdinSource: "Standard input"}
"""What a capture is called at the beginning of a sentence; a file by its name."""


class Session:
    """One capture, from its source to the store. Make it, set the two callbacks, `run` it once, and `close` it."""

    def __init__(
        self,
        source: Source,
        decoding: Decoding | None = None,
        board: StatusPublisher | None = None,
        *,
        memory: Memory | None = None,
        relay: TsharkRotation | None = None,
        keeps_all: bool = False,
    ) -> None:
        """`board` is that of the session which this one goes on for; `relay` says when another tshark takes over.

        With `keeps_all`, no packet of the recording is deleted, however large it is.
        """
        decoding = decoding or Decoding()
        if board is None:
            decoding = replace(decoding, ports=decoding.ports | own_ports(source))
        self.source = source
        self.store = Store()
        self.on_change: Callable[[Change], None] = lambda _change: None
        self.on_status: Callable[[SessionStatus], None] = lambda _status: None
        self.is_begun = False
        """True once it runs."""
        self.is_continued = board is not None
        """True when it goes on for another."""
        self._left = source.left if isinstance(source, FileSource) else None
        self._is_saved = False
        self._board = board or StatusPublisher(str(source), self._told)
        self.memory = memory or usual_memory()
        self._keeps_all = keeps_all
        hold, relay = _HOLD_SECONDS.get(type(source), 0.0), relay or TsharkRotation(self.memory.tshark)
        self._decoder = Decoder(self.store, decoding, self._changed, self._board.notify, relay, hold_seconds=hold)
        self._garbage = CollectorTuning(self.store)
        self._retention = Retention(self.store, self.memory.store, self._changed)
        bounds = Bounds(self.memory.tshark, self._decoder.reach)
        self.packets = Packets(lambda: self._decoder.decoding, self._board.notify, bounds)
        knows_its_port = isinstance(source, LiveSource)
        self._listening = PortDiscovery(self._decoder, self.packets, self._board.notify, knows_its_port=knows_its_port)
        self._failures = Failures(self.store)
        self._intake: Intake | None = None
        self._observers: list[Callable[[Change], object]] = []
        self.comments = Comments(self.store.comments)
        self._successor: Session | None = None
        self._is_listening = asyncio.Event()

    @property
    def status(self) -> SessionStatus:
        """How it is going at this moment."""
        return self._board.status

    @property
    def decoding(self) -> Decoding:
        """The ports that are decoded by now."""
        return self._decoder.decoding

    @property
    def packets_by_port(self) -> Counter[int]:
        """By TCP port: packets that were read."""
        return self._decoder.packets_by_port

    @property
    def own_client_ports(self) -> frozenset[int]:
        """Client ports by which this process's own connections are recorded, besides its TCP ports."""
        return self._intake.own_client_ports if isinstance(self._intake, LiveIntake) else frozenset()

    @property
    def can_begin_again(self) -> bool:
        """True when there is something to read again."""
        return self._intake is not None and self._is_listening.is_set()

    def begin_again(self, decoding: Decoding) -> Session:
        """Another session that goes on with the same capture, and reads it from its start in another way.

        Break the `run` of this one off, and run that one. To close this one ends nothing from now on.
        """
        other = Session(self.source, decoding, self._board, memory=self.memory)
        other._intake, self._intake, self._successor = self._intake, None, other
        other._listening.go_on_for(self._listening)
        other._listening.decided = self._listening.decided | self.decoding.differences(decoding)
        other.comments, other.store.comments = self.comments, self.store.comments
        other._is_saved = self._is_saved
        self._board.on_status = other._told
        is_over = self.status.phase in (Phase.ENDED, Phase.FAILED)
        reads = is_over or not isinstance(self.source, LiveSource)
        self._board.tell(phase=Phase.READING if reads else self.status.phase, error=None, notice="", decoded=0)
        return other

    async def run(self) -> None:
        """Capture and decode until the source has ended and all of it is in the store.

        Raises:
            InspectorError: also told as `status.error`; what came until then is in the store.
        """
        self.is_begun = True
        try:
            tshark = find_tshark()
            intake = self._intake or await open_intake(
                self.source, self._board, self._overhear, keeps_all=self._keeps_all
            )
            self._intake = intake
            self.packets.attach(tshark, intake.recording)
            await run_concurrently(self._learn_version(tshark), self._start(intake), self._decode(tshark, intake))
            self._board.tell(phase=Phase.ENDED)
        except (InspectorError, OSError, MemoryError) as error:
            failure = error if isinstance(error, InspectorError) else shortage(error)
            if failure is None:
                raise
            self._board.tell(phase=Phase.FAILED, error=failure)
            raise failure from error
        finally:
            self._is_listening.set()

    def observe(self, observer: Callable[[Change], object]) -> None:
        """Have an observer told of every change, before `on_change` is."""
        self._observers.append(observer)

    async def wait_live(self) -> None:
        """Wait until the engine listens, or the session has failed; `status` tells which."""
        await self._is_listening.wait()

    async def stop_capture(self) -> None:
        """Stop capturing, or reading; what there is stays, and `start_capture` goes on behind it."""
        if self._intake is not None and self.status.phase is Phase.LIVE:
            await self._intake.pause()
        elif self.status.phase is Phase.READING:
            self._decoder.pause()
            self._board.tell(phase=Phase.STOPPED)

    async def start_capture(self) -> None:
        """Capture, or read, again, behind what there is.

        Raises:
            InspectorError: the engine does not start.
        """
        if self._intake is None or self.status.phase is not Phase.STOPPED:
            return
        if isinstance(self.source, LiveSource):
            await self._intake.start()
        else:
            self._decoder.go_on()
            self._board.tell(phase=Phase.READING)

    async def finish(self) -> None:
        """End the source; `run` returns when all that came of it is decoded."""
        if self._intake is not None:
            await self._intake.finish()

    def name_method(self, key: StreamKey, path: str | None) -> None:
        """Name the method of a call by hand, and so of all calls that share its placeholder; None takes it back."""
        self._decoder.name_method(key, path)

    async def save(self, path: Path, *, overwrite: bool = False) -> None:
        """Copy the capture, as far as it has come, to `path`.

        Raises:
            SourceError: it cannot be written there, or is there already and `overwrite` is false.
        """
        if self._intake is not None:
            await self._intake.recording.save(path, overwrite=overwrite)

    def note_saved(self, path: Path) -> None:
        """All packets are in a file now: what a killed run had left need not be kept beside it."""
        self._is_saved = self._left is None or path.resolve() not in {each.resolve() for each in self._left.paths}

    async def close(self) -> None:
        """End everything that was started, and delete the spool; harmless when done twice.

        What a killed run had left is deleted where all of it was saved elsewhere.
        """
        self._garbage.end()
        await self.packets.close()
        if self._intake is not None:
            await self._intake.close()
            if self._is_saved and self._left is not None:
                self._left.delete()

    async def release(self) -> None:
        """Give the memory of what was captured back, a little at a time, once it is closed and the program goes on."""
        await self._retention.release()
        self._garbage.release()

    async def _start(self, intake: Intake) -> None:
        if not self.is_continued:
            await intake.start()
        self._is_listening.set()

    async def _learn_version(self, tshark: Tshark) -> None:
        self._board.tell(tshark=await tshark.version())

    async def _decode(self, tshark: Tshark, intake: Intake) -> None:
        beside = {asyncio.create_task(self._retention.run()), asyncio.create_task(self._watch_backlog())}
        try:
            note = await self._decoder.run(tshark, intake.recording)
            await intake.finish()
        finally:
            for task in beside:
                task.cancel()
            await wait_until_done(beside)
            self._board.tell(backlog=None)
        is_live = isinstance(self.source, LiveSource)
        cut = self.comments.scan.cut(_NAMES.get(type(self.source), str(self.source)))
        if cut or note:
            is_cut = bool(cut) or CUT_SHORT in note
            self._board.tell(completeness=Completeness.CUT_OFF if is_cut else Completeness.DAMAGED)
        if self.status.error is not None and not is_live:
            raise self.status.error
        nothing = nothing_seen(self.store, self._decoder.decoding, is_live=is_live)
        if words := intake.recording.growth or cut or note or nothing:
            self._board.notify(words)

    async def _watch_backlog(self) -> None:
        meter, clock = BacklogMeter(), asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(_BACKLOG_SECONDS)
            if self._decoder.is_paused:
                meter.pause()
                self._board.tell(backlog=None)
                continue
            found = meter.note(clock(), self.comments.scan.packets, self._decoder.latest)
            if found is not None and found.is_stalled:
                found = replace(found, stopped=self._decoder.stopped)
            elif isinstance(self.source, FileSource) or self.status.is_whole:
                found = None  # how far it is, and how long yet, is told of what only has to be read
            self._board.tell(backlog=found)

    def _overhear(self, data: bytes) -> None:
        if self._successor is not None:
            self._successor._overhear(data)
        else:
            self._listening.hear(data)
            self.comments.hear(data)

    def _told(self, status: SessionStatus) -> None:
        self.on_status(status)

    def _changed(self, change: Change) -> None:
        self._garbage.learn()
        self._board.tell(decoded=self._decoder.decoded)
        if change.first_kept:
            since = oldest.time if (oldest := self.store.frames.oldest) is not None else 0.0
            self._board.tell(memory=self.memory.limit, left=change.first_kept, kept_since=since)
        if failure := self._failures.news(change):
            self._board.notify(failure)
        for observe in self._observers:
            observe(change)
        self.on_change(change)
