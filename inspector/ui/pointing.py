"""Where in a request's text an error is: at the place that it gives, or where its field stands.

Pure. An error gives a field by its path, as in `items[2].price`; the text is read as far as it is JSON.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from inspector.errors import RequestError

_TOKEN: Final = re.compile(r'"(?:\\.|[^"\\])*"|[{}\[\],:]|[^\s{}\[\],:"]+')


class Spot(NamedTuple):
    """A place in a text, both counted from 0."""

    line: int
    column: int


def find_spot(error: RequestError, text: str, start: int = 0) -> Spot | None:
    """Where in a text an error about the message that begins at `start` is; None where it gives no place."""
    if error.place is not None:
        line, column = error.place
        first = spot_at(text, start)
        return Spot(first.line + line - 1, column - 1 + (first.column if line == 1 else 0))
    known = {_plain(path): at for path, at in _paths(text, start)}
    at = known.get(_plain(error.path)) if error.path else None
    return None if at is None else spot_at(text, at)


def spot_at(text: str, at: int) -> Spot:
    """The line and column of an offset."""
    before = text[:at]
    return Spot(before.count("\n"), at - before.rfind("\n") - 1)


def _plain(path: str) -> str:
    """A path in one way of writing: whether a name is a field or the key of a map, the text does not tell."""
    return path.replace("[", ".").replace("]", "").strip(".")


def _paths(text: str, start: int) -> Iterator[tuple[str, int]]:
    """Every key and element with its path, and where it stands."""
    levels: list[_Level] = []
    path = ""
    for token in _TOKEN.finditer(text, start):
        word, level = token[0], levels[-1] if levels else None
        if word in "{[":
            path = path if level is None else level.element(path)
            levels.append(_Level(path, is_list=word == "["))
        elif level is None:
            return
        elif word in "}]":
            path = levels.pop().path
        elif word in ",:":
            level.go_on(word)
        elif level.is_list or level.awaits_key:
            path = level.element(path) if level.is_list else f"{level.path}.{word.strip(chr(34))}"
            yield path, token.start()


@dataclass(slots=True)
class _Level:
    """An object or a list that is open."""

    path: str
    is_list: bool
    index: int = 0
    awaits_key: bool = True

    def element(self, path: str) -> str:
        """The path of a value that begins now: that of its key, or in a list that of its index."""
        return f"{self.path}.{self.index}" if self.is_list else path

    def go_on(self, mark: str) -> None:
        """Behind a comma comes a key or the next element, behind a colon a value."""
        self.index += mark == ","
        self.awaits_key = mark == ","
