"""The calls of one connection to which frames can still add something, and the streams of those that are over."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from inspector.model.call import CallState, StreamKey
from inspector.protocol.call_state import CallProgress
from inspector.protocol.ended_streams import EndedStreams

_BOUND: Final = 4096
"""Calls that are followed at a time; peers allow some hundreds."""


class FollowedCalls:
    """By stream. Iterates over the open ones."""

    __slots__ = ("_calls", "_connection", "_ended")

    def __init__(self, connection: int) -> None:
        self._connection = connection
        self._calls: dict[int, CallProgress] = {}
        self._ended = EndedStreams()

    def __iter__(self) -> Iterator[CallProgress]:
        return (call for call in self._calls.values() if call.state is CallState.OPEN)

    def get(self, stream: int) -> CallProgress | None:
        """The call of a stream, if it is followed."""
        return self._calls.get(stream)

    def has_ended(self, stream: int) -> bool:
        """True for the stream of a call that is over."""
        return stream in self._ended

    def new(self, stream: int) -> CallProgress:
        """A call as it would begin now, which is not followed yet."""
        return CallProgress(StreamKey(self._connection, stream))

    def begin(self, stream: int) -> CallProgress:
        """Follow a call. Where there are too many, the oldest that was reset goes, or else the oldest of all."""
        if len(self._calls) >= _BOUND:
            reset = (each for each, call in self._calls.items() if call.state is not CallState.OPEN)
            self.end(next(reset, next(iter(self._calls))))
        call = self._calls[stream] = self.new(stream)
        return call

    def end(self, stream: int) -> None:
        """Nothing can be added to a call any more."""
        del self._calls[stream]
        self._ended.add(stream)

    def turn(self) -> None:
        """Who was taken for the client is the server."""
        for call in self._calls.values():
            call.turn()

    def all(self) -> Iterator[CallProgress]:
        """The open ones, and those that were reset."""
        return iter(self._calls.values())
