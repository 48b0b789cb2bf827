"""What a message type is made of, as JSON sees it: names of fields, parts of maps, types with a JSON form of their own.

Asked by everything that goes between messages and JSON, in either direction. Source: protobuf.dev, "ProtoJSON Format".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum, auto
from functools import lru_cache
from typing import Any, Final, cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

MAX_DEPTH: Final = 100
"""protobuf's own parsers take no message that nests deeper."""


class OwnForm(Enum):
    """How a well-known type is written, instead of as an object of its fields."""

    ANY = auto()
    TEXT = auto()
    """A Timestamp, Duration or FieldMask: one string."""
    WRAPPER = auto()
    """The value itself."""
    STRUCT = auto()
    VALUE = auto()
    LIST = auto()


_OWN_FORMS: Final[Mapping[str, tuple[str, OwnForm]]] = {
    "google.protobuf.Any": ("any", OwnForm.ANY),
    "google.protobuf.Timestamp": ("timestamp", OwnForm.TEXT),
    "google.protobuf.Duration": ("duration", OwnForm.TEXT),
    "google.protobuf.FieldMask": ("field_mask", OwnForm.TEXT),
    "google.protobuf.Struct": ("struct", OwnForm.STRUCT),
    "google.protobuf.Value": ("struct", OwnForm.VALUE),
    "google.protobuf.ListValue": ("struct", OwnForm.LIST),
    **{
        f"google.protobuf.{kind}Value": ("wrappers", OwnForm.WRAPPER)
        for kind in ("Double", "Float", "Int64", "UInt64", "Int32", "UInt32", "Bool", "String", "Bytes")
    },
}


def descriptor_of(message_class: type[Message]) -> Descriptor:
    """The descriptor of a message class, under the one of its two names that the stubs of json_format take."""
    return cast("Descriptor", message_class.DESCRIPTOR)


@lru_cache(maxsize=4096)
def own_form(descriptor: Descriptor) -> OwnForm | None:
    """The form of a well-known type; None for one that is only called so, as a lying service may do it.

    The pools take Google's own files from the installation, so a type from such a file is the true one.
    """
    file, form = _OWN_FORMS.get(descriptor.full_name, ("", None))
    return form if descriptor.file.name == f"google/protobuf/{file}.proto" else None


@lru_cache(maxsize=4096)
def map_parts(field: FieldDescriptor) -> tuple[FieldDescriptor, FieldDescriptor] | None:
    """The fields of a map's keys and values; None for a field that is no map."""
    entry = field.message_type
    if entry is None or not field.is_repeated or not entry.has_options or not entry.GetOptions().map_entry:
        return None
    return entry.fields_by_number[1], entry.fields_by_number[2]


def json_name(field: FieldDescriptor) -> str:
    """The name that a field goes by: the one in the .proto; an extension's full name in brackets."""
    return f"[{field.full_name}]" if field.is_extension else field.name


@lru_cache(maxsize=1024)
def named_fields(descriptor: Descriptor) -> Mapping[str, FieldDescriptor]:
    """The fields of a type by each name that JSON may give them: as in the .proto, and in lowerCamelCase."""
    return {
        **{field.json_name: field for field in descriptor.fields},
        **{field.name: field for field in descriptor.fields},
    }


def extension_named(descriptor: Descriptor, name: str) -> FieldDescriptor | None:
    """The extension of a type by its name in brackets; None where its source has none such."""
    try:
        found = descriptor.file.pool.FindExtensionByName(name.strip("[]"))
    except KeyError:
        return None
    return found if found.containing_type is descriptor else None


def extensions_of(descriptor: Descriptor) -> tuple[FieldDescriptor, ...]:
    """The extensions of a type that its source knows."""
    return tuple(descriptor.file.pool.FindAllExtensions(descriptor)) if descriptor.is_extendable else ()


def set_fields(message: Message) -> Sequence[tuple[FieldDescriptor, Any]]:
    """The fields that are set, with their values; by the class, as a field may be called `ListFields` too."""
    return type(message).ListFields(message)
