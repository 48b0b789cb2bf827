"""The state of a capture: phase, completeness, backlog, and those who are notified."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from inspector.capture.source import Target
from inspector.errors import InspectorError

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


class Phase(StrEnum):
    """What the capture is doing."""

    STARTING = "starting"
    LIVE = "live"
    """The engine has said that it listens."""
    READING = "reading"
    """A file, or standard input."""
    STOPPED = "stopped"
    """By the user; what was captured, or read, is still there, and it can go on."""
    ENDED = "ended"
    """The source has ended, and all of it is decoded."""
    FAILED = "failed"
    """With `error`; what was captured is still there."""


class Completeness(StrEnum):
    """How much of a capture is there at its end."""

    COMPLETE = "complete"
    UNKNOWN = "ended"
    """A pipe has ended between two packets: whether more was to come, nobody can tell."""
    CUT_OFF = "cut off"
    """In the middle of a packet, or of gzip data."""
    DAMAGED = "damaged"
    """What comes behind some place cannot be read."""


@dataclass(frozen=True, slots=True)
class SessionStatus:
    """A moment of a session; replaced, never changed."""

    source: str
    """As a person names it: localhost:37564, trace.pcapng, standard input."""
    phase: Phase = Phase.STARTING
    engine: str | None = None
    """tcpdump, dumpcap or tap; None where nothing is captured."""
    interface: str | None = None
    reason: str = ""
    """Why this engine, and what is given up by it."""
    target: Target | None = None
    """Where calls must go to be seen; None before it is known, and for files."""
    service: str = ""
    """What is known of the greet service: that it was started, or found; empty for other services."""
    dropped: int = 0
    """Packets that the engine lost."""
    captured: int = 0
    """Bytes of capture that there are."""
    is_whole: bool = False
    """True when `captured` is all that will ever be."""
    completeness: Completeness = Completeness.COMPLETE
    """Of a capture that has ended."""
    recorded: int = 0
    """Packets that a live capture has recorded, decoded or not yet."""
    backlog: Backlog | None = None
    """How far decoding is behind; None while that is not noticeable."""
    decoded: int = 0
    """Bytes of capture that tshark has taken."""
    tshark: str = ""
    """Its version, as in 4.0.17; empty before it is known."""
    notice: str = ""
    """The latest thing that a person should know: tshark was started again, the capture is cut short, …"""
    amiss: str = ""
    """What is wrong at this moment and may pass, as a service that does not answer; empty when all is well."""
    memory: int = 0
    """The limit in bytes."""
    left: int = 0
    """Frames that are not kept any more, to stay within it."""
    kept_since: float = 0.0
    """The time of the oldest frame that is kept, when others are not any more."""
    error: InspectorError | None = None


class StatusPublisher:
    """Holds the latest status."""

    def __init__(self, source: str, on_status: Callable[[SessionStatus], None]) -> None:
        self.status = SessionStatus(source)
        self.on_status = on_status
        """Told of every status."""

    def tell(self, **news: Any) -> None:
        """Change fields of the status; nothing is told where nothing changed."""
        status = replace(self.status, **news)
        if status != self.status:
            self.status = status
            self.on_status(status)

    def notify(self, notice: str) -> None:
        """Tell the latest thing that a person should know."""
        self.tell(notice=notice)
