"""Browsing a million frames: how long after a key the screen is drawn, while the file is read and afterwards."""

from __future__ import annotations

import gc
import random
import time
from pathlib import Path
from typing import NamedTuple

import psutil

from inspector.capture.tshark import Decoding
from inspector.session import FileSource, Phase, Session
from inspector.ui.lists.tabs import CALLS, FRAMES
from tests.bench.screen import Running, print_times, say, shown, stalls

KEY_BOUND, FILTER_BOUND, FIRST_BOUND, FRAME_BOUND = 0.05, 1.0, 1.0, 600
"""Seconds, seconds, seconds and bytes."""
ROUNDS = 20
WORD = "name-123"
_MARKS = (250_000, 500_000, 1_000_000)
_KEYS = ("down", "pagedown", "pageup", "end", "up", "home", "enter", "escape", "full_stop", "comma", "f", "escape")
_TABS = ("right", "left")


class _Reading(NamedTuple):
    """What was seen while the file was read."""

    first: float
    """Seconds until rows were drawn."""
    seconds: float
    keys: list[float]
    memory: dict[int, int]
    """By frames: bytes of our process that they took."""
    stall: float


async def print_browsing(capture: Path) -> None:
    """Open it in the app, press keys while it is read, and then each kind of key."""
    before = psutil.Process().memory_info().rss
    async with shown(Session(FileSource(capture), Decoding())) as run:
        reading = await _read(run, before)
        store = run.screen.session.store
        say(f"A capture of {store.packets:,} packets, {len(store.frames):,} frames, {len(store.calls):,} calls:")
        _print_reading(reading)
        say(f"  from a key to the screen, {ROUNDS} of each        median     p95     max   (p95 at most 50 ms)")
        print_times("any key, while the file is read", reading.keys, KEY_BOUND)
        await _print_keys(run)
        await _print_calls(run)
        await _print_filter(run)


async def _read(run: Running, before: int) -> _Reading:
    session, started, first = run.screen.session, time.perf_counter(), 0.0
    rows = run.screen.browser.listing.list_of(FRAMES)
    keys: list[float] = []
    memory: dict[int, int] = {}
    async with stalls() as loop:
        while session.status.phase not in (Phase.ENDED, Phase.FAILED):
            if not rows.count:
                await run.until(lambda: rows.count or session.status.phase is Phase.FAILED)
                first = time.perf_counter() - started
            keys.append(await run.press(random.choice(_KEYS[:6])))
            for mark in _MARKS:
                if mark not in memory and len(session.store.frames) >= mark:
                    memory[mark] = psutil.Process().memory_info().rss - before
        seconds = time.perf_counter() - started
    memory[len(session.store.frames)] = psutil.Process().memory_info().rss - before
    return _Reading(first, seconds, keys, memory, loop.longest)


def _print_reading(reading: _Reading) -> None:
    say(f"  {'first rows drawn after':<42} {reading.first:6.2f} s   (at most {FIRST_BOUND:g})")
    say(f"  {'read to its end in':<42} {reading.seconds:6.2f} s   longest stall {reading.stall * 1000:.0f} ms")
    for frames, taken in reading.memory.items():
        say(f"  {f'memory at {frames:,} frames':<42} {taken / frames:6.0f} bytes a frame   (at most {FRAME_BOUND})")


async def _print_keys(run: Running) -> None:
    for tab in ("Frames", "Connections", "Methods", "Calls"):
        times: dict[str, list[float]] = {key: [] for key in dict.fromkeys(_KEYS)}
        for _ in range(ROUNDS):
            for key in _KEYS:
                times[key].append(await run.press(key))
        for key, seconds in times.items():
            print_times(f"{tab}: {key}", seconds, KEY_BOUND)
        turns = [await run.press("right")]
        print_times(f"tab after {tab}", [*turns, *turns], KEY_BOUND)
    print_times("tabs", [await run.press(key) for _ in range(ROUNDS) for key in _TABS], KEY_BOUND)


async def _print_calls(run: Running) -> None:
    run.screen.browser.listing.open(CALLS)
    await run.press("home")
    columns = [await run.press("o") for _ in range(13)]
    print_times("Calls: sort by each column", columns, KEY_BOUND)
    print_times("Calls: unfold and fold", [await run.press(key) for _ in range(ROUNDS) for key in "+-j"], KEY_BOUND)


async def _print_filter(run: Running) -> None:
    await run.press("slash")
    screen = run.screen
    frames = screen.browser.listing.list_of(FRAMES)
    every = frames.count
    gc.collect()
    async with stalls() as loop:
        for letter in WORD:
            await run.press({"-": "minus"}.get(letter, letter))
        started = time.perf_counter()
        await run.press("enter")
        await run.until(lambda: frames.count < every)
        seconds = time.perf_counter() - started
    say(f"  {f'word filter, {frames.count:,} frames found':<42} {seconds:6.2f} s   (at most {FILTER_BOUND:g})")
    say(f"  {'longest time without a turn of the loop':<42} {loop.longest * 1000:6.0f} ms")
