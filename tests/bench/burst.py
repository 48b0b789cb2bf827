"""A burst of live calls: what the app has of it, how far it is behind meanwhile, and how long it takes to catch up."""

from __future__ import annotations

import asyncio
import os
import random
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from inspector.capture.source import Target
from inspector.session import LiveSource, Phase, Session
from inspector.tshark.binary import Decoding
from inspector.ui.lists.listing import FRAMES
from tests.bench.browsing import KEY_BOUND, MOVES
from tests.bench.replay import CALL_FRAMES, CONNECTIONS, OPENING_FRAMES
from tests.bench.screen import Press, Running, print_times, say, shown, stalls
from tests.bench.traffic import ended

RATE, SECONDS = 2_000, 60
"""Calls a second, and for how long."""
_BEHIND_BOUND = 1.0
_LOOK, _KEY_PAUSE = 0.05, 0.2
"""Seconds."""
_PATIENCE = 300.0
"""Seconds without the last frame, after which it is taken for lost."""


class _Lag:
    """How far the store was behind the wire at most, while somebody looked."""

    def __init__(self, session: Session) -> None:
        self.seconds = 0.0
        self.packets = 0
        self._session = session

    async def watch(self) -> None:
        """Look until cancelled."""
        store = self._session.store
        while True:
            await asyncio.sleep(_LOOK)
            status = self._session.status
            if store.frames and status.recorded > store.packets:
                self.packets = max(self.packets, status.recorded - store.packets)
                self.seconds = max(self.seconds, time.time() - store.frames[-1].time)


async def print_burst() -> None:
    """Attach the app to a service, make the burst, press keys meanwhile, and wait for all of it."""
    command = (sys.executable, "-m", "tests.bench.replay", str(RATE), str(SECONDS))
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        port = int(await process.stdout.readline())
        session = Session(LiveSource(Target("127.0.0.1", port), engine="tcpdump"), Decoding())
        async with shown(session) as run:
            await run.until(lambda: session.status.phase in (Phase.LIVE, Phase.FAILED))
            process.stdin.write(b"\n")
            told = asyncio.create_task(process.stdout.readline())
            async with _lag(session) as lag, stalls() as loop:
                keys = await _press_until(run, told)
                over = time.perf_counter()
                calls, late = (float(word) for word in told.result().split())
                truth = int(calls) * CALL_FRAMES + CONNECTIONS * OPENING_FRAMES
                await _wait(run, truth)
                stored = time.perf_counter() - over
                rows = run.screen.browser.listing.list_of(FRAMES)
                await run.until(lambda: rows.count >= int(calls) * CALL_FRAMES or len(session.store.frames) < truth)
                drawn = time.perf_counter() - over
            _print(session, int(calls), late, truth)
            say(f"  {'in the store after its end':<42} {stored:7.2f} s")
            say(f"  {'on the screen after its end':<42} {drawn:7.2f} s   (at most {_BEHIND_BOUND:g})")
            say(f"  {'most that the store was behind the wire':<42} {lag.seconds:7.2f} s   {lag.packets:,} packets")
            say(f"  {'longest work without a turn of the loop':<42} {loop.longest_work * 1000:7.0f} ms")
            say(f"  {'milliseconds from a key to the screen':<36}  median     p95     max   our own p95")
            print_times("any key meanwhile", keys, KEY_BOUND)
    finally:
        await ended(process)


async def _press_until(run: Running, told: asyncio.Task[bytes]) -> list[Press]:
    keys: list[Press] = []
    while not told.done():
        keys.append(await run.press(random.choice(MOVES)))
        await asyncio.wait({told}, timeout=_KEY_PAUSE)
    return keys


async def _wait(run: Running, frames: int) -> None:
    store = run.screen.session.store
    with suppress(TimeoutError):
        await asyncio.wait_for(run.until(lambda: len(store.frames) >= frames), _PATIENCE)


@asynccontextmanager
async def _lag(session: Session) -> AsyncIterator[_Lag]:
    lag = _Lag(session)
    watching = asyncio.create_task(lag.watch())
    try:
        yield lag
    finally:
        watching.cancel()


def _print(session: Session, calls: int, late: float, truth: int) -> None:
    store = session.store
    say(f"A burst of {RATE:,} calls/s for {SECONDS} s by bare sockets; app, tcpdump and tshark on the same machine,")
    say(f"  {os.cpu_count()} cores, on which {os.getloadavg()[0]:.1f} programs wanted to run in the last minute:")
    say(f"  {'calls made':<42} {calls:9,}   the latest {late:.2f} s late")
    say(f"  {'calls in the store':<42} {len(store.calls):9,}")
    say(f"  {'frames in the store':<42} {len(store.frames):9,}   of {truth:,}")
    say(f"  {'packets dropped, as tcpdump counts':<42} {session.status.dropped:9,}   of {session.status.recorded:,}")
