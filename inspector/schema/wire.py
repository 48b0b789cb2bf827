"""The protobuf wire format without a schema: field numbers, wire types and raw values, one field after the other.

Sans-IO: bytes in, fields out. What a value could mean is for `wire_values` to say.
Source: protobuf.dev, "Encoding".
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from typing import Final, NamedTuple

MAX_DEPTH: Final = 32
"""protobuf's own parsers stop at 100; a guess that deep is no longer one."""


class WireError(ValueError):
    """Bytes that are no protobuf message, or one that nests past the bound."""


class WireTooLargeError(WireError):
    """A message that goes past the bounds, though what was read of it is one."""


class WireType(IntEnum):
    """How a field's value is written."""

    VARINT = 0
    FIXED64 = 1
    LEN = 2
    GROUP = 3
    END_GROUP = 4
    FIXED32 = 5


class WireField(NamedTuple):
    """One field as it stands on the wire."""

    number: int
    wire_type: WireType
    value: int | bytes
    """The integer, or the bytes; a group's are those between its two tags."""
    start: int
    """The offset of its tag in the bytes that were read."""
    end: int


def fields(data: bytes, depth: int = 0) -> Iterator[WireField]:
    """The fields of a message, in their order. WireError where the bytes are no message."""
    at = 0
    while at < len(data):
        field = _field(data, at, depth)
        yield field
        at = field.end


def _field(data: bytes, start: int, depth: int) -> WireField:
    tag, at = _varint(data, start)
    number, code = tag >> 3, tag & 7
    if not 0 < number < 1 << 29 or code > WireType.FIXED32 or code == WireType.END_GROUP:
        raise WireError(f"no field begins at byte {start}")
    match WireType(code):
        case WireType.VARINT:
            value, end = _varint(data, at)
            return WireField(number, WireType.VARINT, value, start, end)
        case WireType.GROUP:
            inner, end = _group_end(data, at, number, depth)
            return WireField(number, WireType.GROUP, data[at:inner], start, end)
        case WireType.LEN:
            length, at = _varint(data, at)
        case WireType.FIXED64:
            length = 8
        case _:
            length = 4
    if at + length > len(data):
        raise WireError(f"the field at byte {start} is longer than what is left")
    return WireField(number, WireType(code), data[at : at + length], start, at + length)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for count, byte in enumerate(data[at : at + 10]):
        value |= (byte & 0x7F) << (7 * count)
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, at + count + 1
    raise WireError(f"no varint at byte {at}")


def _group_end(data: bytes, at: int, number: int, depth: int) -> tuple[int, int]:
    if depth >= MAX_DEPTH:
        raise WireError("groups nest too deep")
    while at < len(data):
        tag, end = _varint(data, at)
        if tag & 7 == WireType.END_GROUP:
            if tag >> 3 != number:
                break
            return at, end
        at = _field(data, at, depth + 1).end
    raise WireError(f"group {number} does not end")


def overrun(data: bytes, start: int) -> tuple[int, bytes]:
    """The number, and as many bytes as there are, of a field that is longer than what is left; else WireError."""
    tag, at = _varint(data, start)
    if not tag >> 3 or tag & 7 != WireType.LEN:
        raise WireError(f"no field that could be cut begins at byte {start}")
    _, at = _varint(data, at)
    return tag >> 3, data[at:]
