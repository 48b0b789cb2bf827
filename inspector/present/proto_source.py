"""Writes descriptors as proto source, for `describe`.

Types have their full names, so that each can be described in turn. Comments are missing, as descriptors have none.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Final, TypeAlias

from google.protobuf.descriptor import (
    Descriptor,
    EnumDescriptor,
    EnumValueDescriptor,
    FieldDescriptor,
    MethodDescriptor,
    OneofDescriptor,
    ServiceDescriptor,
)
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto

from inspector.text import clean

Described: TypeAlias = (
    ServiceDescriptor | MethodDescriptor | Descriptor | EnumDescriptor | FieldDescriptor | EnumValueDescriptor
)
_KINDS: Final[tuple[tuple[type, str], ...]] = (
    (ServiceDescriptor, "a service"),
    (MethodDescriptor, "a method"),
    (Descriptor, "a message"),
    (EnumDescriptor, "an enum"),
    (FieldDescriptor, "a field"),
    (EnumValueDescriptor, "an enum value"),
)
_SCALARS: Final[dict[int, str]] = {
    number: name.removeprefix("TYPE_").lower() for name, number in FieldDescriptorProto.Type.items()
}
_INDENT: Final = "  "


def kind_of(found: Described) -> str:
    """Return what a descriptor describes: `a service`, `an enum`, …."""
    return next(name for kind, name in _KINDS if isinstance(found, kind))


def source_lines(found: Described) -> Iterator[str]:
    """Yield the lines of a descriptor's source without line ends; control characters are made visible."""
    if isinstance(found, ServiceDescriptor):
        lines = _block(f"service {found.name}", (f"{_rpc(each)}" for each in found.methods))
    elif isinstance(found, MethodDescriptor):
        lines = iter((_rpc(found),))
    elif isinstance(found, Descriptor):
        lines = _message(found)
    elif isinstance(found, EnumDescriptor):
        lines = _enum(found)
    elif isinstance(found, FieldDescriptor):
        lines = iter((_field(found),))
    else:
        lines = iter((_value(found),))
    return (clean(line) for line in lines)


def _block(head: str, inner: Iterable[str]) -> Iterator[str]:
    lines = list(inner)
    if not lines:
        yield f"{head} {{}}"
        return
    yield f"{head} {{"
    yield from (f"{_INDENT}{line}" for line in lines)
    yield "}"


def _rpc(method: MethodDescriptor) -> str:
    sent = f"{'stream ' if method.client_streaming else ''}{method.input_type.full_name}"
    returned = f"{'stream ' if method.server_streaming else ''}{method.output_type.full_name}"
    return f"rpc {method.name} ({sent}) returns ({returned});"


def _message(message: Descriptor) -> Iterator[str]:
    return _block(f"message {message.name}", _members(message))


def _members(message: Descriptor) -> Iterator[str]:
    written: set[str] = set()
    for field in message.fields:
        oneof = _real_oneof(field)
        if oneof is None:
            yield _field(field)
        elif oneof.name not in written:
            written.add(oneof.name)
            yield from _block(f"oneof {oneof.name}", (_field(each) for each in oneof.fields))
    yield from _ranges(message)
    for inner in message.nested_types:
        if not _is_map_entry(inner):
            yield from _message(inner)
    for enum in message.enum_types:
        yield from _enum(enum)
    for extension in message.extensions:
        extended = extension.containing_type
        yield from _block(f"extend {extended.full_name if extended else ''}", (_field(extension),))


def _ranges(message: Descriptor) -> Iterator[str]:
    source = DescriptorProto()
    message.CopyToProto(source)
    reserved = [
        f"{each.start} to {each.end - 1}" if each.end - each.start > 1 else f"{each.start}"
        for each in source.reserved_range
    ]
    if reserved or source.reserved_name:
        yield from (
            f"reserved {', '.join(part)};" for part in (reserved, map(json.dumps, source.reserved_name)) if part
        )
    for start, end in message.extension_ranges:
        yield f"extensions {start} to {'max' if end > 536_870_911 else end - 1};"


def _enum(enum: EnumDescriptor) -> Iterator[str]:
    return _block(f"enum {enum.name}", map(_value, enum.values))


def _value(value: EnumValueDescriptor) -> str:
    return f"{value.name} = {value.number};"


def _field(field: FieldDescriptor) -> str:
    options = []
    if field.has_default_value:
        options.append(f"default = {_default(field)}")
    if field.has_options and field.GetOptions().deprecated:
        options.append("deprecated = true")
    more = f" [{', '.join(options)}]" if options else ""
    return f"{_label(field)}{_type(field)} {field.name} = {field.number}{more};"


def _label(field: FieldDescriptor) -> str:
    if _map_of(field) is not None:
        return ""
    if field.is_repeated:
        return "repeated "
    if field.is_required:
        return "required "
    if _real_oneof(field) is not None:
        return ""
    is_scalar = field.message_type is None
    return "optional " if field.has_presence and is_scalar else ""


def _type(field: FieldDescriptor) -> str:
    entry = _map_of(field)
    if entry is not None:
        return f"map<{_type(entry.fields_by_name['key'])}, {_type(entry.fields_by_name['value'])}>"
    named = field.message_type or field.enum_type
    return named.full_name if named is not None else _SCALARS[field.type]


def _default(field: FieldDescriptor) -> str:
    value = field.default_value
    if field.enum_type is not None:
        return str(field.enum_type.values_by_number[value].name)
    if isinstance(value, bytes):
        return json.dumps(value.decode("latin-1"))
    return json.dumps(value)


def _map_of(field: FieldDescriptor) -> Descriptor | None:
    entry = field.message_type
    return entry if field.is_repeated and entry is not None and _is_map_entry(entry) else None


def _is_map_entry(message: Descriptor) -> bool:
    return bool(message.has_options and message.GetOptions().map_entry)


def _real_oneof(field: FieldDescriptor) -> OneofDescriptor | None:
    """Return the oneof of a field; None for the synthetic oneof of an `optional` field of proto3."""
    oneof = field.containing_oneof
    if oneof is None or (len(oneof.fields) == 1 and oneof.name == f"_{field.name}"):
        return None
    return oneof
