"""Enum values told from strings: in the JSON mapping both are strings, on the screen only one wears quotes."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor


class EnumWord(str):
    """The name of an enum value; equal to the plain string, and written as one by `json`."""

    __slots__ = ()


def mark_enums(descriptor: Descriptor, value: object) -> None:
    """Replace the names of enum values in a message's JSON-ready value, in place."""
    if not isinstance(value, dict) or not _holds_enums(descriptor, ()):
        return
    for name, told in value.items():
        field = descriptor.fields_by_name.get(name)
        if field is not None:
            value[name] = _marked(field, told)


def map_value(field: FieldDescriptor) -> FieldDescriptor | None:
    """The field of a map's values; None for a field that is no map."""
    inner = field.message_type
    return inner.fields_by_name["value"] if inner is not None and inner.GetOptions().map_entry else None


def _marked(field: FieldDescriptor, told: Any) -> Any:
    if (part := map_value(field)) is not None:
        return {key: _marked(part, each) for key, each in told.items()} if isinstance(told, dict) else told
    if isinstance(told, list):
        return [_marked(field, each) for each in told]
    if field.message_type is not None:
        mark_enums(field.message_type, told)
        return told
    return EnumWord(told) if field.enum_type is not None and isinstance(told, str) else told


@lru_cache(maxsize=1024)
def _holds_enums(descriptor: Descriptor, above: tuple[str, ...]) -> bool:
    if descriptor.full_name in above:
        return False
    below = (*above, descriptor.full_name)
    return any(
        field.enum_type is not None or (field.message_type is not None and _holds_enums(field.message_type, below))
        for field in descriptor.fields
    )
