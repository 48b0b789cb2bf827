"""Flow-control windows of one end of a connection, and the times at which it stood at zero (RFC 9113 §5.2, §6.9).

`protocol.flow_control` writes them, everybody reads. A number that the capture does not tell is None here, never a
guess.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from inspector.model.endpoint import Endpoint

FIRST_WINDOW: Final = 65_535
"""What the connection's window begins with, and each stream's until SETTINGS say otherwise (RFC 9113 §6.9.2)."""


@dataclass(slots=True)
class Stall:
    """A time during which a sender's window was at zero or below, so that it could send no DATA."""

    sender: Endpoint
    stream: int
    """0 for the window of the whole connection."""
    began: float
    position: int
    """The frame after which nothing was left: a DATA, or SETTINGS that took the room away."""
    ended: float | None = None
    """When there was room again, or the stream was over; None while it lasts."""
    broken_off: float | None = None
    """When bytes were lost while it lasted, so that its end cannot be told."""
    resumed: float | None = None
    """When the sender went on with DATA: proof that it had waited. None where it never did."""


@dataclass(slots=True)
class Windows:
    """What one end may still send."""

    end: Endpoint
    left: int = FIRST_WINDOW
    """Of the connection's window; means nothing while not `is_left_known`."""
    initial: int = FIRST_WINDOW
    """What a new stream begins with; means nothing while not `is_initial_known`."""
    is_left_known: bool = True
    is_initial_known: bool = True
    changes: dict[int, int] = field(default_factory=dict)
    """By stream on which this end may still send: what was granted to it beyond `initial`, less what it sent."""
    known_from: int | None = 1
    """Streams below were opened when bytes could not be seen; None for all that were opened so far."""
    standing: dict[int, Stall] = field(default_factory=dict)
    """By stream, 0 for the connection: stalls that last, or after which no DATA has come yet."""
    overdrawn: int = 0
    """The most bytes by which DATA went beyond a window: the sender broke the rule, or the capture lacks an update."""

    def connection(self) -> int | None:
        """What is left of the connection's window; None where it is not known."""
        return self.left if self.is_left_known else None

    def stream(self, number: int) -> int | None:
        """What is left of a stream's window; None where it is not known, or the end sends no more on it."""
        change = self.changes.get(number)
        return None if change is None or not self.knows(number) else self.initial + change

    def knows(self, stream: int) -> bool:
        """True where nothing that counts for a stream's window was missed."""
        return self.is_initial_known and self.known_from is not None and stream >= self.known_from

    @property
    def is_known(self) -> bool:
        """True where both the connection's window and those of streams to come are known."""
        return self.is_left_known and self.is_initial_known
