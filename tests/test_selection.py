"""What is shown, kept up to date, is always what a fresh look at the whole store would show."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector.store.filter import EVERYTHING, parse
from inspector.store.selection import CallSelection, Selection
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
    "type:window",
)


def fresh(store: Store, text: str, *, show_control: bool) -> tuple[list[int], int]:
    matching = list(parse(text).matching(store, 0, len(store.frames)))
    shown = [each for each in matching if show_control or not store.frames[each].is_control]
    return shown, len(matching) - len(shown)


@settings(max_examples=150, deadline=None)
@given(packets(), st.sampled_from(FILTERS), st.booleans(), st.lists(st.integers(1, 4), max_size=8))
def test_kept_up_to_date_equals_built_from_scratch(
    said: list[SaidPacket], text: str, show_control: bool, batches: list[int]
) -> None:
    talk, found = Conversation(), parse(text)
    shown, calls = Selection(talk.store, found, show_control=show_control), CallSelection(talk.store, found)
    waiting = [talk.events(side, *frames, connection=index) for side, frames, index in said]
    for size in (*batches, len(waiting)):
        batch, waiting = [event for packet in waiting[:size] for event in packet], waiting[size:]
        rows, keys = list(shown.positions), list(calls.keys)
        change = talk.store.apply(batch)
        told, told_of_calls = shown.update(change), calls.update(change)
        assert (list(shown.positions), shown.hidden_control) == fresh(talk.store, text, show_control=show_control)
        assert list(calls.keys) == [key for key in talk.store.calls if found.matches_call(talk.store, key)]
        assert (told.before, told.after) == (len(rows), len(shown.positions))
        assert list(shown.positions)[: told.first_row] == rows[: told.first_row]
        assert list(calls.keys)[: told_of_calls.first_row] == keys[: told_of_calls.first_row]


@settings(max_examples=60, deadline=None)
@given(packets(), packets(), st.sampled_from(FILTERS), st.sampled_from(FILTERS))
def test_another_filter_is_reached_while_the_capture_goes_on(
    before: list[SaidPacket], meanwhile: list[SaidPacket], old: str, new: str
) -> None:
    talk = Conversation()
    say_all(talk, before)
    shown, calls = Selection(talk.store, parse(old)), CallSelection(talk.store, parse(old))
    work, work_on_calls = shown.refilter(parse(new), show_control=True), calls.refilter(parse(new))
    next(work, None)
    next(work_on_calls, None)
    for side, frames, index in meanwhile:
        change = talk.store.apply(talk.events(side, *frames, connection=index))
        shown.update(change)
        calls.update(change)
    for step in (*work, *work_on_calls):
        assert 0 <= step <= 1
    assert (list(shown.positions), shown.hidden_control) == fresh(talk.store, new, show_control=True)
    assert list(calls.keys) == [key for key in talk.store.calls if parse(new).matches_call(talk.store, key)]


def test_control_frames_are_hidden_and_counted() -> None:
    talk = Conversation()
    talk.client(window(0, 1), window(0, 2))
    talk.greet(1)
    shown = Selection(talk.store)
    assert (list(shown.positions), shown.hidden_control) == ([2, 3, 4, 5, 6], 2)
    assert list(shown.refilter(EVERYTHING, show_control=True)) == [0.0]
    assert (len(shown.positions), shown.hidden_control) == (7, 0)


def test_a_new_filter_supersedes_one_that_is_still_at_work() -> None:
    talk = Conversation()
    talk.greet(1)
    shown = Selection(talk.store)
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
    shown = Selection(talk.store, parse("type:data"))
    assert (shown.row_of(position), shown.nearest_row(position)) == (row, nearest)


def test_trailers_bring_the_earlier_frames_of_their_call() -> None:
    talk = Conversation()
    shown = Selection(talk.store, parse("status:ok"))
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
