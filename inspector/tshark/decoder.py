"""Keeps a tshark running behind a recording, and the store filled with what it prints.

Packets go from tshark through `TsharkRotation`, which ends a process that has grown too large, to `PacketIngest`, which
drops those that were ingested before and restores their order. After a death, a refused option or a newly discovered
port, tshark starts again from the beginning or from the latest resume point: no packet is lost or counted twice.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Final

from inspector.capture.protocol_detection import Opening
from inspector.errors import TsharkError
from inspector.http2.assembler import Assembler
from inspector.model.call import StreamKey
from inspector.model.frame import Packet
from inspector.processes import RestartLimiter
from inspector.scheduling import wait_until_done
from inspector.store.store import Change, Store
from inspector.tshark.binary import Decoding, Tshark, TsharkDied
from inspector.tshark.fields import LineReader
from inspector.tshark.ingest import OnPackets, PacketIngest
from inspector.tshark.packets import read_packet
from inspector.tshark.process import TsharkProcess
from inspector.tshark.rotation import GrowingRecording, ResumedNumbering, TsharkRotation

_WATCH_SECONDS: Final = 0.5
DELETED: Final = (
    "The capture has reached its limit on disk: its oldest packets are deleted. Those that are kept can be saved."
)


class Decoder:
    """Decodes one recording into the store."""

    def __init__(
        self,
        store: Store,
        decoding: Decoding,
        on_change: Callable[[Change], None],
        on_notice: Callable[[str], None],
        rotation: TsharkRotation | None = None,
        *,
        hold_seconds: float = 0.0,
    ) -> None:
        """Decode into a store.

        Packets behind a gap may be held back for `hold_seconds`; where the recording has ended by then, they are held
        until all of it is read. With 0, none are.
        """
        self.decoding = decoding
        """The ports that are decoded now; `open_port` adds to them."""
        self.rotation = rotation or TsharkRotation()
        self._on_notice = on_notice
        self._assembler = Assembler(decoding.all_ports)
        self.ingest = PacketIngest(store, self._assembler, on_change, on_notice, hold_seconds)
        self.answered_ports: set[int] = set()
        """Ports whose server has shown its protocol."""
        self._limiter = RestartLimiter()
        self._recording: GrowingRecording | None = None
        self._process: TsharkProcess | None = None
        self._restart = asyncio.Event()
        self._decodes_again = False
        """True when the packets that this tshark has read must be decoded again, in another way."""

    @property
    def decoded(self) -> int:
        """Bytes of the recording that were written to tshark."""
        resumed = self.rotation.resume_point
        fed = 0 if self._process is None else self._process.fed - len(resumed.opening)
        return resumed.offset + max(fed, 0)

    @property
    def stopped(self) -> int:
        """The process id of tshark while SIGSTOP holds it; else 0."""
        return 0 if self._process is None else self._process.stopped

    def continue_from(self, other: Decoder) -> None:
        """Use what was detected in the bytes of the same recording, which are not examined again."""
        self.answered_ports = other.answered_ports
        self.ingest.marker.protocols = other.ingest.marker.protocols

    def open_port(self, opening: Opening) -> bool:
        """Decode a port from the first packet on, as a protocol was detected there; return whether that is news.

        A server's bytes outweigh a client's.
        """
        if opening.port in self.answered_ports:
            return False
        if opening.is_answer:
            self.answered_ports.add(opening.port)
        following = self.decoding.with_opening(opening)
        if following == self.decoding:
            return opening.is_answer
        self.decoding = following
        self._assembler.ports = following.all_ports
        self.ingest.replay.begin_port(opening.port)
        self._decodes_again = True
        self._restart.set()
        return True

    def pause(self) -> None:
        """Read no further until `rotation.go_on`; what was read is ingested, held back packets included."""
        self.rotation.pause()
        self.ingest.stop_holding()

    async def reach(self, offset: int) -> None:
        """Wait, while decoding is paused, before reading on at an offset that it has not passed."""
        if offset >= self.decoded:
            await self.rotation.wait_going()

    def name_method(self, key: StreamKey, path: str | None) -> None:
        """Set the method of a call, and of all that share its placeholder, by hand; None takes the name back."""
        self.ingest.apply(self._assembler.name_method(key, path))

    async def run(self, tshark: Tshark, recording: GrowingRecording) -> str:
        """Decode to the recording's end, and return tshark's complaint about the capture, "" for none.

        Raises:
            TsharkError: tshark cannot do it, or keeps dying.
        """
        self._recording = recording
        self.rotation.attach(recording)
        self.ingest.replay.latest = self.rotation.resume_point.number
        try:
            return await self._run_to_end(tshark, recording)
        finally:
            self.ingest.cancel()

    async def _run_to_end(self, tshark: Tshark, recording: GrowingRecording) -> str:
        while True:
            self._limiter.note_start(asyncio.get_running_loop().time())
            try:
                complaint = await self._read_until_restart(tshark, recording)
            except TsharkDied as death:
                self._handle_death(tshark, death)
            else:
                if complaint is not None:
                    await self.ingest.finish(lambda on_packets: self._read_in_order(tshark, recording, on_packets))
                    return complaint
            if self.rotation.is_due and not self._decodes_again:
                await self._rotate(recording)

    async def _read_until_restart(self, tshark: Tshark, recording: GrowingRecording) -> str | None:
        """Run tshark once; return None when it was interrupted, as another run must continue or start again."""
        self._restart.clear()
        self._decodes_again = False
        numbering = self.rotation.begin(self.decoding)
        arguments = tshark.frame_arguments(self.decoding, resumes=numbering is not None)
        process = self._process = TsharkProcess(tshark, arguments, in_background=False)
        feed = self.rotation.feed(recording)
        reading = asyncio.create_task(_read_packets(process, tshark, feed, self._take, numbering))
        others = {asyncio.create_task(self._restart.wait()), asyncio.create_task(self._watch_size(process, recording))}
        try:
            await asyncio.wait({reading, *others}, return_when=asyncio.FIRST_COMPLETED)
            return None if self._restart.is_set() or self.rotation.is_due else await reading
        finally:
            for task in (reading, *others):
                task.cancel()
            await wait_until_done({reading, *others})

    async def _watch_size(self, process: TsharkProcess, recording: GrowingRecording) -> None:
        """Return when tshark, or the recording, has grown too large and can be cut here."""
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            is_too_large = self.rotation.is_too_large(process.memory) or recording.is_too_large(self.decoded)
            if is_too_large and self.rotation.end_here():
                return

    async def _rotate(self, recording: GrowingRecording) -> None:
        """Prepare the next tshark to resume behind the latest packet, and delete what of the recording may go."""
        self.ingest.stop_holding()
        await self.ingest.drain()
        try:
            unreadable = await self.rotation.advance(recording)
        except ValueError as error:
            self._on_notice(f"Decoding cannot go on in a fresh tshark ({error}), so its memory is not bounded.")
        else:
            self._process = None
            for event in self._assembler.resume(unreadable):
                self.ingest.apply((event,))
                await asyncio.sleep(0)
            if recording.delete_before(self.rotation.resume_point.offset):
                self._on_notice(DELETED)

    async def _read_in_order(self, tshark: Tshark, recording: GrowingRecording, on_packets: OnPackets) -> None:
        """Read all of the recording with `tcp.reassemble_out_of_order`; a failure leaves the first reading valid."""
        arguments = tshark.frame_arguments(replace(self.decoding, put_in_order=True))
        process = TsharkProcess(tshark, arguments, in_background=False)
        with contextlib.suppress(TsharkDied, TsharkError):
            await _read_packets(process, tshark, recording.read_from(0), on_packets)

    def _handle_death(self, tshark: Tshark, death: TsharkDied) -> None:
        """Leave out an option that was refused, announce another start, or give up by raising TsharkError."""
        if tshark.leave_out(death.stderr):
            return
        if self._limiter.exhausted(asyncio.get_running_loop().time()):
            raise death.repeated_death()
        where = "where it began" if self.rotation.resume_point.number else "from its start"
        self._on_notice(f"tshark {death.cause}. It reads the capture again {where}: nothing is lost.")

    def _take(self, packets: list[Packet]) -> None:
        self.ingest.take(self.rotation.take(packets), self._is_at_end)
        if self.rotation.is_due:
            self._restart.set()

    def _is_at_end(self) -> bool:
        return self._recording is not None and self._recording.is_finished


async def _read_packets(
    process: TsharkProcess,
    tshark: Tshark,
    capture: AsyncIterator[bytes],
    on_packets: OnPackets,
    numbering: ResumedNumbering | None = None,
) -> str:
    """Run a tshark that prints frame fields, and pass on its packets in batches; return as `TsharkProcess.read`."""
    read_line = LineReader(tshark.refused).read

    def on_lines(lines: list[bytes]) -> None:
        on_packets([read_packet(read_line(line), numbering) for line in lines if line])

    return await process.read(capture, on_lines)
