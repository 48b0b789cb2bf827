"""The forms in which a message can be read on request, and messages without a schema."""

from __future__ import annotations

import json

import pytest
from google.protobuf import any_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from hypothesis import given
from hypothesis import strategies as st

from inspector.model.call import StreamKey
from inspector.present.detail import message_detail, message_forms
from inspector.present.follow import Follow, Shown
from inspector.present.messages import compact, pretty, wire_lines
from inspector.schema.catalog import Catalog
from inspector.schema.decode import Format, possible_forms, read_bytes
from sample_service.helloworld_pb2 import HelloRequest
from tests.conversation import Conversation, data, hello, prefixed, request
from tests.schema.test_decode import shop

HELLO = HelloRequest(name="World").SerializeToString()


@pytest.mark.parametrize(
    ("data", "type_name", "forms"),
    [
        (HELLO, "HelloRequest", "protobuf wire text hex"),
        (HELLO, None, "wire text hex"),
        (b'{"a": 1}', None, "json text hex"),
        (b"12", None, "json text hex"),
        (b"World", "HelloRequest", "text hex"),
        (b"\xff\xfe", None, "hex"),
        (b"", "HelloRequest", "protobuf wire text hex"),
    ],
)
def test_the_forms_that_bytes_can_have(data: bytes, type_name: str | None, forms: str) -> None:
    found = possible_forms(data, type_name, Catalog())
    assert " ".join(found) == forms
    for form in found:
        reading = read_bytes(data, type_name, Catalog(), form=form)
        assert (reading.format, reading.reason) == (form, f"The form {form} was chosen.")


@pytest.mark.parametrize(
    ("form", "value"),
    [("wire", {"1": "World"}), ("text", "\n\x05World"), ("hex", "0a05576f726c64"), ("protobuf", {"name": "World"})],
)
def test_a_known_message_in_another_form(form: str, value: object) -> None:
    reading = read_bytes(HELLO, "HelloRequest", Catalog(), form=Format(form))
    assert (reading.value, reading.type) == (value, "HelloRequest" if form == "protobuf" else None)


def test_an_impossible_form_says_so_and_falls_back_to_the_likeliest() -> None:
    reading = read_bytes(b"World", "HelloRequest", Catalog(), form=Format.WIRE)
    assert (reading.format, reading.value) == (Format.TEXT, "World")
    why = "It cannot be read as wire: the bytes are not a protobuf message. The bytes are not"
    assert reading.reason.startswith(why)
    unknown = read_bytes(HELLO, None, Catalog(), form=Format.PROTOBUF)
    assert unknown.reason.startswith("It cannot be read as protobuf: no schema gives its type. ")


@given(st.binary(max_size=60), st.sampled_from((*Format,)[:-1]), st.sampled_from((None, 10)))
def test_any_bytes_can_be_read_in_any_form(data: bytes, form: Format, limit: int | None) -> None:
    for type_name in (None, "HelloRequest"):
        json.dumps(read_bytes(data, type_name, Catalog(), None, limit, form=form).value)
    list(wire_lines(data))


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"\x0a\x05World", '1: "World"  string | bytes 57 6f 72 6c 64'),
        (b"\x08\x05", "1: 5  int | sint -3"),
        (b"\x08\x01", "1: 1  int | sint -1 | bool true"),
        (b"\x08" + b"\xff" * 9 + b"\x01", "1: -1  int | uint 18446744073709551615 | sint -9223372036854775808"),
        (b"\x0d\x00\x00\xc0\x3f", "1: 1.5  float | fixed32 1069547520"),
        (b"\x0d\x01\x00\x00\x00", "1: 1  fixed32 | float 1.401298e-45"),
        (b"\x0a\x03\xff\xfe\x00", "1: ff fe 00  bytes"),
        (b"\x0a\x02\x4a\x00", "1: {  message | bytes 4a 00"),
        (b"\x0b\x10\x07\x0c", "1: {  group"),
        (b"\x0a\x00", '1: ""  string'),
        (b"\x0a\x04\n\x02hi", "1: {  message | bytes 0a 02 68 69"),
    ],
)
def test_a_field_without_a_schema_lists_its_possible_values(data: bytes, line: str) -> None:
    assert next(wire_lines(data)).text == line


@pytest.mark.parametrize("depth", [90, 101, 900, 100_000])
def test_nested_json_is_shown_or_is_text(depth: int) -> None:
    reading = read_bytes(b"[" * depth + b"1" + b"]" * depth, None, Catalog())
    assert reading.format == ("json" if depth < 101 else "text")
    assert len(list(pretty(reading))) == (2 * depth + 1 if depth < 101 else 1)
    assert compact(reading)


def test_the_deepest_any_can_be_shown() -> None:
    data = b""
    for _ in range(500):
        data = any_pb2.Any(type_url="x/google.protobuf.Any", value=data).SerializeToString()
    reading = read_bytes(data, "google.protobuf.Any", Catalog())
    assert list(pretty(reading))
    assert compact(reading)


def test_a_character_that_the_limit_cuts_is_left_out() -> None:
    for limit in range(4, 8):
        reading = read_bytes("äöüßäöüß".encode(), None, Catalog(), None, limit)
        assert (reading.format, reading.value, reading.complete) == (Format.TEXT, "äöüß"[: limit // 2], False)


def test_the_message_tab_shows_the_chosen_form() -> None:
    talk = Conversation()
    talk.client(request(1), data(1, hello("World")))
    assert message_forms(talk.store, Catalog(), 1) == ("protobuf", "wire", "text", "hex")
    assert message_forms(talk.store, Catalog(), 0) == ()
    shown = [line.text for line in message_detail(talk.store, Catalog(), 1, Format.WIRE)]
    assert '1: "World"  string | bytes 57 6f 72 6c 64' in shown
    assert "The form wire was chosen." in shown
    step = Follow(talk.store, Catalog(), StreamKey(0, 1)).step(1, Shown(form=Format.HEX))
    assert [line.text for line in step.body] == ["0a05 576f 726c 64"]


def test_a_number_past_its_type_is_kept() -> None:
    catalog = Catalog()
    catalog.add(FileDescriptorSet(file=[shop()]), "x")
    talk = Conversation()
    talk.client(request(1, "/shop.v1.Shop/Get"), data(1, prefixed(b"\x0a\x01a\x98\x06\x07")))
    lines = [line.text for line in message_detail(talk.store, catalog, 1)]
    assert '"unknown fields": {' in lines
    assert '"99": 7' in lines
