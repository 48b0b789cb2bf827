"""Infers the names of headers from the order in which known implementations write them.

Each implementation writes the standard headers in an order of its own, with the caller's metadata at one place; proxies
keep the caller's order behind the headers that they add. A block in which some names are unknown fits only some of
these orders, in some alignments. The result is always a guess.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from enum import StrEnum
from functools import lru_cache
from typing import Final, TypeAlias

from inspector.http2.hpack.table import UnknownEntry

METADATA: Final = "*"
"""Stands for a header of the caller's own; in an order, for any number of them."""
ANY: Final = "**"
"""Stands for any header but pseudo-headers such as `:path`; in an order, for any number of them."""
_WILDCARDS: Final = frozenset({METADATA, ANY})


class BlockRole(StrEnum):
    """The part of a call that a header block carries."""

    REQUEST = "request"
    RESPONSE = "response"
    TRAILERS = "trailers"
    TRAILERS_ONLY = "trailers-only"


_TRAILERS_ORDER: Final = "grpc-status grpc-message? * grpc-status-details-bin? *"
_Orders = dict[BlockRole, str]

_COMMON: Final[dict[str, _Orders]] = {
    "grpc-go": {
        BlockRole.REQUEST: (
            ":method :scheme :path :authority content-type user-agent te "
            "grpc-encoding? grpc-accept-encoding? grpc-timeout? *"
        ),
        BlockRole.RESPONSE: ":status content-type grpc-encoding? *",
        BlockRole.TRAILERS: _TRAILERS_ORDER,
        BlockRole.TRAILERS_ONLY: ":status content-type grpc-status grpc-message? *",
    },
    "grpc-js": {
        BlockRole.REQUEST: (
            ":authority :method :path :scheme grpc-timeout? * grpc-accept-encoding accept-encoding "
            "grpc-encoding? grpc-timeout? user-agent content-type te"
        ),
        BlockRole.RESPONSE: ":status content-type grpc-accept-encoding grpc-encoding? * date?",
        BlockRole.TRAILERS: _TRAILERS_ORDER,
        BlockRole.TRAILERS_ONLY: ":status grpc-status grpc-message content-type * date?",
    },
    "C core": {
        BlockRole.REQUEST: (
            ":path :authority :method :scheme content-type te grpc-timeout? grpc-encoding? grpc-accept-encoding "
            "grpc-timeout? user-agent *"
        ),
        BlockRole.RESPONSE: ":status content-type grpc-encoding? grpc-accept-encoding *",
        BlockRole.TRAILERS: _TRAILERS_ORDER,
        BlockRole.TRAILERS_ONLY: ":status content-type grpc-status grpc-message? *",
    },
}
"""The most common ones: grpc-go 1.33, grpc-js 1.14, grpcio 1.85 and C++ 1.51, as recorded. `?` marks a header that is
not always there."""

_OTHERS: Final[dict[str, _Orders]] = {
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
        BlockRole.TRAILERS: _TRAILERS_ORDER,
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

_PROXIES: Final[dict[str, _Orders]] = {
    "nginx": {
        BlockRole.REQUEST: ":method :scheme :path :authority te **",
        BlockRole.RESPONSE: ":status server date content-type content-length? **",
        BlockRole.TRAILERS: _TRAILERS_ORDER,
        BlockRole.TRAILERS_ONLY: ":status server date content-type content-length? ** grpc-status grpc-message? *",
    },
    "HAProxy": {BlockRole.REQUEST: ":method :scheme :authority :path **"},
    "nghttpx": {
        BlockRole.REQUEST: ":method :scheme :path :authority ** x-forwarded-proto via te?",
        BlockRole.RESPONSE: ":status content-type ** server via",
        BlockRole.TRAILERS: _TRAILERS_ORDER,
        BlockRole.TRAILERS_ONLY: ":status content-type ** grpc-status grpc-message? ** server via",
    },
}
"""nginx 1.22, HAProxy 2.6 and nghttpx 1.52, as recorded: requests as the service receives them, replies as the client
does. HAProxy keeps the service's order in replies."""

RANKS: Final = tuple(map(frozenset, (_COMMON, _OTHERS, _PROXIES)))
"""The implementations in ranks; those of a later rank count only while none of an earlier one fits."""

_ORDERS: Final = {
    sender: {
        role: tuple((name.rstrip("?"), name.endswith("?")) for name in order.split()) for role, order in orders.items()
    }
    for sender, orders in (_COMMON | _OTHERS | _PROXIES).items()
}
_STANDARD: Final = (
    frozenset(name for orders in _ORDERS.values() for order in orders.values() for name, _ in order)
    - _WILDCARDS
    - {"server", "via", "x-forwarded-proto", "grpc-status-details-bin"}
)
_MAX_HEADERS: Final = 64
"""Of a block that is compared with the orders."""


@lru_cache(maxsize=4096)
def possible_names(role: BlockRole, names: tuple[str | None, ...], sender: str) -> tuple[frozenset[str], ...]:
    """Return the names that each header of a sender's block may have; empty sets where its order does not fit.

    `names` has None for an unknown name; the result has `METADATA` and `ANY` for headers outside the order.
    """
    found: list[set[str]] = [set() for _ in names]
    order = _ORDERS[sender].get(role)
    if order is not None and len(names) <= _MAX_HEADERS:
        _align(names, order, found)
    return tuple(map(frozenset, found))


def fitting(role: BlockRole, names: tuple[str | None, ...], senders: Collection[str]) -> frozenset[str]:
    """Return the senders that may have written a block, and those whose order for this role is not recorded."""
    return frozenset(
        sender for sender in senders if role not in _ORDERS[sender] or all(possible_names(role, names, sender))
    )


_Order: TypeAlias = tuple[tuple[str, bool], ...]
"""Names, each with whether it is optional."""


def _align(names: tuple[str | None, ...], order: _Order, found: list[set[str]]) -> None:
    """Add the names that the headers have in every alignment of the block with an order.

    A state is a header and an item of the order, both not consumed yet. Works backwards from the end first, so that
    the walk from the beginning enters only states from which the end can be reached.
    """
    reaching_end = {(len(names), len(order))}
    for index in range(len(names), -1, -1):
        for item in range(len(order) - 1, -1, -1):
            name, optional = order[item]
            skipped = (optional or name in _WILDCARDS) and (index, item + 1) in reaching_end
            matched = (
                index < len(names)
                and _matches(names[index], name)
                and (index + 1, item + (name not in _WILDCARDS)) in reaching_end
            )
            if skipped or matched:
                reaching_end.add((index, item))
    _walk(names, order, found, reaching_end)


def _walk(
    names: tuple[str | None, ...], order: _Order, found: list[set[str]], reaching_end: set[tuple[int, int]]
) -> None:
    states, visited = [(0, 0)], set[tuple[int, int]]()
    while states:
        state = index, item = states.pop()
        if state in visited or state not in reaching_end or item == len(order):
            continue
        visited.add(state)
        name, optional = order[item]
        if optional or name in _WILDCARDS:
            states.append((index, item + 1))
        following = (index + 1, item + (name not in _WILDCARDS))
        if index < len(names) and _matches(names[index], name) and following in reaching_end:
            found[index].add(name)
            states.append(following)


def _matches(name: str | None, item: str) -> bool:
    if name is None or name == item:
        return True
    return name not in _STANDARD if item == METADATA else item == ANY and not name.startswith(":")


_MAX_BLOCKS: Final = 1024
"""Different blocks that are compared with the orders; more of them would narrow little."""

Block: TypeAlias = tuple[str | UnknownEntry, ...]
"""The names of a block's headers, in order; the entry itself where the name is that of an unknown entry."""


class SenderOrders:
    """The names of one direction's unknown entries, narrowed by each block that uses them."""

    __slots__ = ("_blocks", "_names", "_ranks")

    def __init__(self) -> None:
        self._blocks: dict[tuple[BlockRole, Block], None] = {}
        self._ranks = RANKS
        """The implementations that fit all blocks so far."""
        self._names: dict[UnknownEntry, frozenset[str]] = {}

    def name(self, entry: UnknownEntry) -> str | None:
        """Return the name of an unknown entry; None while several are possible."""
        names = self._names.get(entry, frozenset())
        return next(iter(names)) if len(names) == 1 and not names & {METADATA, ANY} else None

    def entries(self, name: str) -> list[UnknownEntry]:
        """Return the unknown entries with a name."""
        return [entry for entry in self._names if self.name(entry) == name]

    def is_certain(self, entry: UnknownEntry) -> bool:
        """Return True when the implementations of all ranks that fit agree on an entry's name."""
        senders = frozenset().union(*self._ranks)
        found = (self._possible(role, block, senders) for role, block in self._blocks if entry in block)
        return all(names.get(entry, frozenset()) <= self._names[entry] for names in found)

    def observe(self, role: BlockRole, block: Block) -> set[UnknownEntry]:
        """Narrow the names by a block; return the entries whose possible names changed."""
        if (role, block) in self._blocks or len(self._blocks) >= _MAX_BLOCKS:
            return set()
        self._blocks[role, block] = None
        names, likely = _names(block), self._likely
        self._ranks = tuple(fitting(role, names, rank) for rank in self._ranks)
        if likely == self._likely:
            return set(self._narrow(role, block))
        before, self._names = self._names, {}
        for each in self._blocks:
            set(self._narrow(*each))
        return {entry for entry in before.keys() | self._names if before.get(entry) != self._names.get(entry)}

    def forget(self, epoch: int) -> None:
        """Forget the entries of an epoch and of those before."""
        self._names = {entry: names for entry, names in self._names.items() if entry.epoch > epoch}
        old = [
            key
            for key in self._blocks
            if any(isinstance(item, UnknownEntry) and item.epoch <= epoch for item in key[1])
        ]
        for key in old:
            del self._blocks[key]

    @property
    def _likely(self) -> frozenset[str]:
        """The fitting implementations of the first rank that has any."""
        return next(filter(None, self._ranks), frozenset())

    def _narrow(self, role: BlockRole, block: Block) -> Iterator[UnknownEntry]:
        for entry, possible in self._possible(role, block, self._likely).items():
            before = self._names.get(entry)
            self._names[entry] = possible if before is None else before & possible
            if self._names[entry] != before:
                yield entry

    def _possible(self, role: BlockRole, block: Block, senders: frozenset[str]) -> dict[UnknownEntry, frozenset[str]]:
        """Return the names that each unknown entry of a block may have."""
        by_sender = [possible_names(role, _names(block), sender) for sender in senders]
        known = [names if all(names) else (frozenset({ANY}),) * len(block) for names in by_sender]
        return {
            entry: frozenset().union(*(names[index] for names in known))
            for index, entry in enumerate(block)
            if isinstance(entry, UnknownEntry)
        }


def _names(block: Block) -> tuple[str | None, ...]:
    return tuple(None if isinstance(item, UnknownEntry) else item for item in block)
