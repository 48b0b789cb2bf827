"""Where a word of a filter is searched for, and how: in headers, in bytes, in what a frame type has of its own.

Every test is a closure over the lower-case word. The fast ways out are for a million frames that do not hold it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from inspector.model.frame import Detail, Header

_HEADER_LISTS_KEPT: Final = 65_536


def headers_test(wanted: str) -> Callable[[tuple[Header, ...]], bool]:
    """A test that finds a word in a name or a value of a header list."""
    # By identity: equal lists of many frames are one object, and hashing one costs more than to search it. The list
    # is kept beside its answer, so that no other can come to have its id.
    answers: dict[int, tuple[tuple[Header, ...], bool]] = {}

    def in_headers(headers: tuple[Header, ...]) -> bool:
        known = answers.get(id(headers))
        if known is not None:
            return known[1]
        found = any(wanted in name.lower() or wanted in value.lower() for name, value in headers)
        if len(answers) >= _HEADER_LISTS_KEPT:
            answers.clear()
        answers[id(headers)] = headers, found
        return found

    return in_headers


def bytes_test(wanted: str) -> Callable[[bytes], bool]:
    """A test that finds a word in bytes that are, or hold, UTF-8."""
    if wanted.isascii():
        raw = wanted.encode()
        return lambda data: raw in data.lower()
    # bytes.lower knows ASCII alone; other letters have to be read as text first.
    return lambda data: not data.isascii() and wanted in data.decode(errors="replace").lower()


def detail_test(wanted: str) -> Callable[[Detail], bool]:
    """A test that finds a word in a value of a frame's detail, or in the name of a setting."""
    quickly = is_plain(wanted)

    def in_detail(detail: Detail) -> bool:
        if quickly and wanted not in repr(detail).lower():
            return False
        return any(wanted in each.lower() for each in _words(detail))

    return in_detail


def is_plain(wanted: str) -> bool:
    """True for a word that repr shows without escapes: it is in no value if it is not in the repr of the whole."""
    return wanted.isprintable() and not set(wanted) & set("\\'\"")


def _words(detail: Detail) -> Iterator[str]:
    for value in detail.values():
        if isinstance(value, dict):
            yield from (f"{each}" for pair in value.items() for each in pair)
        else:
            yield f"{value}"
