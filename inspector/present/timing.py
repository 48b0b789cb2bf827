"""Shows where the time of a call went: a strip of characters, and durations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Final, NamedTuple

from inspector.model.call import Call, CallState, Message, StreamKey
from inspector.model.frame import HEADER_TYPES, Frame, FrameType, Side
from inspector.model.retained_list import RetainedList
from inspector.present.follow import heading
from inspector.present.headers import BlockKind, block_of, call_status
from inspector.present.spans import ARROWS, SIDE_TONES, Line, Span, Tone, plain
from inspector.store.store import Store
from inspector.text import counted, duration, since, size

_MAX_WIDTH: Final = 160
_MIN_WIDTH: Final = 16
_MAX_COUNT: Final = 9
"""Messages that a cell counts; more are shown as `#`."""
_LEGEND: Final = "H headers  D message  2-9 so many  # more  T trailers  R reset"
_IDLE: Final = "· "
"""Cells in which nothing was sent; a blank after a side has ended its part of the stream."""

_time = attrgetter("time")


class Moment(NamedTuple):
    """A frame with headers or RST_STREAM."""

    time: float
    side: Side
    letter: str
    """Its letter on the strip: H, T or R."""
    position: int


class Strip(NamedTuple):
    """The data of a strip."""

    call: Call
    moments: tuple[Moment, ...]
    """The moments of both sides, in the order of the wire."""
    closed: Mapping[Side, float]
    """When each side ended its part of the stream, if it did."""
    length: float
    """The seconds that the whole strip represents."""

    def lines(self, width: int) -> tuple[Line, ...]:
        """Return a lane for each side, from the first frame of the call to its last, with a scale and a legend."""
        cells = max(min(width - 4, _MAX_WIDTH), _MIN_WIDTH)
        middle, end = duration(self.length / 2), duration(self.length)
        half = cells // 2 - 1
        scale = f"0{middle:>{half}}{end:>{cells - half - 1}}"
        return (
            *(self._lane(side, cells) for side in (Side.CLIENT, Side.SERVER)),
            Line((Span(f"  {scale}", Tone.DIM),)),
            Line((Span(_LEGEND, Tone.DIM),)),
        )

    def _lane(self, side: Side, cells: int) -> Line:
        tokens = _placed(self._tokens(side, cells), cells)
        closed = self.closed.get(side, self.call.ended)
        until = cells if closed is None else self._cell(closed, cells) + 1
        lane = ["·"] * until + [" "] * (cells - until)
        for cell, letter in tokens:
            lane[cell] = letter
        spans = (Span(f"{ARROWS[side]} ", SIDE_TONES[side]), *_toned("".join(lane), side))
        more = (Span(" …", Tone.DIM),) if self.call.state is CallState.OPEN and closed is None else ()
        return Line((*spans, *more))

    def _cell(self, time: float, cells: int) -> int:
        """Return the cell of a time."""
        return max(min(int((time - self.call.started) / (self.length or 1.0) * cells), cells - 1), 0)

    def _tokens(self, side: Side, cells: int) -> list[tuple[int, str]]:
        """Return the letters of a side in the order of time, each with the cell of its time."""
        started, length = self.call.started, self.length or 1.0
        found = [(moment.time, moment.position, moment.letter) for moment in self.moments if moment.side is side]
        messages, bins = self.call.messages(side), cells - 4
        before = messages.first
        for index in range(bins):
            until = (
                _ended_before(messages, started + length * (index + 1) / bins) if index < bins - 1 else len(messages)
            )
            if until > before:
                count, first = until - before, messages[before]
                letter = "D" if count == 1 else f"{count}" if count <= _MAX_COUNT else "#"
                found.append((first.time, first.frame, letter))
                before = until
        return [(self._cell(time, cells), letter) for time, _, letter in sorted(found)]


def _placed(tokens: list[tuple[int, str]], cells: int) -> list[tuple[int, str]]:
    """Move letters to cells of their own, in order and as near as possible to their times."""
    at, last = [], -1
    for cell, _ in tokens:
        last = max(cell, last + 1)
        at.append(last)
    limit = cells
    for index in reversed(range(len(at))):
        at[index] = limit = max(min(at[index], limit - 1), 0)
    return [(cell, letter) for cell, (_, letter) in zip(at, tokens, strict=True)]


def _ended_before(messages: RetainedList[Message], time: float) -> int:
    return messages.find(time, key=_time)


def _toned(lane: str, side: Side) -> Iterator[Span]:
    start = 0
    for index in range(1, len(lane) + 1):
        if index == len(lane) or (lane[index] in _IDLE) != (lane[start] in _IDLE):
            yield Span(lane[start:index], Tone.DIM if lane[start] in _IDLE else SIDE_TONES[side])
            start = index


_TIME: Final = 11
_NAMES: Final = {"H": "headers", "T": "trailers", "R": "reset"}
_LETTERS: Final = {BlockKind.REQUEST: "H", BlockKind.RESPONSE: "H", BlockKind.TRAILERS: "T"}


class TimingFact(NamedTuple):
    """A line below the strip, and the position of the frame to which it leads."""

    line: Line
    position: int | None = None


@dataclass(slots=True)
class _Gap:
    """The longest time between two consecutive messages of a side."""

    messages: int = 0
    """The number of messages that were examined."""
    seconds: float = 0.0
    after: int = 0
    """The number of the message before it, from 1."""


class Timing:
    """The times of one call. Call `update` when the call has changed."""

    def __init__(self, store: Store, key: StreamKey) -> None:
        """Raises KeyError for a stream that is not a call."""
        self._store, self._call = store, store.calls[key]
        self._frames = 0
        self._moments: list[Moment] = []
        self._gaps = {side: _Gap() for side in Side}
        self._requested = self._call.started
        self._server_time: float | None = None
        self._last = self._call.started
        self._closed: dict[Side, float] = {}
        self.update()

    def update(self) -> None:
        """Update the times after the call has changed."""
        for position in self._call.frames[self._frames :]:
            self._add(position, self._store.frames[position])
        self._frames = len(self._call.frames)
        for side, gap in self._gaps.items():
            messages = self._call.messages(side)
            for index in range(max(gap.messages, messages.first + 1), len(messages)):
                seconds = messages[index].time - messages[index - 1].time
                if seconds > gap.seconds:
                    gap.seconds, gap.after = seconds, index
            gap.messages = len(messages)

    def _add(self, position: int, frame: Frame) -> None:
        side = self._store.side(frame)
        self._last = max(self._last, frame.time)
        if frame.is_control:
            return
        if frame.ends_stream:
            self._closed[side] = frame.time
        if self._server_time is None and side is Side.CLIENT:
            self._requested = frame.time
        elif self._server_time is None:
            self._server_time = max(frame.time - self._requested, 0.0)
        if letter := _letter(frame, side):
            self._moments.append(Moment(frame.time, side, letter, position))

    @property
    def length(self) -> float:
        """Seconds from the first frame of the call to its last so far."""
        return max(self._last, self._call.ended or 0.0) - self._call.started

    def strip(self, width: int, length: float | None = None) -> tuple[Line, ...]:
        """Return the call as a strip of at most `width` cells; `length` are the seconds to scale it to."""
        return Strip(self._call, tuple(self._moments), self._closed, length or self.length).lines(width)

    def facts(self) -> tuple[TimingFact, ...]:
        """Return the moments of the strip with their times since the start of the call, then durations."""
        timed = [self._moment_fact(moment) for moment in self._moments]
        timed += [fact for side in Side for fact in self._message_facts(side)]
        timed.sort(key=lambda fact: (fact[0], fact[1].position))
        return (
            *(fact for _, fact in timed),
            TimingFact(Line()),
            *(TimingFact(_spent_line(name, seconds, meaning)) for name, seconds, meaning in self.spent()),
        )

    def spent(self) -> Iterator[tuple[str, float, str]]:
        """Yield durations: name, seconds, and what they cover."""
        call = self._call
        yield "the whole call", self.length, "so far" if call.duration is None else plain(call_status(call))
        if self._server_time is not None:
            yield "server time", self._server_time, "from the last request frame to the first reply frame"
        if call.first_reply is not None:
            yield "first reply", call.first_reply, "from the start to the end of the first reply message"
        for side, gap in self._gaps.items():
            if gap.seconds > 0:
                what = "request" if side is Side.CLIENT else "reply"
                between = f"between {what} messages {gap.after:,} and {gap.after + 1:,}"
                yield f"longest {what} gap", gap.seconds, between

    def _moment_fact(self, moment: Moment) -> tuple[float, TimingFact]:
        return moment.time, self._fact(moment.time, moment.side, _NAMES[moment.letter], moment.position)

    def _message_facts(self, side: Side) -> Iterator[tuple[float, TimingFact]]:
        messages = self._call.messages(side)
        first = messages.oldest
        if first is None:
            return
        last = messages[-1]
        octets = self._call.request_bytes if side is Side.CLIENT else self._call.response_bytes
        what = f"{counted(len(messages), 'message')}, {size(octets)} of DATA"
        if len(messages) > 1:
            what += f", the last one at {since(last.time - self._call.started)}"
        yield first.time, self._fact(first.time, side, what, first.frame)

    def _fact(self, time: float, side: Side, what: str, position: int) -> TimingFact:
        when = since(time - self._call.started)
        spans = (Span(f"{when:>{_TIME}}  ", Tone.DIM), Span(f"{ARROWS[side]} {what}", SIDE_TONES[side]))
        return TimingFact(Line(spans), position)

    def heading(self) -> Line:
        """Return the addresses, the status and the duration of the call."""
        return Line(heading(self._store, self._call))


def _letter(frame: Frame, side: Side) -> str | None:
    if frame.type == FrameType.RST_STREAM:
        return "R"
    return _LETTERS.get(block_of(frame, side)) if frame.type in HEADER_TYPES else None


def _spent_line(name: str, seconds: float, meaning: str) -> Line:
    return Line((Span(f"{name:<20}", Tone.KEY), Span(f"{duration(seconds):>{_TIME}}"), Span(f"  {meaning}", Tone.DIM)))
