"""Keeps a tshark running behind the recording, and the store filled with what it reads.

Owns the restarts: a tshark that died, that refused an option, or that must learn of another port begins again where
it began, and what was taken before is passed over; one that has grown too large makes way for another, which goes on.
So nothing is lost and nothing is told twice.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from inspector.capture.protocol_detection import ConnectionStarts, Opening
from inspector.http2.assembler import Assembler
from inspector.model.call import StreamKey
from inspector.model.frame import Packet
from inspector.processes import RestartLimiter
from inspector.scheduling import wait_until_done
from inspector.store.store import Change, Store
from inspector.tshark.binary import Decoding, Tshark, TsharkDied
from inspector.tshark.ingest import OnPackets, PacketIngest, ReplayFilter
from inspector.tshark.rotation import GrowingRecording, TsharkRotation

if TYPE_CHECKING:
    from inspector.tshark.process import TsharkRun

_WATCH_SECONDS: Final = 0.5
DELETED: Final = (
    "The capture takes as much of the disk as it may: its oldest packets are deleted. What is kept can be saved."
)


class Decoder:
    """One recording's way into the store."""

    def __init__(
        self,
        store: Store,
        decoding: Decoding,
        on_change: Callable[[Change], None],
        on_notice: Callable[[str], None],
        relay: TsharkRotation | None = None,
        *,
        hold_seconds: float = 0.0,
    ) -> None:
        """Decode into a store.

        What comes behind a gap may be held back for so many seconds, and on to the end of the recording where that
        has come by then; 0 where nothing may be held back.
        """
        self._decoding = decoding
        self._on_notice = on_notice
        self._assembler = Assembler(decoding.all_ports)
        self._telling = PacketIngest(store, self._assembler, on_change, on_notice, hold_seconds)
        self._catch_up = ReplayFilter()
        self._answered: set[int] = set()
        """Ports that said themselves what they speak."""
        self._deaths = RestartLimiter()
        self._relay = relay or TsharkRotation()
        self._recording: GrowingRecording | None = None
        self._run: TsharkRun | None = None
        self._restart = asyncio.Event()
        self._begins_again = False
        """True when what the present tshark has read is to be read again, in another way."""

    @property
    def decoded(self) -> int:
        """Bytes of the recording that tshark has taken."""
        handover = self._relay.handover
        fed = 0 if self._run is None else self._run.fed - len(handover.opening)
        return handover.offset + max(fed, 0)

    @property
    def latest(self) -> int:
        """The number of the packet that tshark has decoded latest: a lower one again where it begins again."""
        return self._relay.latest

    @property
    def is_paused(self) -> bool:
        """True between `pause` and `go_on`."""
        return self._relay.is_paused

    @property
    def stopped(self) -> int:
        """The process id of tshark while a signal has stopped it; else 0."""
        return 0 if self._run is None else self._run.stopped

    @property
    def decoding(self) -> Decoding:
        """The ports that are decoded by now."""
        return self._decoding

    @property
    def packets_by_port(self) -> Counter[int]:
        """By TCP port: packets that were read."""
        return self._telling.packets_by_port

    def hear(self, found: ConnectionStarts) -> None:
        """The bytes of the recording say what a side of a connection begins with."""
        self._telling.strangers.note(found)

    def know_what(self, former: Decoder) -> None:
        """Go on for one that has heard all there is to hear so far: it is not heard again."""
        self._answered = former._answered
        self._telling.strangers = former._telling.strangers.again()

    def learn(self, opening: Opening) -> bool:
        """A protocol was opened on a port: decode it, from where tshark began on. True for news.

        What the port answers outweighs what clients say to it.
        """
        if opening.port in self._answered:
            return False
        if opening.is_answer:
            self._answered.add(opening.port)
        following = self._decoding.with_opening(opening)
        if following == self._decoding:
            return opening.is_answer
        self._decoding = following
        self._assembler.ports = following.all_ports
        self._catch_up.begin_port(opening.port)
        self._begins_again = True
        self._restart.set()
        return True

    def pause(self) -> None:
        """Read no further until `go_on`; all that was read is told, with what was held back."""
        self._relay.pause()
        self._telling.let_go()

    def go_on(self) -> None:
        """Read on."""
        self._relay.go_on()

    async def reach(self, offset: int) -> None:
        """Wait until others may read on from an offset: while this is paused, no further than it came."""
        if offset >= self.decoded:
            await self._relay.going()

    def name_method(self, key: StreamKey, path: str | None) -> None:
        """Take a person's word for the method of a call, and of all that share its placeholder; None takes it back."""
        self._telling.apply(self._assembler.name_method(key, path))

    async def run(self, tshark: Tshark, recording: GrowingRecording) -> str:
        """Decode to the recording's end; returns what is wrong with the capture, "" for nothing.

        Raises:
            TsharkError: tshark cannot do it, or keeps dying.
        """
        self._recording = recording
        self._relay.attach(recording)
        self._catch_up.taken = self._relay.handover.number
        try:
            return await self._run_to_end(tshark, recording)
        finally:
            self._telling.end()

    async def _run_to_end(self, tshark: Tshark, recording: GrowingRecording) -> str:
        while True:
            self._deaths.note_start(asyncio.get_running_loop().time())
            try:
                note = await self._until_restart(tshark, recording)
            except TsharkDied as death:
                self._judge(tshark, death)
            except OSError as error:
                raise tshark.cannot_run(error) from error
            else:
                if note is not None:
                    await self._telling.release(lambda on_packets: self._read_in_order(tshark, recording, on_packets))
                    return note
            if self._relay.is_due and not self._begins_again:
                await self._hand_over(recording)

    async def _until_restart(self, tshark: Tshark, recording: GrowingRecording) -> str | None:
        """One run of tshark; None when it was broken off, as another one must go on or begin again."""
        from inspector.tshark.process import TsharkRun  # noqa: PLC0415 - pyshark: loaded behind the first paint

        self._restart.clear()
        self._begins_again = False
        run = self._run = TsharkRun(tshark, self._decoding, self._relay.begin(self._decoding))
        reading = asyncio.create_task(run.decode(self._relay.feed(recording), self._take))
        others = {asyncio.create_task(self._restart.wait()), asyncio.create_task(self._watch(run, recording))}
        try:
            await asyncio.wait({reading, *others}, return_when=asyncio.FIRST_COMPLETED)
            return None if self._restart.is_set() or self._relay.is_due else await reading
        finally:
            for task in (reading, *others):
                task.cancel()
            await wait_until_done({reading, *others})

    async def _watch(self, run: TsharkRun, recording: GrowingRecording) -> None:
        """Return when tshark, or the recording behind it, has grown too large."""
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            is_too_large = self._relay.is_too_large(run.memory) or recording.is_too_large(self.decoded)
            if is_too_large and self._relay.end_here():
                return

    async def _hand_over(self, recording: GrowingRecording) -> None:
        """Let another tshark go on from here."""
        self._telling.let_go()
        await self._telling.catch_up()
        try:
            sealed = await self._relay.hand_over(recording)
        except ValueError as error:
            self._on_notice(f"Decoding cannot go on in a fresh tshark ({error}), so its memory is not bounded.")
        else:
            self._run = None
            for event in self._assembler.resume(sealed):
                self._telling.apply((event,))
                await asyncio.sleep(0)
            if recording.let_go(self._relay.handover.offset):
                self._on_notice(DELETED)

    async def _read_in_order(self, tshark: Tshark, recording: GrowingRecording, on_packets: OnPackets) -> None:
        """Read all of the recording, with segments put in order."""
        from inspector.tshark.process import TsharkRun  # noqa: PLC0415 - as above

        with contextlib.suppress(TsharkDied, OSError):  # then the first reading has to do
            run = TsharkRun(tshark, replace(self._decoding, put_in_order=True))
            await run.decode(recording.read_from(0), on_packets)

    def _judge(self, tshark: Tshark, death: TsharkDied) -> None:
        """What a death means: leave out what was refused, begin again, or give up."""
        if tshark.give_up(death.said):
            return
        if self._deaths.exhausted(asyncio.get_running_loop().time()):
            raise death.once_too_often()
        where = "where it began" if self._relay.handover.number else "from its start"
        self._on_notice(f"tshark {death.cause}. It reads the capture again {where}: nothing is lost.")

    def _take(self, packets: list[Packet]) -> None:
        packets = self._relay.take(packets)
        self._telling.take(self._catch_up.news(packets), self._is_at_end)
        if self._relay.is_due:
            self._restart.set()

    def _is_at_end(self) -> bool:
        return self._recording is not None and self._recording.is_finished
