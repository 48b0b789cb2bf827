"""A message without a schema as lines: each field by its number, as the likeliest it could be, and what else it may be.

`1: "World"  string | bytes 57 6f 72 6c 64`. Made lazily, a line at a time, as a message may have a million fields.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from inspector.schema.wire import MAX_DEPTH, WireError, WireField, WireType, fields
from inspector.schema.wire_values import alternatives, likeliest_number, printable
from inspector.views.spans import Line, Span, Tone
from inspector.views.text import counted, shortened, size
from inspector.views.values import scalar

_BYTES_SHOWN: Final = 16
_LONGEST: Final = 20_000
"""Characters of a string that are shown."""
_BETWEEN: Final = " | "


def wire_lines(data: bytes, indent: int = 0) -> Iterator[Line]:
    """The fields of a message; of one that was cut, as far as it goes."""
    try:
        for field in fields(data):
            yield from _field(field, indent)
    except WireError:
        yield Line((Span("… the rest is not there", Tone.DIM),), indent)


def _field(field: WireField, indent: int) -> Iterator[Line]:
    key = Span(f"{field.number}: ", Tone.KEY)
    inner = _inner(field) if indent < MAX_DEPTH else None
    if inner is not None:
        name = "group" if field.wire_type is WireType.GROUP else "message"
        also = "" if name == "group" else f"{_BETWEEN}bytes {_hex(inner)}"
        yield Line((key, Span("{"), Span(f"  {name}{also}", Tone.DIM)), indent)
        yield from wire_lines(inner, indent + 1)
        yield Line((Span("}"),), indent)
        return
    (name, value), *others = _readings(field)
    also = "".join(f"{_BETWEEN}{each}" for each in _in_words(value, others))
    yield Line((key, value, Span(f"  {name}{also}", Tone.DIM)), indent)


def _inner(field: WireField) -> bytes | None:
    """The bytes of a field that is most likely a message; None for any other."""
    if not isinstance(field.value, bytes) or field.wire_type in (WireType.FIXED32, WireType.FIXED64):
        return None
    if field.wire_type is WireType.GROUP:
        return field.value
    is_text = printable(field.value) is not None
    return None if is_text or _count(field.value) is None else field.value


def _count(data: bytes) -> int | None:
    """How many fields a message has; None for bytes that are none."""
    try:
        return sum(1 for _ in fields(data))
    except WireError:
        return None


def _readings(field: WireField) -> list[tuple[str, Span]]:
    """What a value could be, with its name, the likeliest first."""
    if isinstance(field.value, bytes) and field.wire_type is WireType.LEN:
        return _delimited(field.value)
    found = list(alternatives(field).items())
    likeliest = next((each for each in found if each[1] == likeliest_number(field)), found[0])
    found.remove(likeliest)
    return [(name, scalar(value, 100)) for name, value in (likeliest, *found)]


def _delimited(data: bytes) -> list[tuple[str, Span]]:
    found: list[tuple[str, Span]] = []
    if (text := printable(data)) is not None:
        found.append(("string", scalar(text, _LONGEST)))
        if not data:
            return found
        if (count := _count(data)) is not None:
            found.append(("message", Span(f"of {counted(count, 'field')}")))
    return [*found, ("bytes", Span(_hex(data)))]


def _in_words(likeliest: Span, others: list[tuple[str, Span]]) -> Iterator[str]:
    """Each other reading by its name and value, without those that give the same value."""
    told = {likeliest.text}
    for name, span in others:
        if span.text not in told:
            told.add(span.text)
            yield f"{name} {shortened(span.text, 80)}"


def _hex(data: bytes) -> str:
    if len(data) <= _BYTES_SHOWN:
        return data.hex(" ")
    return f"{data[:_BYTES_SHOWN].hex(' ')} … {size(len(data))}"
