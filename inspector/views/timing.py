"""Where the time of a call went: its headers, messages and end on a strip of characters, and in figures.

Costs what is new, not what is there: frames are looked at once, and messages are counted by cell of the strip, so a
call of a hundred thousand messages is drawn as quickly as one of two.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from inspector.model.call import StreamKey
from inspector.model.endpoint import Side
from inspector.model.frame import HEADER_TYPES, Frame, FrameType
from inspector.store.store import Store
from inspector.views.headers import Block, block_of
from inspector.views.heading import heading
from inspector.views.outcome import call_status
from inspector.views.spans import ARROWS, SIDE_TONES, Line, Span, Tone, plain
from inspector.views.strip import Moment, Strip
from inspector.views.text import counted, size
from inspector.views.times import duration, since

_TIME: Final = 11
_NAMES: Final = {"H": "headers", "T": "trailers", "R": "reset"}
_LETTERS: Final = {Block.REQUEST: "H", Block.RESPONSE: "H", Block.TRAILERS: "T"}


class Fact(NamedTuple):
    """A line below the strip, and the frame that it leads to."""

    line: Line
    position: int | None = None


@dataclass(slots=True)
class _Gap:
    """The longest time between two messages of a side, of those that were looked at."""

    messages: int = 0
    seconds: float = 0.0
    after: int = 0
    """The number of the message that it came after, from 1."""


class Timing:
    """One call's times. Call `update` when its call has changed."""

    def __init__(self, store: Store, key: StreamKey) -> None:
        """KeyError for a stream that is no call."""
        self._store, self._call = store, store.calls[key]
        self._frames = 0
        self._moments: list[Moment] = []
        self._gaps = {side: _Gap() for side in Side}
        self._asked = self._call.started
        self._server_time: float | None = None
        self._last = self._call.started
        self._closed: dict[Side, float] = {}
        self.update()

    def update(self) -> None:
        """Take in what the call has come to be."""
        for position in self._call.frames[self._frames :]:
            self._take(position, self._store.frames[position])
        self._frames = len(self._call.frames)
        for side, gap in self._gaps.items():
            messages = self._call.messages(side)
            for index in range(max(gap.messages, messages.first + 1), len(messages)):
                seconds = messages[index].time - messages[index - 1].time
                if seconds > gap.seconds:
                    gap.seconds, gap.after = seconds, index
            gap.messages = len(messages)

    def _take(self, position: int, frame: Frame) -> None:
        side = self._store.side(frame)
        self._last = max(self._last, frame.time)
        if frame.is_control:
            return
        if frame.ends_stream:
            self._closed[side] = frame.time
        if self._server_time is None and side is Side.CLIENT:
            self._asked = frame.time
        elif self._server_time is None:
            self._server_time = max(frame.time - self._asked, 0.0)
        if letter := _letter(frame, side):
            self._moments.append(Moment(frame.time, side, letter, position))

    @property
    def length(self) -> float:
        """Seconds from the call's first frame to its last, so far."""
        return max(self._last, self._call.ended or 0.0) - self._call.started

    def strip(self, width: int, length: float | None = None) -> tuple[Line, ...]:
        """The call as a strip, as wide as fits into `width` cells; `length`: seconds to scale it by."""
        return Strip(self._call, tuple(self._moments), self._closed, length or self.length).lines(width)

    def facts(self) -> tuple[Fact, ...]:
        """What the strip says, with its times since the call's first frame; then what took how long."""
        told = [self._moment_fact(moment) for moment in self._moments]
        told += [fact for side in Side for fact in self._message_facts(side)]
        told.sort(key=lambda fact: (fact[0], fact[1].position))
        return (
            *(fact for _, fact in told),
            Fact(Line()),
            *(Fact(_spent_line(name, seconds, meaning)) for name, seconds, meaning in self.spent()),
        )

    def spent(self) -> Iterator[tuple[str, float, str]]:
        """What took how long: its name, seconds, and what that means."""
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

    def _moment_fact(self, moment: Moment) -> tuple[float, Fact]:
        return moment.time, self._fact(moment.time, moment.side, _NAMES[moment.letter], moment.position)

    def _message_facts(self, side: Side) -> Iterator[tuple[float, Fact]]:
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

    def _fact(self, time: float, side: Side, what: str, position: int) -> Fact:
        when = since(time - self._call.started)
        spans = (Span(f"{when:>{_TIME}}  ", Tone.DIM), Span(f"{ARROWS[side]} {what}", SIDE_TONES[side]))
        return Fact(Line(spans), position)

    def heading(self) -> Line:
        """Who talked to whom, and how it ended."""
        return Line(heading(self._store, self._call))


def _letter(frame: Frame, side: Side) -> str | None:
    if frame.type == FrameType.RST_STREAM:
        return "R"
    return _LETTERS.get(block_of(frame, side)) if frame.type in HEADER_TYPES else None


def _spent_line(name: str, seconds: float, meaning: str) -> Line:
    return Line((Span(f"{name:<20}", Tone.KEY), Span(f"{duration(seconds):>{_TIME}}"), Span(f"  {meaning}", Tone.DIM)))
