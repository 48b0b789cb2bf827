"""Summarises a frame in one line, for the Info column."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from inspector.diagnosis.call_facts import content_type, is_grpc, method_name
from inspector.model.call import PREFIX_LENGTH, Call, Message
from inspector.model.frame import FrameType, Side
from inspector.present.headers import IN_BODY, SOURCE_TONES, Seen, body_end, end_of_stream, headers_info
from inspector.present.messages import compact, ending_in, first_ending_at, read
from inspector.present.spans import DOT, GAP, Span, Tone, joined
from inspector.schema.catalog import Catalog
from inspector.schema.decode import Reading, read_bytes
from inspector.text import clean, counted, shortened

_MAX_MESSAGE: Final = 200
"""Characters of a message in a row; the widest terminals show about as many."""
_EXCERPT: Final = 4096
"""Bytes of a message that are decoded for a row: enough for 200 characters and fields that are not shown."""
_MESSAGES_SHOWN: Final = 8


def data_info(at: Seen) -> tuple[Span, ...]:
    """Return `HelloRequest  name: "World"` for each message that ends in the frame, or what it is a part of."""
    if at.call is None or not is_grpc(at.call, at.side):
        return _body(at)
    ending = ending_in(at.call, at.side, at.position)
    if not ending:
        return _part_of_message(at, at.call)
    messages = [message_line(at.call, at.side, each, at.catalog) for each in ending[:_MESSAGES_SHOWN]]
    if len(ending) > _MESSAGES_SHOWN:
        messages.append((Span(f"and {counted(len(ending) - _MESSAGES_SHOWN, 'more message')}", Tone.DIM),))
    return joined(messages, DOT)


def message_line(call: Call, side: Side, message: Message, catalog: Catalog) -> tuple[Span, ...]:
    """Return a message on one line: its type and an excerpt of its value."""
    reading = read(call, side, message, catalog, _EXCERPT)
    return joined((type_spans(reading, call, catalog), compact(reading, _MAX_MESSAGE)))


def type_spans(reading: Reading, call: Call, catalog: Catalog) -> tuple[Span, ...]:
    """Return the type of a message, marked if the method was not read; without a type, its format, as `wire`."""
    if reading.type is None:
        return (Span(reading.format, Tone.DIM),)
    source = method_name(call, catalog).source
    if source is None or source == "wire":
        return (Span(clean(reading.type)),)
    return (Span(f"{clean(reading.type)} ({source})", SOURCE_TONES[source]),)


def _part_of_message(at: Seen, call: Call) -> tuple[Span, ...]:
    if not at.frame.payload:
        return end_of_stream(at.frame) or (Span("no data", Tone.DIM),)
    if (end := body_end(call, at.side, at.frame)) is not None:
        return joined(((Span(IN_BODY),), end.spans(at.catalog), end_of_stream(at.frame)))
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
    return joined(((Span(reading.format, Tone.DIM),), compact(reading, _MAX_MESSAGE), end_of_stream(at.frame)))


_MAX_VALUE: Final = 200
"""Characters of a value in a row; the widest terminals show about as many."""


def info(at: Seen) -> tuple[Span, ...]:
    """Return the summary of a frame, indented if the server sent it."""
    spans = frame_info(at)
    return (GAP, *spans) if at.side is Side.SERVER and spans else spans


def frame_info(at: Seen) -> tuple[Span, ...]:
    """Return the summary of a frame without the indent."""
    return _BY_TYPE.get(at.frame.type, _other)(at)


def _detail(at: Seen, key: str) -> str:
    value = (at.frame.detail or {}).get(key)
    return "" if value is None else clean(shortened(str(value), _MAX_VALUE))


def _settings(at: Seen) -> tuple[Span, ...]:
    values = (at.frame.detail or {}).get("settings")
    if isinstance(values, dict) and values:
        return (Span(clean("  ".join(f"{name}={value}" for name, value in values.items()))),)
    return (Span("ack" if "ACK" in at.frame.flag_names else "no settings", Tone.DIM),)


def _ping(at: Seen) -> tuple[Span, ...]:
    return (Span(f"{'ack' if 'ACK' in at.frame.flag_names else 'ping'} {_detail(at, 'opaque')}".rstrip(), Tone.DIM),)


def _goaway(at: Seen) -> tuple[Span, ...]:
    error, debug = _detail(at, "error"), _detail(at, "debug")
    tone = Tone.WARN if error in ("NO_ERROR", "") else Tone.ERROR
    last = _detail(at, "last_stream")
    return joined(
        (
            (Span(error or "GOAWAY", tone),),
            (Span(f"last stream {last}", Tone.DIM),) if last else (),
            (Span(debug, tone),) if debug else (),
        )
    )


def _reset(at: Seen) -> tuple[Span, ...]:
    return (Span(_detail(at, "error") or "?", Tone.ERROR),)


def _window(at: Seen) -> tuple[Span, ...]:
    return (Span(f"+{_detail(at, 'increment') or '?'}", Tone.DIM),)


def _other(at: Seen) -> tuple[Span, ...]:
    parts = (f"{key.replace('_', ' ')} {value}" for key, value in (at.frame.detail or {}).items())
    return (Span(clean(shortened("  ".join(parts), _MAX_VALUE)), Tone.DIM),) if at.frame.detail else ()


_BY_TYPE: Final[Mapping[int, Callable[[Seen], tuple[Span, ...]]]] = {
    FrameType.DATA: data_info,
    FrameType.HEADERS: headers_info,
    FrameType.CONTINUATION: headers_info,
    FrameType.SETTINGS: _settings,
    FrameType.PING: _ping,
    FrameType.GOAWAY: _goaway,
    FrameType.RST_STREAM: _reset,
    FrameType.WINDOW_UPDATE: _window,
}
