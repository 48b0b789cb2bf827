"""The calls of a capture: what each event changes in its call, and which calls are kept.

Owned by the store, which alone writes to it. Events about a call that is no longer kept are ignored.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from inspector.http2 import events
from inspector.model.call import MAX_GAPS, Call, CallState, Message, PathEntry, PathTable, StreamKey
from inspector.model.frame import Frame, FrameType, Side

TRIMMED: Final = "Its oldest frames and messages are not kept any more, to bound memory."

_MAX_ALWAYS_EVIDENCE: Final = 512
"""Uses of a table of paths after each of which the methods are inferred again."""


class CallTable:
    """All calls that are kept."""

    def __init__(self) -> None:
        self.calls: dict[StreamKey, Call] = {}
        """In the order in which they started."""
        self.outside_payload: array[int] = array("Q")
        """Positions of frames in which a message ends that is not in the payload as it is, ascending."""
        self.are_data_reread = False
        """True when headers arrived after DATA of their side, which is now read differently."""
        self._changed: set[StreamKey] = set()
        self._path_tables: dict[str, PathTable] = {}
        self._path_entries: dict[str, PathEntry] = {}
        """By name of an HPACK entry that was never seen and holds methods; tables by its first part."""
        self._without_frames: set[StreamKey] = set()
        """Calls that were still open when their last frame was evicted."""

    def take_changed(self) -> frozenset[StreamKey]:
        """Return the calls that are new or changed since the last call."""
        changed = frozenset(self._changed)
        self._changed.clear()
        return changed

    def swap_sides(self, connection: int) -> None:
        """Exchange requests and responses of a connection's calls: its client turned out to be the server."""
        for key in self.calls:
            if key.connection == connection:
                call = self._change(key)
                call.requests, call.responses = call.responses, call.requests
                call.request_headers, call.response_headers = call.response_headers, call.request_headers
                call.request_bytes, call.response_bytes = call.response_bytes, call.request_bytes

    def evict(self, frames: list[Frame], before: int, side: Callable[[Frame], Side]) -> frozenset[StreamKey]:
        """Evict what belongs to these frames and to positions before `before`; return the calls that go with them.

        A call stays while it is open or has a frame. A call that stays loses the messages that ended in evicted
        frames.
        """
        ended = map(self.calls.__getitem__, self.ended_calls(frames))
        evicted = frozenset(call.key for call in ended if not call.frames or call.frames[-1] < before)
        staying = {call.key: call for call in self._calls_of(frames) if call.key not in evicted}
        for key in evicted:
            call = self.calls.pop(key)
            if call.path_entry is not None:
                del call.path_entry.calls[key]
        self._trim(staying, frames, before, side)
        del self.outside_payload[: bisect_left(self.outside_payload, before)]
        self._without_frames = {key for key, call in staying.items() if not call.frames}
        return evicted

    def ended_calls(self, frames: list[Frame]) -> frozenset[StreamKey]:
        """Return the calls that have ended and lose at least some of their frames with these."""
        return frozenset(call.key for call in self._calls_of(frames) if call.state is not CallState.OPEN)

    def _calls_of(self, frames: list[Frame]) -> list[Call]:
        keys = {StreamKey(frame.connection, frame.stream) for frame in frames if frame.stream} | self._without_frames
        return [call for key in keys if (call := self.calls.get(key)) is not None]

    def _trim(
        self, staying: dict[StreamKey, Call], frames: list[Frame], before: int, side: Callable[[Frame], Side]
    ) -> None:
        for call in staying.values():
            call.frames.drop_below(before, key=_itself)
            call.first_reply_time = None if call.first_reply is None else call.started + call.first_reply
            for messages in (call.requests, call.responses):
                messages.drop_below(before, key=_last_frame)
            if TRIMMED not in call.problems:
                call.problems.append(TRIMMED)
            self._changed.add(call.key)
        for frame in frames:
            if frame.payload and frame.type == FrameType.DATA:
                trimmed = staying.get(StreamKey(frame.connection, frame.stream))
                if trimmed is not None:
                    sender = side(frame)
                    trimmed.evicted_bytes[sender] = trimmed.evicted_bytes.get(sender, 0) + len(frame.payload)

    def _change(self, key: StreamKey) -> Call:
        """Return a call and mark it as changed; for a call that is gone, return one that nobody reads."""
        call = self.calls.get(key)
        if call is None:
            return Call(key, 0.0)
        self._changed.add(key)
        return call

    def on_started(self, event: events.CallStarted) -> None:
        """Add a call."""
        self.calls[event.key] = Call(event.key, event.time)
        self._changed.add(event.key)

    def on_frame(self, event: events.CallFrameSeen, position: int) -> Call:
        """Add the frame at a position to its call; return the call."""
        call = self._change(event.key)
        call.frames.append(position)
        if call.first_position is None:
            call.first_position = position
        return call

    def on_method_entry(self, event: events.MethodEntryFound) -> None:
        """Group the calls that have the same method, whichever it is."""
        call, entry = self._change(event.key), self._path_entry(event.entry)
        if call.path_entry is not entry and event.key in self.calls:
            if call.path_entry is not None:
                del call.path_entry.calls[event.key]
            call.path_entry = entry
            entry.calls[event.key] = call
            self._note_evidence(entry.table)

    def _path_entry(self, name: str) -> PathEntry:
        entry = self._path_entries.get(name)
        if entry is None:
            table = self._path_tables.setdefault(name.rpartition(".")[0], PathTable())
            entry = self._path_entries[name] = PathEntry(table)
        return entry

    def _note_evidence(self, table: PathTable) -> None:
        """A call of one method is evidence for all methods of its table."""
        table.uses += 1
        if _is_evidence(table.uses):
            table.revision += 1
            self._changed.update(key for entry in table.entries for key in entry.calls)

    def on_message(self, event: events.MessageRead) -> None:
        """Add a message to its call."""
        self._change(event.key).messages(event.side).append(event.message)
        if event.message.is_outside_payload:
            self.outside_payload.append(event.message.frame)

    def on_method(self, event: events.MethodFound) -> None:
        """Set the method, or take a guess back; the method gives the types of all messages."""
        call = self._change(event.key)
        call.method, call.method_source = event.method, event.source
        self._note_reread(call.request_bytes or call.response_bytes)

    def on_request_headers(self, event: events.RequestHeadersRead) -> None:
        """Set the request's headers; they announce how both sides' DATA is read."""
        call = self._change(event.key)
        call.request_headers = event.block
        self._note_reread(call.request_bytes or call.response_bytes)

    def on_response_headers(self, event: events.ResponseHeadersRead) -> None:
        """Set the response's headers."""
        call = self._change(event.key)
        call.response_headers = event.block
        self._note_reread(call.response_bytes)

    def _note_reread(self, data_before: int) -> None:
        self.are_data_reread = self.are_data_reread or data_before > 0

    def on_change(self, event: _CallChange) -> None:
        """Apply an event that changes one call, and nothing else but what its end says about unknown methods."""
        call = self._change(event.key)
        _CHANGES[type(event)](call, event)
        if call.path_entry is not None and type(event) is events.CallEnded:
            self._note_evidence(call.path_entry.table)


def _is_evidence(uses: int) -> bool:
    """True while a table is new, and ever more rarely later, when a further call hardly changes what is inferred."""
    return uses <= _MAX_ALWAYS_EVIDENCE or uses & (uses - 1) == 0


def _itself(position: int) -> int:
    return position


def _last_frame(message: Message) -> int:
    return message.frame


def _set_trailers(call: Call, event: events.TrailersRead) -> None:
    call.trailers = event.block


def _set_status(call: Call, event: events.StatusRead) -> None:
    call.status, call.status_source = event.status, event.source


def _add_gap(call: Call, event: events.BytesLost) -> None:
    if len(call.gaps) < MAX_GAPS:
        call.gaps.append(event.gap)


def _end(call: Call, event: events.CallEnded) -> None:
    call.state, call.ended = event.state, event.time


def _add_problem(call: Call, event: events.ProblemFound) -> None:
    if event.sentence not in call.problems:
        call.problems.append(event.sentence)


_CallChange: TypeAlias = (
    events.TrailersRead | events.StatusRead | events.BytesLost | events.CallEnded | events.ProblemFound
)
# Any: each function takes its own event, which no type of a mapping can say.
_CHANGES: Final[Mapping[type, Callable[[Call, Any], None]]] = {
    events.TrailersRead: _set_trailers,
    events.StatusRead: _set_status,
    events.BytesLost: _add_gap,
    events.CallEnded: _end,
    events.ProblemFound: _add_problem,
}
