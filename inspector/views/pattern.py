"""What is looked for by Find: a text, a regular expression, or bytes in hex; and where.

Owns the reading of what was typed, and the sentence about what means nothing. Whose text and bytes are asked, the
callers know. The case of letters never matters.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import AnyStr, Final

import regex

from inspector.errors import PatternError
from inspector.store.filter_words import bytes_test

_BETWEEN_BYTES: Final = re.compile(r"0x|\\x|[\s:,-]", re.IGNORECASE)
_NO_HEX: Final = re.compile(r"[^0-9a-fA-F]")
_PATIENCE: Final = 0.1
"""Seconds for one text: an expression such as `(a|aa)+$` may go back and forth in it for years."""
_TAKES_TOO_LONG: Final = (
    "This regular expression takes too long: write it with fewer repetitions inside of repetitions."
)


class Kind(StrEnum):
    """How what was typed is meant."""

    TEXT = "text"
    REGEX = "regex"
    HEX = "hex"


class Where(StrEnum):
    """What is searched of a frame or a call."""

    ANYWHERE = "anywhere"
    ROWS = "rows"
    """What the list says of it."""
    HEADERS = "headers"
    """`name: value`, one by one."""
    MESSAGES = "messages"
    """Whole messages, decompressed: their bytes as text, and their readings as JSON."""
    BYTES = "bytes"
    """The payloads of frames."""


@dataclass(frozen=True, slots=True)
class Sought:
    """Finds what is looked for in a text, within a bounded time."""

    _pattern: regex.Pattern[str]

    def is_in(self, text: str) -> bool:
        """True when a text holds it. Raises PatternError where that takes too long to say."""
        return _holds(self._pattern, text)

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where it stands in a text: from and to, in order; what matches nothing but emptiness is left out.

        Empty where it takes too long to say.
        """
        try:
            return [match.span() for match in self._pattern.finditer(text, timeout=_PATIENCE) if match[0]]
        except TimeoutError:
            return []


@dataclass(frozen=True, slots=True)
class Pattern:
    """Something to look for. To ask it raises PatternError where the answer takes too long."""

    in_text: Callable[[str], bool]
    in_bytes: Callable[[bytes], bool]
    shown: Sought
    """Finds it in what is drawn; bytes where they are drawn in hex."""


def parse_pattern(text: str, kind: Kind) -> Pattern:
    """What a text means. Raises PatternError."""
    match kind:
        case Kind.TEXT:
            lowered = text.lower()
            drawn = regex.compile(regex.escape(text), regex.IGNORECASE)
            return Pattern(lambda said: lowered in said.lower(), bytes_test(lowered), Sought(drawn))
        case Kind.REGEX:
            return _regex(text)
        case Kind.HEX:
            wanted = _bytes(text)
            drawn = regex.compile(r"\b" + " +".join(f"{byte:02x}" for byte in wanted) + r"\b")
            return Pattern(lambda _said: False, lambda data: wanted in data, Sought(drawn))


def _regex(text: str) -> Pattern:
    shown = Sought(_compiled(text))
    if not text.isascii():
        return Pattern(shown.is_in, lambda data: shown.is_in(data.decode(errors="replace")), shown)
    in_bytes = _compiled(text.encode())
    return Pattern(shown.is_in, lambda data: _holds(in_bytes, data), shown)


def _compiled(text: AnyStr) -> regex.Pattern[AnyStr]:
    try:
        return regex.compile(text, regex.IGNORECASE)
    except regex.error as error:
        raise PatternError(f"This is no regular expression: {error.args[0]}.") from error
    except RecursionError as error:
        raise PatternError("This regular expression nests too deep.") from error


def _holds(pattern: regex.Pattern[AnyStr], text: AnyStr) -> bool:
    try:
        return pattern.search(text, timeout=_PATIENCE) is not None
    except TimeoutError as error:
        raise PatternError(_TAKES_TOO_LONG) from error


def _bytes(text: str) -> bytes:
    digits = _BETWEEN_BYTES.sub("", text)
    if strange := _NO_HEX.search(digits):
        raise PatternError(f"{strange[0]!r} is no hex digit; bytes are written as in 0a 05 57 or 0a0557.")
    if len(digits) % 2:
        raise PatternError(f"A byte is two hex digits, and here are {len(digits)}: one is missing.")
    return bytes.fromhex(digits)
