"""The deframer: any split of the bytes gives the same messages, and nothing from the wire breaks it."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from inspector.http2.messages import MAX_MESSAGE, Cut, Deframer
from tests.conversation import prefixed

bodies = st.lists(st.binary(max_size=40), max_size=8)


def split(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[start:end] for start, end in pairwise(edges)]


def feed(deframer: Deframer, payloads: list[bytes]) -> list[Cut]:
    return [cut for payload in payloads for cut in deframer.feed(payload)]


@given(bodies, st.lists(st.integers(0, 500)))
def test_any_split_gives_the_same_messages(messages: list[bytes], cuts: list[int]) -> None:
    wire = b"".join(map(prefixed, messages))
    deframer = Deframer()
    found = feed(deframer, split(wire, cuts))
    assert [cut.body for cut in found] == messages
    assert [wire[cut.offset : cut.offset + 5 + cut.length] for cut in found] == list(map(prefixed, messages))
    assert deframer.pending == 0


@given(st.lists(st.binary(max_size=60), max_size=12))
def test_any_bytes_are_accepted(payloads: list[bytes]) -> None:
    deframer = Deframer()
    offsets = [cut.offset for cut in feed(deframer, payloads)]
    assert offsets == sorted(offsets)
    assert deframer.pending <= sum(map(len, payloads)) + (1 << 32)


@given(bodies, st.integers(0, 300), st.lists(st.binary(min_size=1, max_size=20), min_size=1, max_size=4))
def test_the_next_complete_message_is_found_after_a_loss(before: list[bytes], cut: int, after: list[bytes]) -> None:
    wire = b"".join(map(prefixed, before))[:cut]
    deframer = Deframer()
    whole = feed(deframer, [wire])
    lost = list(deframer.mark_gap())
    assert all(found.body is None and found.problem for found in lost)
    assert len(lost) == (1 if sum(len(found.body or b"") + 5 for found in whole) < len(wire) else 0)
    assert [found.body for found in feed(deframer, list(map(prefixed, after)))] == after


def test_the_rest_of_a_message_is_not_a_message() -> None:
    deframer = Deframer()
    list(deframer.feed(prefixed(b"x" * 100)[:50]))
    list(deframer.mark_gap())
    assert feed(deframer, [b"x" * 55]) == []
    assert [cut.body for cut in feed(deframer, [prefixed(b"next")])] == [b"next"]


def test_a_length_field_alone_costs_no_memory() -> None:
    deframer = Deframer()
    huge = b"\0" + (MAX_MESSAGE + 1).to_bytes(4, "big")
    (cut,) = deframer.feed(huge + b"x" * 10)
    assert cut.body is None
    assert cut.length == MAX_MESSAGE + 1
    assert "not kept" in (cut.problem or "")
    assert deframer.pending == MAX_MESSAGE + 1 - 10


def test_a_message_after_one_that_is_too_long_is_found() -> None:
    deframer = Deframer()
    list(deframer.feed(b"\0" + (MAX_MESSAGE + 3).to_bytes(4, "big")))
    rest = MAX_MESSAGE + 3
    while rest:
        size = min(rest, 1 << 20)
        assert feed(deframer, [b"\0" * size]) == []
        rest -= size
    assert [cut.body for cut in feed(deframer, [prefixed(b"after")])] == [b"after"]


def test_an_invalid_prefix_is_reported() -> None:
    (cut,) = Deframer().feed(b"HTTP/1.1 400 Bad Request")
    assert cut.body is None
    assert "not 0 or 1" in (cut.problem or "")


def test_a_loss_inside_a_message_of_known_length_stays_synced() -> None:
    deframer = Deframer()
    wire = prefixed(b"a" * 100)
    assert feed(deframer, [wire[:40]]) == []
    (lost,) = deframer.mark_gap(20)
    assert (lost.length, lost.body) == (100, None)
    found = feed(deframer, [wire[60:] + prefixed(b"next")])
    assert [(cut.offset, cut.body) for cut in found] == [(105, b"next")]


def test_a_loss_beyond_a_message_is_not_synced_until_a_payload_begins_with_one() -> None:
    deframer = Deframer()
    feed(deframer, [prefixed(b"a" * 100)[:40]])
    assert len(list(deframer.mark_gap(500))) == 1
    assert feed(deframer, [b"the middle of something"]) == []
    assert [cut.body for cut in feed(deframer, [prefixed(b"next")])] == [b"next"]


def test_a_message_of_many_payloads_is_found_after_a_loss() -> None:
    deframer = Deframer()
    list(deframer.mark_gap())
    long = prefixed(b"x" * 50_000)
    payloads = [b"\xffrest of another", long[:16_384], long[16_384:32_768], long[32_768:] + prefixed(b"and")[:7]]
    assert [cut.body for cut in feed(deframer, [*payloads, prefixed(b"and")[7:]])] == [b"x" * 50_000, b"and"]


def test_a_candidate_that_turns_out_not_to_be_a_message_is_dropped() -> None:
    deframer = Deframer()
    list(deframer.mark_gap())
    found = feed(deframer, [b"\0\0\0\1\0" + b"x" * 50, b"y" * 300, prefixed(b"true")])
    assert [cut.body for cut in found] == [b"true"]
