"""What a DATA frame says, in one line: the messages that end in it, with their types and values in short."""

from __future__ import annotations

from typing import Final

from inspector.model.call import Call
from inspector.model.endpoint import Side
from inspector.model.message import PREFIX_LENGTH, Message
from inspector.schema.catalog import Catalog
from inspector.schema.payload import Reading, read_bytes
from inspector.views.header_info import end_of_stream
from inspector.views.headers import SOURCE_TONES
from inspector.views.naming import content_type, is_grpc, naming
from inspector.views.reading import ending_in, first_ending_at, read, trailers_in_body
from inspector.views.seen import Seen
from inspector.views.spans import DOT, Span, Tone, joined
from inspector.views.text import clean, counted
from inspector.views.values import compact

IN_BODY: Final = "trailers in the body"
"""Of gRPC-Web, and of Connect's streams."""
_LONGEST: Final = 200
"""Characters of a message in a row; more than the widest terminal shows."""
_EXCERPT: Final = 4096
"""Bytes of a message that are read for a row: 200 characters, with room for what is not shown."""
_MESSAGES_SHOWN: Final = 8


def data_info(at: Seen) -> tuple[Span, ...]:
    """`HelloRequest  name: "World"` for each message that ends in the frame, or of which message it is a part."""
    if at.call is None or not is_grpc(at.call, at.side):
        return _body(at)
    ending = ending_in(at.call, at.side, at.position)
    if not ending:
        return _part_of_message(at, at.call)
    shown = [message_line(at.call, at.side, each, at.catalog) for each in ending[:_MESSAGES_SHOWN]]
    if len(ending) > _MESSAGES_SHOWN:
        shown.append((Span(f"and {counted(len(ending) - _MESSAGES_SHOWN, 'more message')}", Tone.DIM),))
    return joined(shown, DOT)


def message_line(call: Call, side: Side, message: Message, catalog: Catalog) -> tuple[Span, ...]:
    """A message on one line: its type, and its value in short."""
    reading = read(call, side, message, catalog, _EXCERPT)
    return joined((type_spans(reading, call, catalog), compact(reading, _LONGEST)))


def type_spans(reading: Reading, call: Call, catalog: Catalog) -> tuple[Span, ...]:
    """A message's type, marked where the method is only guessed; `wire`, `text`… without a type."""
    if reading.type is None:
        return (Span(reading.format, Tone.DIM),)
    source = naming(call, catalog).source
    if source is None or source == "wire":
        return (Span(clean(reading.type)),)
    return (Span(f"{clean(reading.type)} ({source})", SOURCE_TONES[source]),)


def _part_of_message(at: Seen, call: Call) -> tuple[Span, ...]:
    if not at.frame.payload:
        return end_of_stream(at.frame) or (Span("no data", Tone.DIM),)
    if (trailers := trailers_in_body(call, at.side, at.frame)) is not None:
        reading = read_bytes(trailers, None, at.catalog, limit=_EXCERPT)
        return joined(((Span(IN_BODY),), compact(reading, _LONGEST), end_of_stream(at.frame)))
    messages = call.messages(at.side)
    following = first_ending_at(messages, at.position)
    whole = messages[following].length + PREFIX_LENGTH if following < len(messages) else None
    part = f"part of a message, {len(at.frame.payload)}" + (f" of {whole} B" if whole else " B")
    return joined(((Span(part, Tone.DIM),), end_of_stream(at.frame)))


def _body(at: Seen) -> tuple[Span, ...]:
    if not at.frame.payload:
        return end_of_stream(at.frame) or (Span("no data", Tone.DIM),)
    reading = read_bytes(
        at.frame.payload, None, at.catalog, content_type(at.call, at.side) if at.call else None, _EXCERPT
    )
    return joined(((Span(reading.format, Tone.DIM),), compact(reading, _LONGEST), end_of_stream(at.frame)))
