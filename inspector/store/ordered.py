"""A sorted run of positions in which some are put in and some taken out, without looking at those before."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Collection
from typing import Final

_FEW: Final = 64
"""Up to so many changes are cheaper one by one: each moves the memory behind it, a merge builds objects anew."""


def amend(positions: array[int], added: Collection[int], removed: Collection[int]) -> int:
    """Put in and take out, in place. The index of the first position that is not where it was, or the length.

    `added` holds none that is there, `removed` only such as are.
    """
    if not added and not removed:
        return len(positions)
    first = bisect_left(positions, min((*added, *removed)))
    if len(added) + len(removed) <= _FEW:
        for position in removed:
            del positions[bisect_left(positions, position)]
        for position in added:
            positions.insert(bisect_left(positions, position), position)
    else:
        positions[first:] = array("I", sorted(set(positions[first:]).difference(removed).union(added)))
    return first


def holds(positions: array[int], position: int) -> bool:
    """True when a position is among them."""
    index = bisect_left(positions, position)
    return index < len(positions) and positions[index] == position
