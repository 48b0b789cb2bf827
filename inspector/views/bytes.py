"""A frame's payload as hex and ASCII, with the gRPC prefix and the message told apart.

Only what is looked at is drawn up: `lines` takes a range, as a frame may hold 16 MB. For frames whose payload the
store does not keep (SETTINGS and the like) there are no lines; their fields are in the frame's detail.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

from inspector.model.call import Call
from inspector.model.endpoint import Side
from inspector.model.frame import FrameType
from inspector.model.message import PREFIX_LENGTH, Message
from inspector.store.store import Store
from inspector.views.naming import is_grpc
from inspector.views.reading import data_offset
from inspector.views.spans import SIDE_TONES, Span, Tone
from inspector.views.text import in_ascii


class BytesLine(NamedTuple):
    """One line: `00000010`, hex with a gap in the middle, and the same bytes as ASCII."""

    offset: int
    """Of its first byte, in the payload."""
    hex: tuple[Span, ...]
    ascii: tuple[Span, ...]


class Run(NamedTuple):
    """Bytes of a payload that are one thing."""

    end: int
    """In the payload, not included."""
    tone: Tone
    """`PREFIX`, the sender's tone for a message, or `PLAIN`."""


class Dump:
    """The payload of one frame, line by line."""

    def __init__(self, store: Store, position: int, width: int = 16) -> None:
        frame = store.frames[position]
        self.payload = frame.payload
        self.width = width
        self.runs: tuple[Run, ...] = (Run(len(frame.payload), Tone.PLAIN),)
        call, side = store.call_of(frame), store.side(frame)
        if frame.type == FrameType.DATA and call is not None and is_grpc(call, side):
            start = data_offset(store, call, side, position)
            self.runs = tuple(_runs(call, side, start, len(frame.payload)))

    def __len__(self) -> int:
        """How many lines there are."""
        return (len(self.payload) + self.width - 1) // self.width

    def lines(self, start: int = 0, end: int | None = None) -> tuple[BytesLine, ...]:
        """The lines from `start` up to, not including, `end`."""
        last = len(self) if end is None else min(end, len(self))
        return tuple(self._line(index * self.width) for index in range(start, last))

    def _line(self, offset: int) -> BytesLine:
        hex_, text = [], []
        end = min(offset + self.width, len(self.payload))
        at = offset
        while at < end:
            run = self.runs[bisect_right(self.runs, at, key=_end)]
            stop = min(run.end, end)
            hex_.append(Span("".join(self._hex(each, offset) for each in range(at, stop)), run.tone))
            text.append(Span(in_ascii(self.payload[at:stop]), run.tone))
            at = stop
        return BytesLine(offset, tuple(hex_), tuple(text))

    def _hex(self, at: int, offset: int) -> str:
        gap = "" if at == offset else "  " if at - offset == self.width // 2 else " "
        return f"{gap}{self.payload[at]:02x}"


def dump(store: Store, position: int, width: int = 16) -> Dump:
    """The payload of the frame at a position, `width` bytes a line."""
    return Dump(store, position, width)


def _end(run: Run) -> int:
    return run.end


def _offset(message: Message) -> int:
    return message.offset


def _runs(call: Call, side: Side, start: int, length: int) -> Iterator[Run]:
    """The prefixes and messages that lie in DATA bytes `start` up to `start + length` of the stream."""
    messages = call.messages(side)
    end, at = start + length, start
    for message in messages[max(bisect_right(messages, start, key=_offset) - 1, 0) :]:
        if message.offset >= end:
            break
        yield from _clipped(message.offset, start, end, side)
        at = message.offset + PREFIX_LENGTH + message.length
        if start < at:
            yield Run(min(at, end) - start, SIDE_TONES[side])
    # What is left belongs to a message whose end has not come.
    if at < end:
        yield from _clipped(at, start, end, side)
        yield Run(length, SIDE_TONES[side])


def _clipped(prefix: int, start: int, end: int, side: Side) -> Iterator[Run]:
    """The prefix of a message, as far as it is in the frame; before it, what belongs to nothing that is known."""
    if prefix > start:
        yield Run(min(prefix, end) - start, SIDE_TONES[side])
    if prefix + PREFIX_LENGTH > start and prefix < end:
        yield Run(min(prefix + PREFIX_LENGTH, end) - start, Tone.PREFIX)
