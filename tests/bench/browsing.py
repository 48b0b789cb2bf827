"""Browsing a million frames: how long after a key the screen is drawn, while the file is read and afterwards."""

from __future__ import annotations

import random
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import psutil

from inspector.session import FileSource, Phase, Session
from inspector.tshark.binary import Decoding
from inspector.ui.lists.listing import CALLS, CONNECTIONS, FRAMES, LISTS, METHODS, PACKETS
from tests.bench.screen import Press, Running, print_times, say, shown, stalls

KEY_BOUND, FILTER_BOUND, FIRST_BOUND, FRAME_BOUND = 0.05, 1.0, 1.0, 600
"""Seconds, seconds, seconds and bytes."""
ROUNDS = 10
WORD = "name-123"
_DISPLAY = "http2.type == 4"
_MARKS = (250_000, 500_000, 1_000_000)
MOVES = ("down", "pagedown", "pageup", "end", "up", "home")
_KEYS = (*MOVES, "enter", "escape", "full_stop", "comma", "f", "escape")


class _Reading(NamedTuple):
    """What was seen while the file was read."""

    first: float
    """Seconds until rows were drawn."""
    seconds: float
    keys: list[Press]
    memory: dict[int, int]
    """By frames: bytes of our process that they took."""
    stall: float
    """Seconds of our own work without a turn of the loop."""


async def print_browsing(capture: Path) -> None:
    """Open it in the app, press keys while it is read, and then each kind of key."""
    before = psutil.Process().memory_info().rss
    async with shown(Session(FileSource(capture), Decoding())) as run:
        reading = await _read(run, before)
        store = run.screen.session.store
        say(f"A capture of {store.packets:,} packets, {len(store.frames):,} frames, {len(store.calls):,} calls:")
        _print_reading(reading)
        say(f"  {'milliseconds from a key to the screen':<36}  median     p95     max   our own p95   (p95 at most 50)")
        print_times("any key, while the file is read", reading.keys, KEY_BOUND)
        await _print_keys(run)
        await _print_calls(run)
        await _print_packets(run)
        turned = [await run.press("right") for _ in range(ROUNDS * len(LISTS))]
        print_times("to another tab", turned, KEY_BOUND)
        await _print_filter(run)


async def _read(run: Running, before: int) -> _Reading:
    session, started, first = run.screen.session, time.perf_counter(), 0.0
    rows = run.screen.browser.listing.list_of(FRAMES)
    keys: list[Press] = []
    memory: dict[int, int] = {}
    async with stalls() as loop:
        while session.status.phase not in (Phase.ENDED, Phase.FAILED):
            if not rows.count:
                await run.until(lambda: rows.count or session.status.phase is Phase.FAILED)
                first = time.perf_counter() - started
            keys.append(await run.press(random.choice(MOVES)))
            for mark in _MARKS:
                if mark not in memory and len(session.store.frames) >= mark:
                    memory[mark] = psutil.Process().memory_info().rss - before
        seconds = time.perf_counter() - started
    memory[len(session.store.frames)] = psutil.Process().memory_info().rss - before
    return _Reading(first, seconds, keys, memory, loop.longest_work)


def _print_reading(reading: _Reading) -> None:
    say(f"  {'first rows drawn after':<42} {reading.first:6.2f} s   (at most {FIRST_BOUND:g})")
    say(f"  {'read to its end, with keys pressed, in':<42} {reading.seconds:6.2f} s")
    say(f"  {'longest work without a turn of the loop':<42} {reading.stall * 1000:6.0f} ms")
    for frames, taken in reading.memory.items():
        say(f"  {f'memory at {frames:,} frames':<42} {taken / frames:6.0f} bytes a frame   (at most {FRAME_BOUND})")


async def _print_keys(run: Running) -> None:
    for tab in (FRAMES, CALLS, CONNECTIONS, METHODS):
        await _print_each(run, tab, _KEYS)
    await _take_filter_away(run)  # Enter on a method filters by it


async def _print_each(run: Running, tab: str, keys: Sequence[str], how: str = "") -> None:
    run.screen.browser.listing.open(tab)
    await run.press("home")
    presses: dict[str, list[Press]] = {key: [] for key in keys}
    for _ in range(ROUNDS):
        for key in keys:
            presses[key].append(await run.press(key))
    for key, each in presses.items():
        print_times(f"{tab}{how and f' {how}'}: {key}", each, KEY_BOUND)


async def _print_calls(run: Running) -> None:
    run.screen.browser.listing.open(CALLS)
    await run.press("home")
    print_times("calls: sort by each column", [await run.press("o") for _ in range(13)], KEY_BOUND)
    folding = [await run.press(key) for _ in range(ROUNDS) for key in ("plus", "minus", "down")]
    print_times("calls: unfold, fold, down", folding, KEY_BOUND)


async def _print_packets(run: Running) -> None:
    rows, total = run.screen.browser.listing.list_of(PACKETS), run.screen.session.store.packets
    before, started = psutil.Process().memory_info().rss, time.perf_counter()
    run.screen.browser.listing.open(PACKETS)
    await run.until(lambda: rows.count)
    first = time.perf_counter() - started
    async with stalls() as loop:
        keys = [await run.press(random.choice(MOVES)) async for _ in _while(lambda: rows.count < total)]
    seconds, grown = time.perf_counter() - started, psutil.Process().memory_info().rss - before
    say(f"  {'packets: first rows drawn after':<42} {first:6.2f} s   (at most {FIRST_BOUND:g})")
    say(f"  {f'packets: all {total:,} in the list after':<42} {seconds:6.2f} s")
    say(f"  {'packets: memory of the list':<42} {grown / total:6.0f} bytes a packet")
    print_times("packets: any key meanwhile", keys, KEY_BOUND)
    await _print_each(run, PACKETS, (*MOVES, "enter", "escape", "full_stop"))
    started = time.perf_counter()
    await run.until(lambda: not run.screen.session.packets.is_loading)
    say(f"  {'packets: read by sharkd, behind the keys':<42} {time.perf_counter() - started:6.2f} s more")
    await _print_each(run, PACKETS, ("down", "pagedown", "end", "home"), "with trees")
    await run.type_filter(_DISPLAY)
    async with stalls() as passing:
        started = time.perf_counter()
        await run.press("enter")
        await run.until(lambda: run.screen.filter_box.is_searching)
        await run.until(lambda: not run.screen.filter_box.is_searching)
    seconds = time.perf_counter() - started
    say(f"  {f'packets: {_DISPLAY}, {rows.count:,} found':<42} {seconds:6.2f} s")
    stall = max(loop.longest_work, passing.longest_work) * 1000
    say(f"  {'longest work without a turn of the loop':<42} {stall:6.0f} ms")
    await _print_each(run, PACKETS, ("down", "pagedown", "end", "home"), "filtered")
    await _take_filter_away(run)


async def _take_filter_away(run: Running) -> None:
    run.screen.filter_box.put("")
    await run.until(lambda: not run.screen.feed.frames.filter.text)


async def _while(holds: Callable[[], object]) -> AsyncIterator[None]:
    while holds():
        yield


async def _print_filter(run: Running) -> None:
    frames = run.screen.browser.listing.list_of(FRAMES)
    every = frames.count
    async with stalls() as loop:
        await run.type_filter(WORD)
        started = time.perf_counter()
        await run.press("enter")
        await run.until(lambda: frames.count < every)
        seconds = time.perf_counter() - started
    say(f"  {f'word filter, {frames.count:,} frames found':<42} {seconds:6.2f} s   (at most {FILTER_BOUND:g})")
    say(f"  {'longest work without a turn of the loop':<42} {loop.longest_work * 1000:6.0f} ms")
