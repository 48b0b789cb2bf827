"""Where a word of a filter is searched for: in one frame or call, or in many at once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import compress
from operator import attrgetter
from typing import Final, TypeAlias, cast

from inspector.model.call import Call, Message, Status
from inspector.model.frame import Detail, Frame, FrameType, Header, type_name
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


Key: TypeAlias = tuple[int, int]
"""Connection and stream: a plain tuple finds what a StreamKey does, and is made in half the time."""

_key: Final = attrgetter("connection", "stream")


@dataclass(frozen=True, slots=True)
class FrameSlice:
    """So many frames of a store."""

    positions: range
    frames: list[Frame]
    calls: Mapping[Key, Call]
    """All that the store has."""

    @classmethod
    def of(cls, store: Store, start: int, end: int) -> FrameSlice:
        """The frames from a position up to, not including, another, as far as they are kept."""
        kept = range(max(start, store.frames.first), end)
        return cls(kept, store.frames[start:end], cast("dict[Key, Call]", store.calls))

    def __getitem__(self, position: int) -> Frame:
        """The frame at a position of the store."""
        return self.frames[position - self.positions.start]

    def key(self, position: int) -> Key:
        """The stream of the frame at a position."""
        return _key(self[position])

    def of_calls(self, wanted: Collection[Key]) -> Iterator[int]:
        """The positions of the frames of some calls."""
        keys_of = map(_key, self.frames) if wanted else ()
        return (at for at, key in zip(self.positions, keys_of, strict=False) if key in wanted and self._is_in(key, at))

    def calls_of(self, positions: Iterable[int]) -> set[Key]:
        """The calls of some frames."""
        return {key for at in positions if self._is_in(key := self.key(at), at)}

    def _is_in(self, key: Key, position: int) -> bool:
        """True for a frame of a call: before it opened, its stream may have carried others."""
        call = self.calls.get(key)
        return call is not None and call.opened is not None and position >= call.opened


_SHORT: Final = 1_024
"""Bytes up to which a payload is put together with others."""

_type: Final = attrgetter("type")
_headers: Final = attrgetter("headers")
_detail: Final = attrgetter("detail")
_payload: Final = attrgetter("payload")
_facts: Final = attrgetter("method", "status")
_is_data: Final = int(FrameType.DATA).__eq__


class WordSearch:
    """A search for a lower-case word."""

    def __init__(self, wanted: str) -> None:
        self._wanted = wanted
        self._raw = wanted.encode() if wanted.isascii() else None
        self._in_text, self._in_facts, self._in_headers = text_test(wanted), facts_test(wanted), headers_test(wanted)
        self._in_bytes, self._in_detail = bytes_test(wanted), detail_test(wanted)
        self._in_messages = messages_test(wanted)
        self._wordless = {FrameType.DATA} if wanted.isdigit() else {FrameType.DATA, FrameType.WINDOW_UPDATE}
        """Types whose details can hold no such word: an increment is a number."""

    def in_call(self, _store: Store, call: Call) -> bool:
        """True when a call says it itself."""
        return self._in_facts(call.method, call.status)

    def in_frame(self, store: Store, position: int, frame: Frame, call: Call | None) -> bool:
        """True when a frame holds it, or a message does that ends in it."""
        if self._in_text(type_name(frame.type)):
            return True
        if frame.type == FrameType.DATA:
            return self._in_bytes(frame.payload) or self._in_messages(store, position, frame, call)
        if frame.headers is not None and self._in_headers(frame.headers):
            return True
        return frame.detail is not None and self._in_detail(frame.detail)

    def calls(self, calls: Collection[Call]) -> set[Key]:
        """The calls that say it themselves."""
        found = {each for each in set(map(_facts, calls)) if self._in_facts(*each)}
        return {call.key for call in calls if _facts(call) in found} if found else set()

    def frames(self, store: Store, stretch: FrameSlice) -> set[int]:
        """The positions of the frames that hold it, or in which a message ends that does."""
        types = list(map(_type, stretch.frames))
        return {
            *self._of_type(stretch, types),
            *self._with_headers(stretch),
            *self._with_payload(stretch, types),
            *self._with_detail(stretch, types),
            *self._with_message(store, stretch),
        }

    def _of_type(self, stretch: FrameSlice, types: list[int]) -> Iterator[int]:
        if found := {each for each in set(types) if self._in_text(type_name(each))}:
            yield from compress(stretch.positions, map(found.__contains__, types))

    def _with_headers(self, stretch: FrameSlice) -> Iterator[int]:
        lists = list(map(_headers, stretch.frames))
        ids = list(map(id, lists))  # equal lists of many frames are one object, and hashing one costs more
        different = dict(zip(ids, lists, strict=True))
        if found := {id_ for id_, each in different.items() if each is not None and self._in_headers(each)}:
            yield from compress(stretch.positions, map(found.__contains__, ids))

    def _with_payload(self, stretch: FrameSlice, types: list[int]) -> Iterator[int]:
        is_data = list(map(_is_data, types))
        payloads = list(map(_payload, compress(stretch.frames, is_data)))
        short = [each for each in payloads if len(each) <= _SHORT]
        everywhere = self._raw is None or self._raw in b"\n".join(short).lower()
        if everywhere or len(short) < len(payloads):
            for at, payload in zip(compress(stretch.positions, is_data), payloads, strict=True):
                if (everywhere or len(payload) > _SHORT) and self._in_bytes(payload):
                    yield at

    def _with_detail(self, stretch: FrameSlice, types: list[int]) -> Iterator[int]:
        has_words = list(map((set(types) - self._wordless).__contains__, types))
        details = list(map(_detail, compress(stretch.frames, has_words)))
        if is_plain(self._wanted) and self._wanted not in repr(list(filter(None, details))).lower():
            return
        for at, detail in zip(compress(stretch.positions, has_words), details, strict=True):
            if detail is not None and self._in_detail(detail):
                yield at

    def _with_message(self, store: Store, stretch: FrameSlice) -> Iterator[int]:
        for at in store.apart(stretch.positions):
            if self._in_messages(store, at, stretch[at], stretch.calls.get(stretch.key(at))):
                yield at
