"""Shows one frame in full: its fields, its messages and its bytes."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from itertools import islice
from typing import Final, NamedTuple

from inspector.diagnosis.call_facts import is_grpc, method_name
from inspector.model.call import PREFIX_LENGTH, Call, Message
from inspector.model.frame import HEADER_TYPES, Frame, FrameType, Side
from inspector.present.headers import Seen, detail_lines, header_lines, named, seen
from inspector.present.info import type_spans
from inspector.present.messages import data_offset, ending_in, first_ending_at, forms_of, pretty, read, wire_lines
from inspector.present.spans import ARROWS, GAP, SIDE_TONES, Line, Span, Tone, dotted
from inspector.present.times import capture_start, clock
from inspector.schema.catalog import Catalog
from inspector.schema.decode import Format, Reading
from inspector.store.store import Store
from inspector.text import clean, counted, in_ascii, size


class BytesLine(NamedTuple):
    """A line of a hex dump: the offset, hex digits with a gap in the middle, and the bytes as ASCII."""

    offset: int
    """The offset of the first byte in the payload."""
    hex: tuple[Span, ...]
    ascii: tuple[Span, ...]


class ByteRun(NamedTuple):
    """A part of a payload with one tone."""

    end: int
    """The offset after the last byte in the payload."""
    tone: Tone
    """`PREFIX`, the sender's tone for a message, or `PLAIN`."""


class Dump:
    """The hex dump of one frame's payload."""

    def __init__(self, store: Store, position: int, width: int = 16) -> None:
        frame = store.frames[position]
        self.payload = frame.payload
        self.width = width
        self.runs: tuple[ByteRun, ...] = (ByteRun(len(frame.payload), Tone.PLAIN),)
        call, side = store.call_of(frame), store.side(frame)
        if frame.type == FrameType.DATA and call is not None and is_grpc(call, side):
            start = data_offset(store, call, side, position)
            self.runs = tuple(_runs(call, side, start, len(frame.payload)))

    def __len__(self) -> int:
        """Return the number of lines."""
        return (len(self.payload) + self.width - 1) // self.width

    def lines(self, start: int = 0, end: int | None = None) -> tuple[BytesLine, ...]:
        """Return the lines from `start` up to, not including, `end`."""
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


def _end(run: ByteRun) -> int:
    return run.end


def _offset(message: Message) -> int:
    return message.offset


def _runs(call: Call, side: Side, start: int, length: int) -> Iterator[ByteRun]:
    """Yield the prefixes and messages in the DATA bytes `start` up to `start + length` of the stream."""
    messages = call.messages(side)
    end, at = start + length, start
    for message in messages[max(bisect_right(messages, start, key=_offset) - 1, 0) :]:
        if message.offset >= end:
            break
        yield from _clipped(message.offset, start, end, side)
        at = message.offset + PREFIX_LENGTH + message.length
        if start < at:
            yield ByteRun(min(at, end) - start, SIDE_TONES[side])
    # The rest belongs to a message that is still incomplete.
    if at < end:
        yield from _clipped(at, start, end, side)
        yield ByteRun(length, SIDE_TONES[side])


def _clipped(prefix: int, start: int, end: int, side: Side) -> Iterator[ByteRun]:
    """Yield the part of a prefix that is in the frame, and the bytes of unknown messages before it."""
    if prefix > start:
        yield ByteRun(min(prefix, end) - start, SIDE_TONES[side])
    if prefix + PREFIX_LENGTH > start and prefix < end:
        yield ByteRun(min(prefix + PREFIX_LENGTH, end) - start, Tone.PREFIX)


_EXCERPT: Final = 1_048_576
"""Bytes of a message that the Message tab decodes, which takes some tenths of a second. `calls --json` has all."""
_MAX_LINES: Final = 50_000
_MAX_MESSAGES: Final = 50


def frame_detail(store: Store, catalog: Catalog, position: int) -> tuple[Line, ...]:
    """Return every field of the frame at a position, one per line."""
    at = seen(store, catalog, position)
    frame, connection = at.frame, store.connections[at.frame.connection]
    title = Span(f"{ARROWS[at.side]} {frame.type_name}", SIDE_TONES[at.side])
    receiver = connection.server if frame.source == connection.client else connection.client
    lines = [
        Line((title,)),
        *(Line((Span("✎ ", Tone.WARN), Span(clean(each), Tone.WARN))) for each in store.comments.get(frame.packet, ())),
        _field("packet", f"{frame.packet}"),
        _field("time", f"{clock(frame.time)}  {frame.time - capture_start(store):.6f} s into the capture"),
        _field("connection", f"{connection.index}  joined late" if connection.joined_late else f"{connection.index}"),
        _field("from", f"{frame.source}  {at.side}"),
        _field("to", f"{receiver}  {at.side.other}"),
        _field("stream", f"{frame.stream}" if frame.stream else "0  the connection itself"),
        _field("type", f"{frame.type_name}  0x{frame.type:02x}"),
        _field("flags", f"{', '.join(frame.flag_names) or 'none'}  0x{frame.flags:02x}"),
        _field("length", _length(frame)),
    ]
    return (*lines, *_call_lines(at), *_header_part(at), *_detail_part(frame))


def message_detail(store: Store, catalog: Catalog, position: int, form: Format | None = None) -> tuple[Line, ...]:
    """Return the messages that end in the frame at a position, or else the message that the frame is a part of.

    `form` chooses one of `message_forms` instead of the most likely format.
    """
    at = seen(store, catalog, position)
    if at.call is None:
        return (Line((Span("This frame does not belong to a call.", Tone.DIM),)),)
    messages = _messages(at, at.call)
    if not messages:
        is_part = at.frame.payload and at.frame.headers is None
        sentence = (
            "The end of this message was not captured." if is_part else "This frame contains no part of a message."
        )
        return (Line((Span(sentence, Tone.DIM),)),)
    shown = (line for each in messages[:_MAX_MESSAGES] for line in _message_lines(at, at.call, each, form))
    lines = list(islice(shown, _MAX_LINES))
    if len(messages) > _MAX_MESSAGES:
        lines.append(
            Line((Span(f"… {counted(len(messages) - _MAX_MESSAGES, 'more message')} in this frame", Tone.DIM),))
        )
    return tuple(lines)


def message_forms(store: Store, catalog: Catalog, position: int) -> tuple[Format, ...]:
    """Return the formats in which the first message of `message_detail` can be decoded; none without a message."""
    at = seen(store, catalog, position)
    messages = [] if at.call is None else _messages(at, at.call)
    return forms_of(at.call, at.side, messages[0], catalog) if at.call is not None and messages else ()


def _field(name: str, value: str) -> Line:
    return Line((Span(f"{name:<12}", Tone.KEY), Span(clean(value))))


def _length(frame: Frame) -> str:
    is_cut = bool(frame.payload) and len(frame.payload) < frame.length and "PADDED" not in frame.flag_names
    return f"{frame.length}" + (f"  {len(frame.payload)} of them kept" if is_cut else "")


def _call_lines(at: Seen) -> Iterator[Line]:
    if at.call is not None:
        yield Line((Span(f"{'method':<12}", Tone.KEY), *named(method_name(at.call, at.catalog))))


def _header_part(at: Seen) -> Iterator[Line]:
    frame = at.frame
    if frame.type in HEADER_TYPES:
        yield Line()
        yield Line((Span(counted(len(frame.headers or ()), "header"), Tone.DIM),))
        yield from header_lines(frame, longest=200_000, is_raw=True)
        yield from detail_lines(frame, at.catalog)


def _detail_part(frame: Frame) -> Iterator[Line]:
    for key, value in (frame.detail or {}).items():
        if isinstance(value, dict):
            yield Line((Span(clean(key), Tone.KEY),))
            for name, each in value.items():
                yield Line((Span(clean(f"{name}"), Tone.KEY), Span(": ", Tone.DIM), Span(clean(f"{each}"))), 1)
        else:
            yield _field(clean(key).replace("_", " "), f"{value}")


def _messages(at: Seen, call: Call) -> list[Message]:
    ending = list(ending_in(call, at.side, at.position))
    if ending or not at.frame.payload or at.frame.headers is not None:
        return ending
    messages = call.messages(at.side)
    following = first_ending_at(messages, at.position)
    return messages[following : following + 1]


def _message_lines(at: Seen, call: Call, message: Message, form: Format | None) -> Iterator[Line]:
    reading = read(call, at.side, message, at.catalog, _EXCERPT, form)
    yield Line((*_toned(at, reading, call), GAP, *dotted(_facts(message, reading))))
    yield Line((Span(clean(reading.reason), Tone.DIM),))
    data = message.data if reading.format is Format.WIRE else None
    yield from wire_lines(data[:_EXCERPT]) if data else pretty(reading)
    if not reading.complete and message.data is not None:
        yield Line((Span(f"… the beginning of {size(len(message.data))}", Tone.DIM),))
    yield Line()


def _toned(at: Seen, reading: Reading, call: Call) -> tuple[Span, ...]:
    spans = type_spans(reading, call, at.catalog)
    return tuple(Span(span.text, SIDE_TONES[at.side] if span.tone is Tone.PLAIN else span.tone) for span in spans)


def _facts(message: Message, reading: Reading) -> Iterator[str]:
    yield reading.format if reading.type is not None else ""
    yield f"{message.length} B + {PREFIX_LENGTH} B prefix"
    if message.encoding is not None:
        inflated = "not inflated" if message.data is None else f"{len(message.data)} B inflated"
        yield f"{clean(message.encoding)}, {inflated}"
    yield f"ends in packet {message.packet}"
