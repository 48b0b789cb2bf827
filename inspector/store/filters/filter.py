"""A filter as a predicate on frames and calls, and as a pass over many frames at once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from itertools import filterfalse
from typing import Final, cast

from inspector.model.call import Call, StreamKey
from inspector.store.filters import match
from inspector.store.filters.match import ManyTest, Numbers, Probe
from inspector.store.filters.syntax import Term, parse_terms
from inspector.store.filters.words import FrameSlice, Key
from inspector.store.stats import UNKNOWN
from inspector.store.store import Store


@dataclass(frozen=True, slots=True)
class Filter:
    """A parsed filter. Without terms it lets everything through."""

    text: str
    terms: tuple[Term, ...] = ()
    packets: Numbers | None = None
    """The packets that a display filter lets through, as far as they are known; None for a filter of words."""

    @property
    def depends_on_calls(self) -> bool:
        """True when what is learnt of a call later can change whether an earlier frame matches."""
        return any(term.probe.learns for term in self.terms)

    @property
    def depends_on_sides(self) -> bool:
        """True when the answer changes with who is taken for the client."""
        return any(term.probe.by_side for term in self.terms)

    def matches_frame(self, store: Store, position: int) -> bool:
        """True when every part of the filter matches the frame at a position, or the call it belongs to."""
        return self.tester(store)(position)

    def tester(self, store: Store) -> Callable[[int], bool]:
        """`matches_frame` of one store, for whoever asks about many frames."""
        frame_at, calls = store.frames.reader(), cast("dict[tuple[int, int], Call]", store.calls)
        asked = tuple((probe.call, probe.frame, negated) for (probe, negated) in self.terms)

        def matches(position: int) -> bool:
            frame = frame_at(position)
            # A plain tuple finds what a StreamKey does, and is made in half the time.
            call = calls.get((frame.connection, frame.stream)) if frame.stream else None
            if call is not None and (call.opened is None or position < call.opened):
                call = None  # a PRIORITY, say, on a stream that was no call yet
            for in_call, in_frame, negated in asked:
                found = (call is not None and in_call is not None and in_call(store, call)) or (
                    in_frame is not None and in_frame(store, position, frame, call)
                )
                if found is negated:
                    return False
            return True

        return matches

    def matches_call(self, store: Store, key: StreamKey) -> bool:
        """True when every part of the filter matches the call, or one of its frames."""
        call = store.calls[key]
        return all(_is_in(probe, store, call) is not negated for probe, negated in self.terms)


def _is_in(probe: Probe, store: Store, call: Call) -> bool:
    if probe.call is not None and probe.call(store, call):
        return True
    if probe.frame is None:
        return False
    frames, look = store.frames, probe.frame
    return any(look(store, position, frames[position], call) for position in call.frames)


def display_filter(text: str, packets: Numbers) -> Filter:
    """A filter in Wireshark's language: what it means, tshark knows, which tells the packets by and by."""
    return Filter(text, (Term(match.packet(packets), negated=False),), packets)


EVERYTHING: Final = Filter("")


def method_filter(path: str) -> str:
    """The text of the filter for the calls of a method, or for those whose method is not known."""
    if path == UNKNOWN:
        return "-method:/"
    before, quote, _ = path.partition('"')  # what is behind a quote cannot be written
    value = before if quote else f"{path}$"
    return f'method:"{value}"' if quote or any(map(str.isspace, value)) else f"method:{value}"


def parse(text: str) -> Filter:
    """The filter that a text means; FilterError, with a sentence and a hint, for one that means nothing."""
    return Filter(text, parse_terms(text))


class _Part:
    """A part of the filter that is asked of many at once."""

    def __init__(self, test: ManyTest, *, negated: bool) -> None:
        self.negated = negated
        self._test = test
        self._by_themselves: set[Key] = set()
        """Calls that match it by what is known of them as a whole."""
        self._by_frames: set[Key] = set()
        """Calls a frame of which matches it."""

    def ask(self, calls: list[Call]) -> None:
        """Ask calls, perhaps not for the first time."""
        self._by_themselves.difference_update([call.key for call in calls])
        self._by_themselves |= self._test.calls(calls)

    def look(self, store: Store, stretch: FrameSlice) -> set[int]:
        """The positions of the frames that match it, or whose call does by itself."""
        frames = self._test.frames(store, stretch)
        # Also of frames that other parts do not let through: their calls may match.
        self._by_frames |= stretch.calls_of(frames)
        return frames.union(stretch.of_calls(self._by_themselves))

    def has(self, key: Key) -> bool:
        """True for a call that matches it."""
        return key in self._by_themselves or key in self._by_frames

    def among(self, keys: set[Key]) -> set[Key]:
        """Those of some calls that match it."""
        return (keys & self._by_themselves) | (keys & self._by_frames)

    def strike(self, gone: Collection[Key]) -> None:
        """Forget calls."""
        self._by_themselves.difference_update(gone)
        self._by_frames.difference_update(gone)


class BulkMatcher:
    """What a filter lets through, and what it found."""

    def __init__(self, filter_: Filter) -> None:
        self._parts = {
            index: _Part(term.probe.many, negated=term.negated)
            for index, term in enumerate(filter_.terms)
            if term.probe.many is not None
        }
        rest = tuple(term for index, term in enumerate(filter_.terms) if index not in self._parts)
        self._rest = Filter(filter_.text, rest)
        self._asked: set[Key] = set()
        self._due: list[Key] | None = None
        """Calls that are to be asked before the next frames; None for all that there are by then."""

    def ask(self, store: Store, most: int | None = None) -> bool:
        """Ask so many calls, or all that are due; True when others are left, which are asked with the next frames."""
        if self._due is None:
            self._due = list(store.calls) if self._parts else []
        asked, self._due = self._due[:most], [] if most is None else self._due[most:]
        calls = [store.calls[key] for key in asked if key in store.calls]
        for part in self._parts.values():
            part.ask(calls)
        self._asked.update(asked)
        return bool(self._due)

    def ask_again(self, keys: Iterable[Key]) -> None:
        """These calls are new, or more is known of them than before."""
        if self._parts and self._due is not None:
            self._due += keys

    def strike(self, gone: Collection[Key]) -> None:
        """Forget calls that are not kept any more."""
        self._asked.difference_update(gone)
        for part in self._parts.values():
            part.strike(gone)

    def matching(self, store: Store, start: int, end: int) -> Iterable[int]:
        """The positions from `start` up to, not including, `end` of frames that match, in order."""
        left: Iterable[int] = range(max(start, store.frames.first), end)
        if self._parts:
            self.ask(store)
            stretch = FrameSlice.of(store, start, end)
            for part in self._parts.values():
                found = part.look(store, stretch)
                left = (filterfalse if part.negated else filter)(found.__contains__, left)
        return filter(self._rest.tester(store), left) if self._rest.terms else left

    def found(self, index: int, key: Key) -> bool | None:
        """Whether a call matches a part of the filter, by the index of the part; None where the sweep cannot tell."""
        part = self._parts.get(index)
        return None if part is None or key not in self._asked else part.has(key)

    @property
    def is_judge(self) -> bool:
        """True when all parts of the filter are asked of many at once."""
        return not self._rest.terms

    def judged(self, keys: Iterable[Key]) -> tuple[set[Key], set[Key]]:
        """Those of the calls of which the sweep knows whether they match all of the filter, and those that do."""
        known = self._asked.intersection(keys) if self.is_judge else set()
        matching = set(known)
        for part in self._parts.values():
            found = part.among(matching)
            matching = matching - found if part.negated else found
        return known, matching
