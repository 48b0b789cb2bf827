"""How often something that keeps dying is started again before it is given up."""

from __future__ import annotations

from typing import Final

_SETTLED: Final = 10.0
"""Seconds after which a start counts as a good one."""
_TRIES: Final = 3


class Patience:
    """Asked after each death. Times are seconds of any clock."""

    __slots__ = ("_failures", "_started")

    def __init__(self) -> None:
        self._failures = 0
        self._started = 0.0

    def note_start(self, now: float) -> None:
        """It was started."""
        self._started = now

    def is_worn_out(self, now: float) -> bool:
        """It died: True when it has done so, soon after its start, too often in a row."""
        self._failures = 1 if now - self._started > _SETTLED else self._failures + 1
        return self._failures >= _TRIES
