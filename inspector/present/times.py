"""Formats points in time of a capture, which are seconds since the epoch."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from inspector.model.call import Call
from inspector.store.store import Store
from inspector.text import duration


class TimeStyle(StrEnum):
    """What the Time column shows."""

    CALL = "call"
    """The time since the call began; for its first frame, seconds since the capture began."""
    CAPTURE = "capture"
    """Seconds since the capture began."""
    PREVIOUS = "previous"
    """Seconds since the previous row."""
    CLOCK = "clock"
    """The local time of day."""
    UTC = "utc"
    """Date and time of day in UTC."""
    STREAM = "stream"
    """Seconds since the previous frame of the same stream, which a filter may hide."""

    @property
    def words(self) -> str:
        """The style as the part of a sentence."""
        return _STYLE_WORDS[self]


_STYLE_WORDS: Final = {
    TimeStyle.CALL: "since the call began; for its first frame, since the capture began",
    TimeStyle.CAPTURE: "since the capture began",
    TimeStyle.PREVIOUS: "since the previous row",
    TimeStyle.CLOCK: "local time of day",
    TimeStyle.UTC: "date and time in UTC",
    TimeStyle.STREAM: "since the previous frame of the same stream",
}


@dataclass(frozen=True, slots=True)
class Times:
    """Formats the times of a list."""

    origin: float = 0.0
    """The time that counts as zero: when the capture began, or a reference."""
    style: TimeStyle = TimeStyle.CALL
    has_reference: bool = False
    """True if the user chose `origin`; times before it are negative."""
    digits: int = 4
    """Decimal places of seconds since `origin`."""

    @classmethod
    def of(cls, store: Store, style: TimeStyle = TimeStyle.CALL, reference: float | None = None) -> Times:
        """Return times that count from the start of the capture, or from a reference."""
        if reference is not None:
            return cls(reference, style, has_reference=True)
        return cls(capture_start(store), style)

    def show(self, time: float, call: Call | None = None, previous: float | None = None) -> str:
        """Return a point in time in the style: `2.4183`, `+7.6 ms` or `09:00:11.149`.

        `previous` is the time of the previous row or frame, for the styles that count from it.
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
    """Return the earliest time of a capture; 0 while it is empty."""
    first_frame = store.frames.oldest.time if store.frames.oldest is not None else None
    first_connection = next((each.started for each in store.connections.values()), None)
    return min((time for time in (first_frame, first_connection) if time is not None), default=0.0)


def utc(time: float) -> str:
    """Return a time in UTC: `2026-11-22 09:00:11.149`; as plain seconds if it is out of range."""
    try:
        return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    except (ValueError, OverflowError, OSError):
        return f"{time:.3f}"


def clock(time: float) -> str:
    """Return the local time of day: `09:00:11.149`; plain seconds if the time is out of range."""
    try:
        return datetime.fromtimestamp(time).astimezone().strftime("%H:%M:%S.%f")[:-3]
    except (ValueError, OverflowError, OSError):
        return f"{time:.3f}"
