"""The protobuf wire format: its fields, cutting a message short, and likely values without a schema."""

from __future__ import annotations

import base64
import math
import struct
from collections.abc import Iterable, Iterator
from contextlib import suppress
from enum import IntEnum
from typing import Final, NamedTuple, TypeAlias

from google.protobuf.descriptor import Descriptor, FieldDescriptor

MAX_DEPTH: Final = 32
"""protobuf's own parsers allow 100; a guess that deep is unlikely to be right."""


class WireError(ValueError):
    """Bytes that are not a protobuf message, or nest too deep."""


class WireTooLargeError(WireError):
    """A protobuf message with too many fields."""


class WireType(IntEnum):
    """The encoding of a field's value."""

    VARINT = 0
    FIXED64 = 1
    LEN = 2
    GROUP = 3
    END_GROUP = 4
    FIXED32 = 5


class WireField(NamedTuple):
    """One field as encoded."""

    number: int
    wire_type: WireType
    value: int | bytes
    """The integer, or the bytes; for a group, those between its two tags."""
    start: int
    """The offset of its tag."""
    end: int


def fields(data: bytes, depth: int = 0) -> Iterator[WireField]:
    """Yield the fields of a message in order.

    Raises:
        WireError: when the bytes are not a message.
    """
    at = 0
    while at < len(data):
        field = _field(data, at, depth)
        yield field
        at = field.end


def _field(data: bytes, start: int, depth: int) -> WireField:
    tag, at = _read_varint(data, start)
    number, code = tag >> 3, tag & 7
    if not 0 < number < 1 << 29 or code > WireType.FIXED32 or code == WireType.END_GROUP:
        raise WireError(f"no field begins at byte {start}")
    match WireType(code):
        case WireType.VARINT:
            value, end = _read_varint(data, at)
            return WireField(number, WireType.VARINT, value, start, end)
        case WireType.GROUP:
            inner, end = _group_end(data, at, number, depth)
            return WireField(number, WireType.GROUP, data[at:inner], start, end)
        case WireType.LEN:
            length, at = _read_varint(data, at)
        case WireType.FIXED64:
            length = 8
        case _:
            length = 4
    if at + length > len(data):
        raise WireError(f"the field at byte {start} is longer than what is left")
    return WireField(number, WireType(code), data[at : at + length], start, at + length)


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
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
        tag, end = _read_varint(data, at)
        if tag & 7 == WireType.END_GROUP:
            if tag >> 3 != number:
                break
            return at, end
        at = _field(data, at, depth + 1).end
    raise WireError(f"group {number} does not end")


def _overrun(data: bytes, start: int) -> tuple[int, bytes]:
    """Return the number and the available bytes of a field that is longer than the data.

    Raises:
        WireError: when no such field begins at `start`.
    """
    tag, at = _read_varint(data, start)
    if not tag >> 3 or tag & 7 != WireType.LEN:
        raise WireError(f"no field that could be cut begins at byte {start}")
    _, at = _read_varint(data, at)
    return tag >> 3, data[at:]


def varint(value: int) -> bytes:
    """Encode a non-negative integer."""
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


_EXCERPT_DEPTH: Final = 16
_LONGEST_START: Final = 16
"""A tag of five bytes, a varint of ten, and one byte of the value: a shorter rest has no value to cut."""


def excerpt(data: bytes, limit: int, descriptor: Descriptor) -> bytes:
    """Return at most `limit` bytes of a message, mended to a valid message of the same type.

    Bytes that are not a message are returned unchanged, for the real parser to reject.
    """
    if len(data) <= limit:
        return data
    try:
        return _mended(data[:limit], descriptor, 0)
    except WireError:
        return data


def _mended(head: bytes, descriptor: Descriptor, depth: int) -> bytes:
    """Mend the first bytes of a message, so that they are one.

    Raises:
        WireError: when they are not.
    """
    kept = 0
    try:
        for field in fields(head):
            kept = field.end
    except WireError:
        if len(head) - kept < _LONGEST_START:
            return head[:kept]
        return head[:kept] + _shortened(*_overrun(head, kept), descriptor, depth)
    return head


def _shortened(number: int, value: bytes, descriptor: Descriptor, depth: int) -> bytes:
    known = descriptor.fields_by_number.get(number)
    if known is None:
        return b""
    if known.type == FieldDescriptor.TYPE_STRING:
        value = value.decode(errors="ignore").encode()
    elif known.message_type is not None and depth < _EXCERPT_DEPTH:
        value = _mended(value, known.message_type, depth + 1)
    elif known.type != FieldDescriptor.TYPE_BYTES:
        return b""  # packed numbers: the cut may split one
    # The value is no longer than before, so its length takes no more bytes either.
    return varint(number << 3 | WireType.LEN) + varint(len(value)) + value


MAX_FIELDS: Final = 200_000
"""About half a second of work; a larger message needs a schema."""

Value: TypeAlias = object
"""JSON-ready: str, int, float, or a dict or list of these."""

_FIXED: Final = (WireType.FIXED32, WireType.FIXED64)


def tree(data: bytes) -> dict[str, Value]:
    """Return a message by field numbers, with the likeliest value of each.

    `{"1": "World", "2": 5, "3": {"1": …}}`. A repeated number has a list; bytes that are neither text nor a message are
    `{"bytes": base64}`.

    Raises:
        WireError: when the bytes are not a message.
    """
    return _tree(data, 0, [MAX_FIELDS])


def beginning(data: bytes) -> dict[str, Value]:
    """Return the first bytes of a longer message, like `tree`, with the available part of the field that was cut.

    Raises:
        WireError: when not even the first tag is valid.
    """
    found, at, budget = [], 0, [MAX_FIELDS]
    try:
        for field in fields(data):
            found.append((str(field.number), _likeliest(field, 0, budget)))
            at = field.end
    except WireError:
        number, rest = _overrun(data, at)
        found.append((str(number), _beginning_of(rest)))
    return _gathered(found)


def likeliest(data: bytes) -> Value:
    """Return a length-delimited value as text, as a message, or as `{"bytes": base64}`."""
    return _delimited(data, 0, [MAX_FIELDS])


def likeliest_number(field: WireField) -> int | float:
    """Return a varint as an integer, and 4 or 8 bytes as a float of everyday size, or else as an integer."""
    if isinstance(field.value, int):
        # int32 and int64 encode negative numbers in ten bytes; such large positive numbers are rare.
        return _signed(field.value)
    return _fixed(field.value)


def alternatives(field: WireField) -> dict[str, Value]:
    """Return all values that a field could have, by the names of protobuf's types, in no order of likelihood."""
    if isinstance(field.value, int):
        return _integers(field.value)
    if field.wire_type in _FIXED:
        return _fixed_width(field.value)
    found: dict[str, Value] = {}
    if (text := printable(field.value)) is not None:
        found["string"] = text
    with suppress(WireError):
        found["message"] = tree(field.value)
    return {**found, "bytes": _base64(field.value)}


def printable(data: bytes) -> str | None:
    """Return UTF-8 bytes as text; None where they are invalid or not `is_printable`."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    return text if is_printable(text) else None


def is_printable(text: str) -> bool:
    """Return True for text without control characters other than tab and line ends."""
    return text.isprintable() or text.translate(_SPACES).isprintable()


# Python does not count spaces other than the ASCII one as printable.
_SPACES: Final = dict.fromkeys((9, 10, 13, 0xA0, 0x3000, *range(0x2000, 0x200B)), " ")


def _tree(data: bytes, depth: int, budget: list[int]) -> dict[str, Value]:
    if depth > MAX_DEPTH:
        raise WireError("messages nest too deep")
    return _gathered((str(field.number), _likeliest(field, depth, budget)) for field in fields(data, depth))


def _gathered(values: Iterable[tuple[str, Value]]) -> dict[str, Value]:
    found: dict[str, list[Value]] = {}
    for number, value in values:
        found.setdefault(number, []).append(value)
    return {number: each[0] if len(each) == 1 else each for number, each in found.items()}


def _likeliest(field: WireField, depth: int, budget: list[int]) -> Value:
    budget[0] -= 1
    if budget[0] < 0:
        raise WireTooLargeError(f"more than {MAX_FIELDS:,} fields")
    if isinstance(field.value, int) or field.wire_type in _FIXED:
        return likeliest_number(field)
    if field.wire_type is WireType.GROUP:
        return _tree(field.value, depth + 1, budget)
    return _delimited(field.value, depth, budget)


def _delimited(data: bytes, depth: int, budget: list[int]) -> Value:
    if (text := printable(data)) is not None:
        return text
    try:
        return _tree(data, depth + 1, budget)
    except WireTooLargeError:
        raise
    except WireError:
        return {"bytes": _base64(data)}


def _beginning_of(data: bytes) -> Value:
    text = printable(data.decode(errors="ignore").encode())
    return text if text is not None and len(text.encode()) > len(data) - 4 else {"bytes": _base64(data)}


def _number(raw: bytes) -> float:
    number: float = struct.unpack("<d" if len(raw) == 8 else "<f", raw)[0]
    # the shortest digits that round to the same 32-bit float
    return number if len(raw) == 8 or not math.isfinite(number) else float(f"{number:.7g}")


def _fixed(raw: bytes) -> int | float:
    number = _number(raw)
    # An integer is hardly ever a float of everyday size: the exponent bits would have to fit by chance.
    is_everyday = math.isfinite(number) and 1e-6 <= abs(number) <= 1e12
    return number if is_everyday else int.from_bytes(raw, "little")


def _fixed_width(raw: bytes) -> dict[str, Value]:
    bits, number = 8 * len(raw), _number(raw)
    return {
        f"fixed{bits}": int.from_bytes(raw, "little"),
        f"sfixed{bits}": int.from_bytes(raw, "little", signed=True),
        "double" if bits == 64 else "float": number if math.isfinite(number) else str(number),
    }


def _integers(value: int) -> dict[str, Value]:
    found: dict[str, Value] = {"int": _signed(value), "uint": value, "sint": (value >> 1) ^ -(value & 1)}
    return {**found, "bool": bool(value)} if value < 2 else found


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
