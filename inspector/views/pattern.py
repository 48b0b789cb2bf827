"""What is looked for by Find: a text, a regular expression, or bytes in hex; and where.

Owns the reading of what was typed, and the sentence about what means nothing. Whose text and bytes are asked, the
callers know. The case of letters never matters.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from inspector.errors import PatternError
from inspector.store.filter_words import bytes_test

_BETWEEN_BYTES: Final = re.compile(r"0x|\\x|[\s:,-]", re.IGNORECASE)
_NO_HEX: Final = re.compile(r"[^0-9a-fA-F]")


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
class Pattern:
    """Something to look for."""

    in_text: Callable[[str], bool]
    in_bytes: Callable[[bytes], bool]
    shown: re.Pattern[str]
    """Finds it in what is drawn; bytes where they are drawn in hex."""


def parse_pattern(text: str, kind: Kind) -> Pattern:
    """What a text means. Raises PatternError."""
    match kind:
        case Kind.TEXT:
            lowered = text.lower()
            return Pattern(
                lambda said: lowered in said.lower(), bytes_test(lowered), re.compile(re.escape(text), re.IGNORECASE)
            )
        case Kind.REGEX:
            return _regex(text)
        case Kind.HEX:
            wanted = _bytes(text)
            drawn = re.compile(r"\b" + " +".join(f"{byte:02x}" for byte in wanted) + r"\b")
            return Pattern(lambda _said: False, lambda data: wanted in data, drawn)


def _regex(text: str) -> Pattern:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Python may read otherwise one day is told to nobody who types
            shown = re.compile(text, re.IGNORECASE)
            raw = re.compile(text.encode(), re.IGNORECASE) if text.isascii() else None
    except re.error as error:
        where = "" if error.pos is None else f" at character {error.pos + 1}"
        raise PatternError(f"This is no regular expression: {error.msg}{where}.") from error
    except (OverflowError, RecursionError) as error:
        raise PatternError("This regular expression is too large.") from error
    in_text = _searching(shown)
    if raw is None:
        return Pattern(in_text, lambda data: in_text(data.decode(errors="replace")), shown)
    search = raw.search
    return Pattern(in_text, lambda data: search(data) is not None, shown)


def _searching(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    search = pattern.search
    return lambda text: search(text) is not None


def _bytes(text: str) -> bytes:
    digits = _BETWEEN_BYTES.sub("", text)
    if strange := _NO_HEX.search(digits):
        raise PatternError(f"{strange[0]!r} is no hex digit; bytes are written as in 0a 05 57 or 0a0557.")
    if len(digits) % 2:
        raise PatternError(f"A byte is two hex digits, and here are {len(digits)}: one is missing.")
    return bytes.fromhex(digits)
