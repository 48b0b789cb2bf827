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
from inspector.views.text import counted, size
from inspector.views.times import duration
from inspector.views.windows import stalls_at

_ARROWS: Final = {Side.CLIENT: "──▶", Side.SERVER: "◀──"}
_PAUSE: Final = 0.1
"""Seconds without a frame from which a line of its own tells of them."""
_LONG_PAUSE: Final = 1.0
_GROUPS_SHOWN: Final = 6
"""Of one line."""
_SUMMED: Final = frozenset({FrameType.DATA, FrameType.WINDOW_UPDATE})


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
    line = Line(
        (
            Span(f"{max(first.time - began, 0.0):9.4f} ", Tone.DIM),
            *_lanes(run, sequence.width, store.side(first), is_stream=first.stream > 0),
            Span(f"{first.stream:>5} " if first.stream else "      ", Tone.DIM),
            Span(f"{_ARROWS[store.side(first)]} ", SIDE_TONES[store.side(first)]),
            *joined(_said(store, catalog, run), DOT),
        )
    )
    before = store.frames[sequence.run(index - 1).positions[-1]].time if index else first.time
    return (line,) if first.time - before < _PAUSE else (_pause(store, sequence, run, before), line)


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


def _pause(store: Store, sequence: Sequence, run: Run, before: float) -> Line:
    """How long nothing was sent, and who could not have sent DATA in that time."""
    lanes = "".join("┊ " if run.open_before >> lane & 1 else "  " for lane in range(sequence.width))
    now = store.frames[run.positions[0]].time
    tone = Tone.WARN if now - before >= _LONG_PAUSE else Tone.DIM
    stalls = stalls_at(store.traffic(sequence.connection), store.connections[sequence.connection], before, now)
    words = (Span(f"{'':8}{duration(now - before)} pass", tone), *(Span(f", {each}", Tone.WARN) for each in stalls))
    return Line((Span(f"{'':10}{lanes}", Tone.DIM), *words))


def _said(store: Store, catalog: Catalog, run: Run) -> Iterator[tuple[Span, ...]]:
    connection = store.frames[run.positions[0]].connection
    found = [seen(store, catalog, each) for each in run.positions if store.frames[each].connection == connection]
    found.sort(key=lambda at: at.frame.type == FrameType.WINDOW_UPDATE)  # they say the least
    groups = [list(each) for _, each in groupby(found, _group_of)]
    for group in groups[:_GROUPS_SHOWN]:
        yield _group(group)
    if len(groups) > _GROUPS_SHOWN:
        yield (Span(f"and {counted(sum(map(len, groups[_GROUPS_SHOWN:])), 'more frame')}", Tone.DIM),)


def _group_of(at: Seen) -> tuple[int, int]:
    """Frames of some types are summed up where they follow each other; every other one speaks for itself."""
    return at.frame.type, 0 if at.frame.type in _SUMMED else at.position


def _group(frames: list[Seen]) -> tuple[Span, ...]:
    """Frames of one type: `HEADERS POST /…`, `DATA 65.5 kB in 4 frames`, `WINDOW_UPDATE +32,768`."""
    last = frames[-1]
    name = (Span(last.frame.type_name, SIDE_TONES[last.side]),)
    number = (Span(f"in {len(frames)} frames", Tone.DIM),) if len(frames) > 1 else ()
    match last.frame.type:
        case FrameType.DATA:
            return joined((name, *_data(frames, number)), Span(" "))
        case FrameType.WINDOW_UPDATE:
            total = (Span(f"+{sum(_increment(each.frame) for each in frames):,}", Tone.DIM),)
            return joined((name, total, number), Span(" "))
        case FrameType.PING:
            return joined((name, (Span("ack", Tone.DIM),) if last.frame.flags & ACK else ()), Span(" "))
        case _:
            return joined((name, frame_info(last)), Span(" "))


def _data(frames: list[Seen], number: tuple[Span, ...]) -> Iterator[tuple[Span, ...]]:
    """How much it is, and the message that ends in the last frame; nothing that a later frame could change."""
    last = frames[-1]
    ends_message = last.call is not None and bool(ending_in(last.call, last.side, last.position))
    if number or not ends_message:
        yield (Span(size(sum(each.frame.length for each in frames)), Tone.NUMBER),)
        yield number
    if ends_message:
        yield frame_info(last)
    yield end_of_stream(last.frame)


def _increment(frame: Frame) -> int:
    increment = (frame.detail or {}).get("increment")
    return increment if isinstance(increment, int) else 0
