"""HPACK entries as headers in text. What is not known of an entry, and what that makes of it, others decide."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from inspector.model.frame import Header
from inspector.protocol.hpack_table import HeaderEntry
from inspector.protocol.metadata import BINARY_SUFFIX, binary_value

_SHARED_LISTS: Final = 1024


@lru_cache(maxsize=_SHARED_LISTS)
def plain_headers(entries: tuple[HeaderEntry, ...]) -> tuple[Header, ...]:
    """The headers of a block of which every entry is known. Calls of one client repeat theirs: the list is shared."""
    return tuple((text_of(entry.name or b""), value_of(entry)) for entry in entries)


def text_of(raw: bytes) -> str:
    """A name, or a value that is no binary metadata."""
    return raw.decode(errors="replace")


def value_of(entry: HeaderEntry, name: str | None = None) -> str:
    """A value as text; `name` is what the header is thought to be called where the entry has no name."""
    is_binary = (name or text_of(entry.name or b"")).endswith(BINARY_SUFFIX)
    return binary_value(entry.value or b"") if is_binary else text_of(entry.value or b"")
