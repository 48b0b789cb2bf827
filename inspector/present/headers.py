"""Formats headers and statuses, each marked with how it is known if it was not simply read.

The end of a body of gRPC-Web or Connect carries trailers, so it looks the same and its secrets can be masked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Final, NamedTuple

import msgspec

from inspector.diagnosis.call_facts import MethodName, content_type, method_name, type_name_of
from inspector.http2.framings import Base64Body, framing_of, status_message
from inspector.model.call import PREFIX_LENGTH, Call, CallState, Status
from inspector.model.connection import Cause, Diagnosis
from inspector.model.frame import END_HEADERS, Frame, FrameType, Header, HeaderNote, HeaderSource, Side
from inspector.present.messages import compact, pretty
from inspector.present.spans import GAP, Line, Span, Tone, joined
from inspector.schema.catalog import Catalog
from inspector.schema.decode import STATUS_DETAILS_HEADER, Format, Reading, RichStatus, read_bytes, read_status
from inspector.store.store import Store
from inspector.text import clean, counted, more_characters, shortened

_STATE_TONES: Final = {
    CallState.OPEN: Tone.DIM,
    CallState.COMPLETE: Tone.PLAIN,
    CallState.CANCELLED: Tone.WARN,
    CallState.BROKEN: Tone.ERROR,
}


def status_spans(status: Status, longest: int = 200) -> tuple[Span, ...]:
    """Return a status as `OK`, or as `NOT_FOUND  no such name` in the tone of an error."""
    if status.code == 0:
        return (Span("OK", Tone.OK),)
    message = clean(shortened(status.message, longest))
    return joined(((Span(clean(status.name), Tone.ERROR),), (Span(message, Tone.ERROR),) if message else ()))


def call_status(call: Call) -> tuple[Span, ...]:
    """Return the name of a call's status: `NOT_FOUND (recovered)`; without one `HTTP 502`, or the state: `open`."""
    if call.status is not None:
        source = call.status_source
        mark = (Span(f" ({source})", Tone(source.value)),) if source is not None else ()
        return (*status_spans(call.status._replace(message="")), *mark)
    if call.http_status not in (None, 200):
        return (Span(f"HTTP {call.http_status}", Tone.ERROR),)
    return (Span(call.state, _STATE_TONES[call.state]),)


_WHY_TONES: Final = {Cause.STILL_OPEN: Tone.DIM, Cause.BYTES_LOST: Tone.WARN, Cause.CANCELLED: Tone.WARN}


def why_line(found: Diagnosis) -> Line:
    """Return the line that says why a call or a connection failed."""
    return Line((Span("why: ", Tone.DIM), Span(clean(found.sentence), _WHY_TONES.get(found.cause, Tone.ERROR))))


class Seen(NamedTuple):
    """A frame with its side, its call, and where they are from."""

    store: Store
    catalog: Catalog
    position: int
    frame: Frame
    side: Side
    call: Call | None


def seen(store: Store, catalog: Catalog, position: int) -> Seen:
    """Return the frame at a position of the store with its context."""
    frame = store.frames[position]
    return Seen(store, catalog, position, frame, store.side(frame), store.call_of(frame))


SOURCE_TONES: Final[Mapping[str, Tone]] = {
    "recovered": Tone.RECOVERED,
    "guessed": Tone.GUESSED,
    "doubtful": Tone.DOUBTFUL,
    "unknown": Tone.UNKNOWN,
}
"""By the value of a `HeaderSource` or `MethodSource`. What was simply read has no tone of its own."""


class BlockKind(Enum):
    """The role of a frame with headers in its call."""

    REQUEST = "request"
    RESPONSE = "response"
    TRAILERS = "trailers"
    """Of either side, a Trailers-Only response included."""
    PART = "part"
    """A CONTINUATION that does not show what it belongs to."""


def block_of(frame: Frame, side: Side) -> BlockKind:
    """Return the role of a HEADERS or CONTINUATION frame, from its headers and flags alone."""
    if frame.header("grpc-status") is not None or (side is Side.SERVER and frame.ends_stream):
        return BlockKind.TRAILERS
    if frame.type == FrameType.CONTINUATION:
        return BlockKind.PART
    if side is Side.SERVER:
        return BlockKind.RESPONSE
    return BlockKind.TRAILERS if frame.ends_stream and frame.header(":method") is None else BlockKind.REQUEST


def source_of(frame: Frame, name: str) -> HeaderSource | None:
    """Return how the first value of a header is known; None if it was simply read, or there is no such header."""
    sources = dict(frame.header_sources)
    for index, (key, _) in enumerate(frame.headers or ()):
        if key == name:
            return sources.get(index)
    return None


_MAX_VALUE: Final = 200
"""Characters of a value in a row; the widest terminals show about as many."""


def headers_info(at: Seen) -> tuple[Span, ...]:
    """Return `POST /HelloWorld/greet`, `200  application/grpc`, or `OK  grpc-status 0  end of stream`."""
    match block_of(at.frame, at.side):
        case BlockKind.REQUEST:
            return _request(at)
        case BlockKind.RESPONSE:
            return _response(at)
        case BlockKind.TRAILERS:
            return _trailers(at)
        case BlockKind.PART:
            return _part_of_headers(at)


def _value(frame: Frame, name: str, tone: Tone = Tone.PLAIN) -> tuple[Span, ...]:
    value, source = frame.header(name), source_of(frame, name)
    if source is not None:
        tone = SOURCE_TONES[source]
    if not value:
        return (Span("?", Tone.UNKNOWN),) if source is not None else ()
    return (Span(clean(shortened(value, _MAX_VALUE)) + (f" ({source})" if source else ""), tone),)


def _request(at: Seen) -> tuple[Span, ...]:
    path = _value(at.frame, ":path")
    if at.call is not None and (not path or path[0].tone is Tone.UNKNOWN):
        path = named(method_name(at.call, at.catalog))
    method = _value(at.frame, ":method") or (Span("request", Tone.DIM),)
    return joined((method, path), Span(" "))


def named(known: MethodName) -> tuple[Span, ...]:
    """Return a method marked with how it is known, or its candidates."""
    if known.method is None:
        may_be = f"unknown method, may be {' or '.join(known.candidates[:4])}" if known.candidates else "unknown method"
        more = f" or {len(known.candidates) - 4} more" if len(known.candidates) > 4 else ""
        return (Span(clean(may_be + more), Tone.UNKNOWN),)
    method = clean(shortened(known.method, _MAX_VALUE))
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
            end_of_stream(at.frame),
        )
    )


def _trailers(at: Seen) -> tuple[Span, ...]:
    http_status = at.frame.header(":status")
    before = (Span(clean(http_status), Tone.ERROR),) if http_status not in {None, "", "200"} else ()
    status, source = frame_status(at), source_of(at.frame, "grpc-status")
    if status is None:
        return joined((before, _named_headers(at.frame), end_of_stream(at.frame)))
    if source is not None:
        marked = (Span(clean(f"{status.name} ({source})"), SOURCE_TONES[source]),)
        return joined((before, marked, end_of_stream(at.frame)))
    code = (Span("grpc-status 0", Tone.OK),) if status.code == 0 else ()
    tone = Tone.OK if status.code == 0 else Tone.ERROR
    return joined((before, status_spans(status), code, end_of_stream(at.frame, tone)))


def frame_status(at: Seen) -> Status | None:
    """Return the gRPC status in the trailers of a frame, or in the CONTINUATION of a HEADERS that ends the stream."""
    code = at.frame.header("grpc-status")
    if code is None:
        is_continued = at.side is Side.SERVER and at.frame.ends_stream and not at.frame.flags & END_HEADERS
        return at.call.status if at.call is not None and is_continued else None
    if not (code.isascii() and code.isdigit() and len(code) < 10):
        return None
    return Status.of(int(code), status_message(at.frame.header("grpc-message") or ""))


def _part_of_headers(at: Seen) -> tuple[Span, ...]:
    return _named_headers(at.frame) or (Span("part of a header block", Tone.DIM),)


def _named_headers(frame: Frame) -> tuple[Span, ...]:
    unknown = {index for index, source in frame.header_sources if source is HeaderSource.UNKNOWN}
    names = [shortened(name, 40) for index, (name, _) in enumerate(frame.headers or ()) if index not in unknown]
    listed = f"{counted(len(names), 'header')}: {', '.join(names[:6])}" + (", …" if len(names) > 6 else "")
    return joined(
        (
            (Span(clean(listed), Tone.DIM),) if names else (),
            (Span(counted(len(unknown), "unknown header"), Tone.UNKNOWN),) if unknown else (),
        )
    )


def end_of_stream(frame: Frame, tone: Tone = Tone.DIM) -> tuple[Span, ...]:
    """Return `end of stream` if the frame has END_STREAM, else nothing."""
    return (Span("end of stream", tone),) if frame.ends_stream else ()


MAX_VALUE: Final = 1_000
"""Characters of a value in the follow view; the Frame tab shows all."""

_COLON: Final = Span(": ", Tone.DIM)
_EMPTY: Final = Span("(empty)", Tone.DIM)


def header_lines(frame: Frame, longest: int = MAX_VALUE, *, is_raw: bool = False) -> tuple[Line, ...]:
    """Return a line for each header of a frame: name, value, and how it is known if it was not simply read.

    A `grpc-message` is percent-decoded (gRPC over HTTP/2, Responses) unless `is_raw`.
    """
    sources, notes = dict(frame.header_sources), dict(frame.header_notes)
    headers = frame.headers or ()
    if not is_raw:
        headers = tuple((name, status_message(value) if name == "grpc-message" else value) for name, value in headers)
    return tuple(
        Line(
            (
                Span(clean(name) or "?", Tone.KEY),
                _COLON,
                *_value_spans(name, value, sources.get(index), notes.get(index), longest),
            )
        )
        for index, (name, value) in enumerate(headers)
    )


def _value_spans(
    name: str, value: str, source: HeaderSource | None, note: HeaderNote | None, longest: int
) -> tuple[Span, ...]:
    if source is not None:
        shown = Span(clean(value[:longest]), SOURCE_TONES[source], (name,)) if value else _unread(source)
        known = f"({source}: {note.reason})" if note else f"({source})"
        return (shown, GAP, Span(clean(known), SOURCE_TONES[source]))
    if not value:
        return (_EMPTY,)
    if name == "grpc-status":
        return _status(value)
    if len(value) <= longest:
        return (Span(clean(value), headers=(name,)),)
    # The number of further characters is masked with the value, as it reveals the length of a secret.
    more = Span(more_characters(value, longest), Tone.DIM, (name,))
    return (Span(clean(value[:longest]), headers=(name,)), more)


def _unread(source: HeaderSource) -> Span:
    return Span("?", SOURCE_TONES[source])


def _status(value: str) -> tuple[Span, ...]:
    if not (value.isascii() and value.isdigit() and len(value) < 10):
        return (Span(clean(value), Tone.ERROR),)
    status = Status.of(int(value))
    tone = Tone.OK if status.code == 0 else Tone.ERROR
    return (Span(value, tone), GAP, Span(status.name, tone))


def detail_lines(frame: Frame, catalog: Catalog) -> Iterator[Line]:
    """Yield the status details in the headers of a frame: a heading, and indented JSON for each."""
    value = frame.header(STATUS_DETAILS_HEADER)
    found = read_status(value, catalog) if value else None
    if found is None:
        return
    yield Line((Span(f"status with {counted(len(found.details), 'detail')}", Tone.DIM), *_other_status(found, frame)))
    yield from lines_of_details(found)


def lines_of_details(status: RichStatus) -> Iterator[Line]:
    """Yield the type and indented JSON of each detail."""
    for each in status.details:
        yield Line((Span(clean(type_name_of(each)), Tone.KEY),), 1)
        reading = Reading(Format.PROTOBUF, _without_type(each), None, "")
        yield from (Line(line.spans, line.indent + 1) for line in pretty(reading))


def _other_status(found: RichStatus, frame: Frame) -> tuple[Span, ...]:
    """Return the code and message in the details if they contradict the trailers."""
    if f"{found.code}" == frame.header("grpc-status"):
        return ()
    return (Span(clean(f": {Status.of(found.code).name} {found.message}".rstrip()), Tone.WARN),)


def _without_type(detail: object) -> object:
    return {key: each for key, each in detail.items() if key != "@type"} if isinstance(detail, dict) else detail


IN_BODY: Final = "trailers in the body"
_EXCERPT: Final = 65_536
"""Bytes that are read of what remains beside the trailers."""
_MAX_TRAILERS: Final = 200
"""Trailers that are shown of a body."""


class BodyEnd(NamedTuple):
    """What the last message of a body of gRPC-Web or Connect contains."""

    trailers: tuple[Header, ...]
    rest: bytes
    """The rest: the error of Connect as JSON, or bytes that are not trailers."""

    def _reading(self, catalog: Catalog) -> Reading | None:
        return read_bytes(self.rest, None, catalog, limit=_EXCERPT) if self.rest else None

    def lines(self, frame: Frame, catalog: Catalog) -> Iterator[Line]:
        """Yield its lines for the frame that carries it."""
        shown = self.trailers[:_MAX_TRAILERS]
        yield from header_lines(msgspec.structs.replace(frame, headers=shown, header_sources=(), header_notes=()))
        if (reading := self._reading(catalog)) is not None:
            yield from pretty(reading)

    def spans(self, catalog: Catalog) -> tuple[Span, ...]:
        """Return its content on one line."""
        pairs = [
            (Span(f"{clean(name)}: ", Tone.DIM), Span(clean(shortened(value, _MAX_VALUE)), headers=(name,)))
            for name, value in self.trailers[:_MAX_TRAILERS]
        ]
        reading = self._reading(catalog)
        return joined((*pairs, () if reading is None else compact(reading, _MAX_VALUE)))


def body_end(call: Call, side: Side, frame: Frame) -> BodyEnd | None:
    """Return the end of a body of gRPC-Web or Connect if it fills the frame; None for any other frame."""
    framing, payload = framing_of(content_type(call, side)), frame.payload
    if not framing.end_flag or not payload:
        return None
    if framing.is_base64:
        payload = Base64Body().feed(payload)
    has_flag = len(payload) >= PREFIX_LENGTH and payload[0] == framing.end_flag
    if not has_flag or int.from_bytes(payload[1:PREFIX_LENGTH], "big") != len(payload) - PREFIX_LENGTH:
        return None
    body = payload[PREFIX_LENGTH:]
    end = framing.read_end(body)
    return BodyEnd(() if end is None else end.trailers.headers, framing.rest_of_end(body))
