"""Drafts of requests: their messages, what the history keeps, where an error points, and which method is the first."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from google.protobuf import any_pb2, duration_pb2, text_format, timestamp_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from inspector.client.history import HistoryFile
from inspector.client.options import CallSettings, ConnectionOptions
from inspector.errors import RequestError
from inspector.model.call import CallKind
from inspector.schema.catalog import GREET_METHOD, Catalog, greet_files
from inspector.ui.dialogs.menu_items import default_method, listed_methods
from inspector.ui.draft import Draft, draft_of, entry_of, message_texts, one_line
from inspector.ui.widgets.json_area import locate_error
from sample_service import sample_pb2


def sample_files() -> FileDescriptorSet:
    modules = (any_pb2, duration_pb2, timestamp_pb2, sample_pb2)
    return FileDescriptorSet(file=[FileDescriptorProto.FromString(each.DESCRIPTOR.serialized_pb) for each in modules])


PROTO_OF_ANOTHER = text_format.Parse(
    'file { name: "a.proto" package: "a" message_type { name: "M" } service { name: "B" '
    'method { name: "C" input_type: ".a.M" output_type: ".a.M" } } }',
    FileDescriptorSet(),
)

BROKEN = """{
  "name": "x",
  "items": [{"price": 1}, {"price": "a", "in": {"b": 3}}],
  "counts": {"k": "z"}
}"""


@pytest.mark.parametrize(
    ("error", "spot"),
    [
        (RequestError("It takes a number.", path="items[1].price"), (2, 27)),
        (RequestError("It takes text.", path="items[1].in.b"), (2, 48)),
        (RequestError("There is no such field.", path="name"), (1, 2)),
        (RequestError("That is no number.", path="counts[k]"), (3, 13)),
        (RequestError("The JSON breaks.", place=(3, 4)), (2, 3)),
        (RequestError("name and items are not all: it requires total."), None),
    ],
)
def test_an_error_points_at_its_field(error: RequestError, spot: tuple[int, int] | None) -> None:
    assert locate_error(error, BROKEN) == spot
    behind = locate_error(error, "{}\n" + BROKEN, 3)
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


EVERYTHING = CallSettings(
    metadata=(("trace", "1"), ("raw-bin", b"\x00\x01")),
    deadline=2.5,
    is_compressed=True,
    waits_for_ready=True,
    connection=ConnectionOptions(authority="other.test", largest_message=1_000, keepalive=30.0),
)


@pytest.mark.parametrize("settings", [CallSettings(), CallSettings(deadline=math.inf), EVERYTHING])
@pytest.mark.parametrize("kind", [None, CallKind.CLIENT_STREAMING])
def test_a_draft_goes_through_the_history(settings: CallSettings, kind: CallKind | None, tmp_path: Path) -> None:
    draft = Draft("/a.B/C", '{"x": 1}\n{"x": 2}', settings, kind)
    history = HistoryFile(tmp_path / "history")
    history.add(entry_of(draft, ('{"x": 1}', '{"x": 2}'), target="here:1", status="OK", sent_at=1.0))
    assert [draft_of(entry) for entry in history.read()] == [draft]


def test_a_line_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    history = HistoryFile(tmp_path / "history")
    history.path.write_text(
        '{"method":"/a.B/C","messages":["x"],"target":"here:1","metadata":[["a","b"]],"status":"OK","sent_at":1.5}\n'
    )
    assert [draft_of(entry) for entry in history.read()] == [Draft("/a.B/C", "x", CallSettings((("a", "b"),)))]


def test_which_method_is_the_first() -> None:
    catalog = Catalog()
    assert default_method(catalog) is None
    catalog.add(sample_files(), "sample")
    assert default_method(catalog) == "/sample.v1.Tour/Echo"
    assert default_method(catalog, "/sample.v1.Tour/Chat") == "/sample.v1.Tour/Chat"
    assert default_method(catalog, "/gone.Service/Gone") == "/sample.v1.Tour/Echo"
    catalog.add(greet_files(), "reflection")
    assert default_method(catalog) == GREET_METHOD


def test_the_greet_service_is_offered_where_nothing_tells_of_another() -> None:
    catalog = Catalog()
    assert GREET_METHOD in {each.path for each in listed_methods(catalog, is_greet=False)}
    catalog.add(PROTO_OF_ANOTHER, "another")
    assert {each.path for each in listed_methods(catalog, is_greet=False)} == {"/a.B/C"}
    assert GREET_METHOD in {each.path for each in listed_methods(catalog, is_greet=True)}
