"""A request's bytes from what a person typed: a JSON object, or a bare word for the only field.

A method that no schema knows takes field numbers or bytes.
Every error is a sentence that points at the field, or at the line and column where the JSON breaks.
"""

from __future__ import annotations

import base64
from typing import Any, cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import EncodeError, Message

from inspector.errors import RequestError
from inspector.schema.catalog import Catalog, Method
from inspector.schema.filling import fill
from inspector.schema.json_text import parsed
from inspector.schema.shapes import OwnForm, descriptor_of, own_form
from inspector.schema.template import short_template
from inspector.schema.untyped import encode_untyped


def build(text: str, method: Method, catalog: Catalog) -> bytes:
    """The request message as it goes on the wire; RequestError where the text cannot be meant.

    An empty text is a message with nothing set. A text that does not begin with `{` is the value of the only field.
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
            f"{method.request_name} requires {missing or 'more'}.", "proto2 sends no message without."
        ) from error


def _value(text: str, message: Message) -> object:
    """What was typed as the JSON value of the message."""
    descriptor, field = descriptor_of(type(message)), _only_field(message)
    form = own_form(descriptor)
    if form is OwnForm.WRAPPER:
        return _bare(text, descriptor.fields[0])
    if form is OwnForm.TEXT:
        return text.strip()
    if form is not None or text.lstrip().startswith("{"):
        return parsed(text)
    if field is not None:
        return {field.name: _bare(text, field)}
    if not descriptor.fields:
        raise RequestError(f"{descriptor.name} has no fields.", "Leave the request empty.")
    raise RequestError(f"{descriptor.name} needs a JSON object.", f"As in {short_template(descriptor)}.")


def _only_field(message: Message) -> FieldDescriptor | None:
    """The field that a bare word fills: the only one, where that holds one value."""
    descriptor: Descriptor = descriptor_of(type(message))
    if len(descriptor.fields) != 1 or own_form(descriptor) is not None:
        return None
    field = descriptor.fields[0]
    return None if field.is_repeated or field.message_type is not None else field


def _bare(text: str, field: FieldDescriptor) -> object:
    if field.type == FieldDescriptor.TYPE_BYTES:
        return base64.b64encode(text.encode(errors="surrogateescape")).decode()
    if field.type == FieldDescriptor.TYPE_BOOL:
        return {"true": True, "false": False}.get(text.strip().lower(), text)
    return text if field.type == FieldDescriptor.TYPE_STRING else text.strip()
