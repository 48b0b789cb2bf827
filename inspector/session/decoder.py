"""Keeps a tshark running behind the recording, and the store filled with what it reads.

Owns the restarts: a tshark that died, that refused an option, or that must learn of another port begins again at the
start of the recording, and what was taken before is passed over. So nothing is lost and nothing is told twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from inspector.capture.catch_up import CatchUp
from inspector.capture.first_words import FirstWords
from inspector.capture.ports import Opening
from inspector.capture.strangers import Strangers
from inspector.capture.tshark import Decoding, Tshark
from inspector.capture.tshark_end import TsharkDied
from inspector.errors import TsharkError
from inspector.model.call import StreamKey
from inspector.model.frame import Packet
from inspector.protocol.assembler import Assembler
from inspector.session.held_back import DISORDER, ORDERED, HeldBack, is_late
from inspector.session.patience import Patience
from inspector.session.together import ended
from inspector.store.change import Change
from inspector.store.store import Store

if TYPE_CHECKING:
    from inspector.capture.tshark_run import TsharkRun


class Recording(Protocol):
    """A capture on disk that may still grow: a spool, or a file in its own place."""

    is_finished: bool
    """True when nothing more will come."""

    def read_from(self, offset: int = 0) -> AsyncIterator[bytes]:
        """Its bytes from an offset on, as they come."""


class Decoder:
    """One recording's way into the store."""

    def __init__(
        self,
        store: Store,
        decoding: Decoding,
        on_change: Callable[[Change], None],
        on_notice: Callable[[str], None],
        *,
        hold_seconds: float = 0.0,
    ) -> None:
        """Decode into a store.

        What comes behind a gap may be held back for so many seconds, and on to the end of the recording where that
        has come by then; 0 where nothing may be held back.
        """
        self._store = store
        self._decoding = decoding
        self._on_change = on_change
        self._on_notice = on_notice
        self._assembler = Assembler(decoding.all_ports)
        self._catch_up = CatchUp()
        self._strangers = Strangers()
        self._answered: set[int] = set()
        """Ports that said themselves what they speak."""
        self._deaths = Patience()
        self._hold_seconds = hold_seconds
        self._held = HeldBack() if hold_seconds else None
        self._minds_order = not hold_seconds
        """True where what is out of order will stay so."""
        self._recording: Recording | None = None
        self.packets_by_port: Counter[int] = Counter()
        """By TCP port: packets that were read."""
        self._run: TsharkRun | None = None
        self._restart = asyncio.Event()

    @property
    def decoded(self) -> int:
        """Bytes of the recording that the present tshark has taken."""
        return self._run.fed if self._run else 0

    @property
    def decoding(self) -> Decoding:
        """The ports that are decoded by now."""
        return self._decoding

    def hear(self, found: FirstWords) -> None:
        """The bytes of the recording say what a side of a connection begins with."""
        self._strangers.note(found)

    def learn(self, opening: Opening) -> bool:
        """A protocol was opened on a port: decode it, from the start of the recording on. True for news.

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
        self._restart.set()
        return True

    def name_method(self, key: StreamKey, path: str | None) -> None:
        """Take a person's word for the method of a call, and of all that share its placeholder; None takes it back."""
        self._on_change(self._store.apply(self._assembler.name_method(key, path)))

    async def run(self, tshark: Tshark, recording: Recording) -> str:
        """Decode to the recording's end; returns what is wrong with the capture, "" for nothing.

        Raises:
            TsharkError: tshark cannot do it, or keeps dying.
        """
        self._recording = recording
        while True:
            self._restart.clear()
            self._deaths.note_start(asyncio.get_running_loop().time())
            try:
                note = await self._until_restart(tshark, recording)
            except TsharkDied as death:
                self._judge(tshark, death)
            except OSError as error:
                raise TsharkError(f"tshark at {tshark.path} cannot be run: {error.strerror}.") from error
            else:
                if note is not None:
                    await self._release(tshark, recording)
                    return note

    async def _until_restart(self, tshark: Tshark, recording: Recording) -> str | None:
        """One run of tshark; None when it was broken off because another port must be decoded."""
        from inspector.capture.tshark_run import TsharkRun  # noqa: PLC0415 - pyshark: loaded behind the first paint

        self._run = TsharkRun(tshark, self._decoding)
        reading = asyncio.create_task(self._run.decode(recording.read_from(0), self._take))
        restarting = asyncio.create_task(self._restart.wait())
        try:
            await asyncio.wait({reading, restarting}, return_when=asyncio.FIRST_COMPLETED)
            return None if self._restart.is_set() else await reading
        finally:
            for task in (reading, restarting):
                task.cancel()
            await ended({reading, restarting})

    async def _release(self, tshark: Tshark, recording: Recording) -> None:
        """Tell what was held back behind a gap, put in order where that shows more."""
        from inspector.capture.tshark_run import TsharkRun  # noqa: PLC0415 - as above

        if (held := self._held) is None:
            return
        self._held = None
        if held.is_worth_ordering:
            run = TsharkRun(tshark, replace(self._decoding, put_in_order=True))
            with contextlib.suppress(TsharkDied, OSError):  # then the first reading has to do
                await run.decode(
                    recording.read_from(0), lambda packets: held.take_ordered(self._strangers.mark(packets))
                )
        packets, was_ordered = held.release()
        self._tell(packets)
        if was_ordered:
            self._on_notice(ORDERED)

    def _judge(self, tshark: Tshark, death: TsharkDied) -> None:
        """What a death means: leave out what was refused, begin again, or give up."""
        if tshark.give_up(death.said):
            return
        cause = f"was ended by {signal.Signals(death.signal).name}" if death.signal else f"ended: {death.said}"
        if self._deaths.is_worn_out(asyncio.get_running_loop().time()):
            raise TsharkError(f"tshark {cause}, again and again.", "`tshark --version` tells whether it works at all.")
        self._on_notice(f"tshark {cause}. It reads the capture again from its start: nothing is lost.")

    def _take(self, packets: list[Packet]) -> None:
        news = self._strangers.mark(self._catch_up.news(packets))
        if (held := self._held) is not None:
            was_holding = held.is_holding
            news = held.pass_on(news, self._assembler.ports)
            if held.is_holding and not was_holding and self._hold_seconds < math.inf:
                asyncio.get_running_loop().call_later(self._hold_seconds, self._let_go)
        self._tell(news)

    def _let_go(self) -> None:
        """Tell what was held back as it was read, where it has turned out that the end is not near."""
        if self._held is not None and not (self._recording and self._recording.is_finished):
            packets, _ = self._held.release()
            self._held, self._minds_order = None, True
            self._tell(packets)

    def _tell(self, news: list[Packet]) -> None:
        if self._minds_order and any(is_late(packet, self._assembler.ports) for packet in news):
            self._minds_order = False
            self._on_notice(DISORDER)
        if news:
            self.packets_by_port.update(
                end.port for packet in news for end in (packet.source, packet.destination) if end
            )
            receive = self._assembler.receive
            self._on_change(self._store.apply(event for packet in news for event in receive(packet)))
