"""Points in time and durations, as people read them.

Knows no clock: every time is one that a capture holds, in seconds since the epoch.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from inspector.model.call import Call
from inspector.store.store import Store
from inspector.text import duration


class TimeStyle(StrEnum):
    """What the Time column counts from."""

    CALL = "call"
    """A call's first frames since the capture began, the later ones since the call began."""
    CAPTURE = "capture"
    """Seconds since the capture began."""
    PREVIOUS = "previous"
    """Seconds since the row before."""
    CLOCK = "clock"
    """The time of day, here."""
    UTC = "utc"
    """Date and time of day in UTC."""
    STREAM = "stream"
    """Seconds since the frame before of the same stream, whether it is shown or not."""

    @property
    def words(self) -> str:
        """What it is called in a sentence."""
        return _STYLE_WORDS[self]


_STYLE_WORDS: Final = {
    TimeStyle.CALL: "since the call began, for its first frame since the capture did",
    TimeStyle.CAPTURE: "since the capture began",
    TimeStyle.PREVIOUS: "since the row before",
    TimeStyle.CLOCK: "the time of day here",
    TimeStyle.UTC: "date and time in UTC",
    TimeStyle.STREAM: "since the frame before of the same stream",
}


@dataclass(frozen=True, slots=True)
class Times:
    """How a list of rows shows its times."""

    origin: float = 0.0
    """When the capture began."""
    style: TimeStyle = TimeStyle.CALL
    has_reference: bool = False
    """True when `origin` is a moment that somebody chose: times before it are below 0."""
    digits: int = 4
    """Behind the point, of seconds since the origin."""

    @classmethod
    def of(cls, store: Store, style: TimeStyle = TimeStyle.CALL, reference: float | None = None) -> Times:
        """Times that count from the capture's first packet of a known connection, or from a reference."""
        if reference is not None:
            return cls(reference, style, has_reference=True)
        return cls(capture_start(store), style)

    def show(self, time: float, call: Call | None = None, previous: float | None = None) -> str:
        """A point in time, by the style: `2.4183`, `+7.6 ms` or `09:00:11.149`.

        `previous` is the time of what it counts from in the styles that count from another row or frame.
        """
        match self.style:
            case TimeStyle.CLOCK:
                return clock(time)
            case TimeStyle.UTC:
                return utc(time)
            case TimeStyle.PREVIOUS | TimeStyle.STREAM if previous is not None:
                return f"{time - previous:+.6f}"
            case TimeStyle.CALL if call is not None and time > call.started and not self._is_reference(time):
                return f"+{duration(time - call.started)}"
            case _ if self.has_reference:
                return "REF" if self._is_reference(time) else f"{time - self.origin:+z.{self.digits}f}"
            case _:
                return f"{time - self.origin:z.{self.digits}f}"

    def _is_reference(self, time: float) -> bool:
        return self.has_reference and time == self.origin


def capture_start(store: Store) -> float:
    """The earliest time known of a capture; 0 while it is empty."""
    first_frame = store.frames.oldest.time if store.frames.oldest is not None else None
    first_connection = next((each.started for each in store.connections.values()), None)
    return min((time for time in (first_frame, first_connection) if time is not None), default=0.0)


def utc(time: float) -> str:
    """Date and time of day in UTC, to the millisecond: `2026-11-22 09:00:11.149`; plain seconds where there is none."""
    try:
        return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    except (ValueError, OverflowError, OSError):
        return f"{time:.3f}"


def clock(time: float) -> str:
    """The time of day here, to the millisecond: `09:00:11.149`; plain seconds where there is no such day."""
    try:
        return datetime.fromtimestamp(time).astimezone().strftime("%H:%M:%S.%f")[:-3]
    except (ValueError, OverflowError, OSError):
        return f"{time:.3f}"
