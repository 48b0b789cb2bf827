"""How fast a capture is read, and how long the rest of it will take.

Pure: whoever knows the time tells it. Looks at the latest seconds only, as the pace changes with what is in the file.
"""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple

_WINDOW: Final = 5.0
"""Seconds that are looked at."""
_APART: Final = 0.25
"""Seconds between two moments that are kept."""
_ENOUGH: Final = 0.5
"""Seconds after which something can be said."""


class _Moment(NamedTuple):
    time: float
    packets: int
    octets: int


class Pace:
    """Of one reading."""

    def __init__(self) -> None:
        self._moments: deque[_Moment] = deque()

    def note(self, time: float, packets: int, octets: int) -> None:
        """So many packets and bytes are read at this time, in seconds of any clock that only goes forward."""
        moment, kept = _Moment(time, packets, octets), self._moments
        if kept and (packets < kept[-1].packets or octets < kept[-1].octets):
            kept.clear()  # it is read again from its start
        if len(kept) > 1 and time - kept[-2].time < _APART:
            kept[-1] = moment
        else:
            kept.append(moment)
        while time - kept[0].time > _WINDOW and len(kept) > 2:
            kept.popleft()

    def stop(self) -> None:
        """Nothing is read for a while."""
        self._moments.clear()

    @property
    def packets(self) -> float | None:
        """Packets a second; None before that can be told."""
        seconds = self._seconds
        return None if seconds is None else (self._moments[-1].packets - self._moments[0].packets) / seconds

    def left(self, total: int) -> float | None:
        """Seconds until all these bytes are read; None before that can be told."""
        seconds = self._seconds
        octets = self._moments[-1].octets - self._moments[0].octets if seconds else 0
        if seconds is None or not octets:
            return None
        return max(total - self._moments[-1].octets, 0) * seconds / octets

    @property
    def _seconds(self) -> float | None:
        if not self._moments:
            return None
        seconds = self._moments[-1].time - self._moments[0].time
        return seconds if seconds >= _ENOUGH else None
