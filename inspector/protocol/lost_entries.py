"""How many table entries were inserted in bytes that were lost, and so which older entry a later index means.

A loss moves all older entries of a dynamic table by the same unseen number. Of each number it is asked whether the
blocks behind the loss, read with it, have the names that earlier blocks of the sender had; the one that explains most
is believed, together with those that explain nearly as much. What is read by them stays doubtful.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Final

from inspector.protocol.hpack_table import HeaderEntry, HpackTable, Place

_MOST: Final = 32
"""Entries that a loss may have inserted; a block of gRPC inserts about ten at most."""

_MARGIN: Final = 3
"""Headers by which a number must explain more than the others to be believed alone. Measured on captures of three
implementations with packets taken away: with 1, one doubtful method in twelve was false; with 3, none of 800."""
_ASKED_BOUND: Final = 4096
"""Different blocks that are weighed; what is the same once more says nothing new."""

Shape = tuple[bytes | None, ...]
"""The names of a block's headers, in order."""


class LostEntries:
    """One loss: the table before it, and what the blocks behind it say."""

    __slots__ = ("_asked", "_before", "_believed", "_name_of", "_scores", "_shapes", "epoch")

    def __init__(
        self,
        before: HpackTable,
        epoch: int,
        shapes: Collection[Shape],
        name_of: Callable[[Place], bytes | None] = lambda _place: None,
    ) -> None:
        """Begin with nothing weighed; `name_of` tells what the entries of earlier losses are believed to be called."""
        self.epoch = epoch
        self._before = before
        self._name_of = name_of
        self._shapes = frozenset(shapes)
        self._scores = [0] * (_MOST + 1)
        self._believed: tuple[int, ...] = ()
        self._asked: set[tuple[int | bytes | None, ...]] = set()

    def observe(self, entries: Sequence[HeaderEntry]) -> bool:
        """Weigh a block behind the loss; True when another number is believed now."""
        if not any(map(self._is_ours, entries)):
            return False
        asked = tuple(entry.place.depth if entry.place and self._is_ours(entry) else entry.name for entry in entries)
        if asked in self._asked or len(self._asked) >= _ASKED_BOUND:
            return False
        self._asked.add(asked)
        read = [tuple(self._name(entry, moved) for entry in entries) for moved in range(_MOST + 1)]
        fitting = [any(_fits(names, shape) for shape in self._shapes) for names in read]
        if any(fitting):  # else it is a block such as none before, and says nothing of the loss
            for moved, (names, fits) in enumerate(zip(read, fitting, strict=True)):
                told = sum(self._is_ours(e) and name is not None for e, name in zip(entries, names, strict=True))
                self._scores[moved] += told if fits else -max(told, 1)
        best = max(self._scores)
        near = (moved for moved, score in enumerate(self._scores) if score > best - _MARGIN)
        believed = tuple(near) if best >= _MARGIN else ()
        is_news, self._believed = believed != self._believed, believed
        return is_news

    def find(self, depth: int) -> HeaderEntry | None:
        """The entry that a place of this epoch is believed to be; None where that cannot be told."""
        found = {self._before.at(depth - moved) if depth >= moved else None for moved in self._believed}
        return found.pop() if len(found) == 1 else None

    def _is_ours(self, entry: HeaderEntry) -> bool:
        return entry.place is not None and entry.place.epoch == self.epoch

    def _name(self, entry: HeaderEntry, moved: int) -> bytes | None:
        if entry.place is None or not self._is_ours(entry):
            return entry.name
        depth = entry.place.depth - moved
        if depth < 0:
            return None
        older = self._before.at(depth)
        return self._name_of(older.place) if older.name is None and older.place is not None else older.name


def _fits(names: Shape, shape: Shape) -> bool:
    return len(names) == len(shape) and all(name in (None, seen) for name, seen in zip(names, shape, strict=True))
