"""Rows of a display filter whose matches arrive late, in any order with the frames."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from inspector.store.filters.call_selection import CallSelection
from inspector.store.filters.filter import display_filter
from inspector.store.filters.frame_selection import FrameSelection
from inspector.tshark.display_filter import PacketMatches
from tests.conversation import Conversation


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 60)), max_size=40))
def test_incremental_rows_equal_those_built_from_scratch(steps: list[tuple[bool, int]]) -> None:
    said, matches = Conversation(), PacketMatches()
    filter_ = display_filter("x", matches)
    frames, calls = FrameSelection(said.store, filter_), CallSelection(said.store, filter_)
    for number, (is_traffic, ahead) in enumerate(steps):
        if is_traffic:
            end = len(said.store.frames)
            said.greet(2 * number + 1)
            change = said.store.everything()
            assert change.end_frame > end
            frames.update(change)
            calls.update(change)
        else:
            last = matches.numbers[-1] if matches.numbers else 0
            news = matches.take([b"%d" % (last + ahead)])
            frames.note_packets(news)
            calls.note_packets(news)
    fresh = FrameSelection(said.store, filter_), CallSelection(said.store, filter_)
    assert list(frames.positions) == list(fresh[0].positions)
    assert list(calls.keys) == list(fresh[1].keys)
    numbers = {said.store.frames[position].packet for position in frames.positions}
    assert numbers <= set(matches.numbers)


def test_the_frames_of_a_packet_are_found() -> None:
    said = Conversation()
    said.greet()
    for position, frame in enumerate(said.store.frames):
        assert position in list(said.store.positions_of(frame.packet))
    assert [list(said.store.positions_of(number)) for number in (-1, 0, 10_000)] == [[], [], []]
