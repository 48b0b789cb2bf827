"""One sentence on what is not certain of a capture because it began later than its connections did.

Kept up to date by every change, so that it costs nothing in a long capture. Owns the counts; who dismisses it, and
where it is said, is for the front ends.
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
    """How a call's method and its status are known, by the words of `MethodSource`; `wire` where they were read."""

    method: str
    status: str


class LateJoins:
    """What is known of the calls of connections that were joined late. Call `update` with every change."""

    def __init__(self, store: Store, catalog: Catalog) -> None:
        self._store, self._catalog = store, catalog
        self._known: dict[StreamKey, _Certainty] = {}
        self._methods: Counter[str] = Counter()
        self._statuses: Counter[str] = Counter()

    def update(self, change: Change) -> None:
        """Take in what changed."""
        for index in change.connections:
            if not self._store.connections[index].joined_late:  # its preface came after all
                for key in [key for key in self._known if key.connection == index]:
                    self._forget(key)
        for key in change.gone:
            self._forget(key)
        for key in change.calls:
            if self._store.connections[key.connection].joined_late:
                self._learn(key)

    def reread(self) -> Iterator[None]:
        """Look again at what the schema tells, a call at each step."""
        for key in list(self._known):
            if key in self._known:
                self._learn(key)
            yield

    def sentence(self) -> str:
        """`Joined 1 connection late: of 41 calls, the method is guessed for 5, unknown for 12.`.

        "" where every method and status could be read.
        """
        parts = [part for part in (_part("method", self._methods), _part("status", self._statuses)) if part]
        if not parts:
            return ""
        joined = f"Joined {counted(len({key.connection for key in self._known}), 'connection')} late"
        return f"{joined}: of {counted(len(self._known), 'call')}, {'; '.join(parts)}."

    @property
    def can_be_named(self) -> bool:
        """True when there are methods that a person could name."""
        return bool(self._methods[_UNKNOWN] or self._methods[MethodSource.GUESSED.value])

    def _certainty(self, call: Call) -> _Certainty:
        method = method_name(call, self._catalog).source or _UNKNOWN
        if call.status is None:
            return _Certainty(method, _UNKNOWN if call.trailers and _hides_status(call.trailers) else "wire")
        return _Certainty(method, call.status_source or "wire")

    def _learn(self, key: StreamKey) -> None:
        self._forget(key)
        self._known[key] = known = self._certainty(self._store.calls[key])
        self._methods[known.method] += 1
        self._statuses[known.status] += 1

    def _forget(self, key: StreamKey) -> None:
        if (known := self._known.pop(key, None)) is not None:
            self._methods[known.method] -= 1
            self._statuses[known.status] -= 1


def _hides_status(trailers: HeaderBlock) -> bool:
    return any(source is HeaderSource.UNKNOWN for _, source in trailers.sources)


def _part(what: str, counts: Counter[str]) -> str:
    """`the method is guessed for 5, unknown for 12`; empty where all are certain."""
    found = ", ".join(f"{name} for {counts[name]:,}" for name in _UNCERTAIN if counts[name])
    return f"the {what} is {found}" if found else ""
