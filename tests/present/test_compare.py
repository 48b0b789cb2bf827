"""Two calls beside each other: every difference is told, with a mark that does not need colour."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.model.call import StreamKey
from inspector.present.compare import Comparison, Difference, differences, flat
from inspector.schema.catalog import Catalog
from tests.conversation import Conversation, data, hello, prefixed, reply, request, response, trailers

CATALOG = Catalog()


def compared(talk: Conversation, left: int = 1, right: int = 3) -> list[str]:
    comparison = Comparison(talk.store, CATALOG, StreamKey(0, left), StreamKey(0, right), 80)
    lines = (line for index in range(len(comparison)) for line in comparison.part(index))
    return ["  " * line.indent + line.text for line in lines]


def section(lines: list[str], title: str) -> list[str]:
    start = next(index for index, line in enumerate(lines) if line.startswith(f"{title}  "))
    return lines[start : lines.index("", start)]


@pytest.fixture
def talk() -> Conversation:
    """A call that went well, and one to another method with another header that failed."""
    talk = Conversation()
    talk.client(request(1, "/HelloWorld/greet", ("x-user", "ada")), data(1, hello("Ada"), end=True))
    talk.server(response(1), data(1, reply("Hello, Ada")), trailers(1), after=0.0076)
    talk.client(request(3, "/HelloWorld/greet", ("x-trace", "7"), ("x-trace", "8")), data(3, hello("Bo"), end=True))
    talk.server(response(3), trailers(3, 5, "no such name"), after=0.020)
    return talk


def test_differences_stand_out_without_colour(talk: Conversation) -> None:
    lines = compared(talk)
    assert lines[:3] == [
        "◀ call 0/1  /HelloWorld/greet  marked",
        "▶ call 0/3  /HelloWorld/greet  selected",
        "= the same   ≠ different   ◀ ▶ only one of them has it",
    ]
    assert "≠ status: ◀ OK  ▶ NOT_FOUND" in section(lines, "Call")
    assert "▶ message: no such name" in section(lines, "Call")
    assert "= method: /HelloWorld/greet" in section(lines, "Call")
    assert "≠ the whole call: ◀ 7.6 ms  ▶ 20.0 ms" in section(lines, "Timing")
    assert section(lines, "Request headers")[0] == "Request headers  2 of 6 differ"
    assert section(lines, "Request headers")[-2:] == ["◀ x-user: ada", "▶ x-trace: 7, 8"]
    assert section(lines, "Trailers")[1:] == ["≠ grpc-status: ◀ 0  ▶ 5", "≠ grpc-message: ◀ (empty)  ▶ no such name"]
    assert section(lines, "Frames")[1:] == [
        "= → HEADERS: 1 frame, 30 B",
        "≠ → DATA: ◀ 1 frame, 10 B  ▶ 1 frame, 9 B",
        "= ← HEADERS: 2 frames, 60 B",
        "◀ ← DATA: 1 frame, 17 B",
    ]


def test_messages_are_compared_field_by_field(talk: Conversation) -> None:
    lines = compared(talk)
    assert section(lines, "Requests") == [
        "Requests  1 of 1 differ",
        "≠ message 1  1 field the same",
        '  ≠ name: ◀ "Ada"  ▶ "Bo"',
    ]
    assert section(lines, "Replies") == [
        "Replies  1 of 1 differ",
        "◀ message 1",
        "  ◀ type: HelloReply",
        '  ◀ message: "Hello, Ada"',
    ]


def test_a_call_is_the_same_as_itself(talk: Conversation) -> None:
    assert not [line for line in compared(talk, 1, 1)[3:] if line.strip().startswith(("≠", "◀ m", "▶ m"))]


def test_equal_messages_are_told_together_and_long_streams_open_at_once() -> None:
    talk = Conversation()
    for stream, odd in ((1, "x"), (3, "y")):
        talk.client(request(stream))
        said = [data(stream, reply(odd if number == 700 else f"{number}")) for number in range(1_000)]
        talk.server(response(stream), *said, trailers(stream))
    lines = compared(talk)
    assert section(lines, "Replies") == [
        "Replies  1 of 1,000 differ",
        "= message 1 to 700",
        "≠ message 701  1 field the same",
        '  ≠ message: ◀ "x"  ▶ "y"',
        "= message 702 to 1,000",
    ]


def test_what_is_missing_on_one_side_is_no_fault() -> None:
    talk = Conversation()
    talk.client(request(1))
    talk.server(trailers(3, 12))
    talk.client(request(3), data(3, prefixed(b"\xff", compressed=True)))
    assert any("≠ state" in line for line in compared(talk))
    assert any("missing" in line for line in compared(talk))


def test_differences_that_are_too_long_for_a_line_take_three() -> None:
    lines = Difference("cookie", "a" * 50, "b" * 50).lines(80)
    assert ["  " * line.indent + line.text for line in lines] == [
        "≠ cookie",
        f"    ◀ {'a' * 50}",
        f"    ▶ {'b' * 50}",
    ]


facts = st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=6)


@given(facts, facts)
def test_every_name_is_told_once_and_nothing_is_made_up(left: dict[str, str], right: dict[str, str]) -> None:
    found = differences(left, right)
    assert sorted(each.name for each in found) == sorted(left.keys() | right.keys())
    assert {each.name: each.left for each in found if each.left is not None} == left
    assert {each.name: each.right for each in found if each.right is not None} == right


def test_fields_have_their_paths() -> None:
    assert flat({"a": {"b": [{"c": 1}, None]}, "d": [], "e": "x"}) == {
        "a.b[0].c": "1",
        "a.b[1]": "null",
        "d": "[]",
        "e": '"x"',
    }
    assert flat("0a05") == {"(value)": '"0a05"'}
