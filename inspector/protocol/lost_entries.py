"""How many table entries were inserted in bytes that were lost, and so which older entry a later index means.

A loss moves all older entries of a dynamic table by the same unseen number. Of each number it is asked whether the
blocks behind the loss, read with it, have the names that earlier blocks of the sender had; the one that explains most
is believed. What is read by it stays doubtful.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from inspector.protocol.hpack_table import HeaderEntry, HpackTable

_MOST: Final = 32
"""Entries that a loss may have inserted; a block of gRPC inserts about ten at most."""

Shape = tuple[bytes | None, ...]
"""The names of a block's headers, in order."""


class LostEntries:
    """One loss: the table before it, and what the blocks behind it say."""

    __slots__ = ("_before", "_believed", "_scores", "_shapes", "epoch")

    def __init__(self, before: HpackTable, epoch: int, shapes: Collection[Shape]) -> None:
        self.epoch = epoch
        self._before = before
        self._shapes = frozenset(shapes)
        self._scores = [0] * (_MOST + 1)
        self._believed: tuple[int, ...] = ()

    def observe(self, entries: Sequence[HeaderEntry]) -> bool:
        """Weigh a block behind the loss; True when another number is believed now."""
        if not any(self._is_ours(entry) for entry in entries):
            return False
        for moved in range(_MOST + 1):
            names = tuple(self._name(entry, moved) for entry in entries)
            if any(_fits(names, shape) for shape in self._shapes):
                self._scores[moved] += sum(
                    self._is_ours(entry) and name is not None for entry, name in zip(entries, names, strict=True)
                )
            else:
                self._scores[moved] -= 1
        best = max(self._scores)
        believed = tuple(moved for moved, score in enumerate(self._scores) if score == best) if best > 0 else ()
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
        return self._before.at(depth).name if depth >= 0 else None


def _fits(names: Shape, shape: Shape) -> bool:
    return len(names) == len(shape) and all(name in (None, seen) for name, seen in zip(names, shape, strict=True))
