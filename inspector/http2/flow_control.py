"""Flow control as one sees it on the wire: what each end may still send, and when it stood at zero (RFC 9113 §6.9).

Windows are computed, as nobody tells them: DATA takes from the connection's and its stream's, WINDOW_UPDATE and the
receiver's SETTINGS_INITIAL_WINDOW_SIZE give. Where bytes were not captured nothing is claimed until it is certain
again. An update counts from when it is seen, which is before its receiver has read it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from inspector.model.connection import Stall, Windows
from inspector.model.frame import ACK, END_STREAM, Endpoint, Frame, FrameType

OPEN_STREAMS: Final = 10_000
"""Streams whose windows are kept at a time; the oldest are given up. Peers allow some hundreds."""


class FlowControl:
    """The windows of both ends of one connection."""

    __slots__ = ("_has_holes", "_highest", "_on_stall", "client", "windows")

    def __init__(
        self,
        client: Endpoint,
        server: Endpoint,
        on_stall: Callable[[Stall], None] = lambda _stall: None,
        *,
        from_start: bool = True,
    ) -> None:
        """Begin; `from_start` is False where the connection was there before the capture.

        `on_stall` is told of each stall when it begins; the same value is completed later.
        """
        self.client = client
        """Who opens streams; may be set anew when it turns out to be the other end."""
        self.windows = {end: Windows(end) for end in (client, server)}
        self._highest = 0
        self._has_holes = False
        self._on_stall = on_stall
        if not from_start:
            for each in self.windows.values():
                each.is_left_known = each.is_initial_known = False
                each.known_from = None

    def begin(self) -> None:
        """The client's preface was seen, so that nothing was missed (§3.4)."""
        if self._highest == 0 and not self._has_holes:
            for each in self.windows.values():
                each.is_left_known, each.is_initial_known, each.known_from = True, True, 1

    def lose(self, source: Endpoint, time: float) -> None:
        """Bytes that this end sent were not captured: DATA, updates or SETTINGS may be among them."""
        self._has_holes = True
        for end, each in self.windows.items():
            each.is_left_known = False
            each.known_from = None
            for stream in tuple(each.standing):
                _break_off(each, stream, time)
            if end != source:
                each.is_initial_known = False

    def receive(self, frame: Frame, position: int) -> None:
        """Take in a frame of any type."""
        mine = self.windows[frame.source]
        theirs = self.other(frame.source)
        if (act := _ACTS.get(frame.type)) is not None:
            act(self, mine, theirs, frame, position)

    def other(self, source: Endpoint) -> Windows:
        """The windows of the end that this one talks to."""
        return next((each for end, each in self.windows.items() if end != source), self.windows[source])

    def on_data(self, mine: Windows, _theirs: Windows, frame: Frame, position: int) -> None:
        """DATA takes from both windows; its padding counts (§6.9.1)."""
        length, stream = frame.length, frame.stream
        if length:
            mine.left = left = mine.left - length
            if mine.standing:
                _resume(mine, stream, frame.time)
            if left <= 0 and mine.is_left_known:
                self._spend(mine, 0, left, frame, position)
            if (change := mine.changes.get(stream)) is not None:
                mine.changes[stream] = change = change - length
                if mine.initial + change <= 0 and not frame.flags & END_STREAM and mine.knows(stream):
                    self._spend(mine, stream, mine.initial + change, frame, position)
        if frame.flags & END_STREAM:
            mine.changes.pop(stream, None)
            if mine.standing:
                _close(mine, stream, frame.time)

    def on_headers(self, mine: Windows, theirs: Windows, frame: Frame, _position: int) -> None:
        """A request opens a stream, with a window each way; headers themselves need none."""
        stream = frame.stream
        if stream > self._highest and mine.end == self.client:
            self._highest = stream
            _open(mine, stream, frame.time)
            _open(theirs, stream, frame.time)
        if frame.flags & END_STREAM:
            mine.changes.pop(stream, None)
            if mine.standing:
                _close(mine, stream, frame.time)

    def on_update(self, _mine: Windows, theirs: Windows, frame: Frame, _position: int) -> None:
        """WINDOW_UPDATE gives the other end room, on a stream or on the connection (§6.9)."""
        stream, detail = frame.stream, frame.detail
        increment = detail.get("increment") if detail else None
        if not isinstance(increment, int):
            return
        if stream == 0:
            theirs.left = room = theirs.left + increment
        elif (change := theirs.changes.get(stream)) is not None:
            theirs.changes[stream] = change = change + increment
            room = theirs.initial + change
        else:
            return
        if theirs.standing and room > 0:
            _end(theirs, stream, frame.time)

    def on_settings(self, _mine: Windows, theirs: Windows, frame: Frame, position: int) -> None:
        """A new initial size moves all windows of the other end's streams, maybe below zero (§6.9.2)."""
        settings = (frame.detail or {}).get("settings")
        size = settings.get("INITIAL_WINDOW_SIZE") if isinstance(settings, dict) else None
        if frame.flags & ACK or not isinstance(size, int):
            return
        if not theirs.is_initial_known:
            # Streams from before keep the window that nobody saw; later ones begin with this size.
            theirs.is_initial_known, theirs.known_from = True, None
        theirs.initial = size
        for stream, change in theirs.changes.items():
            if size + change > 0:
                _end(theirs, stream, frame.time)
            elif theirs.knows(stream):
                self._stand(theirs, stream, frame, position)

    def on_reset(self, mine: Windows, theirs: Windows, frame: Frame, _position: int) -> None:
        """RST_STREAM ends both directions."""
        _close(mine, frame.stream, frame.time)
        _close(theirs, frame.stream, frame.time)

    def _spend(self, mine: Windows, stream: int, left: int, frame: Frame, position: int) -> None:
        """DATA left nothing of a window; where it took more than there was, the window is not as was thought."""
        if left == 0:
            self._stand(mine, stream, frame, position)
            return
        mine.overdrawn = max(mine.overdrawn, -left)
        _break_off(mine, stream, frame.time)
        if stream:
            del mine.changes[stream]
        else:
            mine.is_left_known = False

    def _stand(self, mine: Windows, stream: int, frame: Frame, position: int) -> None:
        known = mine.standing.get(stream)
        if known is None or known.ended is not None:
            stall = mine.standing[stream] = Stall(mine.end, stream, frame.time, position)
            self._on_stall(stall)


def _open(windows: Windows, stream: int, time: float) -> None:
    """The end may send on a stream, as much as a new one begins with."""
    windows.changes[stream] = 0
    if windows.known_from is None:
        windows.known_from = stream
    if len(windows.changes) > OPEN_STREAMS:
        oldest = next(iter(windows.changes))
        del windows.changes[oldest]
        _break_off(windows, oldest, time)


def _end(windows: Windows, stream: int, time: float) -> None:
    stall = windows.standing.get(stream)
    if stall is not None and stall.ended is None:
        stall.ended = time


def _break_off(windows: Windows, stream: int, time: float) -> None:
    """The window is not known any more."""
    stall = windows.standing.pop(stream, None)
    if stall is not None and stall.ended is None:
        stall.broken_off = time


def _close(windows: Windows, stream: int, time: float) -> None:
    """The end sends no more on a stream."""
    windows.changes.pop(stream, None)
    if windows.standing:
        _end(windows, stream, time)
        windows.standing.pop(stream, None)


def _resume(windows: Windows, stream: int, time: float) -> None:
    for each in (0, stream):
        stall = windows.standing.get(each)
        if stall is not None and stall.ended is not None:
            stall.resumed = time
            del windows.standing[each]


_ACTS: Final[dict[int, Callable[[FlowControl, Windows, Windows, Frame, int], None]]] = {
    FrameType.DATA: FlowControl.on_data,
    FrameType.HEADERS: FlowControl.on_headers,
    FrameType.WINDOW_UPDATE: FlowControl.on_update,
    FrameType.SETTINGS: FlowControl.on_settings,
    FrameType.RST_STREAM: FlowControl.on_reset,
}
