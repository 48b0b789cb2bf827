"""A request to begin with: JSON that has every field of a message with a value of its kind.

What it gives can be sent as it stands. Bounded: a type inside itself is left out, and so are fields past the bound.
"""

from __future__ import annotations

import json
from typing import Final

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from inspector.errors import RequestError
from inspector.schema.catalog import Catalog, Method
from inspector.schema.scalars import INTEGERS, as_key, writer_of
from inspector.schema.typed import OwnForm, descriptor_of, json_name, map_parts, own_form

MAX_FIELDS: Final = 400
"""More than anybody fills in by hand; what is past it can be typed, with completion."""
_MAX_DEPTH: Final = 12

_TEXTS: Final = {
    "google.protobuf.Timestamp": "2026-01-01T00:00:00Z",
    "google.protobuf.Duration": "0s",
    "google.protobuf.FieldMask": "",
}


def template(method: Method, catalog: Catalog) -> str:
    """The request of a method as indented JSON with all its fields; RequestError where its type is not known.

    Of a oneof the first field is there, of an enum the first value, of lists and maps one element.
    """
    message_class = catalog.message_class(method.request_type, method.origin)
    if message_class is None:
        raise RequestError(f"The type {method.request_type} of {method.path} is not in the schema.")
    value = _Blanks().message(descriptor_of(message_class), ())
    return json.dumps(value, indent=2, ensure_ascii=False)


def short_template(descriptor: Descriptor) -> str:
    """The fields of one message on one line, without what is inside them: `{"name": "", "items": []}`."""
    return json.dumps({field.name: _short(field) for field in _first_of_each(descriptor)}, ensure_ascii=False)


def _short(field: FieldDescriptor) -> object:
    if field.is_repeated:
        return {} if map_parts(field) is not None else []
    if field.message_type is not None:
        return {} if own_form(field.message_type) is None else _Blanks().message(field.message_type, ())
    return _scalar(field)


class _Blanks:
    """Writes blank values; counts how many fields there may still be."""

    def __init__(self) -> None:
        self._left = MAX_FIELDS

    def message(self, descriptor: Descriptor, above: tuple[str, ...]) -> object:
        """An object with every field, or the form that a well-known type has."""
        match own_form(descriptor):
            case OwnForm.TEXT:
                return _TEXTS[descriptor.full_name]
            case OwnForm.WRAPPER:
                return _scalar(descriptor.fields_by_number[1])
            case OwnForm.LIST:
                return []
            case OwnForm.VALUE:
                return None
            case OwnForm.ANY | OwnForm.STRUCT:
                return {}
        told: dict[str, object] = {}
        inside = (*above, descriptor.full_name)
        for field in _first_of_each(descriptor):
            if field.is_required or self._has_room(field, inside):
                self._left -= 1
                told[json_name(field)] = self._field(field, inside)
        return told

    def _has_room(self, field: FieldDescriptor, inside: tuple[str, ...]) -> bool:
        return self._left > 0 and (field.is_repeated or not _is_inside(field, inside))

    def _field(self, field: FieldDescriptor, inside: tuple[str, ...]) -> object:
        if (parts := map_parts(field)) is not None:
            return {} if _is_inside(parts[1], inside) else {_key(parts[0]): self._one(parts[1], inside)}
        if field.is_repeated:
            return [] if _is_inside(field, inside) else [self._one(field, inside)]
        return self._one(field, inside)

    def _one(self, field: FieldDescriptor, inside: tuple[str, ...]) -> object:
        return _scalar(field) if field.message_type is None else self.message(field.message_type, inside)


def _is_inside(field: FieldDescriptor, inside: tuple[str, ...]) -> bool:
    inner = field.message_type
    return inner is not None and (inner.full_name in inside or len(inside) >= _MAX_DEPTH)


def _first_of_each(descriptor: Descriptor) -> list[FieldDescriptor]:
    """Every field, but of each oneof only the first that the type itself is not in."""
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
    """The default that a proto2 field declares, else the zero of its kind."""
    if field.enum_type is not None and not field.has_default_value:
        return None if field.enum_type.full_name == "google.protobuf.NullValue" else field.enum_type.values[0].name
    if field.has_default_value and not (field.cpp_type in INTEGERS and field.enum_type is None):
        return writer_of(field)(field.default_value)
    if field.has_default_value:
        return field.default_value  # 64 bits too: without quotes it is easier to change
    return {FieldDescriptor.TYPE_BOOL: False, FieldDescriptor.TYPE_STRING: "", FieldDescriptor.TYPE_BYTES: ""}.get(
        field.type, 0
    )


def _key(field: FieldDescriptor) -> str:
    blank = {FieldDescriptor.TYPE_STRING: "key", FieldDescriptor.TYPE_BOOL: False}
    return as_key(blank.get(field.type, 0))
