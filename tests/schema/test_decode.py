"""From bytes to a reading and back: the catalog, the choice of a form, the wire format, and typed requests."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.protobuf import any_pb2, timestamp_pb2
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st

from inspector.errors import RequestError
from inspector.model.call import CallKind
from inspector.model.call import Message as Captured
from inspector.schema.catalog import Catalog, Method
from inspector.schema.decode import Format, read_bytes, read_message
from inspector.schema.encode import build
from inspector.schema.typed import UNKNOWN_FIELDS, descriptor_of
from inspector.schema.wire import WireError, alternatives, beginning, excerpt, fields, tree
from sample_service.helloworld_pb2 import HelloReply, HelloRequest

GREET = "/HelloWorld/greet"
F = FieldDescriptorProto


def field(name: str, number: int, kind: int, type_name: str = "", *, repeated: bool = False) -> F:
    label = F.LABEL_REPEATED if repeated else F.LABEL_OPTIONAL
    return F(name=name, number=number, type=kind, label=label, type_name=type_name or None)  # type: ignore[arg-type]


def shop(package: str = "shop.v1", reply: str = "Order") -> FileDescriptorProto:
    """A schema with everything that JSON treats specially: enums, 64 bits, bytes, floats, maps, Any, timestamps."""
    file = FileDescriptorProto(name="shop.proto", package=package, syntax="proto3")
    file.dependency.extend(["google/protobuf/any.proto", "google/protobuf/timestamp.proto"])
    state = file.enum_type.add(name="State")
    for number, name in enumerate(("NEW", "PAID", "SHIPPED")):
        state.value.add(name=name, number=number)
    order = file.message_type.add(name="Order")
    entry = order.nested_type.add(name="TagsEntry")
    entry.options.map_entry = True
    entry.field.extend([field("key", 1, F.TYPE_STRING), field("value", 2, F.TYPE_ENUM, f".{package}.State")])
    order.field.extend(
        [
            field("id", 1, F.TYPE_STRING),
            field("state", 2, F.TYPE_ENUM, f".{package}.State"),
            field("total", 3, F.TYPE_INT64),
            field("weight", 4, F.TYPE_DOUBLE),
            field("seal", 5, F.TYPE_BYTES),
            field("tags", 6, F.TYPE_MESSAGE, f".{package}.Order.TagsEntry", repeated=True),
            field("parts", 7, F.TYPE_MESSAGE, f".{package}.Order", repeated=True),
            field("note", 8, F.TYPE_MESSAGE, ".google.protobuf.Any"),
            field("placed_at", 9, F.TYPE_MESSAGE, ".google.protobuf.Timestamp"),
        ]
    )
    file.message_type.add(name="OrderRef").field.append(field("id", 1, F.TYPE_STRING))
    service = file.service.add(name="Shop")
    types = {"input_type": f".{package}.OrderRef", "output_type": f".{package}.{reply}"}
    service.method.add(name="Get", **types)
    service.method.add(name="Watch", server_streaming=True, **types)
    service.method.add(name="Upload", client_streaming=True, **types)
    service.method.add(name="Chat", client_streaming=True, server_streaming=True, **types)
    return file


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    catalog = Catalog()
    catalog.add(FileDescriptorSet(file=[shop()]), "--proto shop.proto")
    return catalog


def order(catalog: Catalog, **values: Any) -> Message:
    found = catalog.message_class("shop.v1.Order")
    assert found is not None
    return found(**values)


# --- the catalog


def test_the_greet_service_is_always_known() -> None:
    method = Catalog().method(GREET)
    assert method is not None
    assert (method.kind, method.request_name, method.response_name) == (CallKind.UNARY, "HelloRequest", "HelloReply")


def test_methods_have_their_kind(catalog: Catalog) -> None:
    assert [str(catalog.methods[f"/shop.v1.Shop/{name}"].kind) for name in ("Get", "Watch", "Upload", "Chat")] == [
        "unary",
        "server_streaming",
        "client_streaming",
        "bidi_streaming",
    ]
    assert catalog.methods["/shop.v1.Shop/Get"].request_name == "OrderRef"
    assert catalog.problems == []
    assert catalog.method("/no.such/Method") is catalog.method(None) is None


def test_a_conflict_of_two_sources_is_reported_and_the_first_one_used() -> None:
    catalog = Catalog()
    catalog.add(FileDescriptorSet(file=[shop()]), "a.pb")
    catalog.add(FileDescriptorSet(file=[shop(reply="OrderRef")]), "b.pb")
    assert catalog.methods["/shop.v1.Shop/Get"].response_type == "shop.v1.Order"
    assert "b.pb describes /shop.v1.Shop/Get differently than a.pb, which is used." in catalog.problems


def test_the_same_schema_twice_is_not_a_conflict() -> None:
    catalog = Catalog()
    catalog.add(FileDescriptorSet(file=[shop()]), "a.pb")
    catalog.add(FileDescriptorSet(file=[shop()]), "reflection")
    assert catalog.problems == []
    assert catalog.origins[:2] == ("a.pb", "reflection")


def test_a_file_that_cannot_be_built_is_reported_and_the_others_are_used() -> None:
    broken = FileDescriptorProto(name="broken.proto", dependency=["gone.proto"], syntax="proto3")
    broken.message_type.add(name="M").field.append(field("x", 1, F.TYPE_MESSAGE, ".gone.Type"))
    catalog = Catalog()
    catalog.add(FileDescriptorSet(file=[broken, shop()]), "x.pb")
    assert catalog.method("/shop.v1.Shop/Get") is not None
    assert len(catalog.problems) == 1
    assert "broken.proto cannot be used" in catalog.problems[0]


def test_circular_imports_are_reported() -> None:
    pair = [FileDescriptorProto(name=a, dependency=[b]) for a, b in (("a.proto", "b.proto"), ("b.proto", "a.proto"))]
    catalog = Catalog()
    catalog.add(FileDescriptorSet(file=pair), "x.pb")
    assert catalog.problems


# --- typed readings


def test_a_known_type_is_read_as_proto3_json(catalog: Catalog) -> None:
    message = order(catalog, id="w-3", state=1, total=2**60, weight=float("nan"), seal=b"\0\xff", tags={"k": 2})
    reading = read_bytes(message.SerializeToString(), "shop.v1.Order", catalog)
    assert reading.value == {
        "id": "w-3",
        "state": "PAID",
        "total": "1152921504606846976",
        "weight": "NaN",
        "seal": "AP8=",
        "tags": {"k": "SHIPPED"},
        "parts": [],
    }
    assert (reading.format, reading.type, reading.complete) == (Format.PROTOBUF, "Order", True)
    assert json.loads(json.dumps(reading.value)) == reading.value


def test_numbers_that_an_enum_lacks_are_kept(catalog: Catalog) -> None:
    reading = read_bytes(order(catalog, state=9).SerializeToString(), "shop.v1.Order", catalog)
    assert isinstance(reading.value, dict)
    assert reading.value["state"] == 9


def test_unknown_fields_are_shown_where_they_are(catalog: Catalog) -> None:
    inner = HelloRequest(name="x").SerializeToString() + b"\xf2\x3f\x05World\xf8\x3f\x07"
    reading = read_bytes(b"\x3a" + bytes([len(inner)]) + inner, "shop.v1.Order", catalog)
    assert isinstance(reading.value, dict)
    assert UNKNOWN_FIELDS not in reading.value
    assert reading.value["parts"][0][UNKNOWN_FIELDS] == {"1022": "World", "1023": 7}


def test_an_any_is_opened_where_its_type_is_known_and_kept_where_not(catalog: Catalog) -> None:
    known, unknown = any_pb2.Any(), any_pb2.Any(type_url="type.googleapis.com/no.Such", value=b"\x08\x01")
    known.Pack(timestamp_pb2.Timestamp(seconds=1))
    told = []
    for each in (known, unknown):
        message = order(catalog, id="a", note={"type_url": each.type_url, "value": each.value})
        told.append(read_bytes(message.SerializeToString(), "shop.v1.Order", catalog).value["note"])  # type: ignore[index]
    assert told[0]["value"] == "1970-01-01T00:00:01Z"
    assert told[1] == {"@type": "type.googleapis.com/no.Such", "value": "CAE="}


def test_a_timestamp_out_of_range_is_still_shown(catalog: Catalog) -> None:
    message = order(catalog, placed_at={"seconds": 10**15})
    reading = read_bytes(message.SerializeToString(), "shop.v1.Order", catalog)
    assert isinstance(reading.value, dict)
    assert reading.value["placed_at"] == {"seconds": "1000000000000000", "nanos": 0}
    assert reading.value["id"] == ""


def test_bytes_of_another_message_are_read_in_another_form(catalog: Catalog) -> None:
    reading = read_bytes(b"World", "HelloRequest", catalog)
    assert (reading.format, reading.value, reading.type) == (Format.TEXT, "World", None)
    assert reading.reason.startswith("The bytes are not a HelloRequest. ")


# --- readings without a schema


@pytest.mark.parametrize(
    ("data", "content_type", "format_", "value"),
    [
        (b"", "application/grpc", "wire", {}),
        (b"\n\x05World", None, "wire", {"1": "World"}),
        (b"\n\x05World\x10\x05", None, "wire", {"1": "World", "2": 5}),
        (b"\n\x01a\n\x01b", None, "wire", {"1": ["a", "b"]}),
        (b"\n\x04\n\x02hi", None, "wire", {"1": {"1": "hi"}}),
        (b"\n\x03\xff\xfe\x00", None, "wire", {"1": {"bytes": "//4A"}}),
        (b"\x09\x00\x00\x00\x00\x00\x00\xf8\x3f", None, "wire", {"1": 1.5}),
        (b"\x0d\x01\x00\x00\x00", None, "wire", {"1": 1}),
        (b"\x0b\x10\x07\x0c", None, "wire", {"1": {"2": 7}}),
        (b"World", None, "text", "World"),
        (b"8888", None, "text", "8888"),
        ("Grüße\n".encode(), None, "text", "Grüße\n"),
        (b'{"name": "World"}', None, "json", {"name": "World"}),
        (b'"World"', "application/grpc+json", "json", "World"),
        (b'{"a": NaN, "b": 1e999}', None, "json", {"a": "NaN", "b": "1e999"}),
        (b'{"name": ', "application/grpc+json", "text", '{"name": '),
        (b"[" * 100_000, None, "text", "[" * 100_000),
        (b"\xff\xfe\x00", None, "hex", "fffe00"),
    ],
)
def test_without_a_schema_the_bytes_decide(data: bytes, content_type: str | None, format_: str, value: object) -> None:
    reading = read_bytes(data, None, Catalog(), content_type)
    assert (reading.format, reading.value, reading.type) == (format_, value, None)
    assert reading.reason
    assert "malformed" not in reading.reason.lower()


def test_a_message_that_was_not_captured_says_why() -> None:
    reading = read_message(Captured(1, 0.0, 0, 0, 7, None, problem="Bytes were lost."), "HelloReply", Catalog())
    assert (reading.format, reading.value, reading.type, reading.reason) == (
        Format.MISSING,
        None,
        "HelloReply",
        "Bytes were lost.",
    )


@given(st.binary(max_size=200), st.sampled_from((None, "application/grpc", "application/json", "x/y+json")))
def test_any_bytes_have_a_reading_that_json_can_express(data: bytes, content_type: str | None) -> None:
    for type_name in (None, "HelloRequest"):
        for limit in (None, 10):
            reading = read_bytes(data, type_name, Catalog(), content_type, limit)
            json.dumps(reading.value, allow_nan=False)


@given(st.binary(max_size=100))
def test_the_wire_form_of_any_bytes_is_complete_or_rejected(data: bytes) -> None:
    try:
        found = list(fields(data))
    except WireError:
        with pytest.raises(WireError):
            tree(data)
    else:
        assert [each.start for each in found] == [0, *(each.end for each in found)][:-1] if found else data == b""
        for each in found:
            json.dumps(alternatives(each), allow_nan=False)


def test_nesting_is_bounded() -> None:
    data = b""
    for _ in range(200):
        data = b"\x0a" + len(data).to_bytes(1, "big") + data if len(data) < 128 else b"\x0b" + data + b"\x0c"
    with pytest.raises(WireError):
        tree(b"\x0b" * 5000 + b"\x0c" * 5000)
    json.dumps(read_bytes(data, None, Catalog()).value)


# --- excerpts of large messages


@given(st.text(max_size=300), st.binary(max_size=300), st.integers(16, 400))
def test_an_excerpt_is_a_message_of_the_same_type(text: str, seal: bytes, limit: int) -> None:
    catalog = Catalog()
    catalog.add(FileDescriptorSet(file=[shop()]), "x")
    inner = MessageToDict(order(catalog, id=text))
    whole = order(catalog, parts=[inner], seal=seal, id=text).SerializeToString()
    part = excerpt(whole, limit, descriptor_of(type(order(catalog))))
    assert len(part) <= max(limit, 0) + 20 or part == whole
    assert text.startswith(order(catalog).FromString(part).id)  # type: ignore[attr-defined]


def test_only_the_beginning_of_a_large_message_is_read() -> None:
    data = HelloReply(message="ab" * 10_000_000).SerializeToString()
    reading = read_bytes(data, "HelloReply", Catalog(), None, 1000)
    assert not reading.complete
    assert isinstance(reading.value, dict)
    assert 900 < len(reading.value["message"]) <= 1000
    assert beginning(data[:1000]) == {"1": data[5:1000].decode()}


def test_a_large_text_is_not_taken_for_a_message() -> None:
    text = "World " * 2000
    reading = read_bytes(text.encode(), "HelloRequest", Catalog(), None, 600)
    assert (reading.format, reading.value) == (Format.TEXT, text[:600])


def test_a_message_with_too_many_fields_is_reported() -> None:
    reading = read_bytes(b"\x08\x01" * 250_000, None, Catalog())
    assert (reading.format, reading.reason.partition("; ")[2]) == (
        Format.HEX,
        "the bytes are a protobuf message of more than 200,000 fields, too many to be shown without a type.",
    )


# --- requests


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("World", HelloRequest(name="World")),
        ("", HelloRequest()),
        ("  two  words ", HelloRequest(name="  two  words ")),
        ('"quoted"', HelloRequest(name='"quoted"')),
        ('{"name": "World"}', HelloRequest(name="World")),
        ("{}", HelloRequest()),
    ],
)
def test_typed_text_becomes_the_request(text: str, message: HelloRequest) -> None:
    method = Catalog().methods[GREET]
    assert build(text, method, Catalog()) == message.SerializeToString()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"nam": "World"}', "HelloRequest has no field nam. Did you mean name?"),
        ('{"name": 5}', "name"),
        ('{"name": "a", "name": "b"}', "name is given twice"),
        ('{"name": "World"', "The JSON is invalid at line 1, column 17"),
        ('{"name": "a"} x', "Extra data"),
    ],
)
def test_errors_of_a_request_point_at_the_field(text: str, said: str) -> None:
    with pytest.raises(RequestError) as caught:
        build(text, Catalog().methods[GREET], Catalog())
    assert said in str(caught.value)


def test_a_nested_error_is_named_by_its_path(catalog: Catalog) -> None:
    method = Method("/x/y", CallKind.UNARY, "shop.v1.Order", "shop.v1.Order")
    with pytest.raises(RequestError, match=r"parts\[1\]\.ids"):
        build('{"parts": [{}, {"ids": ""}]}', method, catalog)
    with pytest.raises(RequestError, match="state"):
        build('{"state": "LOST"}', method, catalog)
    with pytest.raises(RequestError, match=r'As in {"id": "", "state": "NEW", "total": 0'):
        build("w-3", method, catalog)
    with pytest.raises(RequestError, match="not in the schema"):
        build("w-3", Method("/x/y", CallKind.UNARY, "no.Type", "no.Type"), catalog)


@given(st.text(alphabet=st.characters(codec="utf-8")))
def test_any_name_survives_a_round_trip(name: str) -> None:
    text = json.dumps({"name": name})
    data = build(text, Catalog().methods[GREET], Catalog())
    assert read_bytes(data, "HelloRequest", Catalog()).value == {"name": name}


@given(st.text())
def test_any_text_is_a_request_or_an_error(text: str) -> None:
    try:
        found: bytes | RequestError = build(text, Catalog().methods[GREET], Catalog())
    except RequestError as error:
        found = error
    assert isinstance(found, bytes) or found.message.endswith(".")
