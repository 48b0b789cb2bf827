"""One pass of a filter over the store, many frames at a time, with what it finds of calls on the way.

Asks the parts of the filter that can be asked of many frames at once so, and the others of each frame that is left.
Owns in which calls each of the former was found, so that nobody need look through the frames of calls once more.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter
from typing import Final, cast

from inspector.model.call import Call
from inspector.store.filter import Filter
from inspector.store.filter_parse import Term
from inspector.store.store import Store
from inspector.store.word_search import Frames

_stream: Final = attrgetter("connection", "stream")


class Sweep:
    """What a filter lets through, and what it found."""

    def __init__(self, filter_: Filter) -> None:
        at_once = {index: term for index, term in enumerate(filter_.terms) if term.probe.many is not None}
        rest = tuple(term for index, term in enumerate(filter_.terms) if index not in at_once)
        self._at_once, self._rest = at_once, Filter(filter_.text, rest)
        self.calls: dict[int, set[tuple[int, int]]] = {index: set() for index in at_once}
        """By the index of a part that can be asked at once: connection and stream of calls with a frame that has it."""

    def matching(self, store: Store, start: int, end: int) -> Iterable[int]:
        """The positions from `start` up to, not including, `end` of frames that match, in order."""
        left: Iterable[int] = range(max(start, store.frames.first), end)
        if self._at_once:
            frames = dict(zip(left, store.frames[start:end], strict=True))
            keys = set(map(_stream, frames.values()))
            of_store = cast("dict[tuple[int, int], Call]", store.calls)
            calls = {key: call for key in keys if (call := of_store.get(key)) is not None}
            for index, term in self._at_once.items():
                found = self._look(index, term, store, frames, calls)
                left = [position for position in left if (position in found) is not term.negated]
        return filter(self._rest.tester(store), left) if self._rest.terms else left

    def _look(
        self, index: int, term: Term, store: Store, frames: Frames, calls: dict[tuple[int, int], Call]
    ) -> set[int]:
        """Where one part is found; also in frames that other parts do not let through: their calls may match."""
        probe = term.probe
        found = set() if probe.many is None else probe.many(store, frames, calls.values())
        self.calls[index] |= {key for at in found if _is_in(calls.get(key := _stream(frames[at])), at)}
        if probe.call is not None:
            told = {key: call for key, call in calls.items() if probe.call(store, call)}
            if told:
                found |= {at for at, frame in frames.items() if _is_in(told.get(_stream(frame)), at)}
        return found


def _is_in(call: Call | None, position: int) -> bool:
    """True for a frame of a call: before it opened, its stream may have carried others."""
    return call is not None and call.opened is not None and position >= call.opened
