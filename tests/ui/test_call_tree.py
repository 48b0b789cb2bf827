"""Calls that unfold: rows are at every moment those of the calls, each with what it unfolds into right behind it."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from inspector.model.call import StreamKey
from inspector.model.frame import Side
from inspector.present.rows import Branches
from inspector.present.spans import plain
from inspector.schema.catalog import Catalog
from inspector.store.filters.syntax import parse
from inspector.ui.feed import Feed
from inspector.ui.lists.calls import CallTreeRows, PartKey, StepKey
from inspector.ui.subject import FrameAt
from tests.conversation import Conversation, SaidPacket, data, hello, packets, prefixed, request, response, trailers

CATALOG = Catalog()
FIRST = StreamKey(0, 1)


def tree(talk: Conversation) -> tuple[Feed, CallTreeRows]:
    feed = Feed(talk.store, lambda: None)
    return feed, CallTreeRows(feed, CATALOG)


def keys(rows: CallTreeRows) -> list[Any]:
    return [rows.key(row) for row in range(len(rows))]


def said(rows: CallTreeRows) -> list[str]:
    found = []
    for row in range(len(rows)):
        key = rows.key(row)
        text = f"{key}" if isinstance(key, StreamKey) else " ".join(plain(rows.row(key).spans).split())
        found.append(f"{rows.fold_mark(key)} {text}")
    return found


def test_a_call_unfolds_into_its_steps_and_a_message_into_its_frames() -> None:
    talk = Conversation()
    long = prefixed(b"\x0a\x0flong enough name"[:17])
    talk.client(request(1), data(1, long[:8]), data(1, long[8:], end=True))
    talk.server(response(1), trailers(1), after=0.0076)
    _, rows = tree(talk)
    assert said(rows) == ["▸ 0/1"]
    rows.unfold(FIRST)
    rows.unfold(StepKey(FIRST, 1))
    assert said(rows) == [
        "▾ 0/1",
        "  +0 → HEADERS 30 B POST /HelloWorld/greet",
        '▾ +0 → message 17 B HelloRequest name: "long enough nam"',
        "  +0 → DATA 8 B packet 1 part of a message, 8 of 22 B",
        '  +0 → DATA 14 B packet 1 HelloRequest name: "long enough nam"',
        "  +7.6 ms ← HEADERS 30 B 200 application/grpc",
        "  +7.6 ms ← HEADERS 30 B OK grpc-status 0 end of stream",
    ]
    assert [rows.subject(rows.key(row)) for row in (2, 3, 4)] == [FrameAt(2), FrameAt(1), FrameAt(2)]
    assert rows.key_of(FrameAt(3)) == StepKey(FIRST, 2)
    assert rows.fold(PartKey(FIRST, 1, 1)) == StepKey(FIRST, 1)
    assert len(rows) == 5
    assert rows.fold(StepKey(FIRST, 3)) == FIRST
    assert said(rows) == ["▸ 0/1"]


def test_messages_in_one_frame_share_it() -> None:
    talk = Conversation()
    both = hello("a") + hello("b")
    talk.client(request(1), data(1, both[:10]), data(1, both[10:]))
    _, rows = tree(talk)
    rows.unfold(FIRST)
    for step in (1, 2):
        rows.unfold(StepKey(FIRST, step))
    parts = [key[1:] for key in keys(rows) if isinstance(key, PartKey)]
    assert parts == [(1, 1), (2, 1), (2, 2)]


@given(packets(), st.lists(st.tuples(st.booleans(), st.integers(0, 40)), max_size=12), st.booleans())
def test_rows_are_calls_with_what_they_unfold_into(
    talked: list[SaidPacket], turns: list[tuple[bool, int]], is_filtered: bool
) -> None:
    talk = Conversation()
    feed, rows = tree(talk)
    if is_filtered:
        list(feed.calls.refilter(parse("-stream:3")))
    calls: set[StreamKey] = set()
    for index in range(max(len(talked), len(turns))):
        if index < len(talked):
            side, frames, connection = talked[index]
            feed.calls.update(talk.store.apply(talk.events(side, *frames, connection=connection)))
        if index < len(turns) and len(rows):
            unfolds, at = turns[index]
            key = rows.key(at % len(rows))
            (rows.unfold if unfolds else rows.fold)(key)
            calls = {each for each in talk.store.calls if rows.fold_mark(each) == "▾"}
        shown = keys(rows)
        assert [each for each in shown if isinstance(each, StreamKey)] == list(feed.calls.keys)
        assert [rows.near(each) for each in shown] == list(range(len(shown)))
        for call in feed.calls.keys:
            at = shown.index(call)
            steps = [each for each in shown if isinstance(each, StepKey) and each.call == call]
            assert len(steps) == (len(Branches(talk.store, CATALOG, call)) if call in calls else 0)
            below = shown[at + 1 : at + 1 + sum(getattr(each, "call", None) == call for each in shown)]
            assert all(getattr(each, "call", None) == call for each in below)
        for each in shown:
            rows.row(each)
            rows.version(each)
            assert rows.text(each)[0]
            position = rows.subject(each)
            assert isinstance(position, FrameAt)


def test_unfolding_costs_what_is_unfolded_and_not_what_is_there() -> None:
    talk = Conversation()
    for _ in range(20):
        talk.store.apply(event for _ in range(100) for event in talk.events(Side.SERVER, data(1, hello("x"))))
    _, rows = tree(talk)
    rows.unfold(FIRST)
    assert len(rows) == 1 + 2_000
    assert rows.near(StepKey(FIRST, 1_999)) == 2_000
    assert rows.key(2_000) == StepKey(FIRST, 1_999)
