"""Filters as predicates on frames and calls, one at a time or in bulk.

Each part of a filter is a `Probe`: closures over raw values, as up to a million frames are tested one after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from itertools import filterfalse
from typing import Final, NamedTuple, Protocol, TypeAlias, cast

from inspector.model.call import Call, CallState, StreamKey
from inspector.model.frame import Frame, Side
from inspector.store.filters.words import FrameSlice, Key, WordSearch, remembered, text_test
from inspector.store.store import Store

CallTest: TypeAlias = Callable[[Store, Call], bool]
FrameTest: TypeAlias = Callable[[Store, int, Frame, Call | None], bool]
"""Looks at the store, a position, the frame there, and its call."""


class Numbers(Protocol):
    """A set of numbers that may grow."""

    def __contains__(self, number: int, /) -> bool:
        """True for a number that is in it."""


class ManyTest(Protocol):
    """Asks many frames and calls at once."""

    def frames(self, store: Store, stretch: FrameSlice, /) -> set[int]:
        """The positions of the frames that match themselves."""

    def calls(self, calls: Collection[Call], /) -> set[Key]:
        """Those of some calls that match by what is known of them as a whole."""


class Probe(NamedTuple):
    """One question. A frame matches when it does itself, or when the call that it belongs to does."""

    frame: FrameTest | None
    """Looks only at the frame itself and at the messages that end in it."""
    call: CallTest | None = None
    """Looks only at what is known of the call as a whole."""
    learns: bool = False
    """True when `call` may answer differently once more of the call is known."""
    by_side: bool = False
    """True when the answer depends on who is taken for the client."""
    cost: int = 0
    """Cheap questions are asked first."""
    many: ManyTest | None = None
    """The same as `frame` and `call`, asked of many at once, where that is quicker."""


def of_packets(numbers: Numbers) -> Probe:
    """Frames of some packets, and calls with such a frame."""
    return Probe(lambda _store, _position, frame, _call: frame.packet in numbers)


def of_connection(index: int) -> Probe:
    """Frames and calls of a connection."""
    return Probe(
        lambda _store, _position, frame, _call: frame.connection == index,
        lambda _store, call: call.key.connection == index,
    )


def of_stream(number: int, on_connection: int | None = None) -> Probe:
    """Frames and calls of a stream number, on every connection or on one."""
    if on_connection is None:
        return Probe(
            lambda _store, _position, frame, _call: frame.stream == number,
            lambda _store, call: call.key.stream == number,
        )
    key = (on_connection, number)
    return Probe(
        lambda _store, _position, frame, _call: frame.stream == number and frame.connection == on_connection,
        lambda _store, call: call.key == key,
    )


def of_port(number: int) -> Probe:
    """Frames and calls of connections with a TCP port at either end."""

    def has_port(store: Store, index: int) -> bool:
        known = store.connections[index]
        return number in (known.client.port, known.server.port)

    return Probe(
        lambda store, _position, frame, _call: has_port(store, frame.connection),
        lambda store, call: has_port(store, call.key.connection),
    )


def of_types(types: frozenset[int]) -> Probe:
    """Frames of some types, and calls with such a frame."""
    return Probe(lambda _store, _position, frame, _call: frame.type in types)


def from_sender(side: Side) -> Probe:
    """Frames that a side sent, and calls with such a frame."""
    return Probe(lambda store, _position, frame, _call: store.side(frame) is side, by_side=True, cost=1)


def with_method(text: str) -> Probe:
    """Calls whose method contains a text, or ends with what is before a `$`, and their frames."""
    wanted = text.lower()
    is_in = remembered(_ending(wanted[:-1])) if wanted.endswith("$") else text_test(wanted)
    return Probe(None, lambda _store, call: call.method is not None and is_in(call.method), learns=True, cost=1)


def with_status(codes: frozenset[int], states: frozenset[CallState]) -> Probe:
    """Calls with one of some status codes, or in one of some states, and their frames."""

    def has_status(_store: Store, call: Call) -> bool:
        return (call.status is not None and call.status.code in codes) or call.state in states

    return Probe(None, has_status, learns=True, cost=1)


def with_word(text: str) -> Probe:
    """Frames and calls in which a text stands anywhere: the case of letters does not matter."""
    search = WordSearch(text.lower())
    return Probe(search.in_frame, search.in_call, learns=True, cost=2, many=search)


def _ending(wanted: str) -> Callable[[str], bool]:
    return lambda text: text.lower().endswith(wanted)


class Term(NamedTuple):
    """One part of a filter."""

    probe: Probe
    negated: bool


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
    return Filter(text, (Term(of_packets(packets), negated=False),), packets)


EVERYTHING: Final = Filter("")


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
