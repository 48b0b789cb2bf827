"""Parses what Find searches for, and tests whether frames contain it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import AnyStr, Final, TypeAlias

import regex

from inspector.diagnosis.call_facts import is_grpc
from inspector.errors import PatternError
from inspector.model.call import Message
from inspector.model.frame import Frame, FrameType
from inspector.present.messages import ending_in, read
from inspector.schema.catalog import Catalog
from inspector.store.filters.words import bytes_test
from inspector.store.store import Store

_BETWEEN_BYTES: Final = re.compile(r"0x|\\x|[\s:,-]", re.IGNORECASE)
_NO_HEX: Final = re.compile(r"[^0-9a-fA-F]")
_TIMEOUT: Final = 0.1
"""Seconds for one text: the backtracking of an expression such as `(a|aa)+$` takes exponential time."""
_TAKES_TOO_LONG: Final = "This regular expression takes too long: write it with fewer nested repetitions."

_COUNTS: Final = re.compile(r"\{(\d{0,9}),?(\d{0,9})\}")
_MAX_REPETITIONS: Final = 100_000
"""The compiler expands counted repetitions: `((a{1000}){1000}){1000}` would exhaust the memory."""


class Kind(StrEnum):
    """How a search text is interpreted."""

    TEXT = "text"
    REGEX = "regex"
    HEX = "hex"


class Where(StrEnum):
    """The parts of a frame or call that are searched."""

    ANYWHERE = "anywhere"
    ROWS = "rows"
    """The text of its row."""
    HEADERS = "headers"
    """Each as `name: value`."""
    MESSAGES = "messages"
    """Whole messages, decompressed: their bytes as text, and their values as JSON."""
    BYTES = "bytes"
    """The payloads of frames."""


@dataclass(frozen=True, slots=True)
class Matcher:
    """Finds a pattern in text within a bounded time."""

    _pattern: regex.Pattern[str]

    def is_in(self, text: str) -> bool:
        """Return whether a text contains the pattern. Raises PatternError if that takes too long."""
        return _holds(self._pattern, text)

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return the start and end of each match that is not empty; nothing if the search takes too long."""
        try:
            return [match.span() for match in self._pattern.finditer(text, timeout=_TIMEOUT) if match[0]]
        except TimeoutError:
            return []


@dataclass(frozen=True, slots=True)
class Pattern:
    """A parsed search. Its tests raise PatternError if they take too long."""

    in_text: Callable[[str], bool]
    in_bytes: Callable[[bytes], bool]
    shown: Matcher
    """Finds it in drawn text; bytes in the form of a hex dump."""


def parse_pattern(text: str, kind: Kind) -> Pattern:
    """Parse a search text. Raises PatternError if it is not valid."""
    match kind:
        case Kind.TEXT:
            lowered = text.lower()
            drawn = regex.compile(regex.escape(text), regex.IGNORECASE)
            return Pattern(lambda text: lowered in text.lower(), bytes_test(lowered), Matcher(drawn))
        case Kind.REGEX:
            return _regex(text)
        case Kind.HEX:
            wanted = _bytes(text)
            drawn = regex.compile(r"\b" + " +".join(f"{byte:02x}" for byte in wanted) + r"\b")
            return Pattern(lambda _text: False, lambda data: wanted in data, Matcher(drawn))


def _regex(text: str) -> Pattern:
    _refuse_large(text)
    shown = Matcher(_compiled(text))
    if not text.isascii():
        return Pattern(shown.is_in, lambda data: shown.is_in(data.decode(errors="replace")), shown)
    in_bytes = _compiled(text.encode())
    return Pattern(shown.is_in, lambda data: _holds(in_bytes, data), shown)


def _refuse_large(text: str) -> None:
    if math.prod(max(int(count or 1) for count in pair) for pair in _COUNTS.findall(text)) > _MAX_REPETITIONS:
        raise PatternError("This regular expression repeats too much: write it with smaller counts.")


def _compiled(text: AnyStr) -> regex.Pattern[AnyStr]:
    try:
        return regex.compile(text, regex.IGNORECASE)
    except regex.error as error:
        raise PatternError(f"This is not a regular expression: {error.args[0]}.") from error
    except RecursionError as error:
        raise PatternError("This regular expression is nested too deeply.") from error


def _holds(pattern: regex.Pattern[AnyStr], text: AnyStr) -> bool:
    try:
        return pattern.search(text, timeout=_TIMEOUT) is not None
    except TimeoutError as error:
        raise PatternError(_TAKES_TOO_LONG) from error


def _bytes(text: str) -> bytes:
    digits = _BETWEEN_BYTES.sub("", text)
    if strange := _NO_HEX.search(digits):
        raise PatternError(f"{strange[0]!r} is not a hex digit; write bytes as in 0a 05 57 or 0a0557.")
    if len(digits) % 2:
        raise PatternError(f"A byte has two hex digits, but there are {len(digits)}: one is missing.")
    return bytes.fromhex(digits)


_EXCERPT: Final = 65_536
"""Bytes of a message that are decoded; all of its bytes are searched."""

_Test: TypeAlias = Callable[["FrameFind", int, Frame], bool]


class FrameFind:
    """Tests frames of one store for one pattern."""

    def __init__(self, store: Store, catalog: Catalog, pattern: Pattern, where: Where) -> None:
        self._store, self._catalog, self._pattern = store, catalog, pattern
        self._tests = _TESTS.get(where, ())

    def holds(self, position: int) -> bool:
        """Return whether the frame at a position contains the pattern."""
        if not self._store.frames.holds(position):
            return False  # evicted during the search
        frame = self._store.frames[position]
        return any(test(self, position, frame) for test in self._tests)

    def _in_headers(self, _position: int, frame: Frame) -> bool:
        in_text = self._pattern.in_text
        return frame.headers is not None and any(in_text(f"{name}: {value}") for name, value in frame.headers)

    def _in_payload(self, _position: int, frame: Frame) -> bool:
        return bool(frame.payload) and self._pattern.in_bytes(frame.payload)

    def _in_messages(self, position: int, _frame: Frame) -> bool:
        return any(each.data is not None and self._pattern.in_bytes(each.data) for each in self._messages(position))

    def _in_readings(self, position: int, frame: Frame) -> bool:
        call = self._store.call_of(frame)
        if call is None:
            return False
        side = self._store.side(frame)
        readings = (read(call, side, each, self._catalog, _EXCERPT) for each in self._messages(position))
        return any(self._pattern.in_text(f"{each.type or ''} {_as_json(each.value)}") for each in readings)

    def _messages(self, position: int) -> Iterator[Message]:
        frame = self._store.frames[position]
        call = self._store.call_of(frame) if frame.type == FrameType.DATA else None
        if call is not None and is_grpc(call, side := self._store.side(frame)):
            yield from ending_in(call, side, position)


_TESTS: Final[Mapping[Where, tuple[_Test, ...]]] = {
    Where.HEADERS: (FrameFind._in_headers,),
    Where.BYTES: (FrameFind._in_payload,),
    Where.MESSAGES: (FrameFind._in_messages, FrameFind._in_readings),
    Where.ANYWHERE: (
        FrameFind._in_headers,
        FrameFind._in_payload,
        FrameFind._in_messages,
        FrameFind._in_readings,
    ),
}


def _as_json(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
