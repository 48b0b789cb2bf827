"""The app on a terminal that nobody looks at: how long after a key all is drawn, and how long its loop stood still."""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple

from textual import events
from textual.drivers.headless_driver import HeadlessDriver
from textual.pilot import Pilot

from inspector.schema.catalog import Catalog
from inspector.session import Session
from inspector.ui.app import InspectorApp
from inspector.ui.launch import Launch
from inspector.ui.screen import InspectionScreen

SIZE = (160, 48)
_TICK = 0.005


class Terminal(HeadlessDriver):
    """Takes what a terminal would: it is made with all its colours, and thrown away."""

    @property
    def is_headless(self) -> bool:
        return False


class Press(NamedTuple):
    """A key, from its press to the screen."""

    seconds: float
    work: float
    """Seconds of our own work among them: where others use the machine too, the rest is theirs."""


class Running(NamedTuple):
    """The app on that terminal."""

    app: InspectorApp
    pilot: Pilot[int]

    @property
    def screen(self) -> InspectionScreen:
        return next(each for each in self.app.screen_stack if isinstance(each, InspectionScreen))

    async def press(self, key: str, letter: str | None = None) -> Press:
        """Press a key, which may have another name than its letter; wait until everything is drawn that comes of it."""
        pressed, worked = time.perf_counter(), time.thread_time()
        self.app.post_message(events.Key(key, letter or (key if len(key) == 1 else None)))
        focused = self.app.focused
        for node in (self.app, *(focused or self.app.screen).ancestors_with_self) * 2:
            await _turn_of(node.call_later)
        await _turn_of(self.app.screen.call_after_refresh)
        return Press(time.perf_counter() - pressed, time.thread_time() - worked)

    async def type_filter(self, text: str) -> None:
        """Type a filter, all of its letters at once, so that nothing is looked for before it is whole."""
        await self.press("slash")
        for letter in text:
            self.app.post_message(events.Key(letter, letter))

    async def until(self, holds: Callable[[], object]) -> None:
        """Look every now and then whether something holds."""
        while not holds():  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(_TICK)


async def _turn_of(call: Callable[[Callable[[], object]], object]) -> None:
    """Wait until what was asked for before is done: all of it waits in queues, one behind the other."""
    done = asyncio.Event()
    call(done.set)
    await done.wait()


@asynccontextmanager
async def shown(session: Session, target: str | None = None) -> AsyncIterator[Running]:
    """The app on a session, until the end of the block."""
    app = InspectorApp(Launch(lambda: session, Catalog(), target))
    app.driver_class = Terminal
    app.animation_level = "none"
    try:
        async with app.run_test(headless=False, size=SIZE) as pilot:
            yield Running(app, pilot)
    finally:
        await app.end_sessions()


class Stalls:
    """How long the event loop did not turn, at most."""

    def __init__(self) -> None:
        self.longest = 0.0
        """Seconds."""
        self.longest_work = 0.0
        """Seconds of our own work among them."""

    async def watch(self) -> None:
        """Watch, until cancelled."""
        before, worked = time.perf_counter(), time.thread_time()
        while True:
            await asyncio.sleep(_TICK)
            self.longest = max(self.longest, time.perf_counter() - before - _TICK)
            self.longest_work = max(self.longest_work, time.thread_time() - worked)
            before, worked = time.perf_counter(), time.thread_time()


@asynccontextmanager
async def stalls() -> AsyncIterator[Stalls]:
    """Watch the loop during the block."""
    found = Stalls()
    watching = asyncio.create_task(found.watch())
    try:
        yield found
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching


def say(line: str) -> None:
    """Print a line: where the app runs, `print` is its own."""
    print(line, file=sys.__stdout__, flush=True)


def print_times(name: str, presses: list[Press], bound: float) -> None:
    """One line in milliseconds: median, 95th percentile and maximum, and the 95th of our own work, against a bound."""
    seconds = [press.seconds * 1000 for press in presses]
    high, work = _high(seconds), _high([press.work * 1000 for press in presses])
    mark = "" if high <= bound * 1000 else "  too long" if work > bound * 1000 else "  (others' work)"
    say(f"  {name:<36} {statistics.median(seconds):7.1f} {high:7.1f} {max(seconds):7.1f}   {work:7.1f}{mark}")


def _high(figures: list[float]) -> float:
    return statistics.quantiles(figures, n=20, method="inclusive")[-1] if len(figures) > 1 else figures[0]
