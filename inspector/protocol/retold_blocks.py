"""Header blocks that were told before all of them was known, and what is told of their calls when more is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeAlias

from inspector.model.call import HeaderBlock, StreamKey
from inspector.model.frame import Frame
from inspector.protocol import events
from inspector.protocol.call_state import method_in, status_in
from inspector.protocol.events import Event
from inspector.protocol.header_recovery import HeaderRecovery, place_name

_BlockRead: TypeAlias = type[events.RequestHeadersRead | events.ResponseHeadersRead | events.TrailersRead]
_READ: Final = (events.RequestHeadersRead, events.ResponseHeadersRead, events.TrailersRead)


class RetoldBlocks:
    """Those of one connection."""

    __slots__ = ("_blocks", "_requests")

    def __init__(self) -> None:
        self._blocks: dict[int, _BlockRead] = {}
        """By position of a frame that may be told anew: which block of its call it is."""
        self._requests: dict[int, int] = {}
        """By stream: the position of such a request."""

    def note(self, event: Event, frame: Frame, position: int, recovery: HeaderRecovery) -> Iterator[Event]:
        """A frame that may be told anew had this event told of its call."""
        if isinstance(event, _READ):
            self._blocks[position] = type(event)
            if isinstance(event, events.RequestHeadersRead):
                self._requests[frame.stream] = position
                yield from _place(frame, position, recovery)

    def turn(self) -> None:
        """The sides have changed places, so that no block is what it was taken for."""
        self._blocks.clear()

    def request(self, stream: int) -> int | None:
        """The position of a stream's request, if it is among these."""
        return self._requests.get(stream)

    def revise(self, recovery: HeaderRecovery) -> Iterator[Event]:
        """What is to be told anew of one direction."""
        for position, frame in recovery.revised():
            yield events.FrameRevised(position, frame)
            told = self._blocks.get(position)
            if told is None:
                continue
            key, block = (
                StreamKey(frame.connection, frame.stream),
                HeaderBlock(frame.headers or (), frame.header_sources),
            )
            yield told(key, block)
            if told is events.RequestHeadersRead:
                yield method_in(key, block)
                yield from _place(frame, position, recovery)
            elif told is events.TrailersRead:
                yield from status_in(key, block)


def _place(frame: Frame, position: int, recovery: HeaderRecovery) -> Iterator[Event]:
    if (place := recovery.place_of_path(position)) is not None:
        yield events.MethodPlaceFound(StreamKey(frame.connection, frame.stream), place_name(frame, place))
