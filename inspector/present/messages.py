"""Finds the messages of frames and calls, and formats them on one line or many, with a schema or without."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from inspector.diagnosis.call_facts import content_type, method_name
from inspector.model.call import PREFIX_LENGTH, Call, Message
from inspector.model.frame import FrameType, Side
from inspector.model.retained_list import RetainedList
from inspector.present.spans import Line, Span, Tone
from inspector.schema.catalog import Catalog
from inspector.schema.decode import Format, Reading, possible_forms, read_message
from inspector.schema.scalars import EnumWord
from inspector.schema.wire import (
    MAX_DEPTH,
    WireError,
    WireField,
    WireType,
    alternatives,
    fields,
    likeliest_number,
    printable,
)
from inspector.store.store import Store
from inspector.text import clean, counted, more_characters, shortened, size


def first_ending_at(messages: RetainedList[Message], position: int) -> int:
    """Return the index of the first message that ends at or after a position."""
    return messages.find(position, key=_frame)


def ending_in(call: Call, side: Side, position: int) -> Sequence[Message]:
    """Return the messages whose last byte is in the frame at a position."""
    messages = call.messages(side)
    start = end = first_ending_at(messages, position)
    while end < len(messages) and messages[end].frame == position:
        end += 1
    return messages[start:end]


def read(
    call: Call,
    side: Side,
    message: Message,
    catalog: Catalog,
    limit: int | None = None,
    form: Format | None = None,
) -> Reading:
    """Decode a message of a call with the type that its method has; `form` chooses a format instead of the best one."""
    method = catalog.method(method_name(call, catalog).method)
    type_name, origin = (method.type_from(side), method.origin) if method else (None, "")
    declared = content_type(call, side)
    return read_message(message, type_name, catalog, declared, limit, form=form, origin=origin)


def forms_of(call: Call, side: Side, message: Message, catalog: Catalog) -> tuple[Format, ...]:
    """Return the formats in which a message can be decoded, in the order in which a key cycles through them."""
    if message.data is None:
        return ()
    method = catalog.method(method_name(call, catalog).method)
    if method is None:
        return possible_forms(message.data, None, catalog)
    return possible_forms(message.data, method.type_from(side), catalog, origin=method.origin)


def data_offset(store: Store, call: Call, side: Side, position: int) -> int:
    """Return the number of DATA bytes that a side sent on the stream before the frame at a position."""
    total = call.evicted_bytes.get(side, 0)
    for earlier in call.frames:
        if earlier >= position:
            break
        frame = store.frames[earlier]
        if frame.type == FrameType.DATA and store.side(frame) is side:
            total += len(frame.payload)
    return total


def message_frames(store: Store, call: Call, side: Side, message: Message) -> tuple[int, ...]:
    """Return the positions of the frames that carry a part of a message, its prefix included."""
    begin, end = message.offset, message.offset + PREFIX_LENGTH + message.length
    found, total = [], call.evicted_bytes.get(side, 0)
    for position in call.frames:
        frame = store.frames[position]
        if position > message.frame or total >= end:
            break
        if frame.type == FrameType.DATA and frame.payload and store.side(frame) is side:
            if total + len(frame.payload) > begin:
                found.append(position)
            total += len(frame.payload)
    # A lost message is recorded at a frame that need not carry a part of it.
    return tuple(found) if message.frame in found else (*found, message.frame)


def _frame(message: Message) -> int:
    return message.frame


MAX_STRING: Final = 20_000
"""Characters of a string in indented JSON; bounded, as a terminal has to lay them out."""


def compact(reading: Reading, limit: int = 200) -> tuple[Span, ...]:
    """Return a decoded message on one line, `name: "World"  state: PAID`, cut to about `limit` characters."""
    if reading.format is Format.MISSING:
        return (Span(clean(shortened(reading.reason, limit)), Tone.WARN),)
    if reading.format in (Format.TEXT, Format.HEX):
        return (Span(clean(shortened(str(reading.value), limit))),)
    spans = tuple(_within(_top(reading), limit))
    return spans if reading.complete else _marked_cut(spans)


def _within(spans: Iterable[Span], limit: int) -> Iterator[Span]:
    room = limit
    for span in spans:
        if len(span.text) > room:
            yield Span(shortened(span.text, max(room, 1)), span.tone)
            return
        room -= len(span.text)
        yield span


def _marked_cut(spans: tuple[Span, ...]) -> tuple[Span, ...]:
    return spans if spans and spans[-1].text.endswith("…") else (*spans, Span(" …", Tone.DIM))


def _top(reading: Reading) -> Iterator[Span]:
    value = reading.value
    if not isinstance(value, dict):
        return _inline(value)
    fields_set = {key: each for key, each in value.items() if not _is_default(each)}
    return _fields(fields_set or value, "  ") if value else iter((Span("no fields", Tone.DIM),))


def _is_default(value: object) -> bool:
    """Return True for default values of proto3 fields, which are left out of a row."""
    return value is None or value is False or value in ("", 0, "0", [], {})


def _fields(value: dict[str, object], between: str) -> Iterator[Span]:
    for index, (key, each) in enumerate(value.items()):
        yield Span(f"{between if index else ''}{clean(shortened(str(key), 100))}: ", Tone.DIM)
        yield from _inline(each)


def _inline(value: object) -> Iterator[Span]:
    if isinstance(value, dict):
        yield Span("{", Tone.DIM)
        yield from _fields({key: each for key, each in value.items() if not _is_default(each)}, ", ")
        yield Span("}", Tone.DIM)
    elif isinstance(value, list):
        yield Span("[", Tone.DIM)
        for index, each in enumerate(value):
            if index:
                yield Span(", ", Tone.DIM)
            yield from _inline(each)
        yield Span("]", Tone.DIM)
    else:
        yield Span(scalar(value, 400).text)


def pretty(reading: Reading, longest: int = MAX_STRING) -> Iterator[Line]:
    """Yield a decoded message as lines of indented JSON or of text, with strings cut at `longest` characters."""
    if reading.format is Format.MISSING:
        yield Line((Span(clean(reading.reason), Tone.WARN),))
    elif reading.format is Format.TEXT:
        for text in str(reading.value).splitlines():
            yield Line(_shown(text, longest))
    elif reading.format is Format.HEX:
        yield from _hex_lines(str(reading.value))
    else:
        yield from _Writer(longest).lines(reading.value)


def _hex_lines(text: str) -> Iterator[Line]:
    for start in range(0, len(text), 64):
        yield Line((Span(" ".join(text[at : at + 4] for at in range(start, min(start + 64, len(text)), 4))),))


class _Writer:
    """Formats values as indented JSON with bounded strings."""

    def __init__(self, longest: int) -> None:
        self._longest = longest

    def lines(
        self, value: object, before: tuple[Span, ...] = (), after: tuple[Span, ...] = (), indent: int = 0
    ) -> Iterator[Line]:
        """Yield the lines of a value; `before` (its key) is put on the first, `after` (a comma) on the last."""
        if isinstance(value, dict) and value:
            keyed = (((Span(_quoted(str(key)), Tone.KEY), _COLON), each) for key, each in value.items())
            inner = self._parts(keyed, len(value), indent + 1)
            brackets = "{}"
        elif isinstance(value, list) and value:
            inner = self._parts((((), each) for each in value), len(value), indent + 1)
            brackets = "[]"
        else:
            yield Line((*before, scalar(value, self._longest, quoted_words=True), *after), indent)
            return
        yield Line((*before, Span(brackets[0])), indent)
        yield from inner
        yield Line((Span(brackets[1]), *after), indent)

    def _parts(self, parts: Iterable[tuple[tuple[Span, ...], object]], count: int, indent: int) -> Iterator[Line]:
        for index, (key, each) in enumerate(parts, 1):
            yield from self.lines(each, key, () if index == count else (_COMMA,), indent)


_COLON: Final = Span(": ", Tone.DIM)
_COMMA: Final = Span(",", Tone.DIM)
_WORDS: Final = {None: "null", True: "true", False: "false"}


def scalar(value: object, longest: int, *, quoted_words: bool = False) -> Span:
    """Return a value without children as JSON; enum values are quoted only if `quoted_words`."""
    if value is None or isinstance(value, bool):
        return Span(_WORDS[value], Tone.KEYWORD)
    if isinstance(value, EnumWord):
        return Span(clean(f'"{value}"' if quoted_words else value), Tone.KEYWORD)
    if isinstance(value, str):
        return Span(_quoted(value, longest), Tone.STRING)
    if isinstance(value, int | float):
        return Span(str(value), Tone.NUMBER)
    return Span("{}" if isinstance(value, dict) else "[]")


def _quoted(text: str, longest: int = 400) -> str:
    # json escapes quotes and line ends; clean makes all other invisible characters visible.
    if len(text) <= longest:
        return clean(json.dumps(text, ensure_ascii=False))
    return clean(json.dumps(text[:longest], ensure_ascii=False)) + more_characters(text, longest)


def _shown(text: str, longest: int) -> tuple[Span, ...]:
    if len(text) <= longest:
        return (Span(clean(text), Tone.STRING),)
    return Span(clean(text[:longest]), Tone.STRING), Span(more_characters(text, longest), Tone.DIM)


_BYTES_SHOWN: Final = 16
_SEPARATOR: Final = " | "


def wire_lines(data: bytes, indent: int = 0) -> Iterator[Line]:
    """Yield the fields of a message without a schema; of a message that was cut, those that are there."""
    try:
        for field in fields(data):
            yield from _field(field, indent)
    except WireError:
        yield Line((Span("… the rest is missing", Tone.DIM),), indent)


def _field(field: WireField, indent: int) -> Iterator[Line]:
    key = Span(f"{field.number}: ", Tone.KEY)
    inner = _inner(field) if indent < MAX_DEPTH else None
    if inner is not None:
        name = "group" if field.wire_type is WireType.GROUP else "message"
        also = "" if name == "group" else f"{_SEPARATOR}bytes {_hex(inner)}"
        yield Line((key, Span("{"), Span(f"  {name}{also}", Tone.DIM)), indent)
        yield from wire_lines(inner, indent + 1)
        yield Line((Span("}"),), indent)
        return
    (name, value), *others = _readings(field)
    also = "".join(f"{_SEPARATOR}{each}" for each in _in_words(value, others))
    yield Line((key, value, Span(f"  {name}{also}", Tone.DIM)), indent)


def _inner(field: WireField) -> bytes | None:
    """Return the bytes of a field that is probably a message; None for any other."""
    if not isinstance(field.value, bytes) or field.wire_type in (WireType.FIXED32, WireType.FIXED64):
        return None
    if field.wire_type is WireType.GROUP:
        return field.value
    is_text = printable(field.value) is not None
    return None if is_text or _count(field.value) is None else field.value


def _count(data: bytes) -> int | None:
    """Return the number of fields of a message; None for bytes that are not a message."""
    try:
        return sum(1 for _ in fields(data))
    except WireError:
        return None


def _readings(field: WireField) -> list[tuple[str, Span]]:
    """Return the possible values of a field by the name of their type, the most likely first."""
    if isinstance(field.value, bytes) and field.wire_type is WireType.LEN:
        return _delimited(field.value)
    found = list(alternatives(field).items())
    likeliest = next((each for each in found if each[1] == likeliest_number(field)), found[0])
    found.remove(likeliest)
    return [(name, scalar(value, 100)) for name, value in (likeliest, *found)]


def _delimited(data: bytes) -> list[tuple[str, Span]]:
    found: list[tuple[str, Span]] = []
    if (text := printable(data)) is not None:
        found.append(("string", scalar(text, MAX_STRING)))
        if not data:
            return found
        if (count := _count(data)) is not None:
            found.append(("message", Span(f"of {counted(count, 'field')}")))
    return [*found, ("bytes", Span(_hex(data)))]


def _in_words(likeliest: Span, others: list[tuple[str, Span]]) -> Iterator[str]:
    """Yield each less likely type with its value, without those whose text is the same."""
    texts = {likeliest.text}
    for name, span in others:
        if span.text not in texts:
            texts.add(span.text)
            yield f"{name} {shortened(span.text, 80)}"


def _hex(data: bytes) -> str:
    if len(data) <= _BYTES_SHOWN:
        return data.hex(" ")
    return f"{data[:_BYTES_SHOWN].hex(' ')} … {size(len(data))}"
