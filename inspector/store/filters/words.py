"""Searches for a word in one frame or call, or in many at once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import compress
from operator import attrgetter
from typing import Final, TypeAlias, cast

from inspector.model.call import Call, Message, Status
from inspector.model.frame import Detail, Frame, FrameType, Header, type_name
from inspector.store.store import Store

FrameTest: TypeAlias = Callable[[Store, int, Frame, Call | None], bool]
"""Receives the store, a position, the frame there, and its call."""

_MAX_ANSWERS: Final = 65_536


def text_test(wanted: str) -> Callable[[str], bool]:
    """Return a test for texts that contain a word."""
    return cached(lambda text: wanted in text.lower())


def cached(test: Callable[[str], bool]) -> Callable[[str], bool]:
    """Return a test that caches its answers: few methods and names occur, and often."""
    answers: dict[str, bool] = {}

    def answer(text: str) -> bool:
        known = answers.get(text)
        if known is None:
            if len(answers) >= _MAX_ANSWERS:
                answers.clear()
            known = answers[text] = test(text)
        return known

    return answer


def method_or_status_test(wanted: str) -> Callable[[str | None, Status | None], bool]:
    """Return a test for calls whose method, status name or status message contains a word."""
    is_in = text_test(wanted)

    def in_method_or_status(method: str | None, status: Status | None) -> bool:
        if method is not None and is_in(method):
            return True
        return status is not None and (is_in(status.name) or is_in(status.message))

    return in_method_or_status


def headers_test(wanted: str) -> Callable[[tuple[Header, ...]], bool]:
    """Return a test for header lists with a word in a name or value."""
    # Keyed by identity: equal lists of many frames are one object, and hashing one costs more than searching it. The
    # list is stored with its answer, so that no other can get its id.
    answers: dict[int, tuple[tuple[Header, ...], bool]] = {}

    def in_headers(headers: tuple[Header, ...]) -> bool:
        known = answers.get(id(headers))
        if known is not None:
            return known[1]
        found = any(wanted in name.lower() or wanted in value.lower() for name, value in headers)
        if len(answers) >= _MAX_ANSWERS:
            answers.clear()
        answers[id(headers)] = headers, found
        return found

    return in_headers


def bytes_test(wanted: str) -> Callable[[bytes], bool]:
    """Return a test for bytes that contain a word as UTF-8."""
    if wanted.isascii():
        raw = wanted.encode()
        return lambda data: raw in data.lower()
    # bytes.lower changes ASCII only; other letters need decoding.
    return lambda data: not data.isascii() and wanted in data.decode(errors="replace").lower()


def messages_test(wanted: str) -> FrameTest:
    """Return a test for messages that end in a frame but are not in its payload as they are."""
    in_bytes = bytes_test(wanted)

    def in_messages(store: Store, position: int, frame: Frame, call: Call | None) -> bool:
        if call is None:
            return False
        messages = call.messages(store.side(frame))
        index = messages.find(position, key=_frame) if messages.kept > 1 else messages.first
        while index < len(messages) and (message := messages[index]).frame <= position:
            if (
                message.is_outside_payload
                and message.frame == position
                and message.data is not None
                and in_bytes(message.data)
            ):
                return True
            index += 1
        return False

    return in_messages


def detail_test(wanted: str) -> Callable[[Detail], bool]:
    """Return a test for frame details with a word in a value or in the name of a setting."""
    is_repr_enough = is_unescaped(wanted)

    def in_detail(detail: Detail) -> bool:
        if is_repr_enough and wanted not in repr(detail).lower():
            return False
        return any(wanted in each.lower() for each in _values(detail))

    return in_detail


def is_unescaped(wanted: str) -> bool:
    """Return True for a word that repr does not escape: what is not in a detail's repr is in none of its values."""
    return wanted.isprintable() and not set(wanted) & set("\\'\"")


def _values(detail: Detail) -> Iterator[str]:
    for value in detail.values():
        if isinstance(value, dict):
            yield from (f"{each}" for pair in value.items() for each in pair)
        else:
            yield f"{value}"


def _frame(message: Message) -> int:
    return message.frame


Key: TypeAlias = tuple[int, int]
"""Connection and stream; a plain tuple equals a StreamKey and is created in half the time."""

_key: Final = attrgetter("connection", "stream")


@dataclass(frozen=True, slots=True)
class FrameSlice:
    """Consecutive frames of a store."""

    positions: range
    frames: list[Frame]
    calls: Mapping[Key, Call]
    """All calls of the store."""

    @classmethod
    def of(cls, store: Store, start: int, end: int) -> FrameSlice:
        """Return the frames from `start` up to, not including, `end`, as far as they are kept."""
        kept = range(max(start, store.frames.first), end)
        return cls(kept, store.frames[start:end], cast("dict[Key, Call]", store.calls))

    def __getitem__(self, position: int) -> Frame:
        """Return the frame at a position of the store."""
        return self.frames[position - self.positions.start]

    def key(self, position: int) -> Key:
        """Return the stream of the frame at a position."""
        return _key(self[position])

    def of_calls(self, wanted: Collection[Key]) -> Iterator[int]:
        """Yield the positions of the frames of some calls."""
        keys_of = map(_key, self.frames) if wanted else ()
        return (
            position
            for position, key in zip(self.positions, keys_of, strict=False)
            if key in wanted and self._is_in(key, position)
        )

    def calls_of(self, positions: Iterable[int]) -> set[Key]:
        """Return the calls of some frames."""
        return {key for position in positions if self._is_in(key := self.key(position), position)}

    def _is_in(self, key: Key, position: int) -> bool:
        """Return True for a frame of a call; the stream may have had frames before the call began."""
        call = self.calls.get(key)
        return call is not None and call.first_position is not None and position >= call.first_position


_MAX_JOINED: Final = 1_024
"""Bytes; payloads up to this size are searched together, joined."""

_type: Final = attrgetter("type")
_headers: Final = attrgetter("headers")
_detail: Final = attrgetter("detail")
_payload: Final = attrgetter("payload")
_method_and_status: Final = attrgetter("method", "status")
_is_data: Final = int(FrameType.DATA).__eq__


class WordSearch:
    """A search for one lower-case word."""

    def __init__(self, wanted: str) -> None:
        self._wanted = wanted
        self._raw = wanted.encode() if wanted.isascii() else None
        self._in_text, self._in_method_or_status, self._in_headers = (
            text_test(wanted),
            method_or_status_test(wanted),
            headers_test(wanted),
        )
        self._in_bytes, self._in_detail = bytes_test(wanted), detail_test(wanted)
        self._in_messages = messages_test(wanted)
        self._without_words = {FrameType.DATA} if wanted.isdigit() else {FrameType.DATA, FrameType.WINDOW_UPDATE}
        """Types whose details cannot contain the word; the only value of a WINDOW_UPDATE is a number."""

    def in_call(self, _store: Store, call: Call) -> bool:
        """Return True for a call whose method or status contains the word."""
        return self._in_method_or_status(call.method, call.status)

    def in_frame(self, store: Store, position: int, frame: Frame, call: Call | None) -> bool:
        """Return True for a frame that contains the word, or in which a message ends that does."""
        if self._in_text(type_name(frame.type)):
            return True
        if frame.type == FrameType.DATA:
            return self._in_bytes(frame.payload) or self._in_messages(store, position, frame, call)
        if frame.headers is not None and self._in_headers(frame.headers):
            return True
        return frame.detail is not None and self._in_detail(frame.detail)

    def calls(self, calls: Collection[Call]) -> set[Key]:
        """Return the calls whose method or status contains the word."""
        found = {each for each in set(map(_method_and_status, calls)) if self._in_method_or_status(*each)}
        return {call.key for call in calls if _method_and_status(call) in found} if found else set()

    def frames(self, store: Store, batch: FrameSlice) -> set[int]:
        """Return the positions of the frames that contain the word, or in which a message ends that does."""
        types = list(map(_type, batch.frames))
        return {
            *self._of_type(batch, types),
            *self._with_headers(batch),
            *self._with_payload(batch, types),
            *self._with_detail(batch, types),
            *self._with_message(store, batch),
        }

    def _of_type(self, batch: FrameSlice, types: list[int]) -> Iterator[int]:
        if found := {each for each in set(types) if self._in_text(type_name(each))}:
            yield from compress(batch.positions, map(found.__contains__, types))

    def _with_headers(self, batch: FrameSlice) -> Iterator[int]:
        lists = list(map(_headers, batch.frames))
        ids = list(map(id, lists))  # equal lists of many frames are one object, and hashing one costs more
        different = dict(zip(ids, lists, strict=True))
        if found := {id_ for id_, each in different.items() if each is not None and self._in_headers(each)}:
            yield from compress(batch.positions, map(found.__contains__, ids))

    def _with_payload(self, batch: FrameSlice, types: list[int]) -> Iterator[int]:
        is_data = list(map(_is_data, types))
        payloads = list(map(_payload, compress(batch.frames, is_data)))
        short = [each for each in payloads if len(each) <= _MAX_JOINED]
        search_all = self._raw is None or self._raw in b"\n".join(short).lower()
        if search_all or len(short) < len(payloads):
            for position, payload in zip(compress(batch.positions, is_data), payloads, strict=True):
                if (search_all or len(payload) > _MAX_JOINED) and self._in_bytes(payload):
                    yield position

    def _with_detail(self, batch: FrameSlice, types: list[int]) -> Iterator[int]:
        has_words = list(map((set(types) - self._without_words).__contains__, types))
        details = list(map(_detail, compress(batch.frames, has_words)))
        if is_unescaped(self._wanted) and self._wanted not in repr(list(filter(None, details))).lower():
            return
        for position, detail in zip(compress(batch.positions, has_words), details, strict=True):
            if detail is not None and self._in_detail(detail):
                yield position

    def _with_message(self, store: Store, batch: FrameSlice) -> Iterator[int]:
        for position in store.messages_outside_payload(batch.positions):
            if self._in_messages(store, position, batch[position], batch.calls.get(batch.key(position))):
                yield position
