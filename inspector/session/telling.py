"""The last step of decoding: packets, in their order, through the protocol into the store.

Owns what is held back behind a gap until it is known whether anything was lost at all. Refuses to know where packets
come from; whoever reads them a second time is told with which packets to come.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from inspector.capture.strangers import Strangers
from inspector.model.frame import Packet
from inspector.protocol.assembler import Assembler
from inspector.protocol.events import Event
from inspector.session.held_back import DISORDER, ORDERED, HeldBack, is_late
from inspector.store.change import Change
from inspector.store.store import Store
from inspector.turns import give_way

OnPackets = Callable[[list[Packet]], None]

_AT_ONCE: Final = 200
"""Packets and frames that are told before the loop's other tasks have their turn: some milliseconds of work."""


class Telling:
    """One recording's packets on their way into the store."""

    def __init__(
        self,
        store: Store,
        assembler: Assembler,
        on_change: Callable[[Change], None],
        on_notice: Callable[[str], None],
        hold_seconds: float,
    ) -> None:
        """What comes behind a gap may be held back for so many seconds, infinitely many for the whole recording."""
        self.strangers = Strangers()
        self.packets_by_port: Counter[int] = Counter()
        """By TCP port: packets that were read."""
        self._store = store
        self._assembler = assembler
        self._on_change = on_change
        self._on_notice = on_notice
        self._hold_seconds = hold_seconds
        self._held = HeldBack() if hold_seconds else None
        self._minds_order = not hold_seconds
        """True where what is out of order will stay so."""
        self._waiting: deque[Packet] = deque()
        """What is not held back any more, and has not had its turn."""
        self._catching_up: asyncio.Task[None] | None = None

    def take(self, news: list[Packet], is_at_end: Callable[[], bool]) -> None:
        """Tell packets, or hold them back; on to the end of the recording where that has come by then."""
        news = self.strangers.mark(news)
        if (held := self._held) is not None:
            was_holding = held.is_holding
            news = held.pass_on(news, self._assembler.ports)
            if held.is_holding and not was_holding and self._hold_seconds < math.inf:
                loop = asyncio.get_running_loop()
                loop.call_later(self._hold_seconds, lambda: None if is_at_end() else self.let_go())
        if self._waiting:
            self._waiting += news
            news = self._next(max(2 * len(news), _AT_ONCE))  # more than came, so that it comes to an end
        self._tell(news)

    def let_go(self) -> None:
        """Tell what was held back as it was read, as the end is not near, and hold nothing back from now on.

        There may be much of it: it is told a little at a time, and what is taken meanwhile behind it.
        """
        if self._held is not None:
            packets, _ = self._held.release()
            self._held, self._minds_order = None, True
            self._waiting += packets
            self._catching_up = asyncio.create_task(self.catch_up())

    async def catch_up(self) -> None:
        """Tell all that waits for its turn, leaving the loop to others in between."""
        while self._waiting:
            self._tell(self._next(_AT_ONCE))
            await give_way()

    async def release(self, read_in_order: Callable[[OnPackets], Awaitable[None]]) -> None:
        """Tell what was held back behind a gap, at the recording's end, put in order where that shows more."""
        was_ordered, held, self._held = False, self._held, None
        if held is not None:
            if held.is_worth_ordering:
                await read_in_order(lambda packets: held.take_ordered(self.strangers.mark(packets)))
            packets, was_ordered = held.release()
            self._waiting += packets
        await self.catch_up()
        if was_ordered:
            self._on_notice(ORDERED)

    def end(self) -> None:
        """Tell nothing more."""
        if self._catching_up is not None:
            self._catching_up.cancel()

    def apply(self, events: Iterable[Event]) -> None:
        """Tell what no packet did."""
        self._on_change(self._store.apply(events))

    def _next(self, size: int) -> list[Packet]:
        """Take from what waits, so many packets and frames together or a packet more."""
        found: list[Packet] = []
        while self._waiting and size > 0:
            found.append(self._waiting.popleft())
            size -= 1 + len(found[-1].frames)
        return found

    def _tell(self, news: list[Packet]) -> None:
        if self._minds_order and any(is_late(packet, self._assembler.ports) for packet in news):
            self._minds_order = False
            self._on_notice(DISORDER)
        if news:
            self.packets_by_port.update(
                end.port for packet in news for end in (packet.source, packet.destination) if end
            )
            receive = self._assembler.receive
            self.apply(event for packet in news for event in receive(packet))
