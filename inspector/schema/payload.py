"""The reading of a message: which form its bytes are shown in, and why that one.

Owns the choice. A known type wins where the bytes are such a message; then what the content type says; then what the
bytes look like. Nothing is ever called malformed: where one reading fails the next one is taken, and `reason` says so.
A form that somebody asks for is taken where the bytes have it; where not, that is what `reason` says.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from inspector.model.message import Message
from inspector.schema import forms, wire_values
from inspector.schema.catalog import Catalog, short_name
from inspector.schema.forms import Format, NotThisForm, Sample

__all__ = ("Format", "Reading", "possible_forms", "read_bytes", "read_message")

_LARGEST_JSON_TRIED: Final = 1_048_576
"""Bytes; about 20 ms of parsing, only to know whether a form could be asked for."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A message as a value, and how that value was come by."""

    format: Format
    value: object
    """JSON-ready; None where the message is missing."""
    type: str | None
    """The message's type without its package; None where no schema gives one."""
    reason: str
    """Why this form: one plain sentence, or two."""
    complete: bool = True
    """False when `value` is only the beginning of the message, because a limit was given."""


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
    """Read a message. `type_name` is the full name that the method gives, `content_type` that of its side.

    With a limit only about so many bytes of a longer message are read: enough for a row or a preview. `form` asks for
    one form instead of the likeliest; `origin` is the method's source, whose own types are then meant.
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
    """Read a message's bytes, decompressed; as `read_message`."""
    sample = _sample(data, type_name, catalog, limit, origin)
    if form is None:
        return _likeliest(sample, content_type)
    try:
        return _asked_for(sample, form)
    except NotThisForm as why_not:
        found = _likeliest(sample, content_type)
        return replace(found, reason=f"It cannot be read as {form}: {why_not}. {found.reason}")


def possible_forms(
    data: bytes, type_name: str | None, catalog: Catalog, limit: int = 65_536, origin: str = ""
) -> tuple[Format, ...]:
    """The forms that bytes can be read in, in the order in which a key goes through them."""
    sample = _sample(data, type_name, catalog, limit, origin)
    found = []
    for form, read in forms.READERS.items():
        if form is Format.JSON and len(data) > _LARGEST_JSON_TRIED:
            continue
        with suppress(NotThisForm):
            read(sample)
            found.append(form)
    return tuple(found)


def _sample(data: bytes, type_name: str | None, catalog: Catalog, limit: int | None, origin: str) -> Sample:
    message_class = catalog.message_class(type_name, origin)
    return Sample(data, limit, type_name, message_class, lambda name: catalog.message_class(name, origin))


def _asked_for(sample: Sample, form: Format) -> Reading:
    is_whole = sample.is_whole
    if form is Format.PROTOBUF:
        value, is_whole = forms.protobuf(sample)
    else:
        value = forms.READERS[form](sample)
    name = short_name(sample.type_name) if form is Format.PROTOBUF and sample.type_name else None
    return Reading(form, value, name, f"It was asked for as {form}.", is_whole or form is Format.JSON)


def _likeliest(sample: Sample, content_type: str | None) -> Reading:
    is_json, name = _is_json(content_type), sample.type_name and short_name(sample.type_name)
    why = ""
    if not is_json and sample.message_class is not None:
        try:
            value, is_whole = forms.protobuf(sample)
        except NotThisForm:
            why = f"The bytes are no {name}. "
        else:
            return Reading(Format.PROTOBUF, value, name, f"The schema gives the type {sample.type_name}.", is_whole)
    elif not is_json and name is not None:
        why = f"No schema has the type {sample.type_name}. "
    format_, value, reason = _untyped(sample, content_type if is_json else None)
    return Reading(format_, value, name if is_json else None, why + reason, sample.is_whole)


def _untyped(sample: Sample, json_type: str | None) -> tuple[Format, object, str]:
    data = sample.part
    if json_type is not None or data[:1] in (b"{", b"["):
        reason = (
            f"The content type is {json_type}." if json_type else "It is a JSON text, and no schema gives its type."
        )
        with suppress(NotThisForm):
            return Format.JSON, forms.json_value(replace(sample, data=data)), reason
    if not data:
        return Format.WIRE, {}, "It is empty: a protobuf message with no fields."
    return _by_bytes(sample, data)


def _by_bytes(sample: Sample, data: bytes) -> tuple[Format, object, str]:
    tree, why_not, text = None, "", _plain_text(sample)
    try:
        tree = forms.wire(sample)
    except NotThisForm as error:
        why_not = "" if "no protobuf" in str(error) else f"{error}"
    if tree is not None and (text is None or data[0] < 0x20):
        return Format.WIRE, tree, "No schema gives its type; the bytes are a protobuf message."
    if text is not None:
        also = ", though they could be a protobuf message" if tree is not None else ""
        return Format.TEXT, text, f"No schema gives its type; the bytes are plain text{also}."
    why_not = why_not or "the bytes are neither protobuf, JSON nor text"
    return Format.HEX, data.hex(), f"No schema gives its type; {why_not}."


def _plain_text(sample: Sample) -> str | None:
    """The text, where it is one that people write; a character that the limit cuts is left out."""
    try:
        text = forms.text(sample)
    except NotThisForm:
        return None
    return text if wire_values.is_printable(text) else None


_JSON_SUBTYPES: Final = ("json", "+json")


def _is_json(content_type: str | None) -> bool:
    return content_type is not None and content_type.partition(";")[0].strip().lower().endswith(_JSON_SUBTYPES)
