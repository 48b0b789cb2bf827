"""Evicting frames when memory is short: by age, and after they are printed or shown."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.cli import options
from inspector.errors import UsageError
from inspector.headless.follow import print_stream
from inspector.headless.runner import Limits
from inspector.headless.tables import print_calls, print_frames
from inspector.http2.hpack.recovery import HeaderRecovery
from inspector.http2.stats import ConnectionStats
from inspector.model.call import CallState, StreamKey
from inspector.model.retained_list import RetainedList
from inspector.present.export.json import call_object
from inspector.present.follow import Follow
from inspector.schema.catalog import Catalog
from inspector.session import FileSource, Session
from inspector.session.memory import Memory, usual_memory
from inspector.store.stats import MethodTotals
from inspector.tshark.binary import Decoding
from inspector.ui.lists.listing import CALLS, FRAMES
from inspector.ui.subject import FrameAt
from tests.conversation import BEGAN, CLIENT, SERVER, Conversation, data, hello, reply, request, response, trailers
from tests.ui_running import Running, lines, opened, text
from tests.wire import Wire

DECODING = Decoding(frozenset({50051}))
LITTLE = Memory(1 << 30, 1 << 30, 30_000)
"""Some fifty frames."""


@given(st.lists(st.integers()), st.lists(st.tuples(st.integers(0, 12), st.booleans()), max_size=8))
def test_a_retained_list_keeps_its_positions(items: list[int], drops: list[tuple[int, bool]]) -> None:
    log, first = RetainedList[int](), 0
    for number, item in enumerate(items):
        log.append(item)
        if number < len(drops):
            before, is_freed = drops[number]
            log.drop(before)
            first = max(first, min(before, number + 1))
            if is_freed:
                log.release()
        said = items[: number + 1]
        assert (len(log), log.first, log.kept) == (number + 1, first, number + 1 - first)
        assert list(log) == said[first:] == log[0:] == list(reversed(list(reversed(log))))
        assert [log[position] for position in range(first, len(log))] == said[first:]
        assert bool(log) == bool(said[first:])
        assert log.oldest == next(iter(said[first:]), None)
    if items and first == 0:
        log[-1 % len(items)] = 7
        assert log[-1] == 7


def test_dropped_frames_can_be_read_until_they_are_freed() -> None:
    log = RetainedList("abcdef")
    log.drop(4)
    assert (log[0], list(log), log.holds(3), log.holds(4)) == ("a", ["e", "f"], False, True)
    assert log.release(3)
    assert log.reader()(3) == "d"
    assert not log.release()
    with pytest.raises(IndexError):
        log[3]
    assert log[4] == "e"


def talk_of(calls: int) -> Conversation:
    talk = Conversation()
    for number in range(calls):
        stream = 2 * number + 1
        talk.client(request(stream), data(stream, hello(f"{number}"), end=True))
        talk.server(response(stream), data(stream, reply(f"{number}")), trailers(stream))
    return talk


def test_totals_are_kept_and_calls_are_evicted_with_their_last_frame() -> None:
    talk = talk_of(10)
    store, totals = talk.store, MethodTotals(talk.store)
    before = {name: (total.calls, total.requests, total.request_bytes) for name, total in totals.methods.items()}
    per_call = len(store.frames) // 10
    change = store.evict(3 * per_call + 2)
    totals.update(change)
    assert change.evicted == {StreamKey(0, 1), StreamKey(0, 3), StreamKey(0, 5)}
    assert list(store.calls) == [StreamKey(0, number) for number in range(7, 20, 2)]
    cut = store.calls[StreamKey(0, 7)]
    assert len(cut.requests) == 1
    assert list(cut.requests) == []
    assert "not kept" in cut.problems[0]
    assert {name: (t.calls, t.requests, t.request_bytes) for name, t in totals.methods.items()} == before
    assert store.traffic(0).calls == 10


def test_evicted_objects_need_no_garbage_collection() -> None:
    """Of millions of frames, none is looked at again by the collector of garbage."""
    talk = talk_of(3)
    talk.server(response(7), gap=True)
    gc.collect()
    gc.disable()
    try:
        talk.store.evict(len(talk.store.frames))
        while talk.store.release(2):
            pass
        tally, recovery = ConnectionStats(0, (CLIENT, SERVER), BEGAN), HeaderRecovery()
        recovery.mark_gap()
        del tally, recovery
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_an_open_call_is_not_evicted() -> None:
    talk = Conversation()
    talk.client(request(1))
    talk.server(response(1))
    key = StreamKey(0, 1)
    follow = Follow(talk.store, Catalog(), key)
    for number in range(50):
        talk.server(data(1, reply(f"{number}")))
        if number % 7 == 0:
            talk.store.evict(5)
            talk.store.release(3)
            follow.update()
            call_object(talk.store, Catalog(), key)
        talk.store.evict(len(talk.store.frames) - talk.store.frames.first)
    assert talk.store.calls[key].state is CallState.OPEN
    assert len(talk.store.calls[key].responses) == 50
    talk.server(data(1, reply("last")), trailers(1))
    follow.update()
    assert [step.title[-1].text for step in follow.steps()]
    assert follow.dropped > 0
    talk.store.evict(100)
    assert key not in talk.store.calls
    talk.server(trailers(1))  # of a call that is gone


def greets(calls: int) -> Wire:
    wire = Wire()
    wire.begin()
    for number in range(calls):
        wire.greet(2 * number + 1, hello(f"name-{number}"), reply(f"Hello, name-{number}"))
    return wire


async def in_parts(
    path: Path, capture: bytes, work: Callable[[Session], Awaitable[int]], memory: Memory | None = None
) -> Session:
    """A command over a capture that comes through a pipe, the second half of it when some of the first is gone."""
    pipe = path / f"pipe-{memory is None}"
    os.mkfifo(pipe)
    session = Session(FileSource(pipe), DECODING, memory=memory)
    task = asyncio.ensure_future(work(session))
    half = len(capture) // 2
    with await asyncio.to_thread(pipe.open, "wb", 0) as writer:
        await asyncio.to_thread(writer.write, capture[:half])
        async with asyncio.timeout(30):
            while memory is not None and not session.status.left:  # noqa: ASYNC110 - a pipe tells nobody
                await asyncio.sleep(0.02)
        with contextlib.suppress(BrokenPipeError):  # the command has all that it wants
            await asyncio.to_thread(writer.write, capture[half:])
    assert await task == 0
    return session


COMMANDS: dict[str, Callable[[Session], Awaitable[int]]] = {
    "calls": lambda session: print_calls(session, Catalog(), Limits(), as_json=True),
    "frames": lambda session: print_frames(session, Catalog(), Limits(), as_json=True),
}


@pytest.mark.system
@pytest.mark.parametrize("name", sorted(COMMANDS))
async def test_lines_are_printed_before_eviction(name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    capture = bytes(greets(60).capture)
    await in_parts(tmp_path, capture, COMMANDS[name])
    whole = capfd.readouterr().out.splitlines()
    session = await in_parts(tmp_path, capture, COMMANDS[name], LITTLE)
    printed = capfd.readouterr().out.splitlines()
    assert session.status.left > 50
    assert session.store.frames.kept < len(session.store.frames)
    if name == "frames":
        assert printed == whole
    else:
        assert sorted(map(_untrimmed, printed), key=_stream) == sorted(map(json.loads, whole), key=_stream)


def _stream(call: dict[str, Any]) -> int:
    return int(call["stream"])


def _untrimmed(line: str) -> dict[str, Any]:
    call: dict[str, Any] = json.loads(line)
    assert call["problems"] == []
    return call


@pytest.mark.system
async def test_a_followed_stream_is_printed_before_eviction(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    capture, key = bytes(greets(60).capture), StreamKey(0, 3)

    def work(session: Session) -> Awaitable[int]:
        return print_stream(session, Catalog(), Limits(), key)

    await in_parts(tmp_path, capture, work)
    whole = capfd.readouterr().out
    await in_parts(tmp_path, capture, work, LITTLE)
    assert capfd.readouterr().out == whole


async def drop(run: Running, frames: int) -> None:
    """Let frames go, as the session does."""
    store = run.session.store
    run.session.on_change(store.evicting(frames))
    run.session.on_change(store.evict(frames))
    await run.pilot.pause()
    while store.release(1000):
        pass
    run.session.on_change(store.evict(0))
    await run.pilot.pause()


@pytest.mark.system
async def test_the_screen_survives_the_eviction_of_what_it_shows(tmp_path: Path) -> None:
    async with opened(greets(40).write(tmp_path / "greets.pcap")) as run:
        await run.press("down", "m", "down", "down", "f")
        first = run.session.store.frames[run.frames.cursor.key]
        await drop(run, 100)
        assert run.counts.startswith(f"{run.frames.count} of ")
        assert "100 older dropped" in run.counts
        assert run.frames.marks == {}
        shown = run.session.store.frames[run.frames.cursor.key]
        assert shown.packet > first.packet
        assert f"packet {shown.packet}" in text(run.pane)
        await run.press("escape")
        await run.turn_to(CALLS, "left")
        await run.press("home", "right", "right", "down", "down")
        await drop(run, 20)
        assert len(lines(run.list)) > 3
        for key in ("end", "home", "down", "up", "enter", "escape", "s", "full_stop", "comma", "n", "h"):
            await run.press(key)
            await drop(run, 7)
        run.screen.browser.listing.open(FRAMES)
        await run.until(lambda: run.list.id == FRAMES)
        run.screen.browser.go_to(FrameAt(3))
        await run.until(lambda: "no longer in memory" in text(run.pane))
        await drop(run, 10_000)
        assert run.frames.count == 0


@pytest.mark.parametrize(("said", "size"), [("800M", 800 << 20), ("2g", 2 << 30), ("1000000000", 1_000_000_000)])
def test_the_limit_is_a_size(said: str, size: int) -> None:
    assert options.app("grpc-inspector").read([f"--memory={said}"]).memory == size
    memory = Memory.of(size)
    assert memory.tshark + memory.store <= size


@pytest.mark.parametrize("said", ["", "much", "100M", "-2G", "2T"])
def test_an_invalid_limit_is_an_error(said: str) -> None:
    with pytest.raises(UsageError, match=r"size|too little"):
        options.app("grpc-inspector").read([f"--memory={said}"])


def test_the_default_limit_is_between_half_and_eight_gigabytes() -> None:
    assert 512 << 20 <= usual_memory().limit <= 8 << 30
