"""The status of a capture: its phase, completeness, backlog and problems."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from inspector.capture.source import Target
from inspector.errors import InspectorError

_NOTICEABLE_SECONDS: Final = 2
"""Bursts, and packets that arrive while tshark starts, are decoded in less."""
_STALL_SECONDS: Final = 4
_UNWATCHED_SECONDS: Final = 2.0
"""After a longer gap between two measurements, this program itself was stopped, and tshark is not to blame."""
_MAX_ARRIVALS: Final = 2_000
"""Every other one is dropped then: after a stall of many minutes, the age is right to a second or two."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """Packets that are recorded and not decoded yet, when they are old enough to be reported."""

    packets: int
    seconds: int
    """The time since the oldest of them was recorded."""
    is_stalled: bool = False
    """True when tshark has decoded no packet for some seconds."""
    stopped: int = 0
    """The process id of tshark if a signal (SIGSTOP) has stopped it, else 0."""

    @property
    def amount(self) -> str:
        """Its size, such as `12 s, 34 packets`."""
        return f"{self.seconds:,} s, {self.packets:,} packet{'' if self.packets == 1 else 's'}"

    @property
    def cause(self) -> str:
        """Its cause and remedy, as sentences."""
        if self.stopped:
            return f"A signal has stopped tshark: `kill -CONT {self.stopped}` resumes it. Nothing is lost."
        if self.is_stalled:
            return "tshark makes no progress. Nothing is lost."
        return "Packets arrive faster than they can be decoded. Nothing is lost."

    @property
    def sentence(self) -> str:
        """The whole notice."""
        return f"Decoding is behind by {self.amount}. {self.cause}"


class BacklogMeter:
    """Measures the backlog of one recording. Call `note` about twice a second."""

    def __init__(self) -> None:
        self._arrivals: deque[tuple[float, int]] = deque()
        """Pairs of a time and the number of packets recorded by then, while some of these are not decoded."""
        self._recorded = self._decoded = self._latest = 0
        self._progressed = self._noted = 0.0

    def pause(self) -> None:
        """Restart the measurement: the user has paused decoding, and what arrives meanwhile is no backlog."""
        self._arrivals.clear()
        self._recorded = min(self._recorded, self._decoded)
        self._noted = 0.0

    def note(self, now: float, recorded: int, latest: int) -> Backlog | None:
        """Record the number of recorded packets and of the latest decoded one; return a noticeable backlog.

        A tshark that was restarted decodes earlier packets again. That counts as progress, but reduces no backlog.
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
    """What a session is doing."""

    STARTING = "starting"
    LIVE = "live"
    """The engine has reported that it captures."""
    READING = "reading"
    """It reads a file, or standard input."""
    STOPPED = "stopped"
    """The user has stopped it. What was captured is still there, and it can be resumed."""
    ENDED = "ended"
    """The source has ended and is decoded."""
    FAILED = "failed"
    """`error` says why. What was captured is still there."""


class Completeness(StrEnum):
    """Whether a capture that has ended is complete."""

    COMPLETE = "complete"
    UNKNOWN = "ended"
    """A pipe has ended between two packets, so more packets may be missing."""
    CUT_OFF = "cut off"
    """It ends in the middle of a packet, or of gzip data."""
    DAMAGED = "damaged"
    """It cannot be read beyond some point."""


@dataclass(frozen=True, slots=True)
class SessionStatus:
    """A snapshot of a session's state."""

    source: str
    """Its name for users: localhost:37564, trace.pcapng, standard input."""
    phase: Phase = Phase.STARTING
    engine: str | None = None
    """tcpdump, dumpcap or tap; None for a capture that exists already."""
    interface: str | None = None
    reason: str = ""
    """Why this engine was chosen, and what the user loses by that."""
    target: Target | None = None
    """Where calls must be sent to be captured; None before that is known, and for files."""
    service: str = ""
    """Whether the greet service was started or found running; empty for other services."""
    dropped: int = 0
    """The number of packets that the engine lost."""
    captured: int = 0
    """The size of the capture in bytes."""
    is_whole: bool = False
    """True when `captured` will not grow any more."""
    completeness: Completeness = Completeness.COMPLETE
    recorded: int = 0
    """The number of packets that a live capture has recorded, whether decoded or not."""
    backlog: Backlog | None = None
    """None while it is too small to be noticed."""
    decoded: int = 0
    """How many bytes of the capture tshark has read."""
    tshark: str = ""
    """Its version, such as 4.0.17; empty before it is known."""
    notice: str = ""
    """The latest event that users should know of: tshark was restarted, the capture is cut off, …"""
    warning: str = ""
    """A problem that may pass, such as a service that does not answer; empty for none."""
    memory: int = 0
    """The memory limit in bytes; 0 before frames were evicted."""
    left: int = 0
    """The number of frames that were evicted to stay within it."""
    kept_since: float = 0.0
    """The time of the oldest frame left, once others were evicted."""
    error: InspectorError | None = None


class StatusPublisher:
    """Holds the latest status and reports each new one."""

    def __init__(self, source: str) -> None:
        self.status = SessionStatus(source)
        self.on_status: Callable[[SessionStatus], None] = lambda _status: None

    def update(self, **changes: Any) -> None:
        """Replace fields of the status, and report it if it differs."""
        status = replace(self.status, **changes)
        if status != self.status:
            self.status = status
            self.on_status(status)

    def notify(self, notice: str) -> None:
        """Report an event that users should know of."""
        self.update(notice=notice)
