"""What the lines of a connection's sequence say: time, lanes of the streams, an arrow, and the frames in short."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Final

from inspector.model.endpoint import Side
from inspector.model.frame import ACK, Frame, FrameType
from inspector.schema.catalog import Catalog
from inspector.store.store import Store
from inspector.views.connections import state
from inspector.views.header_info import end_of_stream
from inspector.views.heading import why_line
from inspector.views.info import frame_info
from inspector.views.reading import ending_in
from inspector.views.seen import Seen, seen
from inspector.views.sequence import LANES, NO_LANE, Run, Sequence
from inspector.views.spans import DOT, SIDE_TONES, Line, Span, Tone, joined
from inspector.views.text import size
from inspector.views.times import duration

_ARROWS: Final = {Side.CLIENT: "──▶", Side.SERVER: "◀──"}
_PAUSE: Final = 0.1
"""Seconds without a frame from which a line of its own tells of them."""
_LONG_PAUSE: Final = 1.0
_KINDS_SHOWN: Final = 6
"""Of one line, types of frames one after the other."""


def heading(store: Store, connection: int) -> tuple[Line, ...]:
    """How the connection is, who is on which side, and why it failed if it did."""
    known = store.connections[connection]
    client, server = Span(f"client {known.client}", Tone.CLIENT), Span(f"server {known.server}", Tone.SERVER)
    why = () if known.why is None else (why_line(known.why),)
    return (
        Line((Span(f"connection {connection}   ", Tone.DIM), state(known))),
        Line((client, Span("  ──▶ ◀──  ", Tone.DIM), server)),
        *why,
    )


def run_lines(store: Store, catalog: Catalog, sequence: Sequence, index: int) -> tuple[Line, ...]:
    """The line of a run, and one before it where nothing was sent for long."""
    run = sequence.run(index)
    first = store.frames[run.positions[0]]
    began = store.connections[sequence.connection].started
    passed = None
    if index:
        passed = first.time - store.frames[sequence.run(index - 1).positions[-1]].time
    line = Line(
        (
            Span(f"{max(first.time - began, 0.0):9.4f} ", Tone.DIM),
            *_lanes(run, sequence.width, store.side(first), is_stream=first.stream > 0),
            Span(f"{first.stream:>5} " if first.stream else "      ", Tone.DIM),
            Span(f"{_ARROWS[store.side(first)]} ", SIDE_TONES[store.side(first)]),
            *joined(_said(store, catalog, run), DOT),
        )
    )
    if passed is None or passed < _PAUSE:
        return (line,)
    return _pause(run, sequence.width, passed), line


def _lanes(run: Run, width: int, side: Side, *, is_stream: bool) -> Iterator[Span]:
    for lane in range(width):
        was, stays = run.open_before >> lane & 1, run.open_after >> lane & 1
        if lane == run.lane:
            mark = "├" if was and stays else "┌" if stays else "└" if was else "╶"
            yield Span(f"{mark} ", SIDE_TONES[side])
        else:
            yield Span("│ " if was else "  ", Tone.DIM)
    has_none = run.lane == NO_LANE and is_stream
    yield Span("┆ " if has_none else "  " if width == LANES else "", Tone.DIM)


def _pause(run: Run, width: int, seconds: float) -> Line:
    lanes = "".join("┊ " if run.open_before >> lane & 1 else "  " for lane in range(width))
    tone = Tone.WARN if seconds >= _LONG_PAUSE else Tone.DIM
    return Line((Span(f"{'':10}{lanes}", Tone.DIM), Span(f"{'':8}{duration(seconds)} pass", tone)))


def _said(store: Store, catalog: Catalog, run: Run) -> Iterator[tuple[Span, ...]]:
    connection = store.frames[run.positions[0]].connection
    mine = [position for position in run.positions if store.frames[position].connection == connection]
    groups = [list(each) for _, each in groupby(mine, lambda position: store.frames[position].type)]
    for group in groups[:_KINDS_SHOWN]:
        yield _group([seen(store, catalog, position) for position in group])
    if len(groups) > _KINDS_SHOWN:
        yield (Span(f"and {sum(map(len, groups[_KINDS_SHOWN:]))} more frames", Tone.DIM),)


def _group(frames: list[Seen]) -> tuple[Span, ...]:
    """Frames of one type: `HEADERS POST /…`, `DATA 65.5 kB in 4 frames`, `WINDOW_UPDATE +32,768`."""
    last = frames[-1]
    if last.frame.type == FrameType.PING:
        return (Span("PING", SIDE_TONES[last.side]), Span(" ack" if last.frame.flags & ACK else "", Tone.DIM))
    name = Span(last.frame.type_name, SIDE_TONES[last.side])
    if len(frames) == 1 and last.frame.type != FrameType.WINDOW_UPDATE:
        return joined(((name,), frame_info(last)), Span(" "))
    number = (Span(f"in {len(frames)} frames", Tone.DIM),) if len(frames) > 1 else ()
    return joined(((name,), _sum(frames), number, *_end(last)), Span(" "))


def _sum(frames: list[Seen]) -> tuple[Span, ...]:
    match frames[-1].frame.type:
        case FrameType.DATA:
            return (Span(size(sum(each.frame.length for each in frames)), Tone.NUMBER),)
        case FrameType.WINDOW_UPDATE:
            return (Span(f"+{sum(_increment(each.frame) for each in frames):,}", Tone.DIM),)
        case _:
            return frame_info(frames[0])


def _end(last: Seen) -> Iterator[tuple[Span, ...]]:
    """The message that ends in the last of several DATA frames, and the end of its stream."""
    if last.frame.type == FrameType.DATA:
        if last.call is not None and ending_in(last.call, last.side, last.position):
            yield frame_info(last)
        yield end_of_stream(last.frame)


def _increment(frame: Frame) -> int:
    increment = (frame.detail or {}).get("increment")
    return increment if isinstance(increment, int) else 0
