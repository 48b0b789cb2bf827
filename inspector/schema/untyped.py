"""Messages without a schema: JSON by field numbers, or hex, to bytes and back."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Callable, Iterator
from typing import Any, Final

from inspector.errors import RequestError
from inspector.model.call import CallKind
from inspector.schema.catalog import Method
from inspector.schema.scalars import quoted
from inspector.schema.typed import MAX_DEPTH as MAX_NESTED
from inspector.schema.wire import MAX_DEPTH, WireError, WireField, WireType, fields, likeliest_number, printable, varint


def parse_json(text: str) -> object:
    """Parse JSON text, rejecting duplicate names in an object.

    Raises:
        RequestError: when the text is not valid.
    """
    try:
        return json.loads(text, object_pairs_hook=_without_duplicates)
    except json.JSONDecodeError as error:
        problem = f"The JSON is invalid at line {error.lineno}, column {error.colno}: {error.msg}."
        raise RequestError(problem, place=(error.lineno, error.colno)) from error
    except RecursionError as error:
        raise RequestError("The JSON nests too deep.") from error
    except ValueError as error:  # an integer of more than 4,300 digits
        raise RequestError(f"The JSON cannot be read: {error}.") from error


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        duplicate = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise RequestError(f"{duplicate} is given twice in one object.", path=duplicate)
    return found


HEX: Final = "0x"
"""Precedes a message that is given as bytes."""
WITHOUT_SCHEMA: Final = "no schema: field numbers or bytes"
"""Describes such a method in lists."""
BLANK: Final = '{\n  "1": ""\n}'
"""A blank message to edit."""
_HINT: Final = 'Write field numbers, as in {"1": "World", "2": 5}, or bytes, as in 0x0a05576f726c64.'
_MAX_FIELD_NUMBER: Final = (1 << 29) - 1


def untyped_method(path: str, kind: CallKind) -> Method:
    """Return a method without a schema, to be called as a method of a kind."""
    return Method(path, kind, "", "")


def encode_untyped(text: str, path: str) -> bytes:
    """Return the bytes of a message for the method at `path`.

    Raises:
        RequestError: when the text is neither JSON by field numbers nor hex.
    """
    if not (text := text.strip()):
        return b""
    if text.startswith(HEX):
        try:
            return bytes.fromhex(text.removeprefix(HEX))
        except ValueError as error:
            raise RequestError("After 0x, only pairs of hex digits are allowed.", _HINT) from error
    if not text.startswith("{"):
        raise RequestError(f"No schema knows {path}, so its message cannot be a plain word.", _HINT)
    return _encode_message(parse_json(text), "")


def untyped_text(data: bytes, indent: int | None = None) -> str:
    """Return a message as JSON by field numbers if that encodes to the same bytes, otherwise as hex."""
    try:
        text = json.dumps(_readable(data, 0), indent=indent, ensure_ascii=False)
        is_same = encode_untyped(text, "") == data
    except (WireError, RequestError):
        is_same = False
    return text if is_same else HEX + data.hex()


def _encode_message(value: object, path: str) -> bytes:
    if path.count(".") >= MAX_NESTED:
        raise RequestError(f"{path[:60]}… nests deeper than {MAX_NESTED} messages.", path=path)
    if not isinstance(value, dict):
        raise RequestError(f"{path} must be an object of field numbers, not {quoted(value)}.", _HINT, path=path)
    return b"".join(part for name, each in value.items() for part in _field(name, each, path))


def _field(name: str, value: object, above: str) -> Iterator[bytes]:
    path = f"{above}.{name}" if above else name
    if not (name.isascii() and name.isdigit() and 0 < int(name) <= _MAX_FIELD_NUMBER):
        raise RequestError(f"{path} is not a field number, and names need a schema.", _HINT, path=path)
    values = value if isinstance(value, list) else [value]
    for index, each in enumerate(values):
        if each is not None:
            yield _encode_field(int(name), each, f"{path}[{index}]" if isinstance(value, list) else path)


def _encode_field(number: int, value: object, path: str) -> bytes:
    kind, raw = _encode_value(value, path)
    length = varint(len(raw)) if kind is WireType.LEN else b""
    return varint(number << 3 | kind) + length + raw


def _encode_value(value: object, path: str) -> tuple[WireType, bytes]:
    match value:
        case int():
            return WireType.VARINT, _integer(value, path)
        case float():
            return WireType.FIXED64, struct.pack("<d", value)
        case str():
            return WireType.LEN, _utf8(value, path)
        case dict() if len(value) == 1 and (name := next(iter(value))) in _FORMS:
            kind, read = _FORMS[name]
            try:
                return kind, read(value[name])
            except (TypeError, ValueError, OverflowError, struct.error) as error:
                raise RequestError(f"{path} cannot be {quoted(value[name])} as {name}.", path=path) from error
        case _:
            return WireType.LEN, _encode_message(value, path)


def _integer(value: int, path: str) -> bytes:
    if not -(1 << 63) <= value < 1 << 64:
        raise RequestError(f"{path} must be a 64-bit whole number, not {quoted(value)}.", path=path)
    return varint(value & 0xFFFF_FFFF_FFFF_FFFF)


def _utf8(value: str, path: str) -> bytes:
    try:
        return value.encode()
    except UnicodeEncodeError as error:
        raise RequestError(f"{path} must be valid Unicode, without lone surrogates.", path=path) from error


def _zigzag(value: Any) -> bytes:
    if not -(1 << 63) <= value < 1 << 63:
        raise OverflowError
    return varint(value << 1 if value >= 0 else (-value << 1) - 1)


def _fixed(code: str) -> Callable[[Any], bytes]:
    """Return a function that packs a number; a negative integer as the signed type of that width."""
    return lambda value: struct.pack(f"<{code.lower() if value < 0 else code}", value)


_FORMS: Final[dict[str, tuple[WireType, Callable[[Any], bytes]]]] = {
    "bytes": (WireType.LEN, lambda value: base64.b64decode(value, validate=True)),
    "sint": (WireType.VARINT, _zigzag),
    "float": (WireType.FIXED32, _fixed("f")),
    "fixed32": (WireType.FIXED32, _fixed("I")),
    "double": (WireType.FIXED64, _fixed("d")),
    "fixed64": (WireType.FIXED64, _fixed("Q")),
}
"""What JSON cannot express, by the names of protobuf's types."""


def _readable(data: bytes, depth: int) -> dict[str, object]:
    if depth > MAX_DEPTH:
        raise WireError("messages nest too deep")
    found: dict[str, list[object]] = {}
    for field in fields(data):
        found.setdefault(str(field.number), []).append(_readable_value(field, depth))
    return {number: each[0] if len(each) == 1 else each for number, each in found.items()}


def _readable_value(field: WireField, depth: int) -> object:
    if isinstance(field.value, int):
        return likeliest_number(field)
    if field.wire_type in (WireType.FIXED32, WireType.FIXED64):
        number, is_short = likeliest_number(field), field.wire_type is WireType.FIXED32
        if isinstance(number, float):
            return {"float": number} if is_short else number
        return {"fixed32" if is_short else "fixed64": number}
    if (text := printable(field.value)) is not None:
        return text
    try:
        return _readable(field.value, depth + 1)
    except WireError:
        return {"bytes": base64.b64encode(field.value).decode()}
