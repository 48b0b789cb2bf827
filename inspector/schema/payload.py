"""The reading of a message: which form its bytes are shown in, and why that one.

Owns the choice. A known type wins where the bytes are such a message; then what the content type says; then what the
bytes look like. Nothing is ever called malformed: where one reading fails the next one is taken, and `reason` says so.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from google.protobuf.message import DecodeError

from inspector.model.message import Message
from inspector.schema import typed, wire_values
from inspector.schema.catalog import Catalog, short_name
from inspector.schema.excerpt import excerpt
from inspector.schema.wire import WireError, WireTooLargeError


class Format(StrEnum):
    """The forms a message can be shown in."""

    PROTOBUF = "protobuf"
    WIRE = "wire"
    JSON = "json"
    TEXT = "text"
    HEX = "hex"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Reading:
    """A message as a value, and how that value was come by."""

    format: Format
    value: object
    """JSON-ready; None where the message is missing."""
    type: str | None
    """The message's type without its package; None where no schema gives one."""
    reason: str
    """Why this form: one plain sentence."""
    complete: bool = True
    """False when `value` is only the beginning of the message, because a limit was given."""


def read_message(
    message: Message,
    type_name: str | None,
    catalog: Catalog,
    content_type: str | None = None,
    limit: int | None = None,
) -> Reading:
    """Read a message. `type_name` is the full name that the method gives, `content_type` that of its side.

    With a limit only about so many bytes of a longer message are read: enough for a row or a preview.
    """
    if message.data is None:
        name = None if type_name is None else short_name(type_name)
        return Reading(Format.MISSING, None, name, message.problem or "The message was not captured.")
    return read_bytes(message.data, type_name, catalog, content_type, limit)


def read_bytes(
    data: bytes, type_name: str | None, catalog: Catalog, content_type: str | None = None, limit: int | None = None
) -> Reading:
    """Read a message's bytes, decompressed; as `read_message`."""
    is_json = _is_json(content_type)
    if type_name is not None and not is_json:
        found = _typed(data, type_name, catalog, limit)
        if found is not None:
            return found
    shown = data if limit is None else data[:limit]
    why = "" if type_name is None or is_json else f"The bytes are no {short_name(type_name)}. "
    format_, value, reason = _untyped(shown, content_type, complete=len(shown) == len(data))
    return Reading(
        format_, value, short_name(type_name) if is_json and type_name else None, why + reason, len(shown) == len(data)
    )


def _typed(data: bytes, type_name: str, catalog: Catalog, limit: int | None) -> Reading | None:
    message_class = catalog.message_class(type_name)
    if message_class is None:
        return None
    part = data if limit is None else excerpt(data, limit, typed.descriptor_of(message_class))
    try:
        value = typed.to_value(message_class.FromString(part))
    except DecodeError:
        return None
    return Reading(
        Format.PROTOBUF, value, short_name(type_name), f"The schema gives the type {type_name}.", part == data
    )


def _untyped(data: bytes, content_type: str | None, *, complete: bool) -> tuple[Format, object, str]:
    if _is_json(content_type) and (found := _json(data)) is not None:
        return Format.JSON, found[0], f"The content type is {content_type}."
    if not data:
        return Format.WIRE, {}, "It is empty: a protobuf message with no fields."
    if data[:1] in (b"{", b"[") and (found := _json(data)) is not None:
        return Format.JSON, found[0], "It is a JSON text, and no schema gives its type."
    return _by_bytes(data, complete=complete)


def _by_bytes(data: bytes, *, complete: bool) -> tuple[Format, object, str]:
    tree, why_not = _tree(data, complete=complete)
    text = wire_values.printable(data)
    if tree is not None and (text is None or data[0] < 0x20):
        return Format.WIRE, tree, "No schema gives its type; the bytes are a protobuf message."
    if text is not None:
        also = ", though they could be a protobuf message" if tree is not None else ""
        return Format.TEXT, text, f"No schema gives its type; the bytes are plain text{also}."
    return Format.HEX, data.hex(), f"No schema gives its type; the bytes are {why_not}."


_JSON_SUBTYPES: Final = ("json", "+json")


def _is_json(content_type: str | None) -> bool:
    return content_type is not None and content_type.partition(";")[0].strip().lower().endswith(_JSON_SUBTYPES)


def _json(data: bytes) -> tuple[object] | None:
    try:
        # NaN and Infinity are no JSON, but some services send them: as in proto3 JSON they become strings.
        return (json.loads(data, parse_constant=str, parse_float=_finite),)
    except (ValueError, RecursionError):
        return None


def _finite(text: str) -> float | str:
    number = float(text)
    return number if math.isfinite(number) else text


def _tree(data: bytes, *, complete: bool) -> tuple[dict[str, object] | None, str]:
    try:
        return (wire_values.tree(data) if complete else wire_values.beginning(data)), ""
    except WireTooLargeError as error:
        return None, f"a protobuf message of {error}, too many to be shown without a type"
    except WireError:
        return None, "neither protobuf, JSON nor text"
