"""Frames that stand one behind the other in the store, and which calls they are of: what is asked at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Final, TypeAlias, cast

from inspector.model.call import Call
from inspector.model.frame import Frame
from inspector.store.store import Store

Key: TypeAlias = tuple[int, int]
"""Connection and stream: a plain tuple finds what a StreamKey does, and is made in half the time."""

_key: Final = attrgetter("connection", "stream")


@dataclass(frozen=True, slots=True)
class Stretch:
    """So many frames of a store."""

    positions: range
    frames: list[Frame]
    calls: Mapping[Key, Call]
    """All that the store has."""

    @classmethod
    def of(cls, store: Store, start: int, end: int) -> Stretch:
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
