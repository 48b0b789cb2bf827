"""A call on a strip of characters: a lane for each side, on which time goes from left to right.

Messages are counted by cell and not looked at one by one, so many are drawn as quickly as few.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from operator import attrgetter
from typing import Final, NamedTuple

from inspector.model.call import Call, CallState
from inspector.model.endpoint import Side
from inspector.model.log import Log
from inspector.model.message import Message
from inspector.views.spans import ARROWS, SIDE_TONES, Line, Span, Tone
from inspector.views.times import duration

_WIDEST: Final = 160
_NARROWEST: Final = 16
_MANY: Final = 10
"""From so many messages in a cell on, the cell says that there are many, not how many."""
_LEGEND: Final = "H headers  D message  2-9 so many  # more  T trailers  R reset"
_QUIET: Final = "· "
"""Nothing is sent; behind the end of a side's part of the stream, nothing can be."""

_time = attrgetter("time")


class Moment(NamedTuple):
    """A frame that begins or ends something."""

    time: float
    side: Side
    letter: str
    """As on the strip: H, T or R."""
    position: int


class Strip(NamedTuple):
    """What is drawn."""

    call: Call
    moments: tuple[Moment, ...]
    """Those of both sides, in the order of the wire."""
    closed: Mapping[Side, float]
    """When a side ended its part of the stream, where it did."""
    length: float
    """Seconds that the whole strip stands for."""

    def lines(self, width: int) -> tuple[Line, ...]:
        """What each side sent, a line each, from the call's first frame to its last, with a scale and a legend."""
        cells = max(min(width - 4, _WIDEST), _NARROWEST)
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
        """Where a time stands on a lane."""
        return max(min(int((time - self.call.started) / (self.length or 1.0) * cells), cells - 1), 0)

    def _tokens(self, side: Side, cells: int) -> list[tuple[int, str]]:
        """What stands on a side's lane, in the order of time: the cell where it belongs, and its letter."""
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
                letter = "D" if count == 1 else f"{count}" if count < _MANY else "#"
                found.append((first.time, first.frame, letter))
                before = until
        return [(self._cell(time, cells), letter) for time, _, letter in sorted(found)]


def _placed(tokens: list[tuple[int, str]], cells: int) -> list[tuple[int, str]]:
    """Each letter in a cell of its own, in their order, as near as can be to where it belongs."""
    at, last = [], -1
    for cell, _ in tokens:
        last = max(cell, last + 1)
        at.append(last)
    limit = cells
    for index in reversed(range(len(at))):
        at[index] = limit = max(min(at[index], limit - 1), 0)
    return [(cell, letter) for cell, (_, letter) in zip(at, tokens, strict=True)]


def _ended_before(messages: Log[Message], time: float) -> int:
    return messages.find(time, key=_time)


def _toned(lane: str, side: Side) -> Iterator[Span]:
    start = 0
    for index in range(1, len(lane) + 1):
        if index == len(lane) or (lane[index] in _QUIET) != (lane[start] in _QUIET):
            yield Span(lane[start:index], Tone.DIM if lane[start] in _QUIET else SIDE_TONES[side])
            start = index
