"""A request's bytes from what a person typed: a JSON object, or a bare word for the only field.

The way back from `typed`, by the same catalog. Every error is a sentence that points at the field.
"""

from __future__ import annotations

import base64
import difflib
import json
from typing import Final

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import EncodeError, Message

from inspector.errors import RequestError
from inspector.schema.catalog import Catalog, Method
from inspector.schema.enum_words import map_value
from inspector.schema.typed import descriptor_of

_OWN_JSON_FORM: Final = "google.protobuf."
"""Types of this package (Any, Timestamp, Struct, …) have JSON forms of their own: their fields have no names there."""


def build(text: str, method: Method, catalog: Catalog) -> bytes:
    """The request message as it goes on the wire; RequestError where the text cannot be meant.

    An empty text is a message with nothing set. A text that does not begin with `{` is the value of the only field.
    """
    message_class = catalog.message_class(method.request_type)
    if message_class is None:
        raise RequestError(f"The type {method.request_type} of {method.path} is not in the schema.")
    message = message_class()
    if text.lstrip().startswith("{"):
        _fill(message, _object(text))
    elif text:
        _fill(message, _only_field(text, method, descriptor_of(message_class)))
    try:
        return message.SerializeToString()
    except EncodeError as error:
        raise RequestError(f"{method.request_name} is not whole: {error}") from error


def _object(text: str) -> dict[str, object]:
    try:
        found = json.loads(text, object_pairs_hook=_without_twins)
    except json.JSONDecodeError as error:
        raise RequestError(f"The JSON breaks at line {error.lineno}, column {error.colno}: {error.msg}.") from error
    except RecursionError as error:
        raise RequestError("The JSON nests too deep.") from error
    assert isinstance(found, dict)  # noqa: S101 - it begins with a brace
    return found


def _without_twins(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twin = next(key for key, _ in pairs if sum(key == each for each, _ in pairs) > 1)
        raise RequestError(f"{twin} is given twice in one object.")
    return found


def _only_field(text: str, method: Method, descriptor: Descriptor) -> dict[str, object]:
    if not descriptor.fields:
        raise RequestError(f"{method.request_name} has no fields.", "Leave the request empty.")
    field = descriptor.fields[0]
    if len(descriptor.fields) > 1 or field.message_type is not None or field.is_repeated:
        raise RequestError(f"{method.request_name} needs a JSON object.", f"As in {template(descriptor)}.")
    if field.type == FieldDescriptor.TYPE_BYTES:
        return {field.name: base64.b64encode(text.encode(errors="surrogateescape")).decode()}
    if field.type == FieldDescriptor.TYPE_BOOL:
        return {field.name: {"true": True, "false": False}.get(text.strip().lower(), text)}
    return {field.name: text if field.type == FieldDescriptor.TYPE_STRING else text.strip()}


def template(descriptor: Descriptor) -> str:
    """An object with every field of a message and a value of its kind: `{"name": "", "count": 0}`."""
    return json.dumps({field.name: _blank(field) for field in descriptor.fields}, ensure_ascii=False)


def _blank(field: FieldDescriptor) -> object:
    if map_value(field) is not None or (field.message_type is not None and not field.is_repeated):
        return {}
    if field.is_repeated:
        return []
    if field.enum_type is not None:
        return field.enum_type.values[0].name
    return False if field.type == FieldDescriptor.TYPE_BOOL else "" if _is_text(field) else 0


def _is_text(field: FieldDescriptor) -> bool:
    return field.type in (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES)


def _fill(message: Message, value: dict[str, object]) -> None:
    descriptor = descriptor_of(type(message))
    _check_names(descriptor, value, "")
    try:
        json_format.ParseDict(value, message, descriptor_pool=descriptor.file.pool)
    except (json_format.Error, ValueError, TypeError, KeyError, RecursionError) as error:
        told = " ".join(str(error).split()).rstrip(".")
        raise RequestError(f"{told}.", f"The fields are {template(descriptor)}.") from error


def _check_names(descriptor: Descriptor, value: object, path: str) -> None:
    """RequestError for the first key that is no field, with its path and the field that was probably meant."""
    if not isinstance(value, dict) or descriptor.full_name.startswith(_OWN_JSON_FORM):
        return
    known = {name: field for field in descriptor.fields for name in (field.name, field.json_name)}
    for name, part in value.items():
        if name.startswith("["):  # an extension, by its full name in brackets
            continue
        if name not in known:
            raise _no_field(descriptor, f"{path}{name}", name)
        _check_part(known[name], part, f"{path}{name}")


def _check_part(field: FieldDescriptor, part: object, path: str) -> None:
    held = map_value(field)
    inner = field.message_type if held is None else held.message_type
    if inner is None:
        return
    if held is not None and isinstance(part, dict):
        for key, each in part.items():
            _check_names(inner, each, f"{path}[{key}].")
    elif field.is_repeated and isinstance(part, list):
        for index, each in enumerate(part):
            _check_names(inner, each, f"{path}[{index}].")
    else:
        _check_names(inner, part, f"{path}.")


def _no_field(descriptor: Descriptor, path: str, name: str) -> RequestError:
    names = [field.name for field in descriptor.fields]
    close = difflib.get_close_matches(name, names, 1)
    hint = f"Is {close[0]} meant?" if close else f"Its fields are {', '.join(names) or 'none'}."
    return RequestError(f"{descriptor.name} has no field {path}.", hint)
