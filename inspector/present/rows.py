"""Makes the rows of the Frames and Calls lists, with their columns, and the lines into which a call unfolds."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final

from inspector.diagnosis import diagnose, other_problems
from inspector.diagnosis.call_facts import details_in_short, method_name, status_details
from inspector.model.call import Call, CallKind, CallState, StreamKey
from inspector.model.connection import Cause, Diagnosis
from inspector.model.frame import HEADER_TYPES, Frame, Side
from inspector.present.columns import TIME, Column, ColumnTable, Printed, dim, received, sent
from inspector.present.follow import Follow, StepHeader
from inspector.present.headers import call_status, named, seen
from inspector.present.info import frame_info, info, message_line
from inspector.present.messages import message_frames
from inspector.present.spans import ARROWS, GAP, SIDE_TONES, Span, Tone, joined, plain
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
    """In the style of the list: `2.4183` or `+7.6 ms`."""
    stream: str
    """Connection and stream: `0/1`."""
    side: Side
    type: str
    length: int
    info: tuple[Span, ...]
    """Indented by two spaces if the server sent the frame."""
    delta: str = ""
    """Seconds since the previous row; empty in the first."""
    stream_delta: str = ""
    """Seconds since the previous frame of the same stream, which a filter may hide; empty for the first."""


def frame_row(
    store: Store, catalog: Catalog, position: int, times: Times = _NO_TIMES, previous: float | None = None
) -> FrameRow:
    """Return the row of the frame at a position of the store; `previous` is the time that its time counts from."""
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
    """Return the comments on a packet, to stand before its information."""
    comments = store.comments.get(packet)
    return (Span(f"✎ {clean(shortened(' · '.join(comments), 200))}  ", Tone.WARN),) if comments else ()


def _call_so_far(store: Store, frame: Frame) -> Hashable:
    """Return what a row shows of the frame's call and messages, which may become known later."""
    call = store.call_of(frame)
    return None if call is None else (call.method, call.started, len(call.requests), len(call.responses))


def _comments(store: Store, frame: Frame) -> Hashable:
    return store.comments.get(frame.packet)


_HEADER_NAMES: Final = frozenset(kind.name for kind in HEADER_TYPES)


def _of_side(row: FrameRow, text: str) -> tuple[Span, ...]:
    return (Span(text, SIDE_TONES[row.side]),)


# fmt: off
FRAME_COLUMNS: Final = ColumnTable(
    Column("Packet", lambda row: dim(row.packet), least=6, most=9, right=True, printed=Printed(7)),
    Column(TIME, lambda row: dim(row.time), least=8, most=23, right=True, gap=2,
           depends_on=(_call_so_far,), printed=Printed(11)),
    Column("Delta", lambda row: dim(row.delta), least=9, most=14, right=True, gap=2, is_extra=True),
    Column("In stream", lambda row: dim(row.stream_delta), least=9, most=14, right=True, gap=2, is_extra=True),
    Column("Stream", lambda row: (Span(row.stream),), least=6, most=12, right=True, gap=2, printed=Printed(8)),
    Column("", lambda row: _of_side(row, ARROWS[row.side]), least=1, most=1, gap=2, printed=Printed(1, gap="   ")),
    Column("Type", lambda row: _of_side(row, row.type), least=10, most=15,
           strong=lambda row: row.type in _HEADER_NAMES, printed=Printed(13, gap=" ")),
    Column("Len", lambda row: dim(row.length), least=5, most=8, right=True, printed=Printed(6)),
    Column("Info", lambda row: row.info, gap=2,
           depends_on=(_call_so_far, _comments), printed=Printed()),
)
# fmt: on
"""Of a `FrameRow`; depends on a `Frame`."""


@dataclass(frozen=True, slots=True)
class CallRow:
    """A row of the Calls list."""

    key: StreamKey
    method: tuple[Span, ...]
    kind: str
    """Empty without a schema."""
    status: tuple[Span, ...]
    """The name of the status, or the state of a call without one."""
    state: CallState
    start: str
    duration: str
    """Empty while the call is open."""
    first_reply: str
    """The time from the start to the first message of the server; empty before it."""
    requests: int
    responses: int
    request_bytes: int
    response_bytes: int
    problems: int
    info: tuple[Span, ...]
    """Why the call failed, and its first problem."""


def call_row(store: Store, catalog: Catalog, key: StreamKey, times: Times = _NO_TIMES) -> CallRow:
    """Return the row of a call. Raises KeyError for a stream that is not a call."""
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
    """Return the kind of a call's method; None without a schema."""
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
    """Return why a call failed, without what other columns show. The cause comes first, in case the rest is cut off."""
    if found.cause is Cause.STILL_OPEN:
        return ()
    if found.cause is not Cause.STATUS or call.status is None:
        return (Span(found.cause.replace("_", " ")), Span(f"  {clean(found.sentence)}", Tone.DIM))
    details = status_details(call, catalog)
    parts = (clean(shortened(call.status.message, 200)), details_in_short(details) if details else "")
    return tuple(Span(text) for text in ("; ".join(filter(None, parts)),) if text)


def _method(_store: Store, call: Call) -> Hashable:
    return call.method


def _outcome(_store: Store, call: Call) -> Hashable:
    # `http_status` searches all headers, and is shown only where there is no status.
    return call.state, call.status, call.ended, call.http_status if call.status is None else None


def _messages(_store: Store, call: Call) -> Hashable:
    return len(call.requests), len(call.responses), call.request_bytes, call.response_bytes


def _evidence(_store: Store, call: Call) -> Hashable:
    """Return what else a diagnosis depends on: headers may come after the end of a call that was joined late."""
    return len(call.problems), len(call.frames)


# fmt: off
CALL_COLUMNS: Final = ColumnTable(
    Column("Stream", lambda row: (Span(str(row.key)),), least=6, most=12, right=True, rank=1,
           sort_value=lambda call, _: call.key, printed=Printed(8)),
    Column("Start", lambda row: dim(row.start), least=6, most=12, right=True, gap=2, rank=4,
           sort_value=lambda call, _: call.started, printed=Printed(10)),
    Column("Method", lambda row: row.method, least=23, most=60, gap=2, yields=True,
           sort_value=lambda call, catalog: method_name(call, catalog).method,
           depends_on=(_method, _messages), printed=Printed()),
    Column("Kind", lambda row: dim(row.kind), least=5, most=16, gap=2, rank=11,
           sort_value=kind_of, depends_on=(_method, _messages)),
    Column("Status", lambda row: row.status, least=8, most=20, gap=2,
           sort_value=lambda call, _: plain(call_status(call)), depends_on=(_outcome,), printed=Printed(18)),
    Column("State", lambda row: dim(row.state), least=8, most=9, gap=2, rank=10,
           sort_value=lambda call, _: call.state, depends_on=(_outcome,)),
    Column("Duration", lambda row: dim(row.duration), least=8, most=12, right=True, gap=2,
           sort_value=lambda call, _: call.duration, largest_first=True, depends_on=(_outcome,), printed=Printed(9)),
    Column("Reply", lambda row: dim(row.first_reply), least=6, most=12, right=True, gap=2, rank=6,
           sort_value=lambda call, _: call.first_reply, largest_first=True, depends_on=(_messages,)),
    Column("Sent", lambda row: sent(row.requests), least=4, most=7, right=True, gap=2, rank=2,
           sort_value=lambda call, _: len(call.requests), largest_first=True, depends_on=(_messages,),
           printed=Printed(4)),
    Column("Got", lambda row: received(row.responses), least=4, most=7, right=True, rank=3,
           sort_value=lambda call, _: len(call.responses), largest_first=True, depends_on=(_messages,),
           printed=Printed(4)),
    Column("→Bytes", lambda row: sent(size(row.request_bytes)), least=6, most=9, right=True, gap=2, rank=7,
           sort_value=lambda call, _: call.request_bytes, largest_first=True, depends_on=(_messages,)),
    Column("←Bytes", lambda row: received(size(row.response_bytes)), least=6, most=9, right=True, rank=8,
           sort_value=lambda call, _: call.response_bytes, largest_first=True, depends_on=(_messages,)),
    Column("Problems", lambda row: (Span(f"{row.problems}", Tone.WARN),) if row.problems else (),
           least=8, most=8, right=True, gap=2, rank=9,
           sort_value=lambda call, _: len(call.problems), largest_first=True, depends_on=(_evidence,)),
    Column("Info", lambda row: row.info, least=8, gap=2, rank=5,
           depends_on=(_method, _outcome, _messages, _evidence), printed=Printed(title="")),
    printed=("Stream", "Start", "Duration", "Sent", "Got", "Status", "Method", "Info"),
)
# fmt: on
"""Of a `CallRow`; depends on, and is sorted by, a `Call`."""

_STEP_INDENT, _FRAME_INDENT = " ", "      "
_TYPE_WIDTH: Final = 9


class Branches:
    """The steps of a call and the frames of its messages, as lines below the row of the call."""

    def __init__(self, store: Store, catalog: Catalog, key: StreamKey) -> None:
        """Raises KeyError for a stream that is not a call."""
        self._store, self._catalog, self._call = store, catalog, store.calls[key]
        self._follow = Follow(store, catalog, key)

    def __len__(self) -> int:
        """Return the number of steps so far."""
        return len(self._follow)

    @property
    def is_gone(self) -> bool:
        """True if the call was evicted."""
        return self._call.key not in self._store.calls

    def update(self) -> None:
        """Update the steps after the call has changed."""
        self._follow.update()

    def entry(self, step: int) -> StepHeader:
        """Return what a step shows."""
        return self._follow.entry(step)

    def step_of(self, position: int) -> int:
        """Return the index of the step that shows a frame."""
        return self._follow.step_of(position)

    def frames(self, step: int) -> tuple[int, ...]:
        """Return the positions of the frames that carry a step's message; none for a step that is a frame."""
        entry = self.entry(step)
        if entry.message is None or entry.side is None:
            return ()
        return message_frames(self._store, self._call, entry.side, entry.message)

    def step_line(self, step: int) -> tuple[Span, ...]:
        """Return the line of a step: time, sender, type, length and an excerpt."""
        entry = self.entry(step)
        at = seen(self._store, self._catalog, entry.position)
        side = entry.side or at.side
        if entry.message is not None:
            what = message_line(self._call, side, entry.message, self._catalog)
            return self._line(_STEP_INDENT, entry.message.time, side, "message", entry.message.length, what)
        if entry.is_open:
            what = (Span(f"part of a message, {counted(entry.frames, 'frame')} so far", Tone.DIM),)
            return self._line(_STEP_INDENT, at.frame.time, side, at.frame.type_name, at.frame.length, what)
        return self._line(_STEP_INDENT, at.frame.time, side, at.frame.type_name, at.frame.length, frame_info(at))

    def frame_line(self, position: int) -> tuple[Span, ...]:
        """Return the line of a frame that carries a part of a message."""
        at = seen(self._store, self._catalog, position)
        what = (Span(f"packet {at.frame.packet}", Tone.DIM), GAP, *frame_info(at))
        return self._line(_FRAME_INDENT, at.frame.time, at.side, at.frame.type_name, at.frame.length, what)

    def _line(
        self, indent: str, time: float, side: Side, kind: str, length: int, what: tuple[Span, ...]
    ) -> tuple[Span, ...]:
        when = since(time - self._call.started)
        return (
            Span(f"{indent}{when:>9}  ", Tone.DIM),
            Span(f"{ARROWS[side]} {kind:<{_TYPE_WIDTH}}", SIDE_TONES[side]),
            Span(f"{size(length):>9}  ", Tone.DIM),
            *what,
        )
