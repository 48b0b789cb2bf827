"""Whether a frame holds what is looked for: in its headers, its bytes, or the messages that end in it.

The cheap places are asked first: a reading is only made of messages whose bytes do not hold it. What a list says of a
frame is asked by whoever has the list.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Final, TypeAlias

from inspector.model.frame import Frame, FrameType
from inspector.model.message import Message
from inspector.schema.catalog import Catalog
from inspector.store.store import Store
from inspector.views.naming import is_grpc
from inspector.views.pattern import Pattern, Where
from inspector.views.reading import ending_in, read

_READ_AT_MOST: Final = 65_536
"""Bytes of a message of which a reading is made; its bytes are searched all."""

_Look: TypeAlias = Callable[["FrameFind", int, Frame], bool]


class FrameFind:
    """One pattern, asked of frames of one store."""

    def __init__(self, store: Store, catalog: Catalog, pattern: Pattern, where: Where) -> None:
        self._store, self._catalog, self._pattern = store, catalog, pattern
        self._looks = _LOOKS.get(where, ())

    def holds(self, position: int) -> bool:
        """True when the frame at a position holds it."""
        if not self._store.frames.holds(position):
            return False  # the oldest leave while others are still looked through
        frame = self._store.frames[position]
        return any(look(self, position, frame) for look in self._looks)

    def _in_headers(self, _position: int, frame: Frame) -> bool:
        in_text = self._pattern.in_text
        return frame.headers is not None and any(in_text(f"{name}: {value}") for name, value in frame.headers)

    def _in_payload(self, _position: int, frame: Frame) -> bool:
        return bool(frame.payload) and self._pattern.in_bytes(frame.payload)

    def _in_messages(self, position: int, _frame: Frame) -> bool:
        return any(each.data is not None and self._pattern.in_bytes(each.data) for each in self._messages(position))

    def _in_readings(self, position: int, frame: Frame) -> bool:
        call = self._store.call_of(frame)
        if call is None:
            return False
        side = self._store.side(frame)
        readings = (read(call, side, each, self._catalog, _READ_AT_MOST) for each in self._messages(position))
        return any(self._pattern.in_text(f"{each.type or ''} {_as_json(each.value)}") for each in readings)

    def _messages(self, position: int) -> Iterator[Message]:
        frame = self._store.frames[position]
        call = self._store.call_of(frame) if frame.type == FrameType.DATA else None
        if call is not None and is_grpc(call, side := self._store.side(frame)):
            yield from ending_in(call, side, position)


_LOOKS: Final[Mapping[Where, tuple[_Look, ...]]] = {
    Where.HEADERS: (FrameFind._in_headers,),
    Where.BYTES: (FrameFind._in_payload,),
    Where.MESSAGES: (FrameFind._in_messages, FrameFind._in_readings),
    Where.ANYWHERE: (
        FrameFind._in_headers,
        FrameFind._in_payload,
        FrameFind._in_messages,
        FrameFind._in_readings,
    ),
}


def _as_json(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
