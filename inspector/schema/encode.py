"""Builds a request's bytes from JSON."""

from __future__ import annotations

import base64
import difflib
from typing import Any, Final, cast

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import EncodeError, Message

from inspector.errors import RequestError
from inspector.schema.catalog import Catalog, Method
from inspector.schema.scalars import UnfitError, quoted, read_key, read_scalar
from inspector.schema.template import short_template
from inspector.schema.typed import (
    MAX_DEPTH,
    UNKNOWN_FIELDS,
    Finder,
    WellKnownForm,
    descriptor_of,
    extension_named,
    extensions_of,
    json_name,
    map_parts,
    named_fields,
    well_known_form,
)
from inspector.schema.untyped import encode_untyped, parse_json

_EXAMPLES: Final = {
    "google.protobuf.Timestamp": 'a time such as "2026-01-31T12:00:00Z"',
    "google.protobuf.Duration": 'a duration such as "1.5s"',
    "google.protobuf.FieldMask": 'paths such as "name,items"',
}
_WITH_NULL: Final = ("google.protobuf.Value", "google.protobuf.NullValue")


def fill(message: Message, value: object, find: Finder) -> None:
    """Set the fields of an empty message from a JSON value.

    Raises:
        RequestError: when the value does not fit the type.
    """
    _Filler(find).message(message, value, "", 0)


def subject(path: str, message: Message) -> str:
    """Return a path as the subject of a sentence; the type's name for an empty path."""
    return path or descriptor_of(type(message)).name


class _Filler:
    """Fills messages from JSON values; looks up the types in an Any."""

    def __init__(self, find: Finder) -> None:
        self._find = find

    def message(self, message: Message, value: object, path: str, depth: int) -> None:
        """Fill a message from the JSON form of its type."""
        if depth >= MAX_DEPTH:
            problem = f"{path[:60]}… nests deeper than {MAX_DEPTH} messages."
            raise RequestError(problem, "protobuf accepts no more.", path=path)
        form = well_known_form(descriptor_of(type(message)))
        if form in (WellKnownForm.STRUCT, WellKnownForm.VALUE, WellKnownForm.LIST):
            _fill_structure(message, value, path)
        elif form is WellKnownForm.ANY:
            self._any(cast("Any", message), _expect_object(message, value, path), path, depth)
        elif form is WellKnownForm.WRAPPER:
            field = descriptor_of(type(message)).fields_by_number[1]
            cast("Any", message).value = _scalar(field, value, path)
        elif form is WellKnownForm.TEXT and not isinstance(value, dict):
            _fill_text(message, value, path)
        else:
            self._fields(message, _expect_object(message, value, path), path, depth)

    def _fields(self, message: Message, value: dict[str, object], path: str, depth: int) -> None:
        descriptor = descriptor_of(type(message))
        chosen: dict[str, str] = {}
        for name, part in value.items():
            where = f"{path}.{name}" if path else name
            field = _field_named(descriptor, name, where)
            if part is None and not _takes_null(field):
                continue
            if (oneof := field.containing_oneof) is not None:
                other = chosen.setdefault(oneof.name, name)
                if other != name:
                    problem = f"{where} and {other} belong to the same oneof, {oneof.name}."
                    raise RequestError(problem, "Only one of them can be set.", path=where)
            self._field(message, field, part, where, depth)

    def _field(self, message: Message, field: FieldDescriptor, value: object, path: str, depth: int) -> None:
        container = _container(message, field)
        if (parts := map_parts(field)) is not None:
            self._map(container, parts, _expect(dict, value, path, "an object"), path, depth)
        elif field.is_repeated:
            self._list(container, field, _expect(list, value, path, "a list"), path, depth)
        elif field.message_type is not None:
            type(container).SetInParent(container)
            self.message(container, value, path, depth + 1)
        elif field.is_extension:
            cast("Any", message).Extensions[field] = _scalar(field, value, path)
        else:
            setattr(message, field.name, _scalar(field, value, path))

    def _list(self, container: Any, field: FieldDescriptor, value: list[object], path: str, depth: int) -> None:
        if field.message_type is None:
            container.extend(_scalar(field, each, f"{path}[{index}]") for index, each in enumerate(value))
            return
        for index, each in enumerate(value):
            self.message(container.add(), each, f"{path}[{index}]", depth + 1)

    def _map(
        self,
        container: Any,
        parts: tuple[FieldDescriptor, FieldDescriptor],
        value: dict[str, object],
        path: str,
        depth: int,
    ) -> None:
        for name, each in value.items():
            where = f"{path}[{name}]"
            try:
                key = read_key(parts[0], name)
            except UnfitError as error:
                raise RequestError(f"The key of {where} {error}.", path=where) from error
            if parts[1].message_type is not None:
                self.message(container[key], each, where, depth + 1)
            else:
                container[key] = _scalar(parts[1], each, where)

    def _any(self, holder: Any, value: dict[str, object], path: str, depth: int) -> None:
        if not value:
            return
        url = value.get("@type")
        if not isinstance(url, str):
            hint = 'As in {"@type": "type.googleapis.com/package.Type", …}.'
            problem = f"{subject(path, holder)} is an Any: it needs @type, the name of its type."
            raise RequestError(problem, hint, path=path)
        holder.type_url = _utf8(url, f"{path}.@type")
        message_class = self._find(url.rpartition("/")[2])
        rest = {name: part for name, part in value.items() if name != "@type"}
        if message_class is None:
            holder.value = _unknown_any(url, rest, path, holder)
            return
        inner = message_class()
        is_own = well_known_form(descriptor_of(message_class)) is not None
        self.message(inner, rest.get("value") if is_own else rest, f"{path}.value" if is_own else path, depth + 1)
        try:
            holder.value = message_class.SerializeToString(inner, deterministic=True)
        except EncodeError as error:
            raise RequestError(f"{subject(path, holder)} is incomplete: {error}.", path=path) from error


def _unknown_any(url: str, rest: dict[str, object], path: str, holder: Message) -> bytes:
    """Return the bytes of an Any with an unknown type, given in the form in which `typed` shows them."""
    if rest.keys() != {"value"}:
        problem = f"{subject(path, holder)}: no schema has the type {url}."
        raise RequestError(problem, "Give its bytes as base64, under value.", path=path)
    field = descriptor_of(type(holder)).fields_by_name["value"]
    return cast("bytes", _scalar(field, rest["value"], f"{path}.value"))


def _container(message: Any, field: FieldDescriptor) -> Any:
    """Return the list, map or message of a field, which is filled in place; None for a scalar."""
    if not field.is_repeated and field.message_type is None:
        return None
    return message.Extensions[field] if field.is_extension else getattr(message, field.name)


def _takes_null(field: FieldDescriptor) -> bool:
    """Return True where null is a value; for all other fields it leaves them unset."""
    kind = field.message_type or field.enum_type
    return not field.is_repeated and kind is not None and kind.full_name in _WITH_NULL


def _expect_object(message: Message, value: object, path: str) -> dict[str, object]:
    if not isinstance(value, dict):
        name = descriptor_of(type(message)).name
        raise RequestError(f"{subject(path, message)} must be an object ({name}), not {quoted(value)}.", path=path)
    return value


def _expect(kind: type[Any], value: object, path: str, name: str) -> Any:
    if not isinstance(value, kind):
        raise RequestError(f"{path} must be {name}, not {quoted(value)}.", path=path)
    return value


def _scalar(field: FieldDescriptor, value: object, path: str) -> Any:
    try:
        return read_scalar(field, value)
    except UnfitError as error:
        raise RequestError(f"{path} {error}.", _enum_hint(field, value), path=path) from error


def _enum_hint(field: FieldDescriptor, value: object) -> str:
    """Suggest an enum value; values often begin with the enum's own name, as in `STATE_PAID`."""
    if field.enum_type is None or not isinstance(value, str):
        return ""
    names, meant = [each.name for each in field.enum_type.values], value.upper()
    close = [name for name in names if name.upper() == meant or name.endswith(f"_{meant}")]
    close = close or difflib.get_close_matches(meant, names, 1)
    return f"Did you mean {close[0]}?" if close else ""


def _utf8(text: str, path: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise RequestError(f"{path} must be valid Unicode.", path=path) from error
    return text


def _fill_text(message: Message, value: object, path: str) -> None:
    name = descriptor_of(type(message)).full_name
    try:
        json_format.ParseDict(cast("Any", value), message)
    except (json_format.Error, ValueError, TypeError, AttributeError) as error:
        problem = f"{path or name} must be {_EXAMPLES[name]}, not {quoted(value)}."
        raise RequestError(problem, path=path) from error


def _fill_structure(message: Any, value: object, path: str) -> None:
    kind = well_known_form(descriptor_of(type(message)))
    if kind is WellKnownForm.STRUCT:
        _expect(dict, value, path or "Struct", "an object")
    if kind is WellKnownForm.LIST:
        _expect(list, value, path or "ListValue", "a list")
    try:
        json_format.ParseDict(cast("Any", value), message)
    except (json_format.Error, ValueError, TypeError, RecursionError) as error:
        problem = f"{path or kind} cannot be this JSON value: {error}."
        raise RequestError(problem, path=path) from error


def _field_named(descriptor: Descriptor, name: str, path: str) -> FieldDescriptor:
    if name == UNKNOWN_FIELDS:
        raise RequestError(f"{path} cannot be sent: no schema gives their types.", "Remove them.", path=path)
    found = extension_named(descriptor, name) if name.startswith("[") else named_fields(descriptor).get(name)
    if found is None:
        names = [*(field.name for field in descriptor.fields), *map(json_name, extensions_of(descriptor))]
        close = difflib.get_close_matches(name, names, 1)
        hint = f"Did you mean {close[0]}?" if close else f"Its fields are {', '.join(names[:40]) or 'none'}."
        raise RequestError(f"{descriptor.name} has no field {path}.", hint, path=path)
    return found


def build(text: str, method: Method, catalog: Catalog) -> bytes:
    """Return the serialised request message.

    An empty text is a message with no fields set. A text that does not begin with `{` is the value of the only field.

    Raises:
        RequestError: when the text does not fit the type.
    """
    if not method.request_type:
        return encode_untyped(text, method.path)
    message_class = catalog.message_class(method.request_type, method.origin)
    if message_class is None:
        raise RequestError(f"The type {method.request_type} of {method.path} is not in the schema.")
    message = message_class()
    if text.strip() or (text and _only_field(message) is not None):
        fill(message, _value(text, message), lambda name: catalog.message_class(name, method.origin))
    try:
        return message_class.SerializeToString(message, deterministic=True)
    except EncodeError as error:
        missing = ", ".join(cast("Any", message_class).FindInitializationErrors(message))
        raise RequestError(
            f"{method.request_name} requires {missing or 'more'}.",
            "proto2 does not send a message without its required fields.",
        ) from error


def _value(text: str, message: Message) -> object:
    """Return the text as the JSON value of the message."""
    descriptor, field = descriptor_of(type(message)), _only_field(message)
    form = well_known_form(descriptor)
    if form is WellKnownForm.WRAPPER:
        return _bare_value(text, descriptor.fields[0])
    if form is WellKnownForm.TEXT:
        return text.strip()
    if form is not None or text.lstrip().startswith("{"):
        return parse_json(text)
    if field is not None:
        return {field.name: _bare_value(text, field)}
    if not descriptor.fields:
        raise RequestError(f"{descriptor.name} has no fields.", "Leave the request empty.")
    raise RequestError(f"{descriptor.name} needs a JSON object.", f"As in {short_template(descriptor)}.")


def _only_field(message: Message) -> FieldDescriptor | None:
    """Return the field that a bare word sets: the only one, if it is a scalar."""
    descriptor: Descriptor = descriptor_of(type(message))
    if len(descriptor.fields) != 1 or well_known_form(descriptor) is not None:
        return None
    field = descriptor.fields[0]
    return None if field.is_repeated or field.message_type is not None else field


def _bare_value(text: str, field: FieldDescriptor) -> object:
    if field.type == FieldDescriptor.TYPE_BYTES:
        return base64.b64encode(text.encode(errors="surrogateescape")).decode()
    if field.type == FieldDescriptor.TYPE_BOOL:
        return {"true": True, "false": False}.get(text.strip().lower(), text)
    return text if field.type == FieldDescriptor.TYPE_STRING else text.strip()
