"""Schemas and messages of them, made at random: every kind of field, in proto2, proto3 and editions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from google.protobuf import struct_pb2
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    Edition,
    FeatureSet,
    FieldDescriptorProto,
    FileDescriptorProto,
)
from google.protobuf.message import Message
from hypothesis import strategies as st

from inspector.schema.typed import descriptor_of, extensions_of, map_parts, well_known_form

Draw: TypeAlias = Callable[[st.SearchStrategy[Any]], Any]
F = FieldDescriptorProto
PACKAGE: Final = "any.v1"
_ODD_NAMES: Final = ("ListFields", "class", "type_url", "value", "DESCRIPTOR", "FromString", "camelCase", "in")
"""Names that Python, protobuf's own methods, or the JSON mapping may stumble on."""
_SCALARS: Final = [kind for kind in range(1, 19) if kind not in (F.TYPE_GROUP, F.TYPE_MESSAGE, F.TYPE_ENUM)]
_KEYS: Final = [kind for kind in _SCALARS if kind not in (F.TYPE_DOUBLE, F.TYPE_FLOAT, F.TYPE_BYTES)]
_GOOGLES: Final = ("Any", "Timestamp", "Duration", "FieldMask", "Struct", "Value", "ListValue", "Int64Value")
_IMPORTS: Final = ("any", "timestamp", "duration", "field_mask", "struct", "wrappers")


@st.composite
def schemas(draw: Draw) -> FileDescriptorProto:
    """A file with a few message types that refer to each other, an enum, and a method that takes the first type."""
    syntax = draw(st.sampled_from(("proto2", "proto3", "editions")))
    file = FileDescriptorProto(name="any.proto", package=PACKAGE, syntax=syntax)
    if syntax == "editions":
        file.edition = Edition.EDITION_2023
    file.dependency.extend(f"google/protobuf/{name}.proto" for name in _IMPORTS)
    kind = file.enum_type.add(name="Kind")
    for number, name in enumerate(("NONE", "SOME", "MANY")):
        kind.value.add(name=name, number=number)
    kind.value.add(name="LESS", number=-3)
    count = draw(st.integers(1, 3))
    for index in range(count):
        _add_message(draw, file.message_type.add(name=f"M{index}"), count, syntax)
    if syntax != "proto3":
        file.message_type[0].extension_range.add(start=5000, end=6000)
        for number in range(draw(st.integers(0, 2))):
            extension = _field(draw, f"more{number}", 5000 + number, count)
            extension.extendee = f".{PACKAGE}.M0"
            file.extension.append(extension)
    name = f".{PACKAGE}.M0"
    file.service.add(name="S").method.add(name="Do", input_type=name, output_type=name)
    return file


def _add_message(draw: Draw, message: DescriptorProto, count: int, syntax: str) -> None:
    if draw(st.booleans()):
        message.oneof_decl.add(name="choice")  # before those that proto3's optional fields bring along
        for number in (101, 102, 103):
            message.field.append(_field(draw, f"either{number}", number, count, label=F.LABEL_OPTIONAL))
            message.field[-1].oneof_index = 0
    names = draw(st.lists(st.sampled_from(_ODD_NAMES), max_size=2, unique=True))
    names += [f"f{index}" for index in range(draw(st.integers(1, 5)))]
    for number, name in enumerate(names, 1):
        message.field.append(_field(draw, name, number if draw(st.booleans()) else 30_000 + number, count))
        _vary(draw, message, message.field[-1], syntax)
    if draw(st.booleans()):
        _add_map(draw, message, count)


def _field(draw: Draw, name: str, number: int, count: int, label: int | None = None) -> F:
    label = label or draw(st.sampled_from((F.LABEL_OPTIONAL, F.LABEL_REPEATED)))
    field = F(name=name, number=number, label=label)  # type: ignore[arg-type]
    match draw(st.sampled_from(("scalar", "scalar", "enum", "message", "google"))):
        case "scalar":
            field.type = draw(st.sampled_from(_SCALARS))
        case "enum":
            field.type, field.type_name = F.TYPE_ENUM, f".{PACKAGE}.Kind"
        case "message":
            field.type, field.type_name = F.TYPE_MESSAGE, f".{PACKAGE}.M{draw(st.integers(0, count - 1))}"
        case _:
            field.type, field.type_name = F.TYPE_MESSAGE, f".google.protobuf.{draw(st.sampled_from(_GOOGLES))}"
    return field


def _vary(draw: Draw, message: DescriptorProto, field: F, syntax: str) -> None:
    """What only some syntaxes have: required fields, groups, implicit presence."""
    is_single = field.label == F.LABEL_OPTIONAL
    is_message = field.type == F.TYPE_MESSAGE
    if syntax == "proto2" and is_single and not is_message and draw(st.booleans()):
        field.label = F.LABEL_REQUIRED
    elif syntax == "proto2" and draw(st.integers(0, 3)) == 0 and field.name.startswith("f"):
        inner = message.nested_type.add(name=field.name.upper())
        inner.field.append(F(name="x", number=1, type=F.TYPE_SINT32, label=F.LABEL_OPTIONAL))
        field.type, field.type_name = F.TYPE_GROUP, f".{PACKAGE}.{message.name}.{inner.name}"
    elif syntax == "editions" and is_message and draw(st.booleans()):
        field.options.features.message_encoding = FeatureSet.DELIMITED
    elif syntax == "editions" and is_single and not is_message and draw(st.booleans()):
        field.options.features.field_presence = FeatureSet.IMPLICIT
    elif syntax == "proto3" and is_single and not is_message and draw(st.booleans()):
        field.proto3_optional = True
        field.oneof_index = len(message.oneof_decl)
        message.oneof_decl.add(name=f"_{field.name}")


def _add_map(draw: Draw, message: DescriptorProto, count: int) -> None:
    entry = message.nested_type.add(name="NotesEntry")
    entry.options.map_entry = True
    entry.field.append(F(name="key", number=1, type=draw(st.sampled_from(_KEYS)), label=F.LABEL_OPTIONAL))
    entry.field.append(_field(draw, "value", 2, count, label=F.LABEL_OPTIONAL))
    type_name = f".{PACKAGE}.{message.name}.NotesEntry"
    message.field.add(name="notes", number=200, type=F.TYPE_MESSAGE, type_name=type_name, label=F.LABEL_REPEATED)


_NAN: Final = st.just(math.nan)
"""JSON has one NaN; the others come back as this one."""
_FLOAT32: Final = st.floats(width=32, allow_nan=False) | _NAN
_BY_TYPE: Final[dict[int, st.SearchStrategy[Any]]] = {
    **dict.fromkeys((F.TYPE_INT32, F.TYPE_SINT32, F.TYPE_SFIXED32), st.integers(-(1 << 31), (1 << 31) - 1)),
    **dict.fromkeys((F.TYPE_UINT32, F.TYPE_FIXED32), st.integers(0, (1 << 32) - 1)),
    **dict.fromkeys((F.TYPE_INT64, F.TYPE_SINT64, F.TYPE_SFIXED64), st.integers(-(1 << 63), (1 << 63) - 1)),
    **dict.fromkeys((F.TYPE_UINT64, F.TYPE_FIXED64), st.integers(0, (1 << 64) - 1)),
    F.TYPE_DOUBLE: st.floats(allow_nan=False) | _NAN,
    F.TYPE_FLOAT: _FLOAT32,
    F.TYPE_BOOL: st.booleans(),
    F.TYPE_STRING: st.text(st.characters(codec="utf-8"), max_size=8),
    F.TYPE_BYTES: st.binary(max_size=8),
}
_NUMBERS: Final = st.integers(-(1 << 53), 1 << 53) | st.floats(allow_nan=False, allow_infinity=False)
_JSON: Final = st.recursive(
    st.none() | st.booleans() | _NUMBERS | st.text(st.characters(codec="utf-8"), max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text("ab", max_size=2), inner, max_size=2),
    max_leaves=4,
)


def fill_at_random(draw: Draw, message: Any, types: list[type[Message]], depth: int = 0) -> None:
    """Set some of the fields; `types` are what an Any may hold."""
    descriptor = descriptor_of(type(message))
    for field in (*descriptor.fields, *extensions_of(descriptor)):
        if not field.is_required and not draw(st.booleans()):
            continue
        if not field.is_repeated and field.message_type is None:
            value = _scalar(draw, field)
            if field.is_extension:
                message.Extensions[field] = value
            else:
                setattr(message, field.name, value)
        elif depth < 3:
            held = message.Extensions[field] if field.is_extension else getattr(message, field.name)
            _fill_held(draw, field, held, types, depth + 1)


def _fill_held(draw: Draw, field: FieldDescriptor, held: Any, types: list[type[Message]], depth: int) -> None:
    count = draw(st.integers(0, 2))
    if (parts := map_parts(field)) is not None:
        for _ in range(count):
            key = _scalar(draw, parts[0])
            if parts[1].message_type is None:
                held[key] = _scalar(draw, parts[1])
            else:
                _fill_message(draw, held[key], types, depth)
    elif not field.is_repeated:
        type(held).SetInParent(held)
        _fill_message(draw, held, types, depth)
    elif field.message_type is None:
        held.extend(_scalar(draw, field) for _ in range(count))
    else:
        for _ in range(count):
            _fill_message(draw, held.add(), types, depth)


def _scalar(draw: Draw, field: FieldDescriptor) -> Any:
    if field.enum_type is None:
        return draw(_BY_TYPE[field.type])
    known = st.sampled_from(sorted(field.enum_type.values_by_number))
    return draw(known if field.enum_type.is_closed else known | st.integers(-(1 << 31), (1 << 31) - 1))


def _fill_message(draw: Draw, message: Any, types: list[type[Message]], depth: int) -> None:
    if well_known_form(descriptor_of(type(message))) is None:
        fill_at_random(draw, message, types, depth)
        return
    match message.DESCRIPTOR.name:
        case "Any":
            _fill_any(draw, message, types, depth)
        case "Timestamp":
            message.seconds, message.nanos = draw(st.integers(-62_135_596_800, 253_402_300_799)), draw(_NANOS)
        case "Duration":
            message.seconds = draw(st.integers(-315_576_000_000, 315_576_000_000))
            message.nanos = draw(_NANOS) * (-1 if message.seconds < 0 else 1)
        case "FieldMask":
            message.paths.extend(draw(st.lists(st.sampled_from(("a", "some_name", "a.b_c")), max_size=2)))
        case "Int64Value":
            message.value = draw(_BY_TYPE[F.TYPE_INT64])
        case _:
            _fill_structure(draw, message)


_NANOS: Final = st.integers(0, 999_999_999)


def _fill_structure(draw: Draw, message: Any) -> None:
    kind = {"Struct": st.dictionaries(st.text("ab", max_size=2), _JSON, max_size=2), "ListValue": st.lists(_JSON)}
    whole = struct_pb2.Value()
    _set(whole, draw(kind.get(message.DESCRIPTOR.name, _JSON)))
    part = {"Struct": whole.struct_value, "ListValue": whole.list_value}.get(message.DESCRIPTOR.name, whole)
    message.MergeFromString(part.SerializeToString())


def _set(message: struct_pb2.Value, value: Any) -> None:
    match value:
        case None:
            message.null_value = struct_pb2.NULL_VALUE
        case bool():
            message.bool_value = value
        case str():
            message.string_value = value
        case dict():
            message.struct_value.SetInParent()
            for key, each in value.items():
                _set(message.struct_value.fields[key], each)
        case list():
            message.list_value.SetInParent()
            for each in value:
                _set(message.list_value.values.add(), each)
        case _:
            message.number_value = value


def _fill_any(draw: Draw, message: Any, types: list[type[Message]], depth: int) -> None:
    message_class = draw(st.sampled_from([None, *types]))
    if message_class is None:
        message.type_url, message.value = "example.com/no.Such", draw(st.binary(max_size=5))
        return
    inner = message_class()
    if depth < 3:
        _fill_message(draw, inner, types, depth + 1)
    message.type_url = f"type.googleapis.com/{message_class.DESCRIPTOR.full_name}"
    message.value = message_class.SerializePartialToString(inner, deterministic=True)
