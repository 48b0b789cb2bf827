"""Rows of the Frames and Calls lists, and the lines into which a call unfolds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from inspector.diagnosis import diagnose, other_problems
from inspector.diagnosis.method_names import method_name
from inspector.diagnosis.status_details import details_in_short, status_details
from inspector.model.call import Call, CallKind, CallState, StreamKey
from inspector.model.connection import Cause, Diagnosis
from inspector.model.frame import Side
from inspector.present.follow import Follow, StepHeader
from inspector.present.headers import call_status, named, seen
from inspector.present.info import frame_info, info, message_line
from inspector.present.messages import message_frames
from inspector.present.spans import ARROWS, GAP, SIDE_TONES, Span, Tone, joined
from inspector.present.times import Times
from inspector.schema.catalog import Catalog
from inspector.store.store import Store
from inspector.text import clean, counted, duration, shortened, since, size

_NO_TIMES = Times()


@dataclass(frozen=True, slots=True)
class FrameRow:
    """A row of the Frames list."""

    packet: int
    time: str
    """`2.4183` for frames that begin a call or have none, `+7.6 ms` for the later ones of a call."""
    stream: str
    """`0/1`: connection and stream."""
    side: Side
    type: str
    length: int
    info: tuple[Span, ...]
    """Begins with two spaces when the server sent the frame."""
    delta: str = ""
    """Seconds since the frame of the row before, where there is one."""
    stream_delta: str = ""
    """Seconds since the frame before of the same stream, shown or not, where there is one."""


def frame_row(
    store: Store, catalog: Catalog, position: int, times: Times = _NO_TIMES, previous: float | None = None
) -> FrameRow:
    """The row of the frame at a position of the store; `previous` is the time of the row before, if there is one."""
    at = seen(store, catalog, position)
    frame = at.frame
    return FrameRow(
        frame.packet,
        times.show(frame.time, at.call, previous),
        f"{frame.connection}/{frame.stream}",
        at.side,
        frame.type_name,
        frame.length,
        (*comment_spans(store, frame.packet), *info(at)),
    )


def comment_spans(store: Store, packet: int) -> tuple[Span, ...]:
    """What people wrote of a packet, in front of what it says."""
    comments = store.comments.get(packet)
    return (Span(f"✎ {clean(shortened(' · '.join(comments), 200))}  ", Tone.WARN),) if comments else ()


@dataclass(frozen=True, slots=True)
class CallRow:
    """A row of the Calls list."""

    key: StreamKey
    method: tuple[Span, ...]
    kind: str
    """Empty without a schema."""
    status: tuple[Span, ...]
    """The status by name, or the state of a call that has none."""
    state: CallState
    start: str
    duration: str
    """Empty while the call is open."""
    first_reply: str
    """From the start to the first message from the server; empty before it."""
    requests: int
    responses: int
    request_bytes: int
    response_bytes: int
    problems: int
    info: tuple[Span, ...]
    """Why it failed, else the status message; and the first problem."""


def call_row(store: Store, catalog: Catalog, key: StreamKey, times: Times = _NO_TIMES) -> CallRow:
    """The row of a call."""
    call = store.calls[key]
    return CallRow(
        key,
        named(method_name(call, catalog)),
        (kind_of(call, catalog) or "").replace("_", " "),
        call_status(call),
        call.state,
        times.show(call.started),
        "" if call.duration is None else duration(call.duration),
        "" if call.first_reply is None else duration(call.first_reply),
        len(call.requests),
        len(call.responses),
        call.request_bytes,
        call.response_bytes,
        len(call.problems),
        _call_info(store, catalog, call),
    )


def kind_of(call: Call, catalog: Catalog) -> CallKind | None:
    """The kind of a call's method; None without a schema of it."""
    method = catalog.method(method_name(call, catalog).method)
    return None if method is None else method.kind


def _call_info(store: Store, catalog: Catalog, call: Call) -> tuple[Span, ...]:
    found = diagnose(store, catalog, call.key)
    reason = () if found is None else _reason(call, catalog, found)
    problems = other_problems(call, found)
    first, more = clean(shortened(problems[0], 200)) if problems else "", len(problems) - 1
    return joined(
        (
            reason,
            (Span(first, Tone.WARN),) if first else (),
            (Span(f"and {counted(more, 'more problem')}", Tone.DIM),) if more > 0 else (),
        )
    )


def _reason(call: Call, catalog: Catalog, found: Diagnosis) -> tuple[Span, ...]:
    """Why it failed, without what other columns say; the kind of failure first, as there may be no room for more."""
    if found.cause is Cause.STILL_OPEN:
        return ()
    if found.cause is not Cause.STATUS or call.status is None:
        return (Span(found.cause.replace("_", " ")), Span(f"  {clean(found.sentence)}", Tone.DIM))
    details = status_details(call, catalog)
    said = (clean(shortened(call.status.message, 200)), details_in_short(details) if details else "")
    return tuple(Span(text) for text in ("; ".join(filter(None, said)),) if text)


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

    def entry(self, step: int) -> StepHeader:
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
