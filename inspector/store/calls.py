"""The calls of a capture: what the events say of each, and which of them are kept.

Owned by the store, which is the only one that writes to it. What is said of a call that is not kept any more goes
nowhere.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable
from typing import Final

from inspector.http2 import events
from inspector.model.call import GAPS_KEPT, SHARING_TRIED, Call, CallState, Message, StreamKey
from inspector.model.frame import Frame, FrameType, Side

TRIMMED: Final = "Its oldest frames and messages are not kept any more, to bound memory."


class CallTable:
    """All calls that are kept."""

    def __init__(self) -> None:
        self.calls: dict[StreamKey, Call] = {}
        """In the order in which they started."""
        self.touched: set[StreamKey] = set()
        """Those that are new, or of which more is known."""
        self.apart: array[int] = array("Q")
        """Positions of frames in which a message ends that is not in the payload as it is, in the order of the wire."""
        self.are_data_reread = False
        """True when DATA that came before the headers of their side are read in another way by them."""
        self._sharing: dict[str, list[Call]] = {}
        """By HPACK entry never seen: the calls whose method it is."""
        self._hollow: set[StreamKey] = set()
        """Calls that were open when the last of their frames was dropped."""

    def take_touched(self) -> frozenset[StreamKey]:
        """Those that were touched since the last time."""
        touched = frozenset(self.touched)
        self.touched.clear()
        return touched

    def turn(self, connection: int) -> None:
        """The client of a connection is the server."""
        for key in self.calls:
            if key.connection == connection:
                call = self._call(key)
                call.requests, call.responses = call.responses, call.requests
                call.request_headers, call.response_headers = call.response_headers, call.request_headers
                call.request_bytes, call.response_bytes = call.response_bytes, call.request_bytes

    def drop(self, frames: list[Frame], before: int, side: Callable[[Frame], Side]) -> frozenset[StreamKey]:
        """These frames go, with all others before a position; gives the calls that go with them.

        A call stays while it is open or has a frame; of one that stays, the messages go that ended in what is dropped.
        """
        over = map(self.calls.__getitem__, self.leaving(frames))
        gone = frozenset(call.key for call in over if not call.frames or call.frames[-1] < before)
        staying = {call.key: call for call in self._concerned(frames) if call.key not in gone}
        for key in gone:
            call = self.calls.pop(key)
            if call.sharing:
                call.sharing.remove(call)
        self._trim(staying, frames, before, side)
        del self.apart[: bisect_left(self.apart, before)]
        self._hollow = {key for key, call in staying.items() if not call.frames}
        return gone

    def leaving(self, frames: list[Frame]) -> frozenset[StreamKey]:
        """The calls that are over, of which a part at least would go with these frames."""
        return frozenset(call.key for call in self._concerned(frames) if call.state is not CallState.OPEN)

    def _concerned(self, frames: list[Frame]) -> list[Call]:
        keys = {StreamKey(frame.connection, frame.stream) for frame in frames if frame.stream} | self._hollow
        return [call for key in keys if (call := self.calls.get(key)) is not None]

    def _trim(
        self, staying: dict[StreamKey, Call], frames: list[Frame], before: int, side: Callable[[Frame], Side]
    ) -> None:
        for call in staying.values():
            call.frames.drop_below(before, key=_itself)
            call.replied = None if call.first_reply is None else call.started + call.first_reply
            for messages in (call.requests, call.responses):
                messages.drop_below(before, key=_ending)
            if TRIMMED not in call.problems:
                call.problems.append(TRIMMED)
            self.touched.add(call.key)
        for frame in frames:
            if frame.payload and frame.type == FrameType.DATA:
                trimmed = staying.get(StreamKey(frame.connection, frame.stream))
                if trimmed is not None:
                    who = side(frame)
                    trimmed.passed[who] = trimmed.passed.get(who, 0) + len(frame.payload)

    def _call(self, key: StreamKey) -> Call:
        """A call, which is touched; one that is gone takes what is said of it along."""
        call = self.calls.get(key)
        if call is None:
            return Call(key, 0.0)
        self.touched.add(key)
        return call

    def on_started(self, event: events.CallStarted) -> None:
        """A call began."""
        self.calls[event.key] = Call(event.key, event.time)
        self.touched.add(event.key)

    def on_frame(self, event: events.CallFrameSeen, position: int) -> Call:
        """The frame at a position is of this call, which is given."""
        call = self._call(event.key)
        call.frames.append(position)
        if call.opened is None:
            call.opened = position
        return call

    def on_method_place(self, event: events.MethodPlaceFound) -> None:
        """Its method is that of others, whatever it is."""
        call, sharing = self._call(event.key), self._sharing.setdefault(event.place, [])
        if call.sharing is not sharing and event.key in self.calls:
            call.sharing = sharing
            sharing.append(call)
            # What the first few say of the method is news to the others, and what the later ones say is not asked.
            if len(sharing) <= SHARING_TRIED:
                self.touched.update(each.key for each in sharing)

    def on_method(self, event: events.MethodLearnt) -> None:
        """Its method is known, or was taken back."""
        call = self._call(event.key)
        call.method, call.method_source = event.method, event.source
        self._note_reread(call.request_bytes or call.response_bytes)

    def on_request_headers(self, event: events.RequestHeadersRead) -> None:
        """The request began."""
        call = self._call(event.key)
        call.request_headers = event.block
        self._note_reread(call.request_bytes or call.response_bytes)

    def on_response_headers(self, event: events.ResponseHeadersRead) -> None:
        """The response began."""
        call = self._call(event.key)
        call.response_headers = event.block
        self._note_reread(call.response_bytes)

    def _note_reread(self, data_before: int) -> None:
        self.are_data_reread = self.are_data_reread or data_before > 0

    def on_trailers(self, event: events.TrailersRead) -> None:
        """The response came to its end."""
        self._call(event.key).trailers = event.block

    def on_status(self, event: events.StatusRead) -> None:
        """How it ended."""
        call = self._call(event.key)
        call.status, call.status_source = event.status, event.source

    def on_message(self, event: events.MessageRead) -> None:
        """A message of it."""
        self._call(event.key).messages(event.side).append(event.message)
        if event.message.is_apart:
            self.apart.append(event.message.frame)

    def on_bytes_lost(self, event: events.BytesLost) -> None:
        """Bytes of it may be missing."""
        gaps = self._call(event.key).gaps
        if len(gaps) < GAPS_KEPT:
            gaps.append(event.gap)

    def on_ended(self, event: events.CallEnded) -> None:
        """It is over."""
        call = self._call(event.key)
        call.state, call.ended = event.state, event.time

    def on_problem(self, event: events.ProblemFound) -> None:
        """Something is not as it should be."""
        problems = self._call(event.key).problems
        if event.sentence not in problems:
            problems.append(event.sentence)


def _itself(position: int) -> int:
    return position


def _ending(message: Message) -> int:
    return message.frame
