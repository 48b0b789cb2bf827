"""Filters as predicates on frames and calls, one at a time or in bulk.

Each term has a `Probe`: closures over raw values, as up to a million frames are tested one after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from itertools import filterfalse
from typing import Final, NamedTuple, Protocol, TypeAlias, cast

from inspector.model.call import Call, CallState, StreamKey
from inspector.model.frame import Side
from inspector.store.filters.words import FrameSlice, FrameTest, Key, WordSearch, cached, text_test
from inspector.store.store import Store

CallTest: TypeAlias = Callable[[Store, Call], bool]


class Numbers(Protocol):
    """A set of packet numbers that may grow."""

    def __contains__(self, number: int, /) -> bool:
        """Return True for a number in the set."""


class BulkTest(Protocol):
    """A test of many frames or calls at once."""

    def frames(self, store: Store, frames: FrameSlice, /) -> set[int]:
        """Return the positions of the frames that match by themselves."""

    def calls(self, calls: Collection[Call], /) -> set[Key]:
        """Return the calls that match as a whole."""


class Probe(NamedTuple):
    """One test. A frame matches when it does so itself, or when its call does."""

    frame: FrameTest | None
    """Depends only on the frame and on the messages that end in it."""
    call: CallTest | None = None
    """Depends only on the call as a whole."""
    can_change: bool = False
    """True when `call` may answer differently after the call changes."""
    by_side: bool = False
    """True when the answer depends on which end is the client."""
    cost: int = 0
    """Cheap tests run first."""
    bulk: BulkTest | None = None
    """The same test for many frames and calls, where that is faster."""


def of_packets(numbers: Numbers) -> Probe:
    """Match frames of some packets, and calls with such a frame."""
    return Probe(lambda _store, _position, frame, _call: frame.packet in numbers)


def of_connection(index: int) -> Probe:
    """Match frames and calls of a connection."""
    return Probe(
        lambda _store, _position, frame, _call: frame.connection == index,
        lambda _store, call: call.key.connection == index,
    )


def of_stream(number: int, on_connection: int | None = None) -> Probe:
    """Match frames and calls of a stream number, on every connection or on one."""
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
    """Match frames and calls of connections with a TCP port at either end."""

    def has_port(store: Store, index: int) -> bool:
        known = store.connections[index]
        return number in (known.client.port, known.server.port)

    return Probe(
        lambda store, _position, frame, _call: has_port(store, frame.connection),
        lambda store, call: has_port(store, call.key.connection),
    )


def of_types(types: frozenset[int]) -> Probe:
    """Match frames of some types, and calls with such a frame."""
    return Probe(lambda _store, _position, frame, _call: frame.type in types)


def from_sender(side: Side) -> Probe:
    """Match frames that a side sent, and calls with such a frame."""
    return Probe(lambda store, _position, frame, _call: store.side(frame) is side, by_side=True, cost=1)


def with_method(text: str) -> Probe:
    """Match calls whose method contains a text, or ends with what precedes a `$`, and their frames."""
    wanted = text.lower()
    is_in = cached(_ending(wanted[:-1])) if wanted.endswith("$") else text_test(wanted)
    return Probe(None, lambda _store, call: call.method is not None and is_in(call.method), can_change=True, cost=1)


def with_status(codes: frozenset[int], states: frozenset[CallState]) -> Probe:
    """Match calls with one of some status codes or in one of some states, and their frames."""

    def has_status(_store: Store, call: Call) -> bool:
        return (call.status is not None and call.status.code in codes) or call.state in states

    return Probe(None, has_status, can_change=True, cost=1)


def with_word(text: str) -> Probe:
    """Match frames and calls that contain a text anywhere, in any case."""
    search = WordSearch(text.lower())
    return Probe(search.in_frame, search.in_call, can_change=True, cost=2, bulk=search)


def _ending(wanted: str) -> Callable[[str], bool]:
    return lambda text: text.lower().endswith(wanted)


class Term(NamedTuple):
    """One part of a filter; all must match."""

    probe: Probe
    negated: bool


@dataclass(frozen=True, slots=True)
class Filter:
    """A parsed filter; without terms it matches everything."""

    text: str
    terms: tuple[Term, ...] = ()
    packets: Numbers | None = None
    """The packets that a display filter is known to match so far; None for a filter of words."""

    @property
    def depends_on_calls(self) -> bool:
        """True when a change of a call can change whether its earlier frames match."""
        return any(term.probe.can_change for term in self.terms)

    @property
    def depends_on_sides(self) -> bool:
        """True when the answer depends on which end is the client."""
        return any(term.probe.by_side for term in self.terms)

    def matches_frame(self, store: Store, position: int) -> bool:
        """Return True when every term matches the frame at a position, or its call."""
        return self.tester(store)(position)

    def tester(self, store: Store) -> Callable[[int], bool]:
        """Return `matches_frame` for one store, prepared for many frames."""
        frame_at, calls = store.frames.reader(), cast("dict[tuple[int, int], Call]", store.calls)
        tests = tuple((probe.call, probe.frame, negated) for (probe, negated) in self.terms)

        def matches(position: int) -> bool:
            frame = frame_at(position)
            # A plain tuple equals a StreamKey and is created in half the time.
            call = calls.get((frame.connection, frame.stream)) if frame.stream else None
            if call is not None and (call.first_position is None or position < call.first_position):
                call = None  # as for a PRIORITY before the call
            for in_call, in_frame, negated in tests:
                found = (call is not None and in_call is not None and in_call(store, call)) or (
                    in_frame is not None and in_frame(store, position, frame, call)
                )
                if found is negated:
                    return False
            return True

        return matches

    def matches_call(self, store: Store, key: StreamKey) -> bool:
        """Return True when every term matches the call, or one of its frames."""
        call = store.calls[key]
        return all(_matches(probe, store, call) is not negated for probe, negated in self.terms)


def _matches(probe: Probe, store: Store, call: Call) -> bool:
    if probe.call is not None and probe.call(store, call):
        return True
    if probe.frame is None:
        return False
    frames, test = store.frames, probe.frame
    return any(test(store, position, frames[position], call) for position in call.frames)


def display_filter(text: str, packets: Numbers) -> Filter:
    """Return a Wireshark display filter; tshark evaluates it and adds to `packets` over time."""
    return Filter(text, (Term(of_packets(packets), negated=False),), packets)


EVERYTHING: Final = Filter("")


class _BulkTerm:
    """A term that is tested in bulk, with its results so far."""

    def __init__(self, test: BulkTest, *, negated: bool) -> None:
        self.negated = negated
        self._test = test
        self._as_a_whole: set[Key] = set()
        """Calls that match as a whole."""
        self._by_frames: set[Key] = set()
        """Calls with a matching frame."""

    def test_calls(self, calls: list[Call]) -> None:
        """Test calls, possibly again."""
        self._as_a_whole.difference_update([call.key for call in calls])
        self._as_a_whole |= self._test.calls(calls)

    def test_frames(self, store: Store, frames: FrameSlice) -> set[int]:
        """Return the positions of the frames that match, or whose call matches as a whole."""
        positions = self._test.frames(store, frames)
        # Also frames that other terms reject: their calls may match.
        self._by_frames |= frames.calls_of(positions)
        return positions.union(frames.of_calls(self._as_a_whole))

    def matches(self, key: Key) -> bool:
        """Return True for a call that matches."""
        return key in self._as_a_whole or key in self._by_frames

    def matching(self, keys: set[Key]) -> set[Key]:
        """Return the calls among `keys` that match."""
        return (keys & self._as_a_whole) | (keys & self._by_frames)

    def forget(self, evicted: Collection[Key]) -> None:
        """Forget evicted calls."""
        self._as_a_whole.difference_update(evicted)
        self._by_frames.difference_update(evicted)


class BulkMatcher:
    """A filter that is tested against many frames at once, and remembers which calls match."""

    def __init__(self, filter_: Filter) -> None:
        self._terms = {
            index: _BulkTerm(term.probe.bulk, negated=term.negated)
            for index, term in enumerate(filter_.terms)
            if term.probe.bulk is not None
        }
        rest = tuple(term for index, term in enumerate(filter_.terms) if index not in self._terms)
        self._rest = Filter(filter_.text, rest)
        self._tested: set[Key] = set()
        self._due: list[Key] | None = None
        """Calls to test before the next frames; None for all that exist at that moment."""

    def test_calls(self, store: Store, most: int | None = None) -> bool:
        """Test at most `most` calls that are due, all without a number; return True while others are due."""
        if self._due is None:
            self._due = list(store.calls) if self._terms else []
        batch, self._due = self._due[:most], [] if most is None else self._due[most:]
        calls = [store.calls[key] for key in batch if key in store.calls]
        for term in self._terms.values():
            term.test_calls(calls)
        self._tested.update(batch)
        return bool(self._due)

    def test_again(self, keys: Iterable[Key]) -> None:
        """Test calls that are new or changed before the next frames."""
        if self._terms and self._due is not None:
            self._due += keys

    def forget(self, evicted: Collection[Key]) -> None:
        """Forget evicted calls."""
        self._tested.difference_update(evicted)
        for term in self._terms.values():
            term.forget(evicted)

    def matching(self, store: Store, start: int, end: int) -> Iterable[int]:
        """Return the positions from `start` up to, not including, `end` of matching frames, ascending."""
        left: Iterable[int] = range(max(start, store.frames.first), end)
        if self._terms:
            self.test_calls(store)
            frames = FrameSlice.of(store, start, end)
            for term in self._terms.values():
                found = term.test_frames(store, frames)
                left = (filterfalse if term.negated else filter)(found.__contains__, left)
        return filter(self._rest.tester(store), left) if self._rest.terms else left

    def found(self, index: int, key: Key) -> bool | None:
        """Return whether a call matches the term at an index; None where that is not known."""
        term = self._terms.get(index)
        return None if term is None or key not in self._tested else term.matches(key)

    @property
    def covers_all_terms(self) -> bool:
        """True when all terms can be tested in bulk, so that the answer is known for whole calls."""
        return not self._rest.terms

    def known_matches(self, keys: Iterable[Key]) -> tuple[set[Key], set[Key]]:
        """Return the calls whose answer is known, and those of them that match all terms."""
        known = self._tested.intersection(keys) if self.covers_all_terms else set()
        matching = set(known)
        for term in self._terms.values():
            found = term.matching(matching)
            matching = matching - found if term.negated else found
        return known, matching
