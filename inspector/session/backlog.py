"""How far decoding is behind the capture, and whether tshark makes any progress.

Pure: whoever knows the time passes it in. Packets are counted where they are recorded and where tshark has decoded
them, so that what lies in pipes between the two is seen as well.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

_NOTICEABLE_SECONDS: Final = 2
"""A burst is decoded within less, and so is what comes while tshark starts."""
_STALL_SECONDS: Final = 4
_UNWATCHED_SECONDS: Final = 2.0
"""Nothing was measured for so long: this program itself was stopped, and tshark had no chance."""
_MAX_ARRIVALS: Final = 2_000
"""Half of them are dropped then: after a stall of many minutes the age is right to a second or two."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """What is recorded and not decoded yet, when that is worth telling."""

    packets: int
    seconds: int
    """Since the oldest of them was recorded."""
    is_stalled: bool = False
    """True when tshark has not decoded a packet for some seconds."""
    stopped: int = 0
    """The process id of a tshark that was stopped by a signal (SIGSTOP); 0 for others."""

    @property
    def amount(self) -> str:
        """How much it is: `12 s, 34 packets`."""
        return f"{self.seconds:,} s, {self.packets:,} packet{'' if self.packets == 1 else 's'}"

    @property
    def cause(self) -> str:
        """Why, and what helps."""
        if self.stopped:
            return f"tshark was stopped by a signal: `kill -CONT {self.stopped}` lets it go on. Nothing is lost."
        if self.is_stalled:
            return "tshark makes no progress. Nothing is lost."
        return "More is captured than can be decoded at once. Nothing is lost."

    @property
    def sentence(self) -> str:
        """All of it."""
        return f"Decoding is behind by {self.amount}. {self.cause}"


class BacklogMeter:
    """Of one recording; `note` it twice a second or so."""

    def __init__(self) -> None:
        self._arrivals: deque[tuple[float, int]] = deque()
        """When how many packets had been recorded, for those that are not decoded yet."""
        self._recorded = self._decoded = self._latest = 0
        self._progressed = self._noted = 0.0

    def pause(self) -> None:
        """Decoding is stopped by the user: what has come until it goes on counts as coming then."""
        self._arrivals.clear()
        self._recorded = min(self._recorded, self._decoded)
        self._noted = 0.0

    def note(self, now: float, recorded: int, latest: int) -> Backlog | None:
        """Note how many packets are recorded, and which one was decoded latest; None for no noticeable backlog.

        A tshark that was started again begins with earlier packets: that is progress, but nothing that was not there.
        """
        if latest != self._latest or now - self._noted > _UNWATCHED_SECONDS:
            self._progressed = now
        self._noted, self._latest = now, latest
        self._decoded = max(self._decoded, latest)
        if recorded > self._recorded:
            self._recorded = recorded
            self._arrivals.append((now, recorded))
        while self._arrivals and self._arrivals[0][1] <= self._decoded:
            self._arrivals.popleft()
        if len(self._arrivals) > _MAX_ARRIVALS:
            self._arrivals = deque(list(self._arrivals)[::2])
        if not self._arrivals:
            self._progressed = now
            return None
        seconds = int(now - self._arrivals[0][0])
        is_stalled = now - self._progressed >= _STALL_SECONDS and seconds >= _STALL_SECONDS
        return Backlog(recorded - self._decoded, seconds, is_stalled) if seconds >= _NOTICEABLE_SECONDS else None
