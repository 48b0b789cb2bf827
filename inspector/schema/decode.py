"""Decodes messages: chooses the form in which bytes are shown, and says why."""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final, cast

from google.protobuf.message import DecodeError
from google.protobuf.message import Message as ProtobufMessage

from inspector.model.call import Message
from inspector.schema import typed, wire
from inspector.schema.catalog import COMMON_ORIGIN, Catalog, short_name
from inspector.schema.typed import MAX_DEPTH, descriptor_of
from inspector.schema.wire import WireError, WireTooLargeError, excerpt


class Format(StrEnum):
    """The forms in which a message can be shown."""

    PROTOBUF = "protobuf"
    WIRE = "wire"
    JSON = "json"
    TEXT = "text"
    HEX = "hex"
    MISSING = "missing"


class FormatError(ValueError):
    """The bytes cannot be read in a form; the text says why, as part of a sentence."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Bytes to decode, and what is known of them."""

    data: bytes
    limit: int | None = None
    """About how many bytes to decode at most; None for all."""
    type_name: str | None = None
    """The full name of the type that the method declares."""
    message_class: type[ProtobufMessage] | None = None
    """The class of that type; None where no source has it."""
    find: typed.Finder = lambda _name: None
    """Returns the class of a type in an Any."""

    @property
    def part(self) -> bytes:
        """The bytes within the limit."""
        return self.data if self.limit is None else self.data[: self.limit]

    @property
    def is_whole(self) -> bool:
        """True when the limit cuts nothing off."""
        return self.limit is None or len(self.data) <= self.limit


def as_protobuf(sample: Sample) -> tuple[object, bool]:
    """Decode as the declared type; return the value, and whether it is complete."""
    if sample.type_name is None:
        raise FormatError("no schema gives its type")
    if sample.message_class is None:
        raise FormatError(f"no schema has the type {sample.type_name}")
    whole, limit = sample.data, sample.limit
    part = whole if limit is None else excerpt(whole, limit, descriptor_of(sample.message_class))
    try:
        return typed.to_value(sample.message_class.FromString(part), sample.find), part == whole
    except DecodeError as error:
        raise FormatError(f"the bytes are not a {short_name(sample.type_name)}") from error


def as_wire(sample: Sample) -> object:
    """Decode as protobuf without a type, by field numbers."""
    try:
        return wire.tree(sample.data) if sample.is_whole else wire.beginning(sample.part)
    except WireTooLargeError as error:
        reason = f"the bytes are a protobuf message of {error}, too many to be shown without a type"
        raise FormatError(reason) from error
    except WireError as error:
        raise FormatError("the bytes are not a protobuf message") from error


def as_json(sample: Sample) -> object:
    """Decode as JSON; reads the whole text, whatever the limit."""
    try:
        # NaN and Infinity are not JSON, but some services send them; like proto3 JSON, show them as strings.
        value = json.loads(sample.data, parse_constant=str, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise FormatError("the bytes are not JSON") from error
    if _nests_deeper(value, MAX_DEPTH):
        raise FormatError(f"the JSON nests deeper than {MAX_DEPTH} levels")
    return value


def as_text(sample: Sample) -> str:
    """Decode as UTF-8, with any characters."""
    try:
        return sample.part.decode()
    except UnicodeDecodeError as error:
        if sample.is_whole or error.start < len(sample.part) - 3:
            raise FormatError("the bytes are not UTF-8") from error
        return sample.part[: error.start].decode()


def as_hex(sample: Sample) -> str:
    """Return all bytes as hex digits."""
    return sample.part.hex()


READERS: Final[Mapping[Format, Callable[[Sample], object]]] = {
    Format.PROTOBUF: lambda sample: as_protobuf(sample)[0],
    Format.WIRE: as_wire,
    Format.JSON: as_json,
    Format.TEXT: as_text,
    Format.HEX: as_hex,
}
"""In the order in which the key for the next form steps through them."""


def _nests_deeper(value: object, limit: int) -> bool:
    """Return True for a value nested deeper than a limit; its readers are recursive."""
    level = [value]
    for _ in range(limit):
        level = [inner for each in level for inner in _held(each) if isinstance(inner, dict | list)]
        if not level:
            return False
    return True


def _held(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _finite(digits: str) -> float | str:
    number = float(digits)
    return number if math.isfinite(number) else digits


_MAX_JSON_TRIED: Final = 1_048_576
"""Bytes; parsing takes about 20 ms, only to find out whether the form is possible."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A decoded message: its value, the form, and why it has that form."""

    format: Format
    value: object
    """JSON-ready; None where the message is missing."""
    type: str | None
    """The type without its package; None without a schema."""
    reason: str
    """One or two plain sentences."""
    complete: bool = True
    """False when the limit cut the value."""


def read_message(
    message: Message,
    type_name: str | None,
    catalog: Catalog,
    content_type: str | None = None,
    limit: int | None = None,
    *,
    form: Format | None = None,
    origin: str = "",
) -> Reading:
    """Decode a message.

    Args:
        message: the message; a missing one gives `Format.MISSING`.
        type_name: the full name of the type that the method declares.
        catalog: the schemas.
        content_type: that of the message's side.
        limit: about how many bytes to decode, enough for a row or a preview; None for all.
        form: the form to use instead of the likeliest.
        origin: the source of the method, whose types come first.
    """
    if message.data is None:
        name = None if type_name is None else short_name(type_name)
        return Reading(Format.MISSING, None, name, message.problem or "The message was not captured.")
    return read_bytes(message.data, type_name, catalog, content_type, limit, form=form, origin=origin)


def read_bytes(
    data: bytes,
    type_name: str | None,
    catalog: Catalog,
    content_type: str | None = None,
    limit: int | None = None,
    *,
    form: Format | None = None,
    origin: str = "",
) -> Reading:
    """Decode the bytes of a message, after decompression; see `read_message`."""
    sample = _sample(data, type_name, catalog, limit, origin)
    if form is None:
        return _likeliest(sample, content_type)
    try:
        return _in_form(sample, form)
    except FormatError as error:
        found = _likeliest(sample, content_type)
        return replace(found, reason=f"It cannot be read as {form}: {error}. {found.reason}")


def possible_forms(
    data: bytes, type_name: str | None, catalog: Catalog, limit: int = 65_536, origin: str = ""
) -> tuple[Format, ...]:
    """Return the forms in which bytes can be read, in the order of `READERS`."""
    sample = _sample(data, type_name, catalog, limit, origin)
    found = []
    for form, read in READERS.items():
        if form is Format.JSON and len(data) > _MAX_JSON_TRIED:
            continue
        with suppress(FormatError):
            read(sample)
            found.append(form)
    return tuple(found)


def _sample(data: bytes, type_name: str | None, catalog: Catalog, limit: int | None, origin: str) -> Sample:
    message_class = catalog.message_class(type_name, origin)
    return Sample(data, limit, type_name, message_class, lambda name: catalog.message_class(name, origin))


def _in_form(sample: Sample, form: Format) -> Reading:
    is_whole = sample.is_whole
    if form is Format.PROTOBUF:
        value, is_whole = as_protobuf(sample)
    else:
        value = READERS[form](sample)
    name = short_name(sample.type_name) if form is Format.PROTOBUF and sample.type_name else None
    return Reading(form, value, name, f"The form {form} was chosen.", is_whole or form is Format.JSON)


def _likeliest(sample: Sample, content_type: str | None) -> Reading:
    is_json, name = _is_json(content_type), sample.type_name and short_name(sample.type_name)
    reason_prefix = ""
    if not is_json and sample.message_class is not None:
        try:
            value, is_whole = as_protobuf(sample)
        except FormatError:
            reason_prefix = f"The bytes are not a {name}. "
        else:
            return Reading(Format.PROTOBUF, value, name, f"The schema gives the type {sample.type_name}.", is_whole)
    elif not is_json and name is not None:
        reason_prefix = f"No schema has the type {sample.type_name}. "
    format_, value, reason = _untyped(sample, content_type if is_json else None)
    return Reading(format_, value, name if is_json else None, reason_prefix + reason, sample.is_whole)


def _untyped(sample: Sample, json_type: str | None) -> tuple[Format, object, str]:
    data = sample.part
    if json_type is not None or data[:1] in (b"{", b"["):
        reason = (
            f"The content type is {json_type}." if json_type else "It is a JSON text, and no schema gives its type."
        )
        with suppress(FormatError):
            return Format.JSON, as_json(replace(sample, data=data)), reason
    if not data:
        return Format.WIRE, {}, "It is empty: a protobuf message with no fields."
    return _by_bytes(sample, data)


def _by_bytes(sample: Sample, data: bytes) -> tuple[Format, object, str]:
    tree, why_not, text = None, "", _plain_text(sample)
    try:
        tree = as_wire(sample)
    except FormatError as error:
        why_not = "" if "not a protobuf" in str(error) else f"{error}"
    if tree is not None and (text is None or data[0] < 0x20):
        return Format.WIRE, tree, "No schema gives its type; the bytes are a protobuf message."
    if text is not None:
        also = ", though they could be a protobuf message" if tree is not None else ""
        return Format.TEXT, text, f"No schema gives its type; the bytes are plain text{also}."
    why_not = why_not or "the bytes are neither protobuf, JSON nor text"
    return Format.HEX, data.hex(), f"No schema gives its type; {why_not}."


def _plain_text(sample: Sample) -> str | None:
    """Return the text if it is printable; a character that the limit cuts is left out."""
    try:
        text = as_text(sample)
    except FormatError:
        return None
    return text if wire.is_printable(text) else None


_JSON_SUBTYPES: Final = ("json", "+json")


def _is_json(content_type: str | None) -> bool:
    return content_type is not None and content_type.partition(";")[0].strip().lower().endswith(_JSON_SUBTYPES)


STATUS_DETAILS_HEADER: Final = "grpc-status-details-bin"
_MAX_DETAILS: Final = 1_048_576
"""Bytes; servers hardly ever allow a hundredth of it in headers."""


@dataclass(frozen=True, slots=True)
class RichStatus:
    """A google.rpc.Status, the details of a failed call (https://google.aip.dev/193)."""

    code: int
    message: str
    details: tuple[object, ...]
    """JSON-ready objects, each with its `@type`."""


def read_status(value: str, catalog: Catalog) -> RichStatus | None:
    """Decode the value of `STATUS_DETAILS_HEADER`, base64 with or without padding; None where it is not valid."""
    data = _decoded_details(value)
    message_class = catalog.message_class("google.rpc.Status", COMMON_ORIGIN)
    if data is None or message_class is None:
        return None
    try:
        status = cast("Any", message_class.FromString(data))
    except DecodeError:
        return None
    return RichStatus(
        status.code, status.message, tuple(typed.to_value(each, catalog.message_class) for each in status.details)
    )


def _decoded_details(value: str) -> bytes | None:
    if not value or len(value) > _MAX_DETAILS * 4 // 3:
        return None
    try:
        return base64.b64decode(value.rstrip("=") + "=" * (-len(value.rstrip("=")) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
