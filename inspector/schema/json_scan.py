"""Where in a JSON text a cursor is, though the text may be broken: in which object, at a key or a value.

Reads from the beginning to the cursor, and on to the end of the object around it for the keys that it has. Forgives
whatever is missing; knows nothing of schemas.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

_TOKEN: Final = re.compile(r'"(?:\\.|[^"\\\n])*"?|[{}\[\],:]|[^\s{}\[\],:"]+')


@dataclass(frozen=True, slots=True)
class Place:
    """What is at the cursor."""

    path: tuple[str | int, ...]
    """The keys and indices that lead to the object of the key, or to the value, at the cursor."""
    is_key: bool
    """True where a key is to be, False for a value."""
    start: int
    """Where the word at the cursor begins; the cursor itself where there is none."""
    end: int
    typed: str
    """The word as far as the cursor, without its quotes."""
    used: frozenset[str] = frozenset()
    """The other keys of the object, those behind the cursor too."""
    has_colon: bool = False
    """True when a colon follows the word."""
    types: tuple[str, ...] = ()
    """For each object or list that is open, the outermost first, its `@type` as far as it was given; else empty."""


@dataclass(slots=True)
class _Level:
    """An object or list that is open."""

    is_object: bool
    keys: list[str] = field(default_factory=list)
    key: str | None = None
    """The key whose value comes, or is there."""
    index: int = 0
    awaits_value: bool = False
    is_full: bool = False
    """True behind a value, where only a comma can come."""
    type_url: str = ""

    def begin_next(self) -> None:
        """Go on behind a comma."""
        self.key, self.awaits_value, self.is_full, self.index = None, False, False, self.index + 1

    def take_word(self, word: str) -> None:
        """Take in a string or a bare word, as a key or as a value."""
        if self.is_object and not self.awaits_value:
            self.key = word
            self.keys.append(word)
            return
        self.is_full = True
        if self.key == "@type":
            self.type_url = word


def find_place(text: str, offset: int) -> Place | None:
    """The place of an offset; None outside of any object, and where nothing can be completed."""
    levels: list[_Level] = []
    for token in _TOKEN.finditer(text):
        if token.end() > offset or (token.end() == offset and _is_open_word(token[0])):
            if token.start() < offset and _is_word(token[0]):
                return _place(levels, text, token.start(), token.end(), offset)
            break
        _take(levels, token[0])
    return _place(levels, text, offset, offset, offset)


def _is_word(token: str) -> bool:
    return token[0] not in "{}[],:"


def _is_open_word(token: str) -> bool:
    """True for a word that typing goes on with: one that is not closed by its quote."""
    return _is_word(token) and not (token[0] == '"' and len(token) > 1 and token.endswith('"'))


def _take(levels: list[_Level], piece: str) -> None:
    if piece in ("{", "["):
        levels.append(_Level(piece == "{"))
    elif not levels:
        return
    elif piece in ("}", "]"):
        levels.pop()
        if levels:
            levels[-1].is_full = True
    elif piece == ",":
        levels[-1].begin_next()
    elif piece == ":":
        levels[-1].awaits_value = True
    else:
        levels[-1].take_word(piece.strip('"'))


def _place(levels: list[_Level], text: str, start: int, end: int, offset: int) -> Place | None:
    if not levels or levels[-1].is_full or (levels[-1].key is not None and not levels[-1].awaits_value):
        return None
    level, types = levels[-1], tuple(each.type_url for each in levels)
    path = tuple(_step(each) for each in levels[:-1])
    typed = text[start:offset].lstrip('"')
    if level.is_object and not level.awaits_value:
        used = frozenset(level.keys) | _keys_behind(text, end)
        has_colon = text[end:].lstrip().startswith(":")
        return Place(path, True, start, end, typed, used, has_colon, types)
    return Place((*path, _step(level)), False, start, end, typed, types=types)


def _step(level: _Level) -> str | int:
    return (level.key or "") if level.is_object else level.index


def _keys_behind(text: str, start: int) -> frozenset[str]:
    """The keys of the same object that stand behind the cursor."""
    levels = [_Level(is_object=True)]
    own = levels[0]
    own.awaits_value = text[start:].lstrip().startswith(":")
    for token in _TOKEN.finditer(text, start):
        _take(levels, token[0])
        if not levels:
            break
    return frozenset(own.keys)
