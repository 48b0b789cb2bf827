"""The feed: however many changes the session tells, the screen draws few times and misses nothing."""

from __future__ import annotations

import asyncio

from inspector.store.filters.syntax import parse
from inspector.ui.feed import Feed
from tests.conversation import Conversation, settings


class Asked:
    """Counts how often the screen was asked to draw."""

    def __init__(self) -> None:
        self.times = 0
        self.event = asyncio.Event()

    def __call__(self) -> None:
        self.times += 1
        self.event.set()


async def test_a_burst_is_drawn_twice_and_no_change_is_lost() -> None:
    said, asked = Conversation(), Asked()
    feed = Feed(said.store, asked)
    for _ in range(500):
        feed.receive(said.client(settings()))
    first = feed.pop_change()
    assert (asked.times, first and first.end_frame) == (1, 500)
    asked.event.clear()
    for _ in range(500):
        feed.receive(said.client(settings()))
    await asked.event.wait()
    later = feed.pop_change()
    assert later is not None
    assert (asked.times, later.first_frame, later.end_frame, later.packets) == (2, 500, 1000, 500)
    feed.close()


async def test_nothing_is_drawn_while_nothing_changes() -> None:
    asked = Asked()
    feed = Feed(Conversation().store, asked)
    feed.request_draw()
    assert feed.pop_change() is None
    feed.close()
    assert asked.times == 1


async def test_selections_are_up_to_date_after_pop_change() -> None:
    said, asked = Conversation(), Asked()
    feed = Feed(said.store, asked)
    said.greet()
    feed.receive(said.store.everything())
    assert len(feed.frames.positions) == 0
    feed.pop_change()
    assert (len(feed.frames.positions), len(feed.calls.keys)) == (5, 1)
    feed.close()


async def test_a_filter_applies_to_frames_and_calls() -> None:
    said = Conversation()
    said.greet(1, "World")
    said.greet(3, "Ada")
    feed = Feed(said.store, Asked())
    for _ in feed.refilter(parse("Ada"), show_control=False):
        pass
    assert {said.store.frames[each].stream for each in feed.frames.positions} == {3}
    assert [key.stream for key in feed.calls.keys] == [3]


async def test_frames_and_calls_switch_to_another_filter_at_once() -> None:
    said, asked = Conversation(), Asked()
    for stream in range(1, 2_401, 2):
        said.greet(stream, "Ada" if stream % 3 else "Bob")
    feed = Feed(said.store, asked)
    feed.receive(said.store.everything())
    feed.pop_change()
    before = len(feed.frames.positions), len(feed.calls.keys)
    steps = 0
    for _ in feed.refilter(parse("Ada"), show_control=False):
        steps += 1
        assert (len(feed.frames.positions), len(feed.calls.keys)) == before
    assert steps > 2
    assert len(feed.calls.keys) == 800
    assert len(feed.frames.positions) < before[0]
    feed.close()
