"""The packets of a session as one screen sees them: which are shown, and what is known of the one looked at.

Owns when the list begins to be read, which is when it is first looked at, and what was taken apart already. What takes
time is run behind the screen, and whoever draws is told when it is there.
"""

from __future__ import annotations

import asyncio
from array import array
from bisect import bisect_left, bisect_right, insort
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Final, TypeAlias

from inspector.capture.packet_list import PacketLine
from inspector.capture.packet_matches import PacketMatches
from inspector.capture.tcp_follow import TcpStream
from inspector.errors import InspectorError
from inspector.model.dissection import Dissection
from inspector.session.packets import Packets
from inspector.store.selection import Selection
from inspector.store.store import Store
from inspector.views.packet_tree import Folds
from inspector.views.text import counted

Run: TypeAlias = Callable[[Awaitable[object]], object]
_KEPT: Final = 64
"""Packets, and streams, that need not be asked for again."""


class PacketFeed:
    """The Packets list and the trees."""

    def __init__(self, packets: Packets, redraw: Callable[[], None], run: Run) -> None:
        self._packets = packets
        self._redraw = redraw
        self._run = run
        self._is_begun = False
        self._numbers: Sequence[int] = range(0)
        self._by_words = _ByWords()
        self._known: OrderedDict[Hashable, Dissection | TcpStream] = OrderedDict()
        self._wanted: tuple[Hashable, Callable[[], Awaitable[Dissection | TcpStream]]] | None = None
        self._is_asking = False
        self._failed: tuple[Hashable, str] = (None, "")
        self.folds = Folds()

    def begin(self) -> None:
        """Somebody looks at the list: have it read, if it is not yet."""
        if not self._is_begun:
            self._is_begun = True
            self._run(self._packets.read_list(self._redraw))

    @property
    def total(self) -> int:
        """How many packets there are in the list, shown or not."""
        return len(self._packets.list)

    @property
    def numbers(self) -> Sequence[int]:
        """The numbers of the packets that are shown, ascending."""
        return self._numbers

    @property
    def revision(self) -> int:
        """Another one when all packets may read differently."""
        return self._packets.revision

    def line(self, number: int) -> PacketLine:
        """What the list says of a packet."""
        return self._packets.list.line(number)

    def sync(self, store: Store, frames: Selection) -> None:
        """Show the packets that the filter lets through: of words, those with a frame that they let through."""
        matches, total = frames.filter.packets, self.total
        if isinstance(matches, PacketMatches):
            last = bisect_left(matches.numbers, total + 1)
            self._numbers = matches.numbers[:last] if last < len(matches) else matches.numbers
        elif frames.filter.terms and self._is_begun:
            numbers = self._by_words.numbers(store, frames)
            self._numbers = numbers[: bisect_left(numbers, total + 1)]
        else:
            self._numbers = range(1, total + 1)

    def dissection(self, number: int) -> Dissection | str:
        """A packet with its layers, or the words that stand there as long as it has none."""
        found = self._ask((self.revision, number), lambda: self._packets.dissect(number))
        if found is None:
            return f"Reading {counted(self.total, 'packet')}…" if self._packets.is_loading else "Reading…"
        return "" if isinstance(found, TcpStream) else found

    def tcp(self, stream: int) -> TcpStream | str:
        """A TCP stream, or the words that stand there as long as it is not known."""
        found = self._ask((self.revision, "tcp", stream), lambda: self._packets.follow_tcp(stream))
        if found is None:
            return f"Following TCP stream {stream}…"
        return "" if isinstance(found, Dissection) else found

    def _ask(
        self, key: Hashable, make: Callable[[], Awaitable[Dissection | TcpStream]]
    ) -> Dissection | TcpStream | str | None:
        found = self._known.get(key)
        if found is None and self._failed[0] == key:
            return self._failed[1]
        if found is None:
            self._wanted = key, make
            if not self._is_asking:
                self._is_asking = True
                self._run(self._answer())
        return found

    async def _answer(self) -> None:
        """Find out what is wanted; of what was wanted meanwhile, the latest."""
        try:
            while self._wanted is not None:
                (key, make), self._wanted = self._wanted, None
                waiting = asyncio.create_task(self._stir())
                try:
                    self._known[key] = await make()
                except InspectorError as error:
                    self._failed = key, str(error)  # another try when it is looked at again
                finally:
                    waiting.cancel()
                while len(self._known) > _KEPT:
                    self._known.popitem(last=False)
                self._redraw()
        finally:
            self._is_asking = False

    async def _stir(self) -> None:
        """What takes longer than a moment is said to take long."""
        while True:
            await asyncio.sleep(0.2)
            self._redraw()


class _ByWords:
    """The packets of the frames that are shown, kept up to date as more come."""

    def __init__(self) -> None:
        self._numbers: array[int] = array("I")
        self._state: object = None
        self._count = 0

    def numbers(self, store: Store, frames: Selection) -> array[int]:
        """Their numbers, ascending."""
        count = frames.dropped + len(frames.positions)
        if frames.state != self._state or count < self._count:
            self._numbers, self._count, self._state = array("I"), 0, frames.state
        frame_at = store.frames.reader()
        positions = frames.positions[max(self._count - frames.dropped, 0) :]
        self._take(sorted(dict.fromkeys([frame_at(position).packet for position in positions])))
        self._count = count
        return self._numbers

    def _take(self, numbers: list[int]) -> None:
        """Put in numbers that ascend: nearly all of them, and of a million all, belong at the end."""
        behind = bisect_right(numbers, self._numbers[-1]) if self._numbers else 0
        for number in numbers[:behind]:
            if self._numbers[bisect_left(self._numbers, number)] != number:
                insort(self._numbers, number)
        self._numbers.extend(numbers[behind:])
