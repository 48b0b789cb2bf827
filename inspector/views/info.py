"""What a frame says, in one line: the Info column.

One small function for each frame type, found through a table. What the server says is indented, so that the two sides
differ without colour too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple
from urllib.parse import unquote

from inspector.model.call import Call
from inspector.model.endpoint import Side
from inspector.model.frame import Frame, FrameType
from inspector.model.message import PREFIX_LENGTH, Message
from inspector.model.status import Status
from inspector.schema.catalog import Catalog
from inspector.schema.payload import Reading, read_bytes
from inspector.store.store import Store
from inspector.views.headers import SOURCE_TONES, Block, block_of, source_of
from inspector.views.naming import Naming, content_type, is_grpc, naming
from inspector.views.outcome import status_spans
from inspector.views.reading import ending_in, first_ending_at, read
from inspector.views.spans import DOT, GAP, Span, Tone, joined
from inspector.views.text import clean, counted, shortened
from inspector.views.values import compact

LONGEST: Final = 200
"""Characters of a message or a header value in a row; more than the widest terminal shows."""
_EXCERPT: Final = 4096
"""Bytes of a message that are read for a row: 200 characters, with room for what is not shown."""
_MESSAGES_SHOWN: Final = 8


class Seen(NamedTuple):
    """A frame with what is known around it."""

    store: Store
    catalog: Catalog
    position: int
    frame: Frame
    side: Side
    call: Call | None


def seen(store: Store, catalog: Catalog, position: int) -> Seen:
    """The frame at a position, with its side and its call."""
    frame = store.frames[position]
    return Seen(store, catalog, position, frame, store.side(frame), store.call_of(frame))


def info(at: Seen) -> tuple[Span, ...]:
    """What the frame says, indented when the server says it."""
    spans = _BY_TYPE.get(at.frame.type, _other)(at)
    return (GAP, *spans) if at.side is Side.SERVER and spans else spans


def _headers(at: Seen) -> tuple[Span, ...]:
    match block_of(at.frame, at.side):
        case Block.REQUEST:
            return _request(at)
        case Block.RESPONSE:
            return _response(at)
        case Block.TRAILERS:
            return _trailers(at)
        case Block.PART:
            return _part_of_headers(at)


def _value(frame: Frame, name: str, tone: Tone = Tone.PLAIN) -> tuple[Span, ...]:
    value, source = frame.header(name), source_of(frame, name)
    if source is not None:
        tone = SOURCE_TONES[source]
    if not value:
        return (Span("?", Tone.UNKNOWN),) if source is not None else ()
    return (Span(clean(shortened(value, LONGEST)) + (f" ({source})" if source else ""), tone),)


def _request(at: Seen) -> tuple[Span, ...]:
    path = _value(at.frame, ":path")
    if at.call is not None and (not path or path[0].tone is Tone.UNKNOWN):
        path = named(naming(at.call, at.catalog))
    method = _value(at.frame, ":method") or (Span("request", Tone.DIM),)
    return joined((method, path), Span(" "))


def named(known: Naming) -> tuple[Span, ...]:
    """A method with a mark that tells how it is known, or what it may be."""
    if known.method is None:
        may_be = f"unknown method, may be {' or '.join(known.candidates[:4])}" if known.candidates else "unknown method"
        more = f" or {len(known.candidates) - 4} more" if len(known.candidates) > 4 else ""
        return (Span(clean(may_be + more), Tone.UNKNOWN),)
    method = clean(shortened(known.method, LONGEST))
    if known.source is None or known.source == "wire":
        return (Span(method),)
    return (Span(f"{method} ({known.source})", SOURCE_TONES[known.source]),)


def _response(at: Seen) -> tuple[Span, ...]:
    http_status = at.frame.header(":status")
    is_fine = http_status is None or http_status in {"", "200"} or http_status.startswith("1")
    return joined(
        (
            _value(at.frame, ":status", Tone.PLAIN if is_fine else Tone.ERROR),
            _value(at.frame, "content-type"),
            _end(at.frame),
        )
    )


def _trailers(at: Seen) -> tuple[Span, ...]:
    http_status = at.frame.header(":status")
    before = (Span(clean(http_status), Tone.ERROR),) if http_status not in {None, "", "200"} else ()
    status = frame_status(at)
    if status is None:
        return joined((before, _value(at.frame, "grpc-status"), _named_headers(at.frame), _end(at.frame)))
    code = (Span("grpc-status 0", Tone.OK),) if status.code == 0 else ()
    tone = Tone.OK if status.code == 0 else Tone.ERROR
    return joined((before, status_spans(status), code, _end(at.frame, tone)))


def frame_status(at: Seen) -> Status | None:
    """The gRPC status in the trailers of this very frame; None for a frame without one."""
    code = at.frame.header("grpc-status") or ""
    if not (code.isascii() and code.isdigit() and len(code) < 10) or source_of(at.frame, "grpc-status") is not None:
        return at.call.status if at.call is not None and code == "" and at.frame.ends_stream else None
    return Status.of(int(code), unquote(at.frame.header("grpc-message") or ""))


def _part_of_headers(at: Seen) -> tuple[Span, ...]:
    return _named_headers(at.frame) or (Span("part of a header block", Tone.DIM),)


def _named_headers(frame: Frame) -> tuple[Span, ...]:
    headers = frame.headers or ()
    if not headers:
        return ()
    names = ", ".join(shortened(name, 40) for name, _ in headers[:6]) + (", …" if len(headers) > 6 else "")
    return (Span(f"{counted(len(headers), 'header')}: {clean(names)}", Tone.DIM),)


def _end(frame: Frame, tone: Tone = Tone.DIM) -> tuple[Span, ...]:
    return (Span("end of stream", tone),) if frame.ends_stream else ()


def _data(at: Seen) -> tuple[Span, ...]:
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
    return joined((type_spans(reading, call, catalog), compact(reading, LONGEST)))


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
        return _end(at.frame) or (Span("no data", Tone.DIM),)
    messages = call.messages(at.side)
    following = first_ending_at(messages, at.position)
    whole = messages[following].length + PREFIX_LENGTH if following < len(messages) else None
    part = f"part of a message, {len(at.frame.payload)}" + (f" of {whole} B" if whole else " B")
    return joined(((Span(part, Tone.DIM),), _end(at.frame)))


def _body(at: Seen) -> tuple[Span, ...]:
    if not at.frame.payload:
        return _end(at.frame) or (Span("no data", Tone.DIM),)
    reading = read_bytes(
        at.frame.payload, None, at.catalog, content_type(at.call, at.side) if at.call else None, _EXCERPT
    )
    return joined(((Span(reading.format, Tone.DIM),), compact(reading, LONGEST), _end(at.frame)))


def _detail(at: Seen, key: str) -> str:
    value = (at.frame.detail or {}).get(key)
    return "" if value is None else clean(shortened(str(value), LONGEST))


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
    return (Span(clean(shortened("  ".join(parts), LONGEST)), Tone.DIM),) if at.frame.detail else ()


_BY_TYPE: Final[Mapping[int, Callable[[Seen], tuple[Span, ...]]]] = {
    FrameType.DATA: _data,
    FrameType.HEADERS: _headers,
    FrameType.CONTINUATION: _headers,
    FrameType.SETTINGS: _settings,
    FrameType.PING: _ping,
    FrameType.GOAWAY: _goaway,
    FrameType.RST_STREAM: _reset,
    FrameType.WINDOW_UPDATE: _window,
}
