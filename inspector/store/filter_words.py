"""Where a word of a filter is searched for, and how: in texts, headers, bytes, messages, and what a frame type tells.

Every test is a closure over the lower-case word. The fast ways out are for a million frames that do not hold it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from inspector.model.call import Call
from inspector.model.frame import Detail, Frame, Header
from inspector.model.message import Message
from inspector.model.status import Status
from inspector.store.store import Store

MessagesTest: TypeAlias = Callable[[Store, int, Frame, Call | None], bool]
"""Looks at the store, a position, the frame there, and its call."""

_ANSWERS_KEPT: Final = 65_536


def text_test(wanted: str) -> Callable[[str], bool]:
    """A test that finds a word in a text."""
    return remembered(lambda text: wanted in text.lower())


def remembered(test: Callable[[str], bool]) -> Callable[[str], bool]:
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


def facts_test(wanted: str) -> Callable[[str | None, Status | None], bool]:
    """A test that finds a word in a call's method, or in the name or the message of its status."""
    is_in = text_test(wanted)

    def in_facts(method: str | None, status: Status | None) -> bool:
        if method is not None and is_in(method):
            return True
        return status is not None and (is_in(status.name) or is_in(status.message))

    return in_facts


def headers_test(wanted: str) -> Callable[[tuple[Header, ...]], bool]:
    """A test that finds a word in a name or a value of a header list."""
    # By identity: equal lists of many frames are one object, and hashing one costs more than to search it. The list
    # is kept beside its answer, so that no other can come to have its id.
    answers: dict[int, tuple[tuple[Header, ...], bool]] = {}

    def in_headers(headers: tuple[Header, ...]) -> bool:
        known = answers.get(id(headers))
        if known is not None:
            return known[1]
        found = any(wanted in name.lower() or wanted in value.lower() for name, value in headers)
        if len(answers) >= _ANSWERS_KEPT:
            answers.clear()
        answers[id(headers)] = headers, found
        return found

    return in_headers


def bytes_test(wanted: str) -> Callable[[bytes], bool]:
    """A test that finds a word in bytes that are, or hold, UTF-8."""
    if wanted.isascii():
        raw = wanted.encode()
        return lambda data: raw in data.lower()
    # bytes.lower knows ASCII alone; other letters have to be read as text first.
    return lambda data: not data.isascii() and wanted in data.decode(errors="replace").lower()


def messages_test(wanted: str) -> MessagesTest:
    """A test that finds a word in messages that end in a frame and are not in its payload as they are."""
    in_bytes = bytes_test(wanted)

    def in_messages(store: Store, position: int, frame: Frame, call: Call | None) -> bool:
        if call is None:
            return False
        messages = call.messages(store.side(frame))
        index = messages.find(position, key=_frame) if messages.kept > 1 else messages.first
        while index < len(messages) and (message := messages[index]).frame <= position:
            if message.is_apart and message.frame == position and message.data is not None and in_bytes(message.data):
                return True
            index += 1
        return False

    return in_messages


def detail_test(wanted: str) -> Callable[[Detail], bool]:
    """A test that finds a word in a value of a frame's detail, or in the name of a setting."""
    quickly = is_plain(wanted)

    def in_detail(detail: Detail) -> bool:
        if quickly and wanted not in repr(detail).lower():
            return False
        return any(wanted in each.lower() for each in _words(detail))

    return in_detail


def is_plain(wanted: str) -> bool:
    """True for a word that repr shows without escapes: it is in no value if it is not in the repr of the whole."""
    return wanted.isprintable() and not set(wanted) & set("\\'\"")


def _words(detail: Detail) -> Iterator[str]:
    for value in detail.values():
        if isinstance(value, dict):
            yield from (f"{each}" for pair in value.items() for each in pair)
        else:
            yield f"{value}"


def _frame(message: Message) -> int:
    return message.frame
