"""Feeds the screen: collects changes of the store between two drawings, and reads packets on demand.

The screen draws at most every 60 ms, however many frames arrive. Data is never dropped, only notifications are merged.
"""

from __future__ import annotations

import asyncio
from array import array
from bisect import bisect_left, bisect_right, insort
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Iterator, Sequence
from itertools import takewhile
from typing import Final, TypeAlias

from inspector.errors import InspectorError
from inspector.model.dissection import Dissection
from inspector.present.packet import Folds
from inspector.present.times import Times, TimeStyle
from inspector.session.packets import Packets
from inspector.store.filters.call_selection import CallSelection
from inspector.store.filters.filter import BulkMatcher, Filter
from inspector.store.filters.frame_selection import FrameSelection, SelectionChange
from inspector.store.stats import MethodTotals, Timeline
from inspector.store.store import Change, Store
from inspector.text import counted
from inspector.tshark.display_filter import PacketMatches
from inspector.tshark.packet_list import PacketLine
from inspector.tshark.tcp_stream import TcpStream

Run: TypeAlias = Callable[[Awaitable[object]], object]
_CACHED: Final = 64
"""Packets and TCP streams that are cached."""
_PROGRESS_INTERVAL: Final = 0.2
"""Seconds between two drawings of the progress while a packet is read."""


class PacketFeed:
    """The packets that the filter selects, and the trees and TCP streams of single packets, as they are read."""

    def __init__(self, packets: Packets, redraw: Callable[[], None], run: Run) -> None:
        """`redraw` is called after something was read; `run` starts a task."""
        self._packets = packets
        self._redraw = redraw
        self._run = run
        self._has_begun = False
        self._numbers: Sequence[int] = range(0)
        self._word_matches = _PacketsOfFrames()
        self._cache: OrderedDict[Hashable, Dissection | TcpStream] = OrderedDict()
        self._wanted: tuple[Hashable, Callable[[], Awaitable[Dissection | TcpStream]]] | None = None
        self._is_reading = False
        self._failed: tuple[Hashable, str] = (None, "")
        self.folds = Folds()

    def begin(self) -> None:
        """Start to read the list of packets, unless that was started before."""
        if not self._has_begun:
            self._has_begun = True
            self._run(self._packets.read_list(self._redraw))

    @property
    def total(self) -> int:
        """The number of packets in the list, filtered or not."""
        return len(self._packets.list)

    @property
    def numbers(self) -> Sequence[int]:
        """The numbers of the packets that the filter selects, ascending."""
        return self._numbers

    @property
    def revision(self) -> int:
        """A number that changes whenever the content of all packets may have changed."""
        return self._packets.revision

    def line(self, number: int) -> PacketLine:
        """Return the line of a packet."""
        return self._packets.list.line(number)

    def sync(self, store: Store, frames: FrameSelection) -> None:
        """Select packets by the filter: by a display filter, or if they contain a frame that matches words."""
        matches, total = frames.filter.packets, self.total
        if isinstance(matches, PacketMatches):
            last = bisect_left(matches.numbers, total + 1)
            self._numbers = matches.numbers[:last] if last < len(matches) else matches.numbers
        elif frames.filter.terms and self._has_begun:
            numbers = self._word_matches.numbers(store, frames)
            self._numbers = numbers[: bisect_left(numbers, total + 1)]
        else:
            self._numbers = range(1, total + 1)

    def dissection(self, number: int) -> Dissection | str:
        """Return a packet's layers, or text to show instead: that they are being read, or why that failed."""
        found = self._read((self.revision, number), lambda: self._packets.dissect(number))
        if found is None:
            return f"Reading {counted(self.total, 'packet')}…" if self._packets.is_loading else "Reading…"
        return "" if isinstance(found, TcpStream) else found

    def tcp(self, stream: int) -> TcpStream | str:
        """Return a TCP stream, or text to show instead: that it is being read, or why that failed."""
        found = self._read((self.revision, "tcp", stream), lambda: self._packets.follow_tcp(stream))
        if found is None:
            return f"Following TCP stream {stream}…"
        return "" if isinstance(found, Dissection) else found

    def _read(
        self, key: Hashable, make: Callable[[], Awaitable[Dissection | TcpStream]]
    ) -> Dissection | TcpStream | str | None:
        """Return a cached value or the error of reading it; None while it is read."""
        found = self._cache.get(key)
        if found is None and self._failed[0] == key:
            return self._failed[1]
        if found is None:
            self._wanted = key, make
            if not self._is_reading:
                self._is_reading = True
                self._run(self._read_wanted())
        return found

    async def _read_wanted(self) -> None:
        """Read what is wanted, then the latest of what was wanted meanwhile."""
        try:
            while self._wanted is not None:
                (key, make), self._wanted = self._wanted, None
                progress = asyncio.create_task(self._show_progress())
                try:
                    self._cache[key] = await make()
                except InspectorError as error:
                    self._failed = key, str(error)  # kept until another fails, not to retry at each drawing
                finally:
                    progress.cancel()
                while len(self._cache) > _CACHED:
                    self._cache.popitem(last=False)
                self._redraw()
        finally:
            self._is_reading = False

    async def _show_progress(self) -> None:
        while True:
            await asyncio.sleep(_PROGRESS_INTERVAL)
            self._redraw()


class _PacketsOfFrames:
    """The numbers of the packets that contain selected frames, updated as frames arrive."""

    def __init__(self) -> None:
        self._numbers: array[int] = array("I")
        self._state: object = None
        self._count = 0

    def numbers(self, store: Store, frames: FrameSelection) -> array[int]:
        """Return the numbers, ascending."""
        count = frames.dropped + len(frames.positions)
        if frames.state != self._state or count < self._count:
            self._numbers, self._count, self._state = array("I"), 0, frames.state
        frame_at = store.frames.reader()
        positions = frames.positions[max(self._count - frames.dropped, 0) :]
        self._add(sorted(dict.fromkeys([frame_at(position).packet for position in positions])))
        self._count = count
        return self._numbers

    def _add(self, numbers: list[int]) -> None:
        """Insert ascending numbers, nearly all of which belong at the end."""
        inserted = bisect_right(numbers, self._numbers[-1]) if self._numbers else 0
        for number in numbers[:inserted]:
            if self._numbers[bisect_left(self._numbers, number)] != number:
                insort(self._numbers, number)
        self._numbers.extend(numbers[inserted:])


INTERVAL: Final = 0.06
"""Seconds between two drawings while frames arrive continuously. The first change after a pause is drawn at once."""
_CROWDED_INTERVAL: Final = 0.25
"""The interval while more frames arrive than anybody can read, as drawing takes time from decoding."""
_CROWD: Final = 300
"""Frames since the last drawing from which on the longer interval applies."""


class Feed:
    """The store as a screen sees it: filtered, sorted, and brought up to date only when it draws."""

    def __init__(
        self,
        store: Store,
        notify: Callable[[], None],
        packets: Packets | None = None,
        run: Run = asyncio.ensure_future,
    ) -> None:
        """Start with the content of the store.

        `notify` is called when the screen should call `pop_change` and draw; `run` starts a task. Without `packets` the
        list of packets stays empty.
        """
        self.store = store
        self.packets = PacketFeed(packets or Packets.none(), self.redraw, run)
        self.time_style = TimeStyle.CALL
        self.time_reference: float | None = None
        """The time that others are shown relative to, if the user has chosen one."""
        self.frames = FrameSelection(store)
        self.calls = CallSelection(store)
        self.methods = MethodTotals(store)
        self.timeline = Timeline(store)
        self.revision = 0
        """The number of changes so far."""
        self.rows: SelectionChange | None = None
        """How the last change that was taken affects the rows of frames."""
        self._rows: SelectionChange | None = None
        """The same for the changes that are not taken yet."""
        self._notify = notify
        self._pending: Change | None = None
        """Not yet applied to selections and totals."""
        self._applied: Change | None = None
        """Applied to them, but not yet taken by the screen."""
        self._is_draw_requested = False
        self._drawn = len(store.frames)
        """The number of frames at the last drawing."""
        self._timer: asyncio.TimerHandle | None = None

    @property
    def times(self) -> Times:
        """The format of times."""
        return Times.of(self.store, self.time_style, self.time_reference)

    def receive(self, change: Change) -> None:
        """Collect a change; the callback `on_change` of the session."""
        self._pending = change if self._pending is None else self._pending.merged(change)
        if change.first_kept:
            self._apply()  # at once, as evicted frames must not be drawn
        self.request_draw()

    def redraw(self) -> None:
        """Request a drawing after something besides the store has changed."""
        self.receive(Change(len(self.store.frames), len(self.store.frames)))

    def note_packets(self, numbers: Sequence[int]) -> None:
        """Add packets that the current display filter matches."""
        self.frames.note_packets(numbers)
        self.calls.note_packets(numbers)
        self.redraw()

    def request_draw(self) -> None:
        """Request a drawing: now, or when the interval since the last one is over."""
        if self._timer is None:
            self._draw()
        else:
            self._is_draw_requested = True

    def pop_change(self) -> Change | None:
        """Apply pending changes to selections and totals; return all changes since the last call, or None."""
        self._apply()
        change, self._applied = self._applied, None
        self.rows, self._rows = self._rows, None
        return change

    def _apply(self) -> None:
        """Apply pending changes to selections and totals."""
        change, self._pending = self._pending, None
        if change is not None:
            rows = self.frames.update(change)
            self._rows = rows if self._rows is None else self._rows.merged(rows)
            self.calls.update(change)
            self.methods.update(change)
            self.timeline.update(change)
            self.revision += 1
            self.packets.sync(self.store, self.frames)
            self._applied = change if self._applied is None else self._applied.merged(change)

    def refilter(self, filter_: Filter, *, show_control: bool) -> Iterator[float]:
        """Apply another filter to frames and calls in slices; yield the share done."""
        matcher = BulkMatcher(filter_)
        both = (
            self.frames.refilter(filter_, show_control=show_control, bulk=matcher),
            self.calls.refilter(filter_, matcher),
        )
        for work in both:
            yield from takewhile(lambda done: done < 1, work)
        # The last step of each switches to the new rows. Both must switch before anything is drawn.
        for work in both:
            next(work, None)
        self.packets.sync(self.store, self.frames)

    def close(self) -> None:
        """Stop requesting drawings."""
        self._notify = lambda: None
        if self._timer is not None:
            self._timer.cancel()

    def _interval_over(self) -> None:
        self._timer = None
        if self._is_draw_requested:
            self._is_draw_requested = False
            self._draw()

    def _draw(self) -> None:
        """Notify the screen, and not again before the interval is over."""
        frames = len(self.store.frames)
        interval = _CROWDED_INTERVAL if frames - self._drawn > _CROWD else INTERVAL
        self._drawn = frames
        self._timer = asyncio.get_running_loop().call_later(interval, self._interval_over)
        self._notify()
