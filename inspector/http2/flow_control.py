"""Computes flow-control windows: what each end may still send, and when it was stalled (RFC 9113 §6.9).

Windows are not on the wire. DATA reduces the connection's and its stream's; WINDOW_UPDATE and the receiver's
SETTINGS_INITIAL_WINDOW_SIZE increase them. After lost bytes a window is unknown until it is certain again. An update
counts from the moment it is captured, which is before its receiver has read it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from inspector.model.connection import Stall, Windows
from inspector.model.frame import ACK, END_STREAM, Endpoint, Frame, FrameType

MAX_OPEN_STREAMS: Final = 10_000
"""Streams whose windows are kept at a time; peers allow some hundreds."""


class FlowControl:
    """The windows of both ends of one connection."""

    __slots__ = ("_has_gaps", "_highest", "_on_stall", "client", "windows")

    def __init__(
        self,
        client: Endpoint,
        server: Endpoint,
        on_stall: Callable[[Stall], None] = lambda _stall: None,
        *,
        from_start: bool = True,
    ) -> None:
        """Begin; `from_start` is False where the connection is older than the capture.

        `on_stall` is called with each stall when it begins; the same object is completed later.
        """
        self.client = client
        """The end that opens streams; the owner replaces it when it turns out to be the other one."""
        self.windows = {end: Windows(end) for end in (client, server)}
        self._highest = 0
        self._has_gaps = False
        self._on_stall = on_stall
        if not from_start:
            for windows in self.windows.values():
                windows.is_left_known = windows.is_initial_known = False
                windows.known_from = None

    def on_preface(self) -> None:
        """Mark all windows as known: the client's preface was seen, so nothing was missed (§3.4)."""
        if self._highest == 0 and not self._has_gaps:
            for windows in self.windows.values():
                windows.is_left_known, windows.is_initial_known, windows.known_from = True, True, 1

    def mark_gap(self, source: Endpoint, time: float) -> None:
        """Forget what bytes from `source` that were not captured may have changed: DATA, updates or SETTINGS."""
        self._has_gaps = True
        for end, windows in self.windows.items():
            windows.is_left_known = False
            windows.known_from = None
            for stream in tuple(windows.stalls):
                _break_off_stall(windows, stream, time)
            if end != source:
                windows.is_initial_known = False

    def receive(self, frame: Frame, position: int) -> None:
        """Apply a frame of any type."""
        mine = self.windows[frame.source]
        theirs = self.other(frame.source)
        if (handler := _HANDLERS.get(frame.type)) is not None:
            handler(self, mine, theirs, frame, position)

    def other(self, source: Endpoint) -> Windows:
        """Return the windows of the other end."""
        return next((each for end, each in self.windows.items() if end != source), self.windows[source])

    def on_data(self, mine: Windows, _theirs: Windows, frame: Frame, position: int) -> None:
        """Reduce both windows by DATA, with its padding (§6.9.1)."""
        length, stream = frame.length, frame.stream
        if length:
            mine.left = left = mine.left - length
            if mine.stalls:
                _resume_stalls(mine, stream, frame.time)
            if left <= 0 and mine.is_left_known:
                self._on_exhausted(mine, 0, left, frame, position)
            if (offset := mine.offsets.get(stream)) is not None:
                mine.offsets[stream] = offset = offset - length
                if mine.initial + offset <= 0 and not frame.flags & END_STREAM and mine.knows(stream):
                    self._on_exhausted(mine, stream, mine.initial + offset, frame, position)
        if frame.flags & END_STREAM:
            mine.offsets.pop(stream, None)
            if mine.stalls:
                _close_window(mine, stream, frame.time)

    def on_headers(self, mine: Windows, theirs: Windows, frame: Frame, _position: int) -> None:
        """Open a stream with a window for each end; headers themselves are not flow-controlled."""
        stream = frame.stream
        if stream > self._highest and mine.end == self.client:
            self._highest = stream
            _open_window(mine, stream, frame.time)
            _open_window(theirs, stream, frame.time)
        if frame.flags & END_STREAM:
            mine.offsets.pop(stream, None)
            if mine.stalls:
                _close_window(mine, stream, frame.time)

    def on_update(self, _mine: Windows, theirs: Windows, frame: Frame, _position: int) -> None:
        """Increase a window of the other end, of a stream or the connection (§6.9)."""
        stream, detail = frame.stream, frame.detail
        increment = detail.get("increment") if detail else None
        if not isinstance(increment, int):
            return
        if stream == 0:
            theirs.left = room = theirs.left + increment
        elif (offset := theirs.offsets.get(stream)) is not None:
            theirs.offsets[stream] = offset = offset + increment
            room = theirs.initial + offset
        else:
            return
        if theirs.stalls and room > 0:
            _end_stall(theirs, stream, frame.time)

    def on_settings(self, _mine: Windows, theirs: Windows, frame: Frame, position: int) -> None:
        """Move all stream windows of the other end by a new initial size, possibly below zero (§6.9.2)."""
        settings = (frame.detail or {}).get("settings")
        size = settings.get("INITIAL_WINDOW_SIZE") if isinstance(settings, dict) else None
        if frame.flags & ACK or not isinstance(size, int):
            return
        if not theirs.is_initial_known:
            # Older streams keep an unknown window; later ones begin with this size.
            theirs.is_initial_known, theirs.known_from = True, None
        theirs.initial = size
        for stream, offset in theirs.offsets.items():
            if size + offset > 0:
                _end_stall(theirs, stream, frame.time)
            elif theirs.knows(stream):
                self._begin_stall(theirs, stream, frame, position)

    def on_reset(self, mine: Windows, theirs: Windows, frame: Frame, _position: int) -> None:
        """End both directions of a stream."""
        _close_window(mine, frame.stream, frame.time)
        _close_window(theirs, frame.stream, frame.time)

    def _on_exhausted(self, mine: Windows, stream: int, left: int, frame: Frame, position: int) -> None:
        """Begin a stall at a window of zero; one below zero was computed wrongly, so it becomes unknown."""
        if left == 0:
            self._begin_stall(mine, stream, frame, position)
            return
        mine.overdrawn = max(mine.overdrawn, -left)
        _break_off_stall(mine, stream, frame.time)
        if stream:
            del mine.offsets[stream]
        else:
            mine.is_left_known = False

    def _begin_stall(self, mine: Windows, stream: int, frame: Frame, position: int) -> None:
        known = mine.stalls.get(stream)
        if known is None or known.ended is not None:
            stall = mine.stalls[stream] = Stall(mine.end, stream, frame.time, position)
            self._on_stall(stall)


def _open_window(windows: Windows, stream: int, time: float) -> None:
    """Open a stream window of the initial size."""
    windows.offsets[stream] = 0
    if windows.known_from is None:
        windows.known_from = stream
    if len(windows.offsets) > MAX_OPEN_STREAMS:
        oldest = next(iter(windows.offsets))
        del windows.offsets[oldest]
        _break_off_stall(windows, oldest, time)


def _end_stall(windows: Windows, stream: int, time: float) -> None:
    stall = windows.stalls.get(stream)
    if stall is not None and stall.ended is None:
        stall.ended = time


def _break_off_stall(windows: Windows, stream: int, time: float) -> None:
    """Leave a stall unfinished, as its window is unknown."""
    stall = windows.stalls.pop(stream, None)
    if stall is not None and stall.ended is None:
        stall.broken_off = time


def _close_window(windows: Windows, stream: int, time: float) -> None:
    """Close a stream window: its end sends no more."""
    windows.offsets.pop(stream, None)
    if windows.stalls:
        _end_stall(windows, stream, time)
        windows.stalls.pop(stream, None)


def _resume_stalls(windows: Windows, stream: int, time: float) -> None:
    for each in (0, stream):
        stall = windows.stalls.get(each)
        if stall is not None and stall.ended is not None:
            stall.resumed = time
            del windows.stalls[each]


_HANDLERS: Final[dict[int, Callable[[FlowControl, Windows, Windows, Frame, int], None]]] = {
    FrameType.DATA: FlowControl.on_data,
    FrameType.HEADERS: FlowControl.on_headers,
    FrameType.WINDOW_UPDATE: FlowControl.on_update,
    FrameType.SETTINGS: FlowControl.on_settings,
    FrameType.RST_STREAM: FlowControl.on_reset,
}
