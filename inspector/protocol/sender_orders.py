"""Which known implementations may have written the blocks of one direction, and so what unread headers are called.

An order that does not fit one block of a sender is not its order: with each new block fewer are left, and the names
are found anew from all of them. Those of most services are believed first, others where none of those fits.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeAlias

from inspector.protocol.header_orders import ANY, METADATA, RANKS, Part, fitting, possible_names
from inspector.protocol.hpack_table import Place

_BLOCKS_BOUND: Final = 1024
"""Different blocks that are weighed; what more of them could tell is little."""

Block: TypeAlias = tuple[str | Place, ...]
"""The names of a block's headers, in order; a place where the name is of an entry never seen."""


class SenderOrders:
    """What the blocks of one direction, given one by one, tell of the names of its places."""

    __slots__ = ("_blocks", "_names", "_ranks")

    def __init__(self) -> None:
        self._blocks: dict[tuple[Part, Block], None] = {}
        self._ranks = RANKS
        self._names: dict[Place, frozenset[str]] = {}

    def name(self, place: Place) -> str | None:
        """What the header of a place is called; None where several names are left."""
        names = self._names.get(place, frozenset())
        return next(iter(names)) if len(names) == 1 and not names & {METADATA, ANY} else None

    def places(self, name: str) -> list[Place]:
        """Those of which the header is called so."""
        return [place for place in self._names if self.name(place) == name]

    def is_certain(self, place: Place) -> bool:
        """True when all implementations that fit say the same of a place, those of all ranks."""
        senders = frozenset().union(*self._ranks)
        found = (self._possible(part, block, senders) for part, block in self._blocks if place in block)
        return all(names.get(place, frozenset()) <= self._names[place] for names in found)

    def observe(self, part: Part, block: Block) -> set[Place]:
        """Take in a block; the places that are called otherwise now, or for the first time."""
        if (part, block) in self._blocks or len(self._blocks) >= _BLOCKS_BOUND:
            return set()
        self._blocks[part, block] = None
        names, believed = _names(block), self._believed
        self._ranks = tuple(fitting(part, names, rank) for rank in self._ranks)
        if believed == self._believed:
            return set(self._narrow(part, block))
        before, self._names = self._names, {}
        for each in self._blocks:
            set(self._narrow(*each))
        return {place for place in before.keys() | self._names if before.get(place) != self._names.get(place)}

    def forget(self, epoch: int) -> None:
        """Know nothing more of the places of an epoch and of those before."""
        self._names = {place: names for place, names in self._names.items() if place.epoch > epoch}
        old = [key for key in self._blocks if any(isinstance(each, Place) and each.epoch <= epoch for each in key[1])]
        for key in old:
            del self._blocks[key]

    @property
    def _believed(self) -> frozenset[str]:
        return next(filter(None, self._ranks), frozenset())

    def _narrow(self, part: Part, block: Block) -> Iterator[Place]:
        for place, possible in self._possible(part, block, self._believed).items():
            before = self._names.get(place)
            self._names[place] = possible if before is None else before & possible
            if self._names[place] != before:
                yield place

    def _possible(self, part: Part, block: Block, senders: frozenset[str]) -> dict[Place, frozenset[str]]:
        """What each place of a block may be called."""
        each = [possible_names(part, _names(block), sender) for sender in senders]
        known = [names if all(names) else (frozenset({ANY}),) * len(block) for names in each]
        return {
            entry: frozenset().union(*(names[at] for names in known))
            for at, entry in enumerate(block)
            if isinstance(entry, Place)
        }


def _names(block: Block) -> tuple[str | None, ...]:
    return tuple(None if isinstance(each, Place) else each for each in block)
