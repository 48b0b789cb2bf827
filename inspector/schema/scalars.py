"""Converts scalar and enum values to JSON and back."""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
import struct
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, TypeAlias

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor


class EnumWord(str):
    """The name of an enum value: equal to a plain string and serialised as one."""

    __slots__ = ()


class UnfitError(ValueError):
    """A value does not fit its field; the text is the rest of a sentence that begins with the field."""


Writer: TypeAlias = Callable[[Any], object]

_LONG: Final = frozenset({FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT64})
_RANGES: Final = {
    FieldDescriptor.CPPTYPE_INT32: (-(1 << 31), (1 << 31) - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, (1 << 32) - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(1 << 63), (1 << 63) - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, (1 << 64) - 1),
}
INTEGERS: Final = frozenset(_RANGES)
"""The C++ types of integers."""
_NAMED_FLOATS: Final = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_DIGITS: Final = re.compile(r"-?[0-9]{1,40}")
_LARGEST_FLOAT: Final = (2 - 2**-24) * 2.0**127
"""Larger values round to a 32-bit infinity."""


@lru_cache(maxsize=4096)
def writer_of(field: FieldDescriptor) -> Writer:
    """Return the function that converts values of a scalar field to JSON-ready ones."""
    if field.enum_type is not None:
        return _enum_writer(field.enum_type)
    if field.cpp_type in _LONG:
        return str
    if field.cpp_type == FieldDescriptor.CPPTYPE_FLOAT:
        return _float32
    if field.cpp_type == FieldDescriptor.CPPTYPE_DOUBLE:
        return _finite
    if field.type == FieldDescriptor.TYPE_BYTES:
        return lambda value: base64.b64encode(value).decode()
    return _text if field.type == FieldDescriptor.TYPE_STRING else _same


def json_key(key: object) -> str:
    """Return a map key as JSON writes it: as a string."""
    return str(key).lower() if isinstance(key, bool) else _text(key)


def _enum_writer(enum: EnumDescriptor) -> Writer:
    if enum.full_name == "google.protobuf.NullValue":
        return lambda _value: None
    words = {number: EnumWord(value.name) for number, value in enum.values_by_number.items()}
    return lambda value: words.get(value, value)


def _text(value: Any) -> str:
    # proto2 does not validate strings; protobuf returns invalid ones as bytes.
    return value.decode(errors="surrogateescape") if isinstance(value, bytes) else str(value)


def _same(value: object) -> object:
    return value


def _finite(value: float) -> object:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _float32(value: float) -> object:
    """Return the number with the fewest digits that rounds to the same 32-bit float."""
    if not math.isfinite(value):
        return _finite(value)
    shorter = (float(f"{value:.{digits}g}") for digits in (6, 7, 8))
    return next((each for each in shorter if _rounded(each) == value), value)


def _rounded(value: float) -> float:
    if abs(value) >= _LARGEST_FLOAT:
        return math.inf
    found: float = struct.unpack("<f", struct.pack("<f", value))[0]
    return found


def read_scalar(field: FieldDescriptor, value: object) -> object:
    """Return a field's value from a JSON value.

    Raises:
        UnfitError: when the value does not fit the field.
    """
    if field.enum_type is not None:
        return _enum(field.enum_type, value)
    if field.cpp_type in _RANGES:
        return _integer(value, *_RANGES[field.cpp_type])
    if field.cpp_type in (FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_DOUBLE):
        return _number(value, is_single=field.cpp_type == FieldDescriptor.CPPTYPE_FLOAT)
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        if not isinstance(value, bool):
            raise UnfitError(f"must be true or false, not {quoted(value)}")
        return value
    if not isinstance(value, str):
        kind = "base64 in quotes" if field.type == FieldDescriptor.TYPE_BYTES else "a string"
        raise UnfitError(f"must be {kind}, not {quoted(value)}")
    return _bytes(value) if field.type == FieldDescriptor.TYPE_BYTES else _string(value)


def read_key(field: FieldDescriptor, key: str) -> object:
    """Return a map's key from a JSON key.

    Raises:
        UnfitError: when the key does not fit the field.
    """
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return read_scalar(field, {"true": True, "false": False}.get(key, key))
    return read_scalar(field, key)


def quoted(value: object) -> str:
    """Return a value as sentences quote it."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:59] + "…"


def _integer(value: object, least: int, most: int) -> int:
    if (isinstance(value, str) and _DIGITS.fullmatch(value)) or (isinstance(value, float) and value.is_integer()):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise UnfitError(f"must be a whole number, not {quoted(value)}")
    if not least <= value <= most:
        raise UnfitError(f"must be a whole number from {least} to {most}, not {quoted(value)}")
    return value


def _number(value: object, *, is_single: bool) -> float:
    if isinstance(value, str):
        value = _NAMED_FLOATS.get(value, value)
    try:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise UnfitError
        number = float(value)
    except (ValueError, OverflowError) as error:
        raise UnfitError(f"must be a number, not {quoted(value)}") from error
    if is_single and math.isfinite(number) and abs(number) >= _LARGEST_FLOAT:
        raise UnfitError(f"must be a 32-bit number, not {quoted(value)}")
    return number


def _string(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise UnfitError("must be valid Unicode, without lone surrogates") from error
    return value


def _bytes(value: str) -> bytes:
    try:
        plain = value.replace("-", "+").replace("_", "/").rstrip("=")
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise UnfitError(f"must be base64, not {quoted(value)}") from error


def _enum(enum: EnumDescriptor, value: object) -> int:
    if value is None and enum.full_name == "google.protobuf.NullValue":
        return 0
    if isinstance(value, str) and value in enum.values_by_name:
        return enum.values_by_name[value].number
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        value = int(value)
    is_open = not enum.is_closed and isinstance(value, int) and -(1 << 31) <= value < 1 << 31
    if isinstance(value, int) and not isinstance(value, bool) and (is_open or value in enum.values_by_number):
        return value
    names = [each.name for each in enum.values]
    some = ", ".join(names[:12]) + (" …" if len(names) > 12 else "")
    raise UnfitError(f"must be one of {some}, not {quoted(value)}")
