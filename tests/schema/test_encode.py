"""Requests as typed JSON: errors, templates and completion."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet
from hypothesis import given
from hypothesis import strategies as st

from inspector.errors import RequestError
from inspector.model.call import CallKind
from inspector.schema.catalog import Catalog, Method
from inspector.schema.completion import complete
from inspector.schema.decode import read_bytes
from inspector.schema.encode import build
from inspector.schema.template import MAX_FIELDS, template

F = FieldDescriptorProto
GOOGLE = ".google.protobuf."


def cart() -> FileDescriptorProto:
    """A proto3 type with every kind of field, types with a single scalar field, and a recursive one."""
    file = FileDescriptorProto(name="cart.proto", package="c", syntax="proto3")
    file.dependency.extend(f"google/protobuf/{name}.proto" for name in ("any", "timestamp", "struct", "wrappers"))
    kind = file.enum_type.add(name="Kind")
    for number, name in enumerate(("NEW", "PAID")):
        kind.value.add(name=name, number=number)
    item = file.message_type.add(name="Item")
    item.field.add(name="price", number=1, type=F.TYPE_FLOAT, label=1)
    item.field.add(name="count", number=2, type=F.TYPE_INT32, label=1)
    order = file.message_type.add(name="Cart")
    entry = order.nested_type.add(name="NotesEntry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, type=F.TYPE_INT32, label=1)
    entry.field.add(name="value", number=2, type=F.TYPE_MESSAGE, label=1, type_name=".c.Item")
    for number, (name, type_, label, type_name) in enumerate(
        (
            ("items", F.TYPE_MESSAGE, 3, ".c.Item"),
            ("kind", F.TYPE_ENUM, 1, ".c.Kind"),
            ("is_gift", F.TYPE_BOOL, 1, ""),
            ("total_cents", F.TYPE_UINT64, 1, ""),
            ("seal", F.TYPE_BYTES, 1, ""),
            ("notes", F.TYPE_MESSAGE, 3, ".c.Cart.NotesEntry"),
            ("when", F.TYPE_MESSAGE, 1, f"{GOOGLE}Timestamp"),
            ("more", F.TYPE_MESSAGE, 1, f"{GOOGLE}Any"),
            ("free", F.TYPE_MESSAGE, 1, f"{GOOGLE}Struct"),
            ("inner", F.TYPE_MESSAGE, 1, ".c.Cart"),
            ("codes", F.TYPE_INT32, 3, ""),
        ),
        1,
    ):
        order.field.add(name=name, number=number, type=type_, label=label, type_name=type_name or None)
    order.oneof_decl.add(name="pay")
    order.field.add(name="card", number=20, type=F.TYPE_STRING, label=1, oneof_index=0)
    order.field.add(name="cash", number=21, type=F.TYPE_BOOL, label=1, oneof_index=0)
    for type_ in (F.TYPE_STRING, F.TYPE_BYTES, F.TYPE_BOOL, F.TYPE_SINT64, F.TYPE_DOUBLE, F.TYPE_ENUM):
        only = file.message_type.add(name=f"Only{type_}").field.add(name="x", number=1, type=type_, label=1)
        if type_ == F.TYPE_ENUM:
            only.type_name = ".c.Kind"
    return file


def strict() -> FileDescriptorProto:
    """A proto2 type with required fields."""
    file = FileDescriptorProto(name="strict.proto", package="s", syntax="proto2")
    part = file.message_type.add(name="Part")
    part.field.add(name="id", number=1, type=F.TYPE_STRING, label=2)
    whole = file.message_type.add(name="Whole")
    whole.field.add(name="parts", number=1, type=F.TYPE_MESSAGE, label=3, type_name=".s.Part")
    whole.field.add(name="size", number=2, type=F.TYPE_INT64, label=1, default_value="7")
    whole.extension_range.add(start=100, end=200)
    file.extension.add(name="colour", number=100, type=F.TYPE_STRING, label=1, extendee=".s.Whole")
    return file


CATALOG = Catalog()
CATALOG.add(FileDescriptorSet(file=[cart(), strict()]), "tests")


def method(type_name: str) -> Method:
    return Method("/c.S/Do", CallKind.UNARY, type_name, type_name)


def sent(text: str, type_name: str = "c.Cart") -> Any:
    return read_bytes(build(text, method(type_name), CATALOG), type_name, CATALOG).value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"items": [{}, {}, {"price": "cheap"}]}', 'items[2].price must be a number, not "cheap".'),
        ('{"items": [{"price": 1e39}]}', "items[0].price must be a 32-bit number, not 1e+39."),
        ('{"items": [{"prise": 1}]}', "Item has no field items[0].prise. Did you mean price?"),
        ('{"items": {}}', "items must be a list, not an object."),
        ('{"items": [7]}', "items[0] must be an object (Item), not 7."),
        ('{"kind": "paid"}', 'kind must be one of NEW, PAID, not "paid". Did you mean PAID?'),
        ('{"is_gift": 1}', "is_gift must be true or false, not 1."),
        ('{"total_cents": -1}', "total_cents must be a whole number from 0 to 18446744073709551615, not -1."),
        ('{"codes": [1, 2.5]}', "codes[1] must be a whole number, not 2.5."),
        ('{"seal": "?"}', 'seal must be base64, not "?".'),
        ('{"notes": {"a": {}}}', 'The key of notes[a] must be a whole number, not "a".'),
        ('{"notes": {"1": {"count": true}}}', "notes[1].count must be a whole number, not true."),
        ('{"when": "noon"}', 'when must be a time such as "2026-01-31T12:00:00Z", not "noon".'),
        ('{"more": {"a": 1}}', "more is an Any: it needs @type, the name of its type."),
        ('{"more": {"@type": "x/c.Item", "price": "a"}}', 'more.price must be a number, not "a".'),
        ('{"more": {"@type": "x/no.Such"}}', "more: no schema has the type x/no.Such."),
        ('{"free": 5}', "free must be an object, not 5."),
        ('{"inner": {"inner": {"kind": 1.5}}}', "inner.inner.kind must be one of NEW, PAID, not 1.5."),
        ('{"card": "x", "cash": true}', "cash and card belong to the same oneof, pay. Only one of them can be set."),
        ('{"card": "\\ud800"}', "card must be valid Unicode"),
        ('{"unknown fields": {}}', "unknown fields cannot be sent"),
        ('{"kind": }', "The JSON is invalid at line 1, column 10: Expecting value."),
        ('{\n "kind": "NEW"\n "card": ""}', "The JSON is invalid at line 3, column 2: Expecting ',' delimiter."),
        ('{"codes": [' + "9" * 5000 + "]}", "The JSON cannot be read"),
        ('{"inner": ' * 150 + "{}" + "}" * 150, "nests deeper than 100 messages."),
        ('{"inner": ' * 99999 + "{}" + "}" * 99999, "The JSON nests too deep."),
    ],
)
def test_errors_point_at_the_field(text: str, said: str) -> None:
    with pytest.raises(RequestError) as caught:
        build(text, method("c.Cart"), CATALOG)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("text", "type_name", "value"),
    [
        ("World", f"c.Only{F.TYPE_STRING}", "World"),
        ("World", f"c.Only{F.TYPE_BYTES}", "V29ybGQ="),
        (" True ", f"c.Only{F.TYPE_BOOL}", True),
        ("-5", f"c.Only{F.TYPE_SINT64}", "-5"),
        ("1e3", f"c.Only{F.TYPE_DOUBLE}", 1000.0),
        ("NaN", f"c.Only{F.TYPE_DOUBLE}", "NaN"),
        ("PAID", f"c.Only{F.TYPE_ENUM}", "PAID"),
        ("7", f"c.Only{F.TYPE_ENUM}", 7),
    ],
)
def test_a_bare_word_fills_the_only_field(text: str, type_name: str, value: object) -> None:
    assert sent(text, type_name) == {"x": value}


@pytest.mark.parametrize(
    ("type_name", "text", "value"),
    [
        ("google.protobuf.StringValue", "World", "World"),
        ("google.protobuf.Timestamp", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
        ("google.protobuf.Value", "[1, null]", [1.0, None]),
        ("google.protobuf.Empty", "", {}),
    ],
)
def test_a_request_of_a_well_known_type(type_name: str, text: str, value: object) -> None:
    assert sent(text, type_name) == value


def test_part_of_an_enum_name_leads_to_a_suggestion() -> None:
    file = FileDescriptorProto(name="e.proto", package="e", syntax="proto3")
    kind = file.enum_type.add(name="State")
    for number, name in enumerate(("STATE_UNSPECIFIED", "STATE_PAID")):
        kind.value.add(name=name, number=number)
    file.message_type.add(name="M").field.add(name="state", number=1, type=F.TYPE_ENUM, label=1, type_name=".e.State")
    catalog = Catalog()
    catalog.add(FileDescriptorSet(file=[file]), "e")
    with pytest.raises(RequestError, match="Did you mean STATE_PAID"):
        build('{"state": "paid"}', method("e.M"), catalog)


def test_the_example_of_an_object_can_be_sent() -> None:
    with pytest.raises(RequestError, match="Cart needs a JSON object") as caught:
        build("World", method("c.Cart"), CATALOG)
    example = caught.value.hint.removeprefix("As in ").removesuffix(".")
    assert build(example, method("c.Cart"), CATALOG)


def test_null_leaves_a_field_unset_and_both_names_are_accepted() -> None:
    assert sent('{"items": null, "isGift": true, "total_cents": "12"}')["is_gift"] is True
    assert sent('{"totalCents": 12}')["total_cents"] == "12"


def test_what_proto2_requires_is_named() -> None:
    with pytest.raises(RequestError, match=r"Whole requires parts\[1\]\.id"):
        build('{"parts": [{"id": "a"}, {}]}', method("s.Whole"), CATALOG)
    assert sent('{"[s.colour]": "red"}', "s.Whole") == {"parts": [], "[s.colour]": "red"}
    with pytest.raises(RequestError, match=r"Did you mean \[s\.colour\]"):
        build('{"[s.color]": "red"}', method("s.Whole"), CATALOG)


# --- templates


def test_a_template_has_every_field_once() -> None:
    assert json.loads(template(method("c.Cart"), CATALOG)) == {
        "items": [{"price": 0, "count": 0}],
        "kind": "NEW",
        "is_gift": False,
        "total_cents": 0,
        "seal": "",
        "notes": {"0": {"price": 0, "count": 0}},
        "when": "2026-01-01T00:00:00Z",
        "more": {},
        "free": {},
        "codes": [0],
        "card": "",
    }
    assert json.loads(template(method("s.Whole"), CATALOG)) == {"parts": [{"id": ""}], "size": 7}


def test_a_template_is_bounded() -> None:
    file = FileDescriptorProto(name="wide.proto", package="w", syntax="proto3")
    for level in range(9):
        message = file.message_type.add(name=f"M{level}")
        for number in range(1, 9):
            message.field.add(name=f"f{number}", number=number, type=11, label=1, type_name=f".w.M{min(level + 1, 8)}")
    catalog = Catalog()
    catalog.add(FileDescriptorSet(file=[file]), "wide")
    text = template(method("w.M0"), catalog)
    assert text.count(":") <= MAX_FIELDS
    assert build(text, method("w.M0"), catalog)


# --- completion: the cursor is the bar


@pytest.mark.parametrize(
    ("text", "labels", "replaced"),
    [
        ("{|", "items kind is_gift total_cents seal notes when more free inner codes card cash", ""),
        ('{"k|', "kind", '"k'),
        ('{"k|in": "NEW"}', "kind", '"kin"'),
        ("{k|", "kind", "k"),
        ('{"kind": |', "NEW PAID", ""),
        ('{"kind": "P|"}', "PAID", '"P"'),
        ('{"kind": P|}', "PAID", "P"),
        ('{"is_gift": t|', "true", "t"),
        ('{"is_gift": true, "is|', "", '"is'),
        ('{"card": "x", "ca|', "", '"ca'),
        ('{"|", "kind": "NEW"}', "items is_gift total_cents seal notes when more free inner codes card cash", '""'),
        ('{"items": [{"price": 1}, {"|', "price count", '"'),
        ('{"items": |', "[", ""),
        ('{"notes": {"1": {"c|', "count", '"c'),
        ('{"notes": {"|', "", '"'),
        ('{"inner": {"inner": {"kind": "N|', "NEW", '"N'),
        ('{"more": {|', "@type", ""),
        ('{"more": {"@type": "c.I|', "c.Item", '"c.I'),
        ('{"more": {"@type": "x/c.Item", "|', "price count", '"'),
        ('{"kind"|', "", ""),
        ('{"kind": "NEW"|', "", ""),
        ('{"kind": "NEW" |}', "", ""),
        ('{"nothing": {"|', "", '"'),
        ("|", "", ""),
        ("]}{|", "items kind is_gift total_cents seal notes when more free inner codes card cash", ""),
    ],
)
def test_candidates_at_the_cursor(text: str, labels: str, replaced: str) -> None:
    offset = text.index("|")
    whole = text.replace("|", "")
    found = complete(whole, offset, method("c.Cart"), CATALOG)
    assert " ".join(each.label for each in found.candidates) == labels
    assert whole[found.start : found.end] == replaced


def test_a_candidate_has_its_text_and_type() -> None:
    found = complete('{"no', 4, method("c.Cart"), CATALOG).candidates[0]
    assert (found.insert, found.detail) == ('"notes": ', "map<int32, Item>")
    [again] = complete('{"no": {}}', 4, method("c.Cart"), CATALOG).candidates
    assert again.insert == '"notes"'
    [element] = complete('{"items": ', 10, method("c.Cart"), CATALOG).candidates
    assert (element.insert, element.detail) == ("[]", "repeated Item")


@given(st.text('{}[]",: \\nkind@type1tx', max_size=40), st.integers(0, 40))
def test_any_text_can_be_completed(text: str, offset: int) -> None:
    offset = min(offset, len(text))
    found = complete(text, offset, method("c.Cart"), CATALOG)
    assert 0 <= found.start <= offset <= found.end <= len(text)
