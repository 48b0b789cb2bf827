"""What is looked for by Find: a text, a regular expression, or bytes in hex; and where.

Owns the reading of what was typed, and the sentence about what means nothing. Whose text and bytes are asked, the
callers know. The case of letters never matters.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import re2

from inspector.errors import PatternError
from inspector.store.filter_words import bytes_test

_BETWEEN_BYTES: Final = re.compile(r"0x|\\x|[\s:,-]", re.IGNORECASE)
_NO_HEX: Final = re.compile(r"[^0-9a-fA-F]")
_NOT_REGULAR: Final = ("invalid perl operator: (?", *(f"invalid escape sequence: \\{digit}" for digit in range(1, 10)))
"""How RE2 refuses what only a search that goes back and forth could find."""


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
    """Finds what is looked for in a text, in a time that grows with the text alone."""

    _pattern: Any
    """Of `re` or of RE2, which are asked in the same way."""

    def is_in(self, text: str) -> bool:
        """True when a text holds it."""
        return self._pattern.search(text.encode(errors="replace").decode()) is not None

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where it stands in a text: from and to, in order; what matches nothing but emptiness is left out."""
        found = self._pattern.finditer(text.encode(errors="replace").decode())
        return [match.span() for match in found if match[0]]


@dataclass(frozen=True, slots=True)
class Pattern:
    """Something to look for."""

    in_text: Callable[[str], bool]
    in_bytes: Callable[[bytes], bool]
    shown: Sought
    """Finds it in what is drawn; bytes where they are drawn in hex."""


def parse_pattern(text: str, kind: Kind) -> Pattern:
    """What a text means. Raises PatternError."""
    match kind:
        case Kind.TEXT:
            lowered = text.lower()
            drawn = re.compile(re.escape(text), re.IGNORECASE)
            return Pattern(lambda said: lowered in said.lower(), bytes_test(lowered), Sought(drawn))
        case Kind.REGEX:
            return _regex(text)
        case Kind.HEX:
            wanted = _bytes(text)
            drawn = re.compile(r"\b" + " +".join(f"{byte:02x}" for byte in wanted) + r"\b")
            return Pattern(lambda _said: False, lambda data: wanted in data, Sought(drawn))


def _regex(text: str) -> Pattern:
    """By RE2: an expression of Python's, as `(a+)+$`, may take for ever over one row, and nothing could stop it."""
    shown = Sought(_compiled(text, re2.Options.Encoding.UTF8))
    if not text.isascii():
        return Pattern(shown.is_in, lambda data: shown.is_in(data.decode(errors="replace")), shown)
    search = _compiled(text.encode(), re2.Options.Encoding.LATIN1).search
    return Pattern(shown.is_in, lambda data: search(data) is not None, shown)


def _compiled(text: str | bytes, encoding: re2.Options.Encoding) -> Any:
    options = re2.Options()
    options.case_sensitive, options.log_errors, options.encoding = False, False, encoding
    try:
        return re2.compile(text, options)
    except re2.error as error:
        said = error.args[0].decode(errors="replace")
        if said.startswith(_NOT_REGULAR):
            raise PatternError(
                "Regular expressions here look neither ahead nor back, so that none takes for ever."
            ) from error
        raise PatternError(f"This is no regular expression: {said}.") from error
    except UnicodeEncodeError as error:
        raise PatternError("This is no regular expression: it holds half a character.") from error


def _bytes(text: str) -> bytes:
    digits = _BETWEEN_BYTES.sub("", text)
    if strange := _NO_HEX.search(digits):
        raise PatternError(f"{strange[0]!r} is no hex digit; bytes are written as in 0a 05 57 or 0a0557.")
    if len(digits) % 2:
        raise PatternError(f"A byte is two hex digits, and here are {len(digits)}: one is missing.")
    return bytes.fromhex(digits)
