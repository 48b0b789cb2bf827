"""The incremental views equal views built from scratch."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice, zip_longest
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.model.call import Call, StreamKey
from inspector.model.frame import Side
from inspector.store.filters.call_selection import CallSelection
from inspector.store.filters.filter import EVERYTHING, BulkMatcher
from inspector.store.filters.frame_selection import FrameSelection
from inspector.store.filters.sorting import CallOrder
from inspector.store.filters.syntax import parse
from inspector.store.store import Store
from tests.conversation import (
    Conversation,
    SaidPacket,
    data,
    hello,
    packets,
    request,
    response,
    say_all,
    trailers,
    window,
)

FILTERS = (
    "",
    "greet",
    "-greet",
    "status:ok",
    "-status:ok type:data",
    "status:open",
    "sender:client",
    "-sender:client",
    "split",
    "stream:3",
    "hello -type:headers",
    "world greet",
    "-hello increment",
    "type:window",
)
DROPS = st.lists(st.integers(0, 6), max_size=8)
"""How many frames are evicted after each batch."""


def fresh(store: Store, text: str, *, show_control: bool) -> tuple[list[int], int]:
    found, frames = parse(text), store.frames
    matching = [each for each in range(frames.first, len(frames)) if found.matches_frame(store, each)]
    shown = [each for each in matching if show_control or not store.frames[each].is_control]
    return shown, len(matching) - len(shown)


@given(packets(), st.sampled_from(FILTERS), st.booleans(), st.lists(st.integers(1, 4), max_size=8), DROPS)
def test_the_incremental_view_equals_a_fresh_one(
    said: list[SaidPacket], text: str, show_control: bool, batches: list[int], drops: list[int]
) -> None:
    talk, found = Conversation(), parse(text)
    shown, calls = FrameSelection(talk.store, found, show_control=show_control), CallSelection(talk.store, found)
    waiting = [talk.events(side, *frames, connection=index) for side, frames, index in said]
    for size, drop in zip_longest((*batches, len(waiting)), drops, fillvalue=0):
        batch, waiting = [event for packet in waiting[:size] for event in packet], waiting[size:]
        rows, keys = list(shown.positions), list(calls.keys)
        change = talk.store.apply(batch)
        if drop:
            change = change.merged(talk.store.evict(drop))
            talk.store.release(drop - 1)
        told, told_of_calls = shown.update(change), calls.update(change)
        assert (list(shown.positions), shown.hidden_control) == fresh(talk.store, text, show_control=show_control)
        assert list(calls.keys) == [key for key in talk.store.calls if found.matches_call(talk.store, key)]
        assert (told.before, told.after) == (len(rows), len(shown.positions))
        assert list(shown.positions)[: told.first_row] == rows[told.left :][: told.first_row]
        assert list(calls.keys)[: told_of_calls.first_row] == keys[: told_of_calls.first_row]


ORDERS: dict[str, Callable[[Call], Any]] = {
    "duration": lambda call: call.duration,
    "status": lambda call: call.status and call.status.name,
    "state": lambda call: call.state,
    "messages": lambda call: len(call.requests),
    "bytes": lambda call: call.response_bytes,
}


def freshly_sorted(store: Store, text: str, order: CallOrder) -> list[StreamKey]:
    """The simplest way: calls without a value last, ties in the order of the store."""
    keys = [key for key in store.calls if parse(text).matches_call(store, key)]
    values = {key: order.value(store.calls[key]) for key in keys}
    known = sorted((key for key in keys if values[key] is not None), key=values.__getitem__, reverse=order.descending)
    return [*known, *(key for key in keys if values[key] is None)]


@given(
    packets(),
    st.sampled_from(FILTERS),
    st.sampled_from(sorted(ORDERS)),
    st.booleans(),
    st.lists(st.integers(1, 4), max_size=8),
    DROPS,
)
def test_incrementally_sorted_calls_equal_freshly_sorted_ones(
    said: list[SaidPacket], text: str, by: str, descending: bool, batches: list[int], drops: list[int]
) -> None:
    talk, order = Conversation(), CallOrder(ORDERS[by], descending)
    calls = CallSelection(talk.store, parse(text))
    list(calls.sort(order))
    waiting = [talk.events(side, *frames, connection=index) for side, frames, index in said]
    for size, drop in zip_longest((*batches, len(waiting)), drops, fillvalue=0):
        batch, waiting = [event for packet in waiting[:size] for event in packet], waiting[size:]
        calls.update(talk.store.apply(batch))
        calls.update(talk.store.evict(drop))
        wanted = freshly_sorted(talk.store, text, order)
        assert list(calls.keys) == calls.keys[:] == wanted
        assert [calls.row_of(key) for key in wanted] == list(range(len(wanted)))
        assert all(calls.row_of(key) is None for key in talk.store.calls.keys() - set(wanted))
    list(calls.refilter(EVERYTHING))
    assert list(calls.keys) == freshly_sorted(talk.store, "", order)
    list(calls.sort(None))
    assert list(calls.keys) == list(talk.store.calls)


def test_many_changes_at_once_are_sorted_like_few() -> None:
    talk = Conversation()
    for stream in range(1, 2_600, 2):
        talk.client(request(stream))
    calls = CallSelection(talk.store)
    list(calls.sort(order := CallOrder(lambda call: call.ended, descending=True)))
    answers = [talk.events(Side.SERVER, trailers(stream)) for stream in range(2_599, 0, -2)]
    calls.update(talk.store.apply(event for answer in answers for event in answer))
    assert list(calls.keys) == freshly_sorted(talk.store, "", order)
    assert calls.keys[0] == (0, 1)


@given(packets(), packets(), st.sampled_from(FILTERS), st.sampled_from(FILTERS), st.booleans())
def test_the_filter_can_change_while_the_capture_continues(
    before: list[SaidPacket], meanwhile: list[SaidPacket], old: str, new: str, is_sorted: bool
) -> None:
    talk, found = Conversation(), parse(new)
    say_all(talk, before)
    shown, calls = FrameSelection(talk.store, parse(old)), CallSelection(talk.store, parse(old))
    order = CallOrder(ORDERS["bytes"], descending=True) if is_sorted else None
    list(calls.sort(order))
    bulk = BulkMatcher(found)
    work, work_on_calls = shown.refilter(found, show_control=True, bulk=bulk), calls.refilter(found, bulk)
    next(work, None)
    next(work_on_calls, None)
    for number, (side, frames, index) in enumerate(meanwhile):
        change = talk.store.apply(talk.events(side, *frames, connection=index))
        if number == len(before):
            change = change.merged(talk.store.evict(number))
        shown.update(change)
        calls.update(change)
    for step in (*work, *work_on_calls):
        assert 0 <= step <= 1
    assert (list(shown.positions), shown.hidden_control) == fresh(talk.store, new, show_control=True)
    keys = [key for key in talk.store.calls if found.matches_call(talk.store, key)]
    assert list(calls.keys) == (keys if order is None else freshly_sorted(talk.store, new, order))


@given(packets(), packets(), st.sampled_from(sorted(ORDERS)), st.booleans())
def test_the_order_can_change_while_the_capture_continues(
    before: list[SaidPacket], meanwhile: list[SaidPacket], name: str, descending: bool
) -> None:
    talk = Conversation()
    say_all(talk, before)
    calls = CallSelection(talk.store)
    work = calls.sort(order := CallOrder(ORDERS[name], descending))
    next(work, None)
    for side, frames, index in meanwhile:
        calls.update(talk.store.apply(talk.events(side, *frames, connection=index)))
    list(work)
    assert list(calls.keys) == freshly_sorted(talk.store, "", order)


def test_many_calls_are_sorted_a_slice_at_a_time_while_they_change() -> None:
    talk, asked = Conversation(), 0

    def ended(call: Call) -> float | None:
        nonlocal asked
        asked += 1
        return call.ended

    for stream in range(1, 12_000, 2):
        talk.client(request(stream))
    calls, streams, slices = CallSelection(talk.store), iter(range(1, 12_000, 48)), []
    for _ in calls.sort(order := CallOrder(ended)):
        slices.append(asked)
        for stream in islice(streams, 20):
            calls.update(talk.store.apply(talk.events(Side.SERVER, trailers(stream))))
        asked = 0
    slices.append(asked)
    assert max(slices) <= 1_000
    assert slices[-1] == 0
    assert list(calls.keys) == freshly_sorted(talk.store, "", order)


def test_control_frames_are_hidden_and_counted() -> None:
    talk = Conversation()
    talk.client(window(0, 1), window(0, 2))
    talk.greet(1)
    shown = FrameSelection(talk.store)
    assert (list(shown.positions), shown.hidden_control) == ([2, 3, 4, 5, 6], 2)
    assert list(shown.refilter(EVERYTHING, show_control=True)) == [0.0, 1.0]
    assert (len(shown.positions), shown.hidden_control) == (7, 0)


def test_a_new_filter_supersedes_an_unfinished_one() -> None:
    talk = Conversation()
    talk.greet(1)
    shown = FrameSelection(talk.store)
    first = shown.refilter(parse("type:data"), show_control=False)
    next(first)
    second = shown.refilter(parse("type:headers"), show_control=False)
    assert list(second)
    assert list(first) == []
    assert list(shown.positions) == [0, 2, 4]


@pytest.mark.parametrize(("position", "row", "nearest"), [(1, 0, 0), (2, None, 1), (3, 1, 1), (4, None, 2)])
def test_rows_are_found_by_position(position: int, row: int | None, nearest: int) -> None:
    talk = Conversation()
    talk.greet(1)
    shown = FrameSelection(talk.store, parse("type:data"))
    assert (shown.row_of(position), shown.nearest_row(position)) == (row, nearest)


def test_trailers_make_earlier_frames_of_their_call_match() -> None:
    talk = Conversation()
    shown = FrameSelection(talk.store, parse("status:ok"))
    shown.update(talk.client(request(1), data(1, hello("x"))))
    assert list(shown.positions) == []
    told = shown.update(talk.server(response(1), trailers(1)))
    assert list(shown.positions) == [0, 1, 2, 3]
    assert (told.first_row, told.only_appended) == (0, True)
    shown.update(talk.client(request(3), connection=1))
    shown.update(talk.client(request(5)))
    shown.update(talk.server(trailers(5)))
    told = shown.update(talk.server(trailers(3), connection=1))
    assert list(shown.positions) == [0, 1, 2, 3, 4, 5, 6, 7]
    assert (told.first_row, told.only_appended) == (4, False)
