"""A message whose type is known, as the proto3 JSON mapping with proto field names.

What the mapping cannot say is said all the same: fields that the schema does not know stand under `unknown fields`,
an `Any` of an unknown type keeps its bytes, and a value outside its range stays a plain message.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable
from typing import Any, Final, cast

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.unknown_fields import UnknownFieldSet

from inspector.schema import wire_values
from inspector.schema.enum_words import map_value, mark_enums
from inspector.schema.wire import WireType

UNKNOWN_FIELDS: Final = "unknown fields"

_LONG: Final = frozenset({FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT64})
_FLOATS: Final = frozenset({FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_DOUBLE})


def to_value(message: Message) -> object:
    """The message as JSON-ready values; names of enum values are `EnumWord`s."""
    value = _mapped(message)
    mark_enums(descriptor_of(type(message)), value)
    if _has_unknown(message) and isinstance(value, dict):
        _add_unknown(message, value)
    return value


def descriptor_of(message_class: type[Message]) -> Descriptor:
    """The descriptor of a message class, under the one of its two names that the stubs of json_format take."""
    return cast("Descriptor", message_class.DESCRIPTOR)


def fits(message_class: type[Message], data: bytes) -> bool:
    """True when bytes are such a message with no field that the type does not know."""
    try:
        message = message_class.FromString(data)
    except DecodeError:
        return False
    return not _has_unknown(message)


def _mapped(message: Message) -> object:
    pool = descriptor_of(type(message)).file.pool
    try:
        return json_format.MessageToDict(
            message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True, descriptor_pool=pool
        )
    except (ValueError, TypeError, KeyError, json_format.Error):
        return _plain(message)


def _plain(message: Message) -> object:
    """The message field by field, where one of its parts has no JSON form; the other parts keep theirs."""
    if message.DESCRIPTOR.full_name == "google.protobuf.Any":
        opened = cast("Any", message)
        return {"@type": opened.type_url, "value": base64.b64encode(opened.value).decode()}
    return {field.name: _field_value(field, value) for field, value in message.ListFields()}


def _field_value(field: FieldDescriptor, value: Any) -> object:
    if (inner := map_value(field)) is not None:
        return {_key(key): _single(inner, each) for key, each in value.items()}
    return [_single(field, each) for each in value] if field.is_repeated else _single(field, value)


def _single(field: FieldDescriptor, value: Any) -> object:
    if field.cpp_type == FieldDescriptor.CPPTYPE_MESSAGE:
        return _mapped(value)
    if field.cpp_type == FieldDescriptor.CPPTYPE_ENUM:
        known = field.enum_type.values_by_number.get(value) if field.enum_type else None
        return known.name if known else value
    if field.cpp_type in _LONG:
        return str(value)
    if field.cpp_type in _FLOATS:
        return value if math.isfinite(value) else _not_finite(value)
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def _not_finite(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _key(key: object) -> str:
    return str(key).lower() if isinstance(key, bool) else str(key)


def _has_unknown(message: Message) -> bool:
    """True when the message or one inside it has unknown fields: they are the only thing that discarding takes away."""
    without = type(message)()
    without.CopyFrom(message)
    without.DiscardUnknownFields()
    return without.ByteSize() != message.ByteSize()


def _add_unknown(message: Message, value: dict[str, Any]) -> None:
    for field, part in message.ListFields():
        if field.cpp_type == FieldDescriptor.CPPTYPE_MESSAGE:
            for inner, told in _pairs(field, part, value.get(field.name)):
                if isinstance(told, dict):
                    _add_unknown(inner, told)
    if unknown := _unknown_values(cast("Iterable[Any]", UnknownFieldSet(message))):
        value[UNKNOWN_FIELDS] = unknown


def _pairs(field: FieldDescriptor, part: Any, told: Any) -> Iterable[tuple[Message, object]]:
    if (held := map_value(field)) is not None:
        if held.message_type is None or not isinstance(told, dict):
            return ()
        return [(inner, told.get(_key(key))) for key, inner in part.items()]
    if not field.is_repeated:
        return ((part, told),)
    return zip(part, told, strict=False) if isinstance(told, list) else ()


def _unknown_values(unknown: Iterable[Any]) -> dict[str, object]:
    found: dict[str, list[object]] = {}
    for field in unknown:
        found.setdefault(str(field.field_number), []).append(_unknown_value(field.wire_type, field.data))
    return {number: values[0] if len(values) == 1 else values for number, values in found.items()}


def _unknown_value(wire_type: int, data: Any) -> object:
    if wire_type == WireType.GROUP:
        return _unknown_values(data)
    return wire_values.likeliest(data) if isinstance(data, bytes) else data
