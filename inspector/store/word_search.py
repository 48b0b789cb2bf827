"""A word looked for: in one frame or call, and in many at once, which says the same at a fraction of the cost.

A filter over a million frames mostly finds that they do not hold it. So what stands in many of them is put together and
searched as one; only where the word is in the whole, each is asked.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import compress
from operator import attrgetter
from typing import Final

from inspector.model.call import Call
from inspector.model.frame import Frame, FrameType, type_name
from inspector.store.filter_words import (
    bytes_test,
    detail_test,
    facts_test,
    headers_test,
    is_plain,
    messages_test,
    text_test,
)
from inspector.store.store import Store
from inspector.store.stretch import Key, Stretch

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

    def frames(self, store: Store, stretch: Stretch) -> set[int]:
        """The positions of the frames that hold it, or in which a message ends that does."""
        types = list(map(_type, stretch.frames))
        return {
            *self._of_type(stretch, types),
            *self._with_headers(stretch),
            *self._with_payload(stretch, types),
            *self._with_detail(stretch, types),
            *self._with_message(store, stretch),
        }

    def _of_type(self, stretch: Stretch, types: list[int]) -> Iterator[int]:
        if found := {each for each in set(types) if self._in_text(type_name(each))}:
            yield from compress(stretch.positions, map(found.__contains__, types))

    def _with_headers(self, stretch: Stretch) -> Iterator[int]:
        lists = list(map(_headers, stretch.frames))
        ids = list(map(id, lists))  # equal lists of many frames are one object, and hashing one costs more
        different = dict(zip(ids, lists, strict=True))
        if found := {id_ for id_, each in different.items() if each is not None and self._in_headers(each)}:
            yield from compress(stretch.positions, map(found.__contains__, ids))

    def _with_payload(self, stretch: Stretch, types: list[int]) -> Iterator[int]:
        is_data = list(map(_is_data, types))
        payloads = list(map(_payload, compress(stretch.frames, is_data)))
        short = [each for each in payloads if len(each) <= _SHORT]
        everywhere = self._raw is None or self._raw in b"\n".join(short).lower()
        if everywhere or len(short) < len(payloads):
            for at, payload in zip(compress(stretch.positions, is_data), payloads, strict=True):
                if (everywhere or len(payload) > _SHORT) and self._in_bytes(payload):
                    yield at

    def _with_detail(self, stretch: Stretch, types: list[int]) -> Iterator[int]:
        has_words = list(map((set(types) - self._wordless).__contains__, types))
        details = list(map(_detail, compress(stretch.frames, has_words)))
        if is_plain(self._wanted) and self._wanted not in repr(list(filter(None, details))).lower():
            return
        for at, detail in zip(compress(stretch.positions, has_words), details, strict=True):
            if detail is not None and self._in_detail(detail):
                yield at

    def _with_message(self, store: Store, stretch: Stretch) -> Iterator[int]:
        for at in store.apart(stretch.positions):
            if self._in_messages(store, at, stretch[at], stretch.calls.get(stretch.key(at))):
                yield at
