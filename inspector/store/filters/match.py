"""What each part of a filter looks at, as closures over raw values: a million frames are asked one after the other.

A word is searched for in bytes where these are bytes. Nothing is decoded, and nothing is kept but small answers about
methods, statuses and headers that come again and again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import NamedTuple, Protocol, TypeAlias

from inspector.model.call import Call, CallState
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


def packet(numbers: Numbers) -> Probe:
    """Frames of some packets, and calls with such a frame."""
    return Probe(lambda _store, _position, frame, _call: frame.packet in numbers)


def connection(index: int) -> Probe:
    """Frames and calls of a connection."""
    return Probe(
        lambda _store, _position, frame, _call: frame.connection == index,
        lambda _store, call: call.key.connection == index,
    )


def stream(number: int, on_connection: int | None = None) -> Probe:
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


def port(number: int) -> Probe:
    """Frames and calls of connections with a TCP port at either end."""

    def has_port(store: Store, index: int) -> bool:
        known = store.connections[index]
        return number in (known.client.port, known.server.port)

    return Probe(
        lambda store, _position, frame, _call: has_port(store, frame.connection),
        lambda store, call: has_port(store, call.key.connection),
    )


def frame_type(types: frozenset[int]) -> Probe:
    """Frames of some types, and calls with such a frame."""
    return Probe(lambda _store, _position, frame, _call: frame.type in types)


def sender(side: Side) -> Probe:
    """Frames that a side sent, and calls with such a frame."""
    return Probe(lambda store, _position, frame, _call: store.side(frame) is side, by_side=True, cost=1)


def method(text: str) -> Probe:
    """Calls whose method contains a text, or ends with what is before a `$`, and their frames."""
    wanted = text.lower()
    is_in = remembered(_ending(wanted[:-1])) if wanted.endswith("$") else text_test(wanted)
    return Probe(None, lambda _store, call: call.method is not None and is_in(call.method), learns=True, cost=1)


def status(codes: frozenset[int], states: frozenset[CallState]) -> Probe:
    """Calls with one of some status codes, or in one of some states, and their frames."""

    def has_status(_store: Store, call: Call) -> bool:
        return (call.status is not None and call.status.code in codes) or call.state in states

    return Probe(None, has_status, learns=True, cost=1)


def word(text: str) -> Probe:
    """Frames and calls in which a text stands anywhere: the case of letters does not matter."""
    search = WordSearch(text.lower())
    return Probe(search.in_frame, search.in_call, learns=True, cost=2, many=search)


def _ending(wanted: str) -> Callable[[str], bool]:
    return lambda text: text.lower().endswith(wanted)
