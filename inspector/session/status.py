"""How a capture is doing: what the status line and the last words of a headless command say."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from inspector.capture.target import Target
from inspector.errors import InspectorError
from inspector.session.backlog import Backlog


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
