"""In which order known implementations write their headers: what the names of unread ones may be.

Each writes the standard headers in an order of its own, with the caller's metadata at one place; proxies keep the
order of the caller behind what they write themselves. Where a block has headers whose names were never seen, only some
ways to lay it on these orders are left. What comes of it is a guess, whatever it is called by who asks.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum
from functools import lru_cache
from typing import Final

METADATA: Final = "*"
"""Stands for any header of the caller's own, and for any number of them in an order."""
ANY: Final = "**"
"""Stands for any header but `:path` and its like, and for any number of them in an order."""
_MANY: Final = frozenset({METADATA, ANY})


class BlockRole(StrEnum):
    """What a header block is to its call."""

    REQUEST = "request"
    RESPONSE = "response"
    TRAILERS = "trailers"
    TRAILERS_ONLY = "trailers-only"


_TRAILERS: Final = "grpc-status grpc-message? * grpc-status-details-bin? *"
_Orders = dict[BlockRole, str]

_WRITTEN: Final[dict[str, _Orders]] = {
    "grpc-go": {
        BlockRole.REQUEST: (
            ":method :scheme :path :authority content-type user-agent te "
            "grpc-encoding? grpc-accept-encoding? grpc-timeout? *"
        ),
        BlockRole.RESPONSE: ":status content-type grpc-encoding? *",
        BlockRole.TRAILERS: _TRAILERS,
        BlockRole.TRAILERS_ONLY: ":status content-type grpc-status grpc-message? *",
    },
    "grpc-js": {
        BlockRole.REQUEST: (
            ":authority :method :path :scheme grpc-timeout? * grpc-accept-encoding accept-encoding "
            "grpc-encoding? grpc-timeout? user-agent content-type te"
        ),
        BlockRole.RESPONSE: ":status content-type grpc-accept-encoding grpc-encoding? * date?",
        BlockRole.TRAILERS: _TRAILERS,
        BlockRole.TRAILERS_ONLY: ":status grpc-status grpc-message content-type * date?",
    },
    "C core": {
        BlockRole.REQUEST: (
            ":path :authority :method :scheme content-type te grpc-timeout? grpc-encoding? grpc-accept-encoding "
            "grpc-timeout? user-agent *"
        ),
        BlockRole.RESPONSE: ":status content-type grpc-encoding? grpc-accept-encoding *",
        BlockRole.TRAILERS: _TRAILERS,
        BlockRole.TRAILERS_ONLY: ":status content-type grpc-status grpc-message? *",
    },
}
"""Those of most services. grpc-go 1.33, grpc-js 1.14, grpcio
1.85 and C++ 1.51, as recorded. `?` marks what is not always there."""

_WRITTEN_ELSEWHERE: Final[dict[str, _Orders]] = {
    "grpc-java": {
        BlockRole.REQUEST: (
            ":authority :path :method :scheme content-type te user-agent * "
            "grpc-encoding? grpc-accept-encoding grpc-timeout?"
        ),
        BlockRole.RESPONSE: ":status content-type * grpc-encoding grpc-accept-encoding *",
        BlockRole.TRAILERS: "* grpc-status grpc-message? *",
        BlockRole.TRAILERS_ONLY: ":status content-type * grpc-status grpc-message?",
    },
    "grpclib": {
        BlockRole.REQUEST: ":method :scheme :path :authority grpc-timeout? te content-type user-agent *",
        BlockRole.RESPONSE: ":status content-type *",
        BlockRole.TRAILERS: _TRAILERS,
        BlockRole.TRAILERS_ONLY: ":status content-type? grpc-status grpc-message? *",
    },
    "Connect": {
        BlockRole.REQUEST: ":method :path :authority :scheme **",
        BlockRole.RESPONSE: ":status ** date",
        BlockRole.TRAILERS: "* grpc-message? grpc-status * grpc-status-details-bin? *",
        BlockRole.TRAILERS_ONLY: ":status ** date",
    },
}
"""grpc-java 1.41 on Netty 4.1.48, grpclib 0.4.9 and connect-node 1.7, as recorded."""

_WRITTEN_BY_PROXIES: Final[dict[str, _Orders]] = {
    "nginx": {
        BlockRole.REQUEST: ":method :scheme :path :authority te **",
        BlockRole.RESPONSE: ":status server date content-type content-length? **",
        BlockRole.TRAILERS: _TRAILERS,
        BlockRole.TRAILERS_ONLY: ":status server date content-type content-length? ** grpc-status grpc-message? *",
    },
    "HAProxy": {BlockRole.REQUEST: ":method :scheme :authority :path **"},
    "nghttpx": {
        BlockRole.REQUEST: ":method :scheme :path :authority ** x-forwarded-proto via te?",
        BlockRole.RESPONSE: ":status content-type ** server via",
        BlockRole.TRAILERS: _TRAILERS,
        BlockRole.TRAILERS_ONLY: ":status content-type ** grpc-status grpc-message? ** server via",
    },
}
"""nginx 1.22, HAProxy 2.6 and nghttpx 1.52, as recorded: requests as the service gets them, and replies as the client
does. HAProxy's replies keep the order of the service."""

RANKS: Final = tuple(map(frozenset, (_WRITTEN, _WRITTEN_ELSEWHERE, _WRITTEN_BY_PROXIES)))
"""The implementations, in ranks: those of one are asked where none before fits."""

_ORDERS: Final = {
    sender: {
        part: tuple((word.rstrip("?"), word.endswith("?")) for word in order.split()) for part, order in orders.items()
    }
    for sender, orders in (_WRITTEN | _WRITTEN_ELSEWHERE | _WRITTEN_BY_PROXIES).items()
}
_STANDARD: Final = (
    frozenset(name for orders in _ORDERS.values() for order in orders.values() for name, _ in order)
    - _MANY
    - {"server", "via", "x-forwarded-proto"}
)
_LONGEST: Final = 64


@lru_cache(maxsize=4096)
def possible_names(part: BlockRole, names: tuple[str | None, ...], sender: str) -> tuple[frozenset[str], ...]:
    """What each header of a sender's block may be called; empty where its order does not fit.

    `METADATA` and `ANY` stand for what has no name that could be told.
    """
    found: list[set[str]] = [set() for _ in names]
    order = _ORDERS[sender].get(part)
    if order is not None and len(names) <= _LONGEST:
        _lay(names, order, found)
    return tuple(map(frozenset, found))


def fitting(part: BlockRole, names: tuple[str | None, ...], senders: Collection[str]) -> frozenset[str]:
    """Those of the senders that may have written a block, and those of which it is not known how they do."""
    return frozenset(
        sender for sender in senders if part not in _ORDERS[sender] or all(possible_names(part, names, sender))
    )


def _lay(names: tuple[str | None, ...], order: tuple[tuple[str, bool], ...], found: list[set[str]]) -> None:
    """Add what the headers are called in every way in which the block can be laid on one order."""
    ends = {(len(names), len(order))}
    for at in range(len(names), -1, -1):
        for word in range(len(order) - 1, -1, -1):
            name, optional = order[word]
            skipped = (optional or name in _MANY) and (at, word + 1) in ends
            taken = at < len(names) and _is(names[at], name) and (at + 1, word + (name not in _MANY)) in ends
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
        if optional or name in _MANY:
            waiting.append((at, word + 1))
        behind = (at + 1, word + (name not in _MANY))
        if at < len(names) and _is(names[at], name) and behind in ends:
            found[at].add(name)
            waiting.append(behind)


def _is(name: str | None, word: str) -> bool:
    if name is None or name == word:
        return True
    return name not in _STANDARD if word == METADATA else word == ANY and not name.startswith(":")
