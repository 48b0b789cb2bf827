"""Between the session, which tells every batch, and the screen, which draws at most some twenty times a second.

Owns the selections, the totals and the changes that the screen has not taken yet. Posts one message for any number of
changes and does nothing while nothing changes. Never writes to the store.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from itertools import takewhile
from typing import Final

from inspector.session.packets import Packets
from inspector.store.change import Change
from inspector.store.filter import Filter
from inspector.store.matched import SelectionChange
from inspector.store.method_totals import MethodTotals
from inspector.store.selection import CallSelection, Selection
from inspector.store.store import Store
from inspector.store.sweep import Sweep
from inspector.store.timeline import Timeline
from inspector.ui.packet_feed import PacketFeed, Run
from inspector.views.times import Times, TimeStyle

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
        sweep = Sweep(filter_)
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
