"""Between the session and the screen: batches of changes, and the packets of a session."""

from __future__ import annotations

import asyncio
from array import array
from bisect import bisect_left, bisect_right, insort
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Iterator, Sequence
from itertools import takewhile
from typing import Final, TypeAlias

from inspector.errors import InspectorError
from inspector.model.packet import Dissection
from inspector.present.packet import Folds
from inspector.present.times import Times, TimeStyle
from inspector.session.packets import Packets
from inspector.store.filters.filter import BulkMatcher, Filter
from inspector.store.filters.frames import SelectionChange
from inspector.store.filters.selection import CallSelection, Selection
from inspector.store.stats import MethodTotals, Timeline
from inspector.store.store import Change, Store
from inspector.text import counted
from inspector.tshark.display_filter import PacketMatches
from inspector.tshark.packet_list import PacketLine
from inspector.tshark.tcp_stream import TcpStream

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


INTERVAL: Final = 0.06
"""Seconds between two drawings while frames come without a pause; the first one after a pause comes at once."""
_CROWDED_INTERVAL: Final = 0.25
"""Seconds between them while more frames come than anybody reads: drawing would take the time that decoding needs."""
_MANY: Final = 300
"""Frames between two drawings that are such a crowd."""


class Feed:
    """The store as one screen sees it."""

    def __init__(
        self,
        store: Store,
        notify: Callable[[], None],
        packets: Packets | None = None,
        run: Run = asyncio.ensure_future,
    ) -> None:
        """Begin with what is there.

        `notify` is called when there is a change to take, `run` runs what takes time; without `packets` there are none.
        """
        self.store = store
        self.packets = PacketFeed(packets or Packets.none(), self.redraw, run)
        self.time_style = TimeStyle.CALL
        self.time_reference: float | None = None
        """The moment that times count from, where somebody chose one."""
        self.frames = Selection(store)
        self.calls = CallSelection(store)
        self.methods = MethodTotals(store)
        self.timeline = Timeline(store)
        self.revision = 0
        """Counts the changes that were taken."""
        self.rows: SelectionChange | None = None
        """What became of the rows of the frames with the last change that was taken."""
        self._rows: SelectionChange | None = None
        """With those that are still to be taken."""
        self._notify = notify
        self._pending: Change | None = None
        self._followed: Change | None = None
        """What selections and totals know of, and the screen does not yet."""
        self._is_stirred = False
        self._drawn = len(store.frames)
        """How many frames there were when they were drawn last."""
        self._timer: asyncio.TimerHandle | None = None

    @property
    def times(self) -> Times:
        """How times are shown."""
        return Times.of(self.store, self.time_style, self.time_reference)

    def receive(self, change: Change) -> None:
        """Take note of a change; the session's `on_change`."""
        self._pending = change if self._pending is None else self._pending.merged(change)
        if change.first_kept:
            self._follow()  # at once: what is gone must not be drawn
        self.stir()

    def redraw(self) -> None:
        """Something besides the store has changed: draw what depends on it."""
        self.receive(Change(len(self.store.frames), len(self.store.frames)))

    def note_packets(self, numbers: Sequence[int]) -> None:
        """The display filter that is on lets these packets through."""
        self.frames.note_packets(numbers)
        self.calls.note_packets(numbers)
        self.redraw()

    def stir(self) -> None:
        """Something is to be drawn anew, if only the status: now, or when the pause is over."""
        if self._timer is None:
            self._draw()
        else:
            self._is_stirred = True

    def take(self) -> Change | None:
        """All that changed since the last time, with selections and totals brought up to date; None for nothing."""
        self._follow()
        change, self._followed = self._followed, None
        self.rows, self._rows = self._rows, None
        return change

    def _follow(self) -> None:
        """Bring selections and totals up to date."""
        change, self._pending = self._pending, None
        if change is not None:
            told = self.frames.update(change)
            self._rows = told if self._rows is None else self._rows.merged(told)
            self.calls.update(change)
            self.methods.update(change)
            self.timeline.update(change)
            self.revision += 1
            self.packets.sync(self.store, self.frames)
            self._followed = change if self._followed is None else self._followed.merged(change)

    def refilter(self, filter_: Filter, *, show_control: bool) -> Iterator[float]:
        """Work towards another filter for frames and calls, a slice at each step, as `Selection.refilter`."""
        sweep = BulkMatcher(filter_)
        both = (
            self.frames.refilter(filter_, show_control=show_control, sweep=sweep),
            self.calls.refilter(filter_, sweep),
        )
        for work in both:
            yield from takewhile(lambda done: done < 1, work)
        for work in both:  # what is drawn in between must find both as they were
            next(work, None)
        self.packets.sync(self.store, self.frames)

    def close(self) -> None:
        """Ask for no more drawing."""
        self._notify = lambda: None
        if self._timer is not None:
            self._timer.cancel()

    def _pause_over(self) -> None:
        self._timer = None
        if self._is_stirred:
            self._is_stirred = False
            self._draw()

    def _draw(self) -> None:
        """Have it drawn, and no more before the pause is over."""
        frames = len(self.store.frames)
        pause = _CROWDED_INTERVAL if frames - self._drawn > _MANY else INTERVAL
        self._drawn = frames
        self._timer = asyncio.get_running_loop().call_later(pause, self._pause_over)
        self._notify()
