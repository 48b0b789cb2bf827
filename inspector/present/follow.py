"""The follow view: one call from its first frame to its last, as steps."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from operator import attrgetter
from typing import Final, NamedTuple

from inspector.diagnosis import diagnose, other_problems
from inspector.diagnosis.call_facts import content_type, is_grpc, method_name
from inspector.http2.framings import framing_of_call
from inspector.model.call import Call, Message, MethodSource, StreamKey
from inspector.model.connection import Diagnosis
from inspector.model.frame import HEADER_TYPES, Frame, FrameType, Side
from inspector.present.headers import (
    IN_BODY,
    BlockKind,
    Seen,
    block_of,
    body_end,
    call_status,
    detail_lines,
    frame_status,
    header_lines,
    named,
    seen,
    why_line,
)
from inspector.present.info import frame_info, type_spans
from inspector.present.messages import pretty, read
from inspector.present.spans import ARROWS, SIDE_TONES, Line, Span, Tone, dotted, joined
from inspector.present.times import clock
from inspector.schema.catalog import Catalog
from inspector.schema.decode import Format, Reading, read_bytes
from inspector.store.store import Store
from inspector.text import clean, counted, duration, since, size

LINES: Final = 40
"""Lines of a message in a step on the screen; the Message tab shows more."""
_MAX_STRING: Final = 1_000
"""Characters of a string in a step."""
_MAX_LINES: Final = 100_000
"""Lines of a message that are counted to say how many are left out."""
EXCERPT: Final = 65_536
"""Bytes of a message that are decoded for a step: far more than its lines hold."""


class StepHeader(NamedTuple):
    """What a step shows: a frame, or a message that ends in it."""

    position: int
    message: Message | None = None
    side: Side | None = None
    """The sender of the message; None for a frame."""
    frames: int = 1
    """The number of DATA frames that carry the message."""
    is_open: bool = False
    """True for the frames of a message that is still incomplete."""


class Shown(NamedTuple):
    """How much of a message to show, and in which form."""

    lines: int = LINES
    form: Format | None = None
    """None for the most likely."""
    elsewhere: str = "the Message tab shows more"
    """Where the rest can be seen; shown if lines are left out."""


PRINTED: Final = Shown(1_000, elsewhere="calls --json has all of it")
"""For output that is not on a screen, so there is no other tab with more."""


@dataclass(frozen=True, slots=True)
class Step:
    """A formatted step: `title` and `facts` on one line, `body` below."""

    position: int
    """The frame to which the step leads."""
    side: Side
    title: tuple[Span, ...]
    facts: tuple[Span, ...]
    body: tuple[Line, ...]


def heading(store: Store, call: Call) -> tuple[Span, ...]:
    """Return `connection 0   [::1]:50316 → [::1]:37564   stream 1   OK   8.1 ms`."""
    connection = store.connections[call.key.connection]
    return joined(
        (
            (Span(f"connection {connection.index}", Tone.DIM),),
            (Span(f"{connection.client} → {connection.server}", Tone.DIM),),
            (Span(f"stream {call.key.stream}", Tone.DIM),),
            call_status(call),
            () if call.duration is None else (Span(duration(call.duration), Tone.DIM),),
        ),
        Span("   "),
    )


def notes(call: Call, catalog: Catalog, found: Diagnosis | None) -> tuple[Line, ...]:
    """Return why a call failed, its protocol if that is not gRPC, its method if that was not read, and each problem."""
    reason = () if found is None else (why_line(found),)
    known = method_name(call, catalog)
    is_certain = known.source is MethodSource.WIRE or (known.method is None and call.request_headers is None)
    method = () if is_certain else (Line((Span("method: ", Tone.DIM), *named(known))),)
    protocol = framing_of_call(call.request_headers).note
    other = (Line((Span("protocol: ", Tone.DIM), Span(protocol))),) if protocol else ()
    return (*reason, *other, *method, *(Line((Span(clean(each), Tone.WARN),)) for each in other_problems(call, found)))


def step(
    store: Store, catalog: Catalog, call: Call, entry: StepHeader, before: StepHeader | None, shown: Shown
) -> Step:
    """Return a formatted step; `before` is the previous one."""
    at = seen(store, catalog, entry.position)
    at = at._replace(call=call, side=entry.side or at.side)
    if entry.message is not None:
        title, facts, body = _message(at, call, entry, entry.message, shown)
    elif entry.is_open:
        title, facts, body = (Span("part of a message", Tone.DIM),), _frames(entry), ()
    elif at.frame.type == FrameType.DATA:
        title, facts, body = _plain_data(at, call, shown)
    elif at.frame.type in HEADER_TYPES:
        title, facts, body = _header_title(at), _header_facts(at), _header_body(at)
    else:
        title, facts, body = (), (), tuple(_info_line(at))
    previous = None if before is None else store.frames[before.position]
    when = _when(at.frame, previous)
    return Step(
        entry.position,
        at.side,
        _title(at, entry, title),
        dotted((f"packet {at.frame.packet}", *facts, *_end(at, call), when)),
        body,
    )


def _title(at: Seen, entry: StepHeader, more: tuple[Span, ...]) -> tuple[Span, ...]:
    # A lost message is recorded at a frame near the gap, which may be of any type and stream.
    name = at.frame.type_name if entry.message is None else "DATA"
    return joined(((Span(f"{ARROWS[at.side]} {name}", SIDE_TONES[at.side]),), more))


def _when(frame: Frame, previous: Frame | None) -> str:
    return clock(frame.time) if previous is None else since(frame.time - previous.time)


def _end(at: Seen, call: Call) -> Iterable[str]:
    return ("end of stream",) if at.frame.ends_stream and at.frame.stream == call.key.stream else ()


def _frames(entry: StepHeader) -> tuple[str, ...]:
    return (f"in {counted(entry.frames, 'frame')}",) if entry.frames > 1 else ()


def _header_title(at: Seen) -> tuple[Span, ...]:
    match block_of(at.frame, at.side):
        case BlockKind.RESPONSE:
            return (Span(clean(at.frame.header(":status") or ""), SIDE_TONES[at.side]),)
        case BlockKind.TRAILERS if (status := frame_status(at)) is not None:
            return (Span(clean(status.name), Tone.OK if status.code == 0 else Tone.ERROR),)
        case _:
            return ()


def _header_facts(at: Seen) -> tuple[str, ...]:
    is_trailers = block_of(at.frame, at.side) is BlockKind.TRAILERS
    return (size(at.frame.length), "trailers" if is_trailers else "")


def _header_body(at: Seen) -> tuple[Line, ...]:
    return (*header_lines(at.frame), *islice(detail_lines(at.frame, at.catalog), LINES))


def _message(
    at: Seen, call: Call, entry: StepHeader, message: Message, shown: Shown
) -> tuple[tuple[Span, ...], tuple[str, ...], tuple[Line, ...]]:
    reading = read(call, at.side, message, at.catalog, EXCERPT, shown.form)
    name = type_spans(reading, call, at.catalog)
    title = tuple(Span(span.text, SIDE_TONES[at.side] if span.tone is Tone.PLAIN else span.tone) for span in name)
    encoding = "" if message.encoding is None else f"{clean(message.encoding)}, {_inflated(message.data)}"
    facts = (f"{size(message.length)} message", encoding, *_frames(entry))
    return title, facts, body(reading, shown, 0 if message.data is None else len(message.data))


def _inflated(data: bytes | None) -> str:
    return "not inflated" if data is None else f"{size(len(data))} inflated"


def body(reading: Reading, shown: Shown, whole: int) -> tuple[Line, ...]:
    """Return the lines of a decoded message, and how much is left out; `whole` is the size of the message in bytes."""
    lines = list(islice(pretty(reading, _MAX_STRING), _MAX_LINES))
    more = len(lines) - shown.lines
    if not reading.complete:
        note = f"… the beginning of {size(whole)}; {shown.elsewhere}"
    elif more > 0:
        note = f"… {counted(more, 'more line')}; {shown.elsewhere}"
    else:
        return tuple(lines)
    return (*lines[: shown.lines], Line((Span(note, Tone.DIM),)))


def _plain_data(at: Seen, call: Call, shown: Shown) -> tuple[tuple[Span, ...], tuple[str, ...], tuple[Line, ...]]:
    payload = at.frame.payload
    if not payload:
        return (), ("no data",), ()
    if (end := body_end(call, at.side, at.frame)) is not None:
        return (Span(IN_BODY),), (size(len(payload)),), tuple(islice(end.lines(at.frame, at.catalog), shown.lines))
    reading = read_bytes(payload, None, at.catalog, content_type(call, at.side), EXCERPT)
    return (Span(reading.format, Tone.DIM),), (size(len(payload)),), body(reading, shown, len(payload))


def _info_line(at: Seen) -> Iterable[Line]:
    spans = frame_info(at)
    return (Line(spans),) if spans else ()


_at_position = attrgetter("position")


@dataclass(slots=True)
class _SideIndex:
    """How far the messages and frames of one side are indexed."""

    messages: int = 0
    parts: list[int] = field(default_factory=list)
    """DATA frames after the last complete message."""


class Follow:
    """The steps of one call. Call `update` when the call or its connection has changed."""

    def __init__(self, store: Store, catalog: Catalog, key: StreamKey) -> None:
        """Raises KeyError for a stream that is not a call."""
        self.key = key
        self._store, self._catalog, self._call = store, catalog, store.calls[key]
        self._client = store.connections[key.connection].client
        self._begin()
        self.update()

    def _begin(self) -> None:
        self._entries: list[StepHeader] = []
        self.dropped = 0
        """The number of steps before the first one, which were evicted."""
        self._sides = {side: _SideIndex() for side in Side}
        self._frames = 0
        oldest = self._call.frames.oldest
        self._searched = len(self._store.frames) if oldest is None else oldest

    def __len__(self) -> int:
        """Return the number of steps so far."""
        return len(self._entries)

    def entry(self, index: int) -> StepHeader:
        """Return what a step shows."""
        return self._entries[index]

    @property
    def settled(self) -> int:
        """The number of steps, from the first, before those of messages that are still incomplete."""
        return len(self._entries) - sum(entry.is_open for entry in self._entries[-len(self._sides) :])

    def heading(self) -> tuple[Span, ...]:
        """Return the line above the steps: connection, addresses, stream, status, duration."""
        return heading(self._store, self._call)

    def why(self) -> Diagnosis | None:
        """Return why the call failed; None for one that is OK."""
        return diagnose(self._store, self._catalog, self.key)

    def notes(self) -> tuple[Line, ...]:
        """Return the lines about failure, problems and uncertainty."""
        return notes(self._call, self._catalog, self.why())

    def steps(self, start: int = 0, end: int | None = None, shown: Shown = Shown()) -> tuple[Step, ...]:  # noqa: B008
        """Return the formatted steps from `start` up to, not including, `end`."""
        last = len(self._entries) if end is None else min(end, len(self._entries))
        return tuple(self.step(index, shown) for index in range(start, last))

    def step(self, index: int, shown: Shown = Shown()) -> Step:  # noqa: B008 - frozen
        """Return one formatted step."""
        before = self._entries[index - 1] if index else None
        return step(self._store, self._catalog, self._call, self._entries[index], before, shown)

    def step_of(self, position: int) -> int:
        """Return the step that shows a frame or its message; the last step for a later frame."""
        index = bisect_left(self._entries, position, key=_at_position)
        while index < len(self._entries) and self._is_of_other_side(index, position):
            index += 1
        return max(min(index, len(self._entries) - 1), 0)

    def update(self) -> int:
        """Update the steps; return the index of the first that is new or may have changed."""
        client = self._store.connections[self.key.connection].client
        if client != self._client:  # the sides were swapped
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
        """Remove the steps whose frames were evicted; return their number."""
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

    def _new_entries(self) -> Iterator[StepHeader]:
        # A message that lost bytes may be recorded later than the frame in which it ends.
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

    def _entries_of(self, position: int) -> Iterator[StepHeader]:
        frame = self._store.frames[position]
        if frame.type == FrameType.DATA:
            yield from self._data_entries(position, frame)
        elif not frame.is_control:
            yield StepHeader(position)

    def _data_entries(self, position: int, frame: Frame) -> Iterator[StepHeader]:
        side = self._store.side(frame)
        index = self._sides[side]
        if not is_grpc(self._call, side) or not frame.payload or body_end(self._call, side, frame) is not None:
            yield StepHeader(position)
            return
        index.parts.append(position)
        yield from self._ended(side, position)

    def _ended(self, side: Side, position: int) -> Iterator[StepHeader]:
        """Yield a new entry for each message of a side that ends at or before a position."""
        index, messages = self._sides[side], self._call.messages(side)
        while index.messages < len(messages) and messages[index.messages].frame <= position:
            message = messages[index.messages]
            cut = bisect_right(index.parts, message.frame)
            parts, index.parts = index.parts[:cut], index.parts[cut:]
            yield StepHeader(message.frame, message, side, max(len(parts), 1))
            index.messages += 1

    def _open_parts(self) -> list[StepHeader]:
        waiting = ((side, index) for side, index in self._sides.items() if index.parts)
        return sorted(
            (StepHeader(index.parts[-1], None, side, len(index.parts), is_open=True) for side, index in waiting),
            key=_at_position,
        )

    def _goaways(self) -> Iterator[StepHeader]:
        """Yield an entry for each GOAWAY during the call: a frame of the connection that may be what ends the call."""
        frames, ended, connection = self._store.frames, self._call.ended, self.key.connection
        while self._searched < len(frames):
            frame = frames[self._searched]
            if ended is not None and frame.time > ended:
                return
            if frame.type == FrameType.GOAWAY and frame.connection == connection:
                yield StepHeader(self._searched)
            self._searched += 1
