"""One call from its first frame to its last, as steps: the follow view of both front ends.

Owns which steps there are: a step for each header block, message, reset and end. DATA frames that hold only part of a
message are folded into the step of the frame in which it ends. The index grows with the call, a step is only drawn up
(by `steps`) when it is asked for, so a stream of a hundred thousand messages costs no more than what is looked at.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from operator import attrgetter

from inspector.model.call import StreamKey
from inspector.model.endpoint import Side
from inspector.model.frame import Frame, FrameType
from inspector.model.why import Why
from inspector.schema.catalog import Catalog
from inspector.store.store import Store
from inspector.views.heading import heading, notes
from inspector.views.naming import is_grpc
from inspector.views.reading import trailers_in_body
from inspector.views.spans import Line, Span
from inspector.views.steps import Entry, Shown, Step, step
from inspector.views.why import why

_at_position = attrgetter("position")


@dataclass(slots=True)
class _SideIndex:
    """How far one side's part of the call has been indexed."""

    messages: int = 0
    parts: list[int] = field(default_factory=list)
    """DATA frames in which no message has ended yet."""


class Follow:
    """The steps of one call. Call `update` when its call, or its connection, has changed."""

    def __init__(self, store: Store, catalog: Catalog, key: StreamKey) -> None:
        """KeyError for a stream that is no call."""
        self.key = key
        self._store, self._catalog, self._call = store, catalog, store.calls[key]
        self._client = store.connections[key.connection].client
        self._begin()
        self.update()

    def _begin(self) -> None:
        self._entries: list[Entry] = []
        self.dropped = 0
        """How many steps there were before the first, whose frames are not kept any more."""
        self._sides = {side: _SideIndex() for side in Side}
        self._frames = 0
        oldest = self._call.frames.oldest
        self._searched = len(self._store.frames) if oldest is None else oldest

    def __len__(self) -> int:
        """How many steps there are so far."""
        return len(self._entries)

    def entry(self, index: int) -> Entry:
        """What one step is about."""
        return self._entries[index]

    @property
    def settled(self) -> int:
        """How many of them, from the first, do not wait for the end of their message."""
        return len(self._entries) - sum(entry.is_open for entry in self._entries[-len(self._sides) :])

    def heading(self) -> tuple[Span, ...]:
        """The line above the steps: connection, addresses, stream, status, duration."""
        return heading(self._store, self._call)

    def why(self) -> Why | None:
        """Why the call failed; None for one that is OK."""
        return why(self._store, self._catalog, self.key)

    def notes(self) -> tuple[Line, ...]:
        """Why it failed, and what is not as it should be or not certain."""
        return notes(self._call, self._catalog, self.why())

    def steps(self, start: int = 0, end: int | None = None, shown: Shown = Shown()) -> tuple[Step, ...]:  # noqa: B008
        """The steps from `start` up to, not including, `end`, drawn up as the catalog knows their types now."""
        last = len(self._entries) if end is None else min(end, len(self._entries))
        return tuple(self.step(index, shown) for index in range(start, last))

    def step(self, index: int, shown: Shown = Shown()) -> Step:  # noqa: B008 - frozen
        """One step."""
        before = self._entries[index - 1] if index else None
        return step(self._store, self._catalog, self._call, self._entries[index], before, shown)

    def step_of(self, position: int) -> int:
        """The step that shows a frame, or in which its part of a message ends; the last one for any later frame."""
        index = bisect_left(self._entries, position, key=_at_position)
        while index < len(self._entries) and self._is_of_other_side(index, position):
            index += 1
        return max(min(index, len(self._entries) - 1), 0)

    def update(self) -> int:
        """Take in what the call has come to be. The first step that is new or may say something else now."""
        client = self._store.connections[self.key.connection].client
        if client != self._client:  # the two sides have changed places
            self._client = client
            self._begin()
        while self._entries and self._entries[-1].is_open:
            self._entries.pop()
        dropped = self._drop()
        first = len(self._entries)
        new = sorted(self._new_entries(), key=_at_position)
        if new and self._entries and new[0].position < self._entries[-1].position:
            first = bisect_right(self._entries, new[0].position, key=_at_position)
            new = sorted([*self._entries[first:], *new], key=_at_position)
        self._entries[first:] = [*new, *self._open_parts()]
        return 0 if dropped else first

    def _drop(self) -> int:
        """Forget the steps whose frames are not kept any more; gives how many."""
        first = self._store.frames.first
        count = bisect_left(self._entries, first, key=_at_position)
        if count:
            del self._entries[:count]
            self.dropped += count
        for side, index in self._sides.items():
            index.messages = max(index.messages, self._call.messages(side).first)
            if index.parts and index.parts[0] < first:
                index.parts = [part for part in index.parts if part >= first]
        self._searched = max(self._searched, first)
        return count

    def _new_entries(self) -> Iterator[Entry]:
        # Messages may be told later than the frame in which they end: where bytes were lost.
        if self._frames > self._call.frames.first:
            last = self._call.frames[self._frames - 1]
            for side in Side:
                if is_grpc(self._call, side):
                    yield from self._ended(side, last)
        for position in self._call.frames[self._frames :]:
            yield from self._entries_of(position)
        self._frames = len(self._call.frames)
        yield from self._goaways()

    def _is_of_other_side(self, index: int, position: int) -> bool:
        entry, side = self._entries[index], self._store.side(self._store.frames[position])
        return entry.position != position and entry.side not in (None, side)

    def _entries_of(self, position: int) -> Iterator[Entry]:
        frame = self._store.frames[position]
        if frame.type == FrameType.DATA:
            yield from self._data_entries(position, frame)
        elif not frame.is_control:
            yield Entry(position)

    def _data_entries(self, position: int, frame: Frame) -> Iterator[Entry]:
        side = self._store.side(frame)
        index = self._sides[side]
        if not is_grpc(self._call, side) or not frame.payload or trailers_in_body(self._call, side, frame) is not None:
            yield Entry(position)
            return
        index.parts.append(position)
        yield from self._ended(side, position)

    def _ended(self, side: Side, position: int) -> Iterator[Entry]:
        """An entry for each message of a side that ends at or before a position and has none yet."""
        index, messages = self._sides[side], self._call.messages(side)
        while index.messages < len(messages) and messages[index.messages].frame <= position:
            message = messages[index.messages]
            cut = bisect_right(index.parts, message.frame)
            parts, index.parts = index.parts[:cut], index.parts[cut:]
            yield Entry(message.frame, message, side, max(len(parts), 1))
            index.messages += 1

    def _open_parts(self) -> list[Entry]:
        waiting = ((side, index) for side, index in self._sides.items() if index.parts)
        return sorted(
            (Entry(index.parts[-1], None, side, len(index.parts), is_open=True) for side, index in waiting),
            key=_at_position,
        )

    def _goaways(self) -> Iterator[Entry]:
        """GOAWAY is a frame of the connection, but what comes while the call lasts may be what ends it."""
        frames, ended, connection = self._store.frames, self._call.ended, self.key.connection
        while self._searched < len(frames):
            frame = frames[self._searched]
            if ended is not None and frame.time > ended:
                return
            if frame.type == FrameType.GOAWAY and frame.connection == connection:
                yield Entry(self._searched)
            self._searched += 1


def follow(store: Store, catalog: Catalog, key: StreamKey) -> Follow:
    """The follow view of a call; KeyError for a stream that is no call."""
    return Follow(store, catalog, key)
