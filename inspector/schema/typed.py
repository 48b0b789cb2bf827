"""Converts messages of a known type to proto3 JSON, with the field names of the .proto."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum, IntEnum, auto
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeAlias, cast

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.unknown_fields import UnknownFieldSet

from inspector.schema import wire
from inspector.schema.scalars import Writer, json_key, writer_of
from inspector.schema.wire import WireType

MAX_DEPTH: Final = 100
"""protobuf's own parsers reject deeper nesting."""


class WellKnownForm(Enum):
    """The JSON form of a well-known type, where that is not an object of its fields."""

    ANY = auto()
    TEXT = auto()
    """Timestamp, Duration and FieldMask: a string."""
    WRAPPER = auto()
    """The wrapped value itself."""
    STRUCT = auto()
    VALUE = auto()
    LIST = auto()


_WELL_KNOWN_FORMS: Final[Mapping[str, tuple[str, WellKnownForm]]] = {
    "google.protobuf.Any": ("any", WellKnownForm.ANY),
    "google.protobuf.Timestamp": ("timestamp", WellKnownForm.TEXT),
    "google.protobuf.Duration": ("duration", WellKnownForm.TEXT),
    "google.protobuf.FieldMask": ("field_mask", WellKnownForm.TEXT),
    "google.protobuf.Struct": ("struct", WellKnownForm.STRUCT),
    "google.protobuf.Value": ("struct", WellKnownForm.VALUE),
    "google.protobuf.ListValue": ("struct", WellKnownForm.LIST),
    **{
        f"google.protobuf.{kind}Value": ("wrappers", WellKnownForm.WRAPPER)
        for kind in ("Double", "Float", "Int64", "UInt64", "Int32", "UInt32", "Bool", "String", "Bytes")
    },
}


def descriptor_of(message_class: type[Message]) -> Descriptor:
    """Return the descriptor of a message class, as the type that the stubs of json_format expect."""
    return cast("Descriptor", message_class.DESCRIPTOR)


@lru_cache(maxsize=4096)
def well_known_form(descriptor: Descriptor) -> WellKnownForm | None:
    """Return the JSON form of a well-known type; None for all others.

    A hostile service may define types with well-known names. The pools take Google's files from the installation, so
    the types in them are genuine.
    """
    file, form = _WELL_KNOWN_FORMS.get(descriptor.full_name, ("", None))
    return form if descriptor.file.name == f"google/protobuf/{file}.proto" else None


@lru_cache(maxsize=4096)
def map_parts(field: FieldDescriptor) -> tuple[FieldDescriptor, FieldDescriptor] | None:
    """Return the fields of a map's key and value; None for a field that is not a map."""
    entry = field.message_type
    if entry is None or not field.is_repeated or not entry.has_options or not entry.GetOptions().map_entry:
        return None
    return entry.fields_by_number[1], entry.fields_by_number[2]


def json_name(field: FieldDescriptor) -> str:
    """Return the JSON name of a field: that of the .proto, or an extension's full name in brackets."""
    return f"[{field.full_name}]" if field.is_extension else field.name


@lru_cache(maxsize=1024)
def named_fields(descriptor: Descriptor) -> Mapping[str, FieldDescriptor]:
    """Return the fields of a type by all names that JSON may use: those of the .proto, and lowerCamelCase."""
    return {
        **{field.json_name: field for field in descriptor.fields},
        **{field.name: field for field in descriptor.fields},
    }


def extension_named(descriptor: Descriptor, name: str) -> FieldDescriptor | None:
    """Return the extension of a type by its name in brackets; None for an unknown one."""
    try:
        found = descriptor.file.pool.FindExtensionByName(name.strip("[]"))
    except KeyError:
        return None
    return found if found.containing_type is descriptor else None


def extensions_of(descriptor: Descriptor) -> tuple[FieldDescriptor, ...]:
    """Return the known extensions of a type."""
    return tuple(descriptor.file.pool.FindAllExtensions(descriptor)) if descriptor.is_extendable else ()


def populated_fields(message: Message) -> Sequence[tuple[FieldDescriptor, Any]]:
    """Return the fields that are set; called on the class, as a field may be named `ListFields`."""
    return type(message).ListFields(message)


UNKNOWN_FIELDS: Final = "unknown fields"
_DEEPEST_ANY: Final = 64
"""Each Any in an Any is parsed separately, past the parser's own limit; deeper ones keep their bytes."""

Finder: TypeAlias = Callable[[str], type[Message] | None]
"""Returns the class of a full type name, for the contents of an Any."""


def to_value(message: Message, find: Finder) -> object:
    """Return a message as a JSON-ready value; names of enum values are `EnumWord`s."""
    return _MessageWriter(find).message(message, 0)


class Fit(IntEnum):
    """How well bytes fit a message type."""

    NONE = 0
    UNUSUAL = 1
    """They are such a message, but no usual encoder writes it: a bool of 6, a singular field twice, a default value."""
    USUAL = 2


def fit(message_class: type[Message], data: bytes) -> Fit:
    """How well bytes fit a type; bytes with a field that the type does not know do not."""
    try:
        message = message_class.FromString(data)
    except DecodeError:
        return Fit.NONE
    written = message_class.SerializePartialToString(message)  # a required field may be missing
    message_class.DiscardUnknownFields(message)
    if len(message_class.SerializePartialToString(message)) != len(written):
        return Fit.NONE
    # Encoders order fields and map entries differently, so only the bytes themselves are compared.
    return Fit.USUAL if len(written) == len(data) and sorted(written) == sorted(data) else Fit.UNUSUAL


class _PreparedField(NamedTuple):
    """A field of a type, prepared for thousands of messages."""

    number: int
    name: str
    field: FieldDescriptor
    write: Writer | None
    """Converts a scalar value; None for messages."""
    blank: Callable[[], object] | None
    """Returns the value of an unset field without presence; None for a field with presence."""


@lru_cache(maxsize=1024)
def _prepared_fields(descriptor: Descriptor) -> tuple[_PreparedField, ...]:
    return tuple(map(_prepare, descriptor.fields))


def _prepare(field: FieldDescriptor) -> _PreparedField:
    blank: Callable[[], object] | None = None
    if map_parts(field):
        blank = dict
    elif field.is_repeated:
        blank = list
    elif not field.has_presence:
        value = writer_of(field)(field.default_value)
        blank = lambda: value  # noqa: E731 - a constant, in the shape of the other two
    return _PreparedField(field.number, json_name(field), field, _scalar_writer(field), blank)


def _scalar_writer(field: FieldDescriptor) -> Writer | None:
    return None if field.message_type is not None else writer_of(field)


class _MessageWriter:
    """Converts messages to values; looks up the types in an Any."""

    def __init__(self, find: Finder) -> None:
        self._find = find

    def message(self, message: Message, depth: int) -> object:
        """Return a message in the JSON form of its type."""
        form = well_known_form(descriptor_of(type(message)))
        if form is WellKnownForm.ANY:
            return self._any(cast("Any", message), depth)
        if form in _STRUCTURES:
            return _STRUCTURES[form](message)
        if form is None or UnknownFieldSet(message):
            return self._fields(message, depth)
        if form is WellKnownForm.WRAPPER:
            return writer_of(descriptor_of(type(message)).fields_by_number[1])(cast("Any", message).value)
        return self._text(message, depth)

    def _text(self, message: Message, depth: int) -> object:
        try:
            return json_format.MessageToDict(message)
        except (ValueError, json_format.Error):  # a year beyond 9999, a path that is not a valid name
            return self._fields(message, depth)

    def _fields(self, message: Message, depth: int) -> dict[str, object]:
        value: dict[str, object] = {}
        populated = {field.number: (field, part) for field, part in populated_fields(message)}
        for part in _prepared_fields(descriptor_of(type(message))):
            if (found := populated.pop(part.number, None)) is not None:
                value[part.name] = self._field(part.field, found[1], part.write, depth)
            elif part.blank is not None:
                value[part.name] = part.blank()
        for field, extension in populated.values():
            value[json_name(field)] = self._field(field, extension, _scalar_writer(field), depth)
        if unknown := UnknownFieldSet(message):
            value[UNKNOWN_FIELDS] = _unknown_values(cast("Iterable[Any]", unknown))
        return value

    def _field(self, field: FieldDescriptor, part: Any, write: Writer | None, depth: int) -> object:
        if not field.is_repeated:
            return write(part) if write else self.message(part, depth + 1)
        if (inner := map_parts(field)) is not None:
            one = _scalar_writer(inner[1])
            return {json_key(key): one(each) if one else self.message(each, depth + 1) for key, each in part.items()}
        return list(map(write, part)) if write else [self.message(each, depth + 1) for each in part]

    def _any(self, holder: Any, depth: int) -> object:
        url, data = holder.type_url, holder.value
        if not url and not data:
            return {}
        inner = self._opened(url, data) if depth < _DEEPEST_ANY else None
        if inner is None:
            return {"@type": url, "value": base64.b64encode(data).decode()}
        value = self.message(inner, depth + 1)
        if well_known_form(descriptor_of(type(inner))) is None and isinstance(value, dict):
            return {"@type": url, **value}
        return {"@type": url, "value": value}

    def _opened(self, url: str, data: bytes) -> Message | None:
        message_class = self._find(url.rpartition("/")[2])
        try:
            return message_class.FromString(data) if message_class else None
        except DecodeError:
            return None


def _struct(message: Any) -> object:
    return {key: _value(each) for key, each in message.fields.items()}


def _list(message: Any) -> object:
    return [_value(each) for each in message.values]


def _value(message: Any) -> object:
    match message.WhichOneof("kind"):
        case None | "null_value":
            return None
        case "struct_value":
            return _struct(message.struct_value)
        case "list_value":
            return _list(message.list_value)
        case kind:
            return writer_of(descriptor_of(type(message)).fields_by_name[kind])(getattr(message, kind))


_STRUCTURES: Final[dict[WellKnownForm | None, Callable[[Any], object]]] = {
    WellKnownForm.STRUCT: _struct,
    WellKnownForm.LIST: _list,
    WellKnownForm.VALUE: _value,
}


def _unknown_values(unknown: Iterable[Any], depth: int = 0) -> dict[str, object]:
    found: dict[str, list[object]] = {}
    for field in unknown:
        found.setdefault(str(field.field_number), []).append(_unknown_value(field.wire_type, field.data, depth))
    return {number: values[0] if len(values) == 1 else values for number, values in found.items()}


def _unknown_value(wire_type: int, data: Any, depth: int) -> object:
    if wire_type == WireType.GROUP:
        return _unknown_values(data, depth + 1) if depth < MAX_DEPTH else {}
    return wire.likeliest(data) if isinstance(data, bytes) else data
