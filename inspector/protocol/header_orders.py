"""In which order known gRPC implementations write their headers: what the names of unread ones may be.

grpc-go, grpc-js and the C core write the standard headers in a fixed order, with the caller's metadata at one place.
Where a block has headers whose names were never seen, only some ways to lay it on these orders are left. What comes
of it is a guess, whatever it is called by who asks.
"""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache
from typing import Final

METADATA: Final = "*"
"""Stands for any header of the caller's own, and for any number of them in an order."""


class Part(StrEnum):
    """What a header block is to its call."""

    REQUEST = "request"
    RESPONSE = "response"
    TRAILERS = "trailers"
    TRAILERS_ONLY = "trailers-only"


_JS_REQUEST: Final = (
    ":authority :method :path :scheme grpc-timeout? * "
    "grpc-accept-encoding accept-encoding grpc-encoding? user-agent content-type te"
)
_CORE_REQUEST: Final = (
    ":path :authority :method :scheme content-type te grpc-timeout? grpc-encoding? grpc-accept-encoding user-agent *"
)
_WRITTEN: Final[dict[Part, tuple[str, ...]]] = {
    Part.REQUEST: (
        ":method :scheme :path :authority content-type user-agent te grpc-encoding? grpc-timeout? *",
        _JS_REQUEST,
        _CORE_REQUEST,
    ),
    Part.RESPONSE: (
        ":status content-type grpc-encoding? *",
        ":status content-type grpc-accept-encoding grpc-encoding? * date?",
        ":status content-type grpc-encoding? grpc-accept-encoding *",
    ),
    Part.TRAILERS: ("grpc-status grpc-message? * grpc-status-details-bin?",),
    Part.TRAILERS_ONLY: (
        ":status content-type grpc-status grpc-message? *",
        ":status grpc-status grpc-message content-type * date?",
    ),
}
"""`?` marks what is not always there."""
_ORDERS: Final = {
    part: tuple(tuple((word.rstrip("?"), word.endswith("?")) for word in order.split()) for order in orders)
    for part, orders in _WRITTEN.items()
}
_STANDARD: Final = frozenset(name for orders in _ORDERS.values() for order in orders for name, _ in order) - {METADATA}
_LONGEST: Final = 64


@lru_cache(maxsize=1024)
def possible_names(part: Part, names: tuple[str | None, ...]) -> tuple[frozenset[str], ...]:
    """What each header of a block may be called, `METADATA` for one of the caller's own; empty where no order fits."""
    found: list[set[str]] = [set() for _ in names]
    if len(names) <= _LONGEST:
        for order in _ORDERS[part]:
            _lay(names, order, found)
    return tuple(map(frozenset, found))


def _lay(names: tuple[str | None, ...], order: tuple[tuple[str, bool], ...], found: list[set[str]]) -> None:
    """Add what the headers are called in every way in which the block can be laid on one order."""
    ends = {(len(names), len(order))}
    for at in range(len(names), -1, -1):
        for word in range(len(order) - 1, -1, -1):
            name, optional = order[word]
            skipped = (optional or name == METADATA) and (at, word + 1) in ends
            taken = at < len(names) and _is(names[at], name) and (at + 1, word + (name != METADATA)) in ends
            if skipped or taken:
                ends.add((at, word))
    _walk(names, order, found, ends)


def _walk(
    names: tuple[str | None, ...],
    order: tuple[tuple[str, bool], ...],
    found: list[set[str]],
    ends: set[tuple[int, int]],
) -> None:
    waiting, seen = [(0, 0)], set[tuple[int, int]]()
    while waiting:
        at, word = waiting.pop()
        if (at, word) in seen or (at, word) not in ends or word == len(order):
            continue
        seen.add((at, word))
        name, optional = order[word]
        if optional or name == METADATA:
            waiting.append((at, word + 1))
        behind = (at + 1, word + (name != METADATA))
        if at < len(names) and _is(names[at], name) and behind in ends:
            found[at].add(name)
            waiting.append(behind)


def _is(name: str | None, word: str) -> bool:
    return name is None or name == word or (word == METADATA and name not in _STANDARD)
