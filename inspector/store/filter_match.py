"""What each part of a filter looks at, as closures over raw values: a million frames are asked one after the other.

A word is searched for in bytes where these are bytes. Nothing is decoded, and nothing is kept but small answers about
methods, statuses and headers that come again and again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple, Protocol, TypeAlias

from inspector.model.call import Call, CallState
from inspector.model.endpoint import Side
from inspector.model.frame import Frame, FrameType, type_name
from inspector.model.message import PREFIX_LENGTH, Message
from inspector.store.filter_words import bytes_test, detail_test, headers_test
from inspector.store.store import Store
from inspector.store.word_search import Frames, word_search

CallTest: TypeAlias = Callable[[Store, Call], bool]
FrameTest: TypeAlias = Callable[[Store, int, Frame, Call | None], bool]
"""Looks at the store, a position, the frame there, and its call."""

ManyTest: TypeAlias = Callable[[Store, Frames, Iterable[Call]], set[int]]
"""Looks at the store, frames and their calls, and gives the positions of the frames that match."""

_ANSWERS_KEPT: Final = 65_536


class Numbers(Protocol):
    """A set of numbers that may grow."""

    def __contains__(self, number: int, /) -> bool:
        """True for a number that is in it."""


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
    """The same as `frame`, asked of many at once, where that is quicker."""


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
    is_in = _remembered(_ending(wanted[:-1]) if wanted.endswith("$") else _containing(wanted))
    return Probe(None, lambda _store, call: call.method is not None and is_in(call.method), learns=True, cost=1)


def status(codes: frozenset[int], states: frozenset[CallState]) -> Probe:
    """Calls with one of some status codes, or in one of some states, and their frames."""

    def has_status(_store: Store, call: Call) -> bool:
        return (call.status is not None and call.status.code in codes) or call.state in states

    return Probe(None, has_status, learns=True, cost=1)


def word(text: str) -> Probe:
    """Frames and calls in which a text stands anywhere: the case of letters does not matter."""
    wanted = text.lower()
    is_in = _remembered(_containing(wanted))
    in_headers, in_bytes, in_detail = headers_test(wanted), bytes_test(wanted), detail_test(wanted)

    def in_call(_store: Store, call: Call) -> bool:
        if call.method is not None and is_in(call.method):
            return True
        return call.status is not None and (is_in(call.status.name) or is_in(call.status.message))

    def in_frame(store: Store, position: int, frame: Frame, call: Call | None) -> bool:
        if frame.type == FrameType.DATA:
            return (
                in_bytes(frame.payload)
                or is_in(type_name(frame.type))
                or _in_messages(in_bytes, store, position, frame, call)
            )
        if frame.headers is not None and in_headers(frame.headers):
            return True
        return is_in(type_name(frame.type)) or (frame.detail is not None and in_detail(frame.detail))

    return Probe(in_frame, in_call, learns=True, cost=2, many=word_search(wanted))


def _containing(wanted: str) -> Callable[[str], bool]:
    return lambda text: wanted in text.lower()


def _ending(wanted: str) -> Callable[[str], bool]:
    return lambda text: text.lower().endswith(wanted)


def _remembered(test: Callable[[str], bool]) -> Callable[[str], bool]:
    """The test with its answers kept: the same few methods and names come again and again."""
    answers: dict[str, bool] = {}

    def answer(asked: str) -> bool:
        known = answers.get(asked)
        if known is None:
            if len(answers) >= _ANSWERS_KEPT:
                answers.clear()
            known = answers[asked] = test(asked)
        return known

    return answer


def _in_messages(
    in_bytes: Callable[[bytes], bool], store: Store, position: int, frame: Frame, call: Call | None
) -> bool:
    """Looks into messages that end in the frame and are not in its payload as they are: compressed or longer ones."""
    if call is None:
        return False
    messages = call.messages(store.side(frame))
    index = messages.find(position, key=_frame) if messages.kept > 1 else messages.first
    while index < len(messages) and (message := messages[index]).frame <= position:
        is_elsewhere = message.encoding is not None or message.length + PREFIX_LENGTH > len(frame.payload)
        if is_elsewhere and message.frame == position and message.data is not None and in_bytes(message.data):
            return True
        index += 1
    return False


def _frame(message: Message) -> int:
    return message.frame
