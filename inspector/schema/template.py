"""Builds an example request: JSON with all fields of a message, ready to be sent.

Bounded: recursive types and fields beyond the limit are left out.
"""

from __future__ import annotations

import json
from typing import Final

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from inspector.errors import RequestError
from inspector.schema.catalog import Catalog, Method
from inspector.schema.scalars import INTEGERS, json_key, writer_of
from inspector.schema.typed import WellKnownForm, descriptor_of, json_name, map_parts, well_known_form

MAX_FIELDS: Final = 400
"""More than anybody fills in by hand; further fields can be typed, with completion."""
_MAX_DEPTH: Final = 12

_TEXTS: Final = {
    "google.protobuf.Timestamp": "2026-01-01T00:00:00Z",
    "google.protobuf.Duration": "0s",
    "google.protobuf.FieldMask": "",
}


def template(method: Method, catalog: Catalog) -> str:
    """Return an example request as indented JSON.

    Of a oneof it has the first field, of an enum the first value, of lists and maps one element.

    Raises:
        RequestError: when the request type is not known.
    """
    message_class = catalog.message_class(method.request_type, method.origin)
    if message_class is None:
        raise RequestError(f"The type {method.request_type} of {method.path} is not in the schema.")
    value = _Blanks().message(descriptor_of(message_class), ())
    return json.dumps(value, indent=2, ensure_ascii=False)


def short_template(descriptor: Descriptor) -> str:
    """Return the fields of a message on one line, without nested ones: `{"name": "", "items": []}`."""
    return json.dumps({field.name: _short(field) for field in _template_fields(descriptor)}, ensure_ascii=False)


def _short(field: FieldDescriptor) -> object:
    if field.is_repeated:
        return {} if map_parts(field) is not None else []
    if field.message_type is not None:
        return {} if well_known_form(field.message_type) is None else _Blanks().message(field.message_type, ())
    return _scalar(field)


class _Blanks:
    """Writes blank values; counts down the fields that may follow."""

    def __init__(self) -> None:
        self._left = MAX_FIELDS

    def message(self, descriptor: Descriptor, above: tuple[str, ...]) -> object:
        """Return an object with all fields, or the JSON form of a well-known type."""
        match well_known_form(descriptor):
            case WellKnownForm.TEXT:
                return _TEXTS[descriptor.full_name]
            case WellKnownForm.WRAPPER:
                return _scalar(descriptor.fields_by_number[1])
            case WellKnownForm.LIST:
                return []
            case WellKnownForm.VALUE:
                return None
            case WellKnownForm.ANY | WellKnownForm.STRUCT:
                return {}
        blanks: dict[str, object] = {}
        inside = (*above, descriptor.full_name)
        for field in _template_fields(descriptor):
            if field.is_required or self._has_room(field, inside):
                self._left -= 1
                blanks[json_name(field)] = self._field(field, inside)
        return blanks

    def _has_room(self, field: FieldDescriptor, inside: tuple[str, ...]) -> bool:
        return self._left > 0 and (field.is_repeated or not _is_inside(field, inside))

    def _field(self, field: FieldDescriptor, inside: tuple[str, ...]) -> object:
        if (parts := map_parts(field)) is not None:
            return {} if _is_inside(parts[1], inside) else {_key(parts[0]): self._value(parts[1], inside)}
        if field.is_repeated:
            return [] if _is_inside(field, inside) else [self._value(field, inside)]
        return self._value(field, inside)

    def _value(self, field: FieldDescriptor, inside: tuple[str, ...]) -> object:
        return _scalar(field) if field.message_type is None else self.message(field.message_type, inside)


def _is_inside(field: FieldDescriptor, inside: tuple[str, ...]) -> bool:
    inner = field.message_type
    return inner is not None and (inner.full_name in inside or len(inside) >= _MAX_DEPTH)


def _template_fields(descriptor: Descriptor) -> list[FieldDescriptor]:
    """Return all fields, but of each oneof only the first that is not recursive."""
    found, chosen = [], set()
    for field in descriptor.fields:
        oneof = field.containing_oneof
        if oneof is not None:
            if oneof.name in chosen or _is_inside(field, (descriptor.full_name,)):
                continue
            chosen.add(oneof.name)
        found.append(field)
    return found


def _scalar(field: FieldDescriptor) -> object:
    """Return the default of a proto2 field, or the zero value of its type."""
    if field.enum_type is not None and not field.has_default_value:
        return None if field.enum_type.full_name == "google.protobuf.NullValue" else field.enum_type.values[0].name
    if field.has_default_value and not (field.cpp_type in INTEGERS and field.enum_type is None):
        return writer_of(field)(field.default_value)
    if field.has_default_value:
        return field.default_value  # 64-bit integers as numbers, too: easier to edit without quotes
    return {FieldDescriptor.TYPE_BOOL: False, FieldDescriptor.TYPE_STRING: "", FieldDescriptor.TYPE_BYTES: ""}.get(
        field.type, 0
    )


def _key(field: FieldDescriptor) -> str:
    blank = {FieldDescriptor.TYPE_STRING: "key", FieldDescriptor.TYPE_BOOL: False}
    return json_key(blank.get(field.type, 0))
