"""Counts the methods and statuses that are uncertain because the capture began after its connections.

The counts are updated with every change, so that they cost nothing in a long capture.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final, NamedTuple

from inspector.diagnosis.call_facts import method_name
from inspector.model.call import Call, HeaderBlock, MethodSource, StreamKey
from inspector.model.frame import HeaderSource
from inspector.schema.catalog import Catalog
from inspector.store.store import Change, Store
from inspector.text import counted

_UNKNOWN: Final = "unknown"
_UNCERTAIN: Final = ("recovered", "doubtful", "guessed", _UNKNOWN)


class _Certainty(NamedTuple):
    """How a call's method and status are known, as values of `MethodSource`, or unknown."""

    method: str
    status: str


class LateJoins:
    """The certainty of the calls of connections that were joined late. Call `update` with every change."""

    def __init__(self, store: Store, catalog: Catalog) -> None:
        self._store, self._catalog = store, catalog
        self._known: dict[StreamKey, _Certainty] = {}
        self._methods: Counter[str] = Counter()
        self._statuses: Counter[str] = Counter()

    def update(self, change: Change) -> None:
        """Update the counts after a change of the store."""
        for index in change.connections:
            if not self._store.connections[index].joined_late:  # its preface arrived later
                for key in [key for key in self._known if key.connection == index]:
                    self._uncount(key)
        for key in change.evicted:
            self._uncount(key)
        for key in change.calls:
            if self._store.connections[key.connection].joined_late:
                self._count(key)

    def reread(self) -> Iterator[None]:
        """Update the counts after a change of the schema, a call at each step."""
        for key in list(self._known):
            if key in self._known:
                self._count(key)
            yield

    def sentence(self) -> str:
        """Return `Joined 1 connection late: of 41 calls, the method is guessed for 5, unknown for 12.`.

        It is empty if every method and status could be read.
        """
        parts = [part for part in (_part("method", self._methods), _part("status", self._statuses)) if part]
        if not parts:
            return ""
        joined = f"Joined {counted(len({key.connection for key in self._known}), 'connection')} late"
        return f"{joined}: of {counted(len(self._known), 'call')}, {'; '.join(parts)}."

    @property
    def can_be_named(self) -> bool:
        """True if there are methods that the user could choose."""
        return bool(self._methods[_UNKNOWN] or self._methods[MethodSource.GUESSED.value])

    def _certainty(self, call: Call) -> _Certainty:
        method = method_name(call, self._catalog).source or _UNKNOWN
        if call.status is None:
            return _Certainty(method, _UNKNOWN if call.trailers and _hides_status(call.trailers) else "wire")
        return _Certainty(method, call.status_source or "wire")

    def _count(self, key: StreamKey) -> None:
        self._uncount(key)
        self._known[key] = known = self._certainty(self._store.calls[key])
        self._methods[known.method] += 1
        self._statuses[known.status] += 1

    def _uncount(self, key: StreamKey) -> None:
        if (known := self._known.pop(key, None)) is not None:
            self._methods[known.method] -= 1
            self._statuses[known.status] -= 1


def _hides_status(trailers: HeaderBlock) -> bool:
    return any(source is HeaderSource.UNKNOWN for _, source in trailers.sources)


def _part(what: str, counts: Counter[str]) -> str:
    """Return `the method is guessed for 5, unknown for 12`; empty if all are certain."""
    found = ", ".join(f"{name} for {counts[name]:,}" for name in _UNCERTAIN if counts[name])
    return f"the {what} is {found}" if found else ""
