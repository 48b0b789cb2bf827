"""Where the time of a call went: the strip and its figures, for calls of every size, kept up to date as they grow."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from inspector.http2.events import MessageRead
from inspector.model.call import Message, StreamKey
from inspector.model.frame import Side
from inspector.present.spans import plain
from inspector.present.timing import Timing
from inspector.ui.detail.call import TimingDocument
from tests.conversation import Conversation, SaidPacket, data, hello, packets, reply, request, reset, response, trailers

FIRST = StreamKey(0, 1)


def strip(timing: Timing, width: int = 44) -> list[str]:
    return [line.text.rstrip() for line in timing.strip(width)]


def facts(timing: Timing) -> list[str]:
    return [re.sub(r" +", " ", fact.line.text).strip() for fact in timing.facts()]


def test_a_greet_call() -> None:
    talk = Conversation()
    talk.greet()
    timing = Timing(talk.store, FIRST)
    assert strip(timing)[:3] == [
        "→ HD",
        f"← {'·' * 37}HDT",
        f"  0{' ' * 13}3.8 ms{' ' * 14}7.6 ms",
    ]
    assert facts(timing) == [
        "+0 → headers",
        "+0 → 1 message, 12 B of DATA",
        "+7.6 ms ← headers",
        "+7.6 ms ← 1 message, 19 B of DATA",
        "+7.6 ms ← trailers",
        "",
        "the whole call 7.6 ms OK",
        "server time 7.6 ms from the last request frame to the first reply frame",
        "first reply 7.6 ms from the start to the end of the first reply message",
    ]


def test_a_stream_with_a_gap_that_is_open_and_then_reset() -> None:
    talk = Conversation()
    talk.client(request(1), data(1, hello("x"), end=True))
    talk.server(response(1), data(1, reply("1")), after=0.010)
    talk.server(data(1, reply("2")), after=0.005)
    talk.server(data(1, reply("3")), after=0.015)
    timing = Timing(talk.store, FIRST)
    assert strip(timing)[:2] == ["→ HD", f"← {'·' * 13}HD{'·' * 5}D{'·' * 18}D …"]
    assert "longest reply gap 15.0 ms between reply messages 2 and 3" in facts(timing)
    assert "the whole call 30.0 ms so far" in facts(timing)
    talk.client(reset(1), after=0.009)
    timing.update()
    assert strip(timing)[:2] == ["→ HD" + " " * 37 + "R", f"← {'·' * 10}HD···D{'·' * 14}D{'·' * 9}"]
    assert "+39.0 ms → reset" in facts(timing)


def test_a_call_of_100_000_messages_says_how_many_there_are() -> None:
    count = 100_000
    talk = Conversation()
    talk.client(request(1))
    store = talk.store
    began = store.calls[FIRST].started
    messages = (Message(1, began + index * 1e-4, 0, index * 12, 7, b"") for index in range(count))
    store.apply(MessageRead(FIRST, Side.SERVER, each) for each in messages)
    talk.now = began + count * 1e-4
    talk.server(trailers(1), after=0)
    timing = Timing(store, FIRST)
    lane = strip(timing, 84)[1]
    assert lane.startswith("← ####")
    assert (lane[-1], len(lane)) == ("T", 82)
    assert any("100,000 messages" in fact for fact in facts(timing))


@given(packets(), st.integers(0, 130))
def test_kept_up_to_date_equals_made_afresh(said: list[SaidPacket], width: int) -> None:
    talk = Conversation()
    kept: dict[StreamKey, Timing] = {}
    for side, frames, index in said:
        change = talk.store.apply(talk.events(side, *frames, connection=index))
        if change.rewritten:
            kept.clear()  # the two sides have changed places: whoever shows a call begins anew
        for key in talk.store.calls:
            timing = kept.setdefault(key, Timing(talk.store, key))
            timing.update()
            afresh = Timing(talk.store, key)
            assert timing.strip(width) == afresh.strip(width)
            assert timing.facts() == afresh.facts()


@given(st.lists(st.floats(0, 10), max_size=60), st.integers(20, 200))
def test_the_strip_counts_every_message(gaps: list[float], width: int) -> None:
    talk = Conversation()
    talk.client(request(1))
    for seconds in gaps:
        talk.client(data(1, hello("x")), after=seconds)
    talk.client(data(1, b"", end=True))
    lane = strip(Timing(talk.store, FIRST), width)[0]
    letters = lane.removeprefix("→ ").replace("·", "").removesuffix(" …")
    assert letters[0] == "H"
    if "#" not in letters:
        assert sum(1 if each == "D" else int(each) for each in letters[1:]) == len(gaps)


def test_the_document_leads_to_frames_and_grows() -> None:
    talk = Conversation()
    talk.client(request(1), data(1, hello("x")))
    document = TimingDocument(talk.store, FIRST, 60)
    at = document.block_of(0)
    assert at is not None
    assert document.block(at).position == 0
    assert "headers" in plain(document.block(at).lines[0].spans)
    before = document.copied()[0]
    talk.server(response(1), data(1, reply("y")), trailers(1), after=1)
    assert document.refresh() == 0
    assert "trailers" in document.copied()[0]
    assert document.copied()[0] != before
