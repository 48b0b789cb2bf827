"""Each form that bytes can be read in, one function for each: a value, or `NotThisForm` with the reason.

Owns how a form is read, and nothing of which one is taken: `payload` chooses. A `Sample` whose part is shorter than
the message gives the beginning of a value.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from google.protobuf.message import DecodeError, Message

from inspector.schema import typed, wire_values
from inspector.schema.catalog import short_name
from inspector.schema.excerpt import excerpt
from inspector.schema.shapes import MAX_DEPTH, descriptor_of
from inspector.schema.wire import WireError, WireTooLargeError


class Format(StrEnum):
    """The forms a message can be shown in."""

    PROTOBUF = "protobuf"
    WIRE = "wire"
    JSON = "json"
    TEXT = "text"
    HEX = "hex"
    MISSING = "missing"


class NotThisForm(ValueError):  # noqa: N818 - an answer, not a failure
    """The bytes have no such reading; the text says why, as a part of a sentence."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Bytes to be read, and what is known of them."""

    data: bytes
    limit: int | None = None
    """About how many bytes are read at most; None for all."""
    type_name: str | None = None
    """The full name of the type that the method gives."""
    message_class: type[Message] | None = None
    """That type's class; None where no source has it."""
    find: typed.Finder = lambda _name: None
    """Gives the types of what is in an Any."""

    @property
    def part(self) -> bytes:
        """The bytes within the limit."""
        return self.data if self.limit is None else self.data[: self.limit]

    @property
    def is_whole(self) -> bool:
        """True when nothing of the message is past the limit."""
        return self.limit is None or len(self.data) <= self.limit


def protobuf(sample: Sample) -> tuple[object, bool]:
    """A message of its type; the other value is True when all of it was read."""
    if sample.type_name is None:
        raise NotThisForm("no schema gives its type")
    if sample.message_class is None:
        raise NotThisForm(f"no schema has the type {sample.type_name}")
    whole, limit = sample.data, sample.limit
    part = whole if limit is None else excerpt(whole, limit, descriptor_of(sample.message_class))
    try:
        return typed.to_value(sample.message_class.FromString(part), sample.find), part == whole
    except DecodeError as error:
        raise NotThisForm(f"the bytes are no {short_name(sample.type_name)}") from error


def wire(sample: Sample) -> object:
    """A message by its field numbers."""
    try:
        return wire_values.tree(sample.data) if sample.is_whole else wire_values.beginning(sample.part)
    except WireTooLargeError as error:
        why = f"the bytes are a protobuf message of {error}, too many to be shown without a type"
        raise NotThisForm(why) from error
    except WireError as error:
        raise NotThisForm("the bytes are no protobuf message") from error


def json_value(sample: Sample) -> object:
    """A JSON text's value; all of the text is needed for that, whatever the limit."""
    try:
        # NaN and Infinity are no JSON, but some services send them: as in proto3 JSON they become strings.
        value = json.loads(sample.data, parse_constant=str, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise NotThisForm("the bytes are no JSON") from error
    if _nests_deeper(value, MAX_DEPTH):
        raise NotThisForm(f"the JSON nests deeper than {MAX_DEPTH} levels")
    return value


def text(sample: Sample) -> str:
    """The text of UTF-8 bytes, whatever characters these are."""
    try:
        return sample.part.decode()
    except UnicodeDecodeError as error:
        if sample.is_whole or error.start < len(sample.part) - 3:
            raise NotThisForm("the bytes are no UTF-8") from error
        return sample.part[: error.start].decode()


def hexadecimal(sample: Sample) -> str:
    """Every byte as two digits."""
    return sample.part.hex()


READERS: Final[Mapping[Format, Callable[[Sample], object]]] = {
    Format.PROTOBUF: lambda sample: protobuf(sample)[0],
    Format.WIRE: wire,
    Format.JSON: json_value,
    Format.TEXT: text,
    Format.HEX: hexadecimal,
}
"""In the order in which a key goes through them."""


def _nests_deeper(value: object, limit: int) -> bool:
    """True for a value that whoever shows it, level by level, could not get to the bottom of."""
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
