"""What all calls of a method add up to: how many, how many failed, how long they took, messages and bytes each way.

Accumulates: each call gives its part, and gives another in its place when more is known of it, its method included.
Calls that are no longer in the store have given theirs for good.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from inspector.model.call import Call, CallState, StreamKey
from inspector.store.change import Change
from inspector.store.durations import Durations
from inspector.store.store import Store

UNKNOWN: Final = "(unknown)"
"""Where calls count whose method is not known; no path of a method looks like this."""


@dataclass(slots=True)
class MethodTotal:
    """The sums over one method's calls."""

    calls: int = 0
    errors: int = 0
    requests: int = 0
    responses: int = 0
    request_bytes: int = 0
    """DATA bytes, as those of a call."""
    response_bytes: int = 0
    durations: Durations = field(default_factory=Durations)
    """Of the calls that are over."""

    @property
    def open(self) -> int:
        """How many calls are not over."""
        return self.calls - self.durations.count

    @property
    def error_rate(self) -> float | None:
        """Errors among the calls that are over, from 0 to 1; None while there are none."""
        return self.errors / self.durations.count if self.durations.count else None


class _Part(NamedTuple):
    """What one call gives to its method's sums."""

    method: str
    duration: float | None
    is_error: bool
    requests: int
    responses: int
    request_bytes: int
    response_bytes: int

    @classmethod
    def of(cls, call: Call) -> _Part:
        return cls(
            call.method or UNKNOWN,
            call.duration,
            call.duration is not None and is_error(call),
            len(call.requests),
            len(call.responses),
            call.request_bytes,
            call.response_bytes,
        )


def is_error(call: Call) -> bool:
    """True for a call with a status other than OK, or without one and reset, broken, or answered by an HTTP error."""
    if call.status is not None:
        return call.status.code != 0
    return call.state in (CallState.CANCELLED, CallState.BROKEN) or (call.http_status or 0) >= 400


class MethodTotals:
    """The totals of each method, kept up to date; a method whose last call turned out to be of another goes."""

    def __init__(self, store: Store) -> None:
        """Begin with all that the store holds."""
        self._store = store
        self._parts: dict[StreamKey, _Part] = {}
        self.methods: dict[str, MethodTotal] = {}
        """By the method's path, in the order in which they were first called."""
        self.revision = 0
        """Counts the changes."""
        self.update(store.everything())

    def update(self, change: Change) -> None:
        """Follow the store by one change."""
        for key in change.gone:
            self._parts.pop(key, None)
        for key in change.calls:
            call, before = self._store.calls.get(key), self._parts.get(key)
            if call is not None and (part := _Part.of(call)) != before:
                self._parts[key] = part
                self._add(part, 1)
                if before is not None:
                    self._add(before, -1)
                self.revision += 1

    def _add(self, part: _Part, times: int) -> None:
        """Put a part in, or take it out where `times` is -1."""
        total = self.methods.setdefault(part.method, MethodTotal())
        total.calls += times
        total.errors += times * part.is_error
        total.requests += times * part.requests
        total.responses += times * part.responses
        total.request_bytes += times * part.request_bytes
        total.response_bytes += times * part.response_bytes
        if part.duration is not None:
            (total.durations.add if times > 0 else total.durations.remove)(part.duration)
        if not total.calls:
            del self.methods[part.method]
