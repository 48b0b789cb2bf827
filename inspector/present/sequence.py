"""Shows the frames of one connection in the order of time, with a lane for each stream."""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from itertools import groupby
from typing import Final, NamedTuple

from inspector.model.frame import ACK, END_STREAM, Endpoint, Frame, FrameType, Side
from inspector.present.connections import stalls_at, state
from inspector.present.headers import Seen, end_of_stream, seen, why_line
from inspector.present.info import frame_info
from inspector.present.messages import ending_in
from inspector.present.spans import DOT, SIDE_TONES, Line, Span, Tone, joined
from inspector.schema.catalog import Catalog
from inspector.store.store import Store
from inspector.text import counted, duration, size

LANES: Final = 6
"""The number of streams that can have a lane at a time; further streams have none."""
NO_LANE: Final = 255
_MAX_RUN: Final = 256
"""Frames of one line, so that formatting it takes a bounded time."""
_MAX_DATA_GAP: Final = 0.005
"""Seconds between DATA frames of one line."""
_ENDING: Final = (FrameType.DATA, FrameType.HEADERS)


class FrameRun(NamedTuple):
    """Consecutive frames that are shown in one line."""

    positions: range
    """Positions in the store, from the first to the last; frames of other connections may lie between."""
    lane: int
    """The lane of the stream; NO_LANE for the connection itself and for streams without a lane."""
    open_before: int
    """A bit mask of the lanes whose streams were open before this run."""
    open_after: int


class Sequence:
    """The runs of one connection that `update` has found."""

    def __init__(self, store: Store, connection: int) -> None:
        self.connection = connection
        self._store = store
        self._begin()

    def _begin(self) -> None:
        self._client: Endpoint = self._store.connections[self.connection].client
        self._searched = 0
        self._starts, self._ends = array("I"), array("I")
        self._lanes, self._before, self._after = array("B"), array("B"), array("B")
        self._lane_of: dict[int, int] = {}
        self._open_lanes = 0
        self.width = 0
        """The largest number of lanes that were used at a time."""

    def __len__(self) -> int:
        return len(self._starts)

    def run(self, index: int) -> FrameRun:
        """Return a run."""
        positions = range(self._starts[index], self._ends[index] + 1)
        return FrameRun(positions, self._lanes[index], self._before[index], self._after[index])

    def run_of(self, position: int) -> int:
        """Return the run of a frame, or the one before a frame that is in none."""
        return max(bisect_right(self._starts, position) - 1, 0)

    @property
    def is_behind(self) -> bool:
        """True if there are frames that `update` has not seen."""
        return self._searched < len(self._store.frames)

    def update(self, limit: int = sys.maxsize) -> int:
        """Add new frames, examining at most `limit` of all connections; return the first run that is new or longer."""
        width = self.width
        if self._store.connections[self.connection].client != self._client:
            self._begin()
        first, frames, wanted = max(len(self._starts) - 1, 0), self._store.frames, self.connection
        is_cut = self._drop(frames.first)
        start = max(self._searched, frames.first)
        self._searched = min(start + limit, len(frames))
        for position, frame in enumerate(frames[start : self._searched], start):
            if frame.connection == wanted:
                self._add(position, frame)
        return first if width == self.width and not is_cut else 0

    def _drop(self, first: int) -> bool:
        """Remove the runs that lost a frame to eviction; return whether there were any."""
        count = bisect_left(self._starts, first)
        for each in (self._starts, self._ends, self._lanes, self._before, self._after):
            del each[:count]
        return count > 0

    def _add(self, position: int, frame: Frame) -> None:
        if not self._continues(frame, position):
            self._starts.append(position)
            self._ends.append(position)
            self._before.append(self._open_lanes)
            self._lanes.append(self._lane(frame.stream, frame.type))
            self._after.append(0)
        is_end = frame.flags & END_STREAM and frame.type in _ENDING and frame.source != self._client
        if is_end or frame.type == FrameType.RST_STREAM:
            self._leave_lane(frame.stream)
        self._ends[-1], self._after[-1] = position, self._open_lanes

    def _continues(self, frame: Frame, position: int) -> bool:
        """Return whether a frame belongs to the latest run."""
        if not self._ends or position - self._starts[-1] >= _MAX_RUN:
            return False
        before = self._store.frames[self._ends[-1]]
        if frame.stream != before.stream or frame.source != before.source:
            return False
        is_data = frame.type == before.type == FrameType.DATA
        return frame.packet == before.packet or (is_data and frame.time - before.time < _MAX_DATA_GAP)

    def _lane(self, stream: int, kind: int) -> int:
        """Return the lane of a stream, after assigning one if it begins."""
        lane = self._lane_of.get(stream)
        if lane is None and stream and kind == FrameType.HEADERS:
            lane = next((each for each in range(LANES) if not self._open_lanes >> each & 1), None)
            if lane is not None:
                self._lane_of[stream] = lane
                self._open_lanes |= 1 << lane
                self.width = max(self.width, lane + 1)
        return NO_LANE if lane is None else lane

    def _leave_lane(self, stream: int) -> None:
        """Free the lane of a stream that ended."""
        lane = self._lane_of.pop(stream, None)
        if lane is not None:
            self._open_lanes &= ~(1 << lane)


_ARROWS: Final = {Side.CLIENT: "──▶", Side.SERVER: "◀──"}
_PAUSE: Final = 0.1
"""Seconds without a frame that are shown in a line of their own."""
_LONG_PAUSE: Final = 1.0
_MAX_GROUPS: Final = 6
"""Groups of frames in one line."""
_SUMMED: Final = frozenset({FrameType.DATA, FrameType.WINDOW_UPDATE})


def heading(store: Store, connection: int) -> tuple[Line, ...]:
    """Return the state and the two sides of a connection, and why it failed if it did."""
    known = store.connections[connection]
    client, server = Span(f"client {known.client}", Tone.CLIENT), Span(f"server {known.server}", Tone.SERVER)
    why = () if known.diagnosis is None else (why_line(known.diagnosis),)
    return (
        Line((Span(f"connection {connection}   ", Tone.DIM), state(known))),
        Line((client, Span("  ──▶ ◀──  ", Tone.DIM), server)),
        *why,
    )


def run_lines(store: Store, catalog: Catalog, sequence: Sequence, index: int) -> tuple[Line, ...]:
    """Return the line of a run, after the line of a pause if there was one."""
    run = sequence.run(index)
    first = store.frames[run.positions[0]]
    began = store.connections[sequence.connection].started
    line = Line(
        (
            Span(f"{max(first.time - began, 0.0):9.4f} ", Tone.DIM),
            *_lanes(run, sequence.width, store.side(first), is_stream=first.stream > 0),
            Span(f"{first.stream:>5} " if first.stream else "      ", Tone.DIM),
            Span(f"{_ARROWS[store.side(first)]} ", SIDE_TONES[store.side(first)]),
            *joined(_groups(store, catalog, run), DOT),
        )
    )
    before = store.frames[sequence.run(index - 1).positions[-1]].time if index else first.time
    return (line,) if first.time - before < _PAUSE else (_pause(store, sequence, run, before), line)


def _lanes(run: FrameRun, width: int, side: Side, *, is_stream: bool) -> Iterator[Span]:
    for lane in range(width):
        was, stays = run.open_before >> lane & 1, run.open_after >> lane & 1
        if lane == run.lane:
            mark = "├" if was and stays else "┌" if stays else "└" if was else "╶"
            yield Span(f"{mark} ", SIDE_TONES[side])
        else:
            yield Span("│ " if was else "  ", Tone.DIM)
    has_none = run.lane == NO_LANE and is_stream
    yield Span("┆ " if has_none else "  " if width == LANES else "", Tone.DIM)


def _pause(store: Store, sequence: Sequence, run: FrameRun, before: float) -> Line:
    """Return how long nothing was sent, and which windows were zero meanwhile."""
    lanes = "".join("┊ " if run.open_before >> lane & 1 else "  " for lane in range(sequence.width))
    now = store.frames[run.positions[0]].time
    tone = Tone.WARN if now - before >= _LONG_PAUSE else Tone.DIM
    stalls = stalls_at(store.traffic(sequence.connection), store.connections[sequence.connection], before, now)
    pause = (Span(f"{'':8}{duration(now - before)} pass", tone), *(Span(f", {each}", Tone.WARN) for each in stalls))
    return Line((Span(f"{'':10}{lanes}", Tone.DIM), *pause))


def _groups(store: Store, catalog: Catalog, run: FrameRun) -> Iterator[tuple[Span, ...]]:
    connection = store.frames[run.positions[0]].connection
    found = [seen(store, catalog, each) for each in run.positions if store.frames[each].connection == connection]
    found.sort(key=lambda at: at.frame.type == FrameType.WINDOW_UPDATE)  # the least informative come last
    groups = [list(each) for _, each in groupby(found, _group_of)]
    for group in groups[:_MAX_GROUPS]:
        yield _group(group)
    if len(groups) > _MAX_GROUPS:
        yield (Span(f"and {counted(sum(map(len, groups[_MAX_GROUPS:])), 'more frame')}", Tone.DIM),)


def _group_of(at: Seen) -> tuple[int, int]:
    """Return a key that is equal for frames that are summed up."""
    return at.frame.type, 0 if at.frame.type in _SUMMED else at.position


def _group(frames: list[Seen]) -> tuple[Span, ...]:
    """Return a group of frames: `HEADERS POST /…`, `DATA 65.5 kB in 4 frames`, `WINDOW_UPDATE +32,768`."""
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
    """Yield the size and the message that ends in the last frame, but nothing that a later frame could change."""
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
