"""What a call unfolds into: a line for each of its steps, and for each frame of a message."""

from __future__ import annotations

from typing import Final

from inspector.model.call import StreamKey
from inspector.model.endpoint import Side
from inspector.schema.catalog import Catalog
from inspector.store.store import Store
from inspector.views.data_info import message_line
from inspector.views.follow import Follow
from inspector.views.info import frame_info
from inspector.views.reading import message_frames
from inspector.views.seen import seen
from inspector.views.spans import ARROWS, GAP, SIDE_TONES, Span, Tone
from inspector.views.steps import Entry
from inspector.views.text import counted, size
from inspector.views.times import since

_STEP, _PART = " ", "      "
_TYPE: Final = 9


class Branches:
    """The steps of one call, and the frames of those that are messages. Call `update` when the call has changed."""

    def __init__(self, store: Store, catalog: Catalog, key: StreamKey) -> None:
        """KeyError for a stream that is no call."""
        self._store, self._catalog, self._call = store, catalog, store.calls[key]
        self._follow = Follow(store, catalog, key)

    def __len__(self) -> int:
        """How many steps there are so far."""
        return len(self._follow)

    @property
    def is_gone(self) -> bool:
        """True when the call is not kept any more."""
        return self._call.key not in self._store.calls

    def update(self) -> None:
        """Take in what the call has come to be."""
        self._follow.update()

    def entry(self, step: int) -> Entry:
        """What a step is about."""
        return self._follow.entry(step)

    def step_of(self, position: int) -> int:
        """The step that shows a frame."""
        return self._follow.step_of(position)

    def frames(self, step: int) -> tuple[int, ...]:
        """The positions of the frames that hold a step's message; none for a step that is a frame itself."""
        entry = self.entry(step)
        if entry.message is None or entry.side is None:
            return ()
        return message_frames(self._store, self._call, entry.side, entry.message)

    def step_line(self, step: int) -> tuple[Span, ...]:
        """When, from whom, of which type, how long, and an excerpt."""
        entry = self.entry(step)
        at = seen(self._store, self._catalog, entry.position)
        side = entry.side or at.side
        if entry.message is not None:
            what = message_line(self._call, side, entry.message, self._catalog)
            return self._line(_STEP, entry.message.time, side, "message", entry.message.length, what)
        if entry.is_open:
            what = (Span(f"part of a message, {counted(entry.frames, 'frame')} so far", Tone.DIM),)
            return self._line(_STEP, at.frame.time, side, at.frame.type_name, at.frame.length, what)
        return self._line(_STEP, at.frame.time, side, at.frame.type_name, at.frame.length, frame_info(at))

    def frame_line(self, position: int) -> tuple[Span, ...]:
        """A frame that holds a part of a message."""
        at = seen(self._store, self._catalog, position)
        what = (Span(f"packet {at.frame.packet}", Tone.DIM), GAP, *frame_info(at))
        return self._line(_PART, at.frame.time, at.side, at.frame.type_name, at.frame.length, what)

    def _line(
        self, indent: str, time: float, side: Side, kind: str, length: int, what: tuple[Span, ...]
    ) -> tuple[Span, ...]:
        when = since(time - self._call.started)
        return (
            Span(f"{indent}{when:>9}  ", Tone.DIM),
            Span(f"{ARROWS[side]} {kind:<{_TYPE}}", SIDE_TONES[side]),
            Span(f"{size(length):>9}  ", Tone.DIM),
            *what,
        )
