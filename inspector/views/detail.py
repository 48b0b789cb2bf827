"""Everything about one frame, named (the Frame tab), and the whole of its messages (the Message tab)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

from inspector.model.call import Call
from inspector.model.frame import HEADER_TYPES, Frame
from inspector.model.message import PREFIX_LENGTH, Message
from inspector.schema.catalog import Catalog
from inspector.schema.payload import Format, Reading
from inspector.store.store import Store
from inspector.views.data_info import type_spans
from inspector.views.header_info import named
from inspector.views.header_lines import header_lines
from inspector.views.naming import naming
from inspector.views.reading import ending_in, first_ending_at, forms_of, read
from inspector.views.seen import Seen, seen
from inspector.views.spans import ARROWS, GAP, SIDE_TONES, Line, Span, Tone, dotted
from inspector.views.status_details import detail_lines
from inspector.views.text import clean, counted, size
from inspector.views.times import capture_start, clock
from inspector.views.values import pretty
from inspector.views.wire_lines import wire_lines

_EXCERPT: Final = 1_048_576
"""Bytes of a message that the Message tab reads: some tenths of a second. `calls --json` has the whole of any."""
_LINES: Final = 50_000
_MESSAGES: Final = 50


def frame_detail(store: Store, catalog: Catalog, position: int) -> tuple[Line, ...]:
    """Every field of the frame at a position, a line each."""
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
    """The messages that end in the frame at a position, or the one of which it holds a part, as far as they go.

    `form` asks for one form instead of the likeliest; `message_forms` tells which there are.
    """
    at = seen(store, catalog, position)
    if at.call is None:
        return (Line((Span("This frame belongs to no call.", Tone.DIM),)),)
    messages = _messages(at, at.call)
    if not messages:
        is_part = at.frame.payload and at.frame.headers is None
        words = "The end of this message has not been seen." if is_part else "This frame holds no part of a message."
        return (Line((Span(words, Tone.DIM),)),)
    shown = (line for each in messages[:_MESSAGES] for line in _message_lines(at, at.call, each, form))
    lines = list(islice(shown, _LINES))
    if len(messages) > _MESSAGES:
        lines.append(Line((Span(f"… {counted(len(messages) - _MESSAGES, 'more message')} in this frame", Tone.DIM),)))
    return tuple(lines)


def message_forms(store: Store, catalog: Catalog, position: int) -> tuple[Format, ...]:
    """The forms that the first message of `message_detail` can be read in; none without a message."""
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
        yield Line((Span(f"{'method':<12}", Tone.KEY), *named(naming(at.call, at.catalog))))


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
