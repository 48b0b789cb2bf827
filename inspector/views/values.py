"""A message's value as coloured text: on one line for a row, or as pretty JSON, a line for each value.

Writes spans from Python values, not from text, so that a string that looks like JSON stays a string. Both forms are
made lazily: whoever shows only the beginning pays only for that.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Final

from inspector.schema.enum_words import EnumWord
from inspector.schema.payload import Format, Reading
from inspector.views.spans import Line, Span, Tone
from inspector.views.text import clean, more_characters, shortened

LONGEST_STRING: Final = 20_000
"""Characters of one string that are shown in pretty JSON; bounded, as a terminal has to lay them out."""


def compact(reading: Reading, limit: int = 200) -> tuple[Span, ...]:
    """A reading on one line, `name: "World"  state: PAID`, cut to about `limit` characters."""
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
    told = {key: each for key, each in value.items() if not _says_nothing(each)}
    return _fields(told or value, "  ") if value else iter((Span("no fields", Tone.DIM),))


def _says_nothing(value: object) -> bool:
    """True for the values that a proto3 field has when nobody set it: a row has no room for them."""
    return value is None or value is False or value in ("", 0, "0", [], {})


def _fields(value: dict[str, object], between: str) -> Iterator[Span]:
    for index, (key, each) in enumerate(value.items()):
        yield Span(f"{between if index else ''}{clean(shortened(str(key), 100))}: ", Tone.DIM)
        yield from _inline(each)


def _inline(value: object) -> Iterator[Span]:
    if isinstance(value, dict):
        yield Span("{", Tone.DIM)
        yield from _fields({key: each for key, each in value.items() if not _says_nothing(each)}, ", ")
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


def pretty(reading: Reading, longest: int = LONGEST_STRING) -> Iterator[Line]:
    """A reading as lines of coloured JSON, or of text, with strings cut at `longest` characters."""
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
    """Writes pretty JSON; knows how long a string may be."""

    def __init__(self, longest: int) -> None:
        self._longest = longest

    def lines(
        self, value: object, before: tuple[Span, ...] = (), after: tuple[Span, ...] = (), indent: int = 0
    ) -> Iterator[Line]:
        """A value with what stands before it on its first line (its key) and behind it on its last (a comma)."""
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
    """A value that holds no others, as JSON writes it; enum values without quotes unless these are asked for."""
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
    # json escapes what would end the string or break the line; clean marks the rest that cannot be seen.
    if len(text) <= longest:
        return clean(json.dumps(text, ensure_ascii=False))
    return clean(json.dumps(text[:longest], ensure_ascii=False)) + more_characters(text, longest)


def _shown(text: str, longest: int) -> tuple[Span, ...]:
    if len(text) <= longest:
        return (Span(clean(text), Tone.STRING),)
    return Span(clean(text[:longest]), Tone.STRING), Span(more_characters(text, longest), Tone.DIM)
