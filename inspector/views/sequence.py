"""The frames of one connection in the order of time, its streams interleaved: a line for each run of frames.

Frames of one sender and stream that follow each other closely are one line. Owns which lines there are, and the lane
of each stream; what a line says is drawn up, by `views.sequence_lines`, only when it is looked at.
"""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_left, bisect_right
from typing import Final, NamedTuple

from inspector.model.endpoint import Endpoint
from inspector.model.frame import END_STREAM, Frame, FrameType
from inspector.store.store import Store

LANES: Final = 6
"""Streams that have a lane of their own at a time; with more of them, the others have none."""
NO_LANE: Final = 255
_LONGEST: Final = 256
"""Frames of one line, so that it can be drawn up at once."""
_TOGETHER: Final = 0.005
"""Seconds between DATA frames up to which they are one line."""
_ENDING: Final = (FrameType.DATA, FrameType.HEADERS)


class Run(NamedTuple):
    """Frames that are one line."""

    positions: range
    """In the store, from the first to the last; frames of other connections may lie between."""
    lane: int
    """Of its stream; NO_LANE for the connection itself and for streams too many."""
    open_before: int
    """Bits of the lanes whose streams were open before this run."""
    open_after: int


class Sequence:
    """The runs of one connection, as far as `update` has come."""

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
        """How many lanes were used at a time so far."""

    def __len__(self) -> int:
        return len(self._starts)

    def run(self, index: int) -> Run:
        """One of them."""
        positions = range(self._starts[index], self._ends[index] + 1)
        return Run(positions, self._lanes[index], self._before[index], self._after[index])

    def run_of(self, position: int) -> int:
        """The run that a frame is in; the one before it for frames that are in none."""
        return max(bisect_right(self._starts, position) - 1, 0)

    @property
    def is_behind(self) -> bool:
        """True when frames came that were not looked at."""
        return self._searched < len(self._store.frames)

    def update(self, most: int = sys.maxsize) -> int:
        """Look at frames that came, at so many of all connections; the first run that is new or has more frames now."""
        width = self.width
        if self._store.connections[self.connection].client != self._client:
            self._begin()
        first, frames, wanted = max(len(self._starts) - 1, 0), self._store.frames, self.connection
        is_cut = self._drop(frames.first)
        start = max(self._searched, frames.first)
        self._searched = min(start + most, len(frames))
        for position, frame in enumerate(frames[start : self._searched], start):
            if frame.connection == wanted:
                self._take(position, frame)
        return first if width == self.width and not is_cut else 0

    def _drop(self, first: int) -> bool:
        """Forget the runs of which a frame is not kept any more; True where there were any."""
        count = bisect_left(self._starts, first)
        for each in (self._starts, self._ends, self._lanes, self._before, self._after):
            del each[:count]
        return count > 0

    def _take(self, position: int, frame: Frame) -> None:
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
        """True when a frame is of the same run as the latest one."""
        if not self._ends or position - self._starts[-1] >= _LONGEST:
            return False
        before = self._store.frames[self._ends[-1]]
        if frame.stream != before.stream or frame.source != before.source:
            return False
        is_data = frame.type == before.type == FrameType.DATA
        return frame.packet == before.packet or (is_data and frame.time - before.time < _TOGETHER)

    def _lane(self, stream: int, kind: int) -> int:
        """The lane of a stream, which is given one when it begins."""
        lane = self._lane_of.get(stream)
        if lane is None and stream and kind == FrameType.HEADERS:
            lane = next((each for each in range(LANES) if not self._open_lanes >> each & 1), None)
            if lane is not None:
                self._lane_of[stream] = lane
                self._open_lanes |= 1 << lane
                self.width = max(self.width, lane + 1)
        return NO_LANE if lane is None else lane

    def _leave_lane(self, stream: int) -> None:
        """The server has ended a stream, or it was reset."""
        lane = self._lane_of.pop(stream, None)
        if lane is not None:
            self._open_lanes &= ~(1 << lane)
