"""Looks through the rows of a list, or the lines of a document, from one of them on and round the end.

Owns what was found and what is left to look through. Works in steps, so that somebody can look at the keyboard in
between; draws nothing. What is a unit, and whether it holds what is looked for, the space knows.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol


class Place(NamedTuple):
    """Where something was found: a row, or a block of a document and the line in it."""

    unit: int
    part: int = 0


class Space(Protocol):
    """Something to look through. A hit is known by a value that stays when rows come and go: Any."""

    def __len__(self) -> int:
        """How many units there are by now."""

    def look(self, unit: int) -> Iterable[Any | None]:
        """What is found in a unit, in order, with None in between where looking takes long."""

    def place(self, hit: Any) -> Place:
        """Where a hit is now."""

    def holds(self, hit: Any) -> bool:
        """False for a hit that is gone."""


@dataclass(slots=True)
class _Run:
    """Units that are looked through one after the other."""

    begin: int
    end: int | None
    """None for the one that goes on as units come."""
    at: int
    hits: list[Any] = field(default_factory=list)


class Search:
    """One search through one space."""

    def __init__(self, space: Space, start: int) -> None:
        """Begin at unit `start`, which is looked through first."""
        start = max(0, min(start, max(len(space) - 1, 0)))
        self.space = space
        self._first, self._last = _Run(0, start, 0), _Run(start, None, start)
        self._turns = 0
        """How often units changed."""

    def __len__(self) -> int:
        """How much was found so far."""
        return len(self._first.hits) + len(self._last.hits)

    @property
    def share(self) -> float:
        """How much of all has been looked through, from 0 to 1."""
        done = self._first.at - self._first.begin + self._last.at - self._last.begin
        return done / len(self.space) if len(self.space) else 1.0

    @property
    def is_done(self) -> bool:
        """True when everything that is there has been looked through."""
        return self._last.at >= len(self.space) and self._first.at >= (self._first.end or 0)

    def steps(self) -> Iterator[None]:
        """Look through what is left, a unit at each step, or less."""
        while not self.is_done:
            run, turns, found = self._last if self._last.at < len(self.space) else self._first, self._turns, []
            for hit in self.space.look(run.at):
                if hit is None:
                    yield
                    if turns != self._turns:
                        break
                else:
                    found.append(hit)
            else:
                run.hits += found
                run.at += 1
            yield

    def changed_from(self, unit: int) -> None:
        """Units from this one on may be others now: they have to be looked through anew."""
        self._turns += 1
        for run in (self._first, self._last):
            if unit < run.at:
                run.at = max(unit, run.begin)
                del run.hits[bisect_left(run.hits, Place(unit), key=self.space.place) :]
        if unit < self._last.begin:
            self._first.end = min(unit, self._first.end or 0)
            self._last = _Run(self._first.end, None, self._first.end)
            self._first.at = min(self._first.at, self._first.end)

    def left(self, units: int) -> None:
        """So many of the first units are gone, with what was found in them; all others moved up."""
        self._turns += 1
        for run in (self._first, self._last):
            run.begin, run.at = max(run.begin - units, 0), max(run.at - units, 0)
            run.end = None if run.end is None else max(run.end - units, 0)
            del run.hits[: next((index for index, hit in enumerate(run.hits) if self.space.holds(hit)), len(run.hits))]

    def next(self, here: Place, direction: int) -> Any | None:
        """The hit behind a place, or with -1 before it, round the end; None where nothing was found."""
        if not len(self):
            return None
        find = bisect_right if direction > 0 else bisect_left
        behind = self._before(here, find)
        index = behind if direction > 0 else behind - 1
        return self._hit(index % len(self))

    def number(self, here: Place) -> int:
        """Which hit is at a place, counted from 1; of one that is none, how many there are before it."""
        return self._before(here, bisect_right)

    def _before(self, here: Place, find: Any) -> int:
        return sum(find(run.hits, here, key=self.space.place) for run in (self._first, self._last))

    def _hit(self, index: int) -> Any:
        in_first = len(self._first.hits)
        return self._first.hits[index] if index < in_first else self._last.hits[index - in_first]
