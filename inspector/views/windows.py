"""Flow-control windows and stalls in words. What is not known is said to be unknown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from math import inf
from typing import Final

from inspector.model.connection import Connection
from inspector.model.traffic import Traffic
from inspector.model.window import Stall, Windows
from inspector.views.spans import ARROWS, GAP, SIDE_TONES, Span, Tone
from inspector.views.text import counted
from inspector.views.times import duration

_STREAMS: Final = 12
"""Windows of open streams that are listed."""
_STALLS: Final = 40
_AT_ONCE: Final = 3
_UNKNOWN: Final = Span("not known", Tone.UNKNOWN)


def window_lines(windows: Windows) -> Iterator[tuple[Span, ...]]:
    """What one end may still send: in all, on a new stream, on those that are open."""
    left = windows.connection()
    yield (Span("may send "), _room(left), Span(" on the connection; a new stream begins with "), _initial(windows))
    known = ((stream, room) for stream in windows.changes if (room := windows.stream(stream)) is not None)
    moved = [(stream, room) for stream, room in known if room != windows.initial]
    for stream, room in islice(moved, _STREAMS):
        yield (Span(f"stream {stream} may send "), _room(room))
    if len(moved) > _STREAMS:
        yield (Span(f"and {counted(len(moved) - _STREAMS, 'more stream')} that used theirs", Tone.DIM),)
    if unknown := sum(not windows.knows(stream) for stream in windows.changes):
        yield (Span(f"{counted(unknown, 'open stream')} of which something was not captured: ", Tone.DIM), _UNKNOWN)
    if windows.overdrawn:
        words = f"sent {windows.overdrawn:,} B more than a window allowed, as far as the capture shows"
        yield (Span(words, Tone.ERROR),)


def stall_facts(
    traffic: Traffic, connection: Connection, at: Callable[[float], str]
) -> Iterator[tuple[tuple[Span, ...], int]]:
    """When a sender stood at a window of zero, the latest last, each with the frame after which it did."""
    for stall in traffic.stalls[-_STALLS:]:
        side = connection.side(stall.sender)
        window = f"stream {stall.stream}" if stall.stream else "connection"
        who = Span(f"{ARROWS[side]} {side:<6}", SIDE_TONES[side])
        yield (
            (who, GAP, Span(f"{at(stall.began)}  {window}  at zero "), Span(_how_long(stall), Tone.WARN)),
            stall.position,
        )


def stalls_at(traffic: Traffic, connection: Connection, start: float, end: float) -> Iterator[str]:
    """Which windows were at zero during the whole of a time, the first few of them."""
    lasting = (each for each in traffic.stalls if each.began <= start and end <= _last_moment(each))
    for stall in islice(lasting, _AT_ONCE):
        of = f" on stream {stall.stream}" if stall.stream else ""
        yield f"the {connection.side(stall.sender)}'s window at zero{of}"


def _last_moment(stall: Stall) -> float:
    ends = (each for each in (stall.ended, stall.broken_off) if each is not None)
    return next(ends, inf)


def _how_long(stall: Stall) -> str:
    if stall.broken_off is not None:
        return f"for at least {duration(stall.broken_off - stall.began)}; then bytes were not captured"
    if stall.ended is None:
        return "since then"
    waited = "" if stall.resumed is None else f", DATA after {duration(stall.resumed - stall.began)}"
    return f"for {duration(stall.ended - stall.began)}{waited}"


def _room(room: int | None) -> Span:
    if room is None:
        return _UNKNOWN
    return Span(f"{room:,} B", Tone.WARN if room <= 0 else Tone.NUMBER)


def _initial(windows: Windows) -> Span:
    return _room(windows.initial) if windows.is_initial_known else _UNKNOWN
