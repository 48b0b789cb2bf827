"""Drafts of requests: their messages, what the history keeps, where an error points, and which method is the first."""

from __future__ import annotations

import pytest
from google.protobuf import any_pb2, duration_pb2, timestamp_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from inspector.model.call import CallKind
from inspector.schema.catalog import Catalog
from inspector.schema.greet import GREET_METHOD, greet_files
from inspector.ui.draft import Draft, Settings, draft_of, entry_of, message_texts, one_line
from inspector.ui.methods import default_method
from inspector.ui.pointing import find_spot
from sample_service import sample_pb2


def sample_files() -> FileDescriptorSet:
    modules = (any_pb2, duration_pb2, timestamp_pb2, sample_pb2)
    return FileDescriptorSet(file=[FileDescriptorProto.FromString(each.DESCRIPTOR.serialized_pb) for each in modules])


BROKEN = """{
  "name": "x",
  "items": [{"price": 1}, {"price": "a", "in": {"b": 3}}],
  "counts": {"k": "z"}
}"""


@pytest.mark.parametrize(
    ("error", "spot"),
    [
        ("items[1].price takes a number, not text.", (2, 27)),
        ("items[1].in.b takes text, not a number.", (2, 48)),
        ("Order has no field name. Is names meant?", (1, 2)),
        ("The key of counts[k] is no number.", (3, 13)),
        ("The JSON breaks at line 3, column 4: Expecting value.", (2, 3)),
        ("Order requires total.", None),
    ],
)
def test_an_error_points_at_its_field(error: str, spot: tuple[int, int] | None) -> None:
    assert find_spot(error, BROKEN) == spot
    behind = find_spot(error, "{}\n" + BROKEN, 3)
    assert behind == (None if spot is None else (spot[0] + 1, spot[1]))


def test_messages_of_a_text() -> None:
    several = '{"a": 1}\n{"b": "} {"},{"c'
    texts = message_texts(several, CallKind.BIDI_STREAMING)
    assert [each.text for each in texts] == ['{"a": 1}', '{"b": "} {"}', '{"c']
    assert [several[each.start] for each in texts] == ["{"] * 3
    assert [each.text for each in message_texts(several, CallKind.UNARY)] == [several]
    assert [each.text for each in message_texts("0x0a 0x0b", CallKind.BIDI_STREAMING)] == ["0x0a", "0x0b"]
    assert [each.text for each in message_texts("two words", CallKind.CLIENT_STREAMING)] == ["two words"]
    assert [each.text for each in message_texts("Ada\nBo", CallKind.BIDI_STREAMING)] == ["Ada", "Bo"]
    assert [each.text for each in message_texts("", CallKind.BIDI_STREAMING)] == [""]


def test_one_line_has_nothing_that_a_terminal_obeys() -> None:
    assert one_line('{\n  "a": "\\u001b[2J",\n  "b": 1\n}') == '{"a": "\\u001b[2J", "b": 1}'
    assert one_line("a\x1b[2J\n b") == "a [2J b"
    assert one_line('{"a": "\u202e"}') == '{"a": "\\u202e"}'
    assert one_line('{"a"\n: \u202e') == '{"a" : \\u202e'


def test_a_draft_goes_through_the_history() -> None:
    settings = Settings(metadata=(("trace", "1"), ("raw-bin", b"\x00\x01")))
    draft = draft_of(entry_of("/a.B/C", ('{"x": 1}', '{"x": 2}'), settings))
    assert draft == Draft("/a.B/C", '{"x": 1}\n{"x": 2}', settings)


def test_which_method_is_the_first() -> None:
    catalog = Catalog()
    assert default_method(catalog) is None
    catalog.add(sample_files(), "sample")
    assert default_method(catalog) == "/sample.v1.Tour/Echo"
    assert default_method(catalog, "/sample.v1.Tour/Chat") == "/sample.v1.Tour/Chat"
    assert default_method(catalog, "/gone.Service/Gone") == "/sample.v1.Tour/Echo"
    catalog.add(greet_files(), "reflection")
    assert default_method(catalog) == GREET_METHOD
