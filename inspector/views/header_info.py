"""What a frame with headers says, in one line: a request, a response, trailers, or a part of one of these."""

from __future__ import annotations

from typing import Final

from inspector.model.endpoint import Side
from inspector.model.frame import END_HEADERS, Frame, HeaderSource
from inspector.model.status import Status
from inspector.protocol.metadata import status_message
from inspector.views.headers import SOURCE_TONES, Block, block_of, source_of
from inspector.views.naming import Naming, naming
from inspector.views.outcome import status_spans
from inspector.views.seen import Seen
from inspector.views.spans import Span, Tone, joined
from inspector.views.text import clean, counted, shortened

_LONGEST: Final = 200
"""Characters of a header's value in a row; more than the widest terminal shows."""


def headers_info(at: Seen) -> tuple[Span, ...]:
    """`POST /HelloWorld/greet`, `200  application/grpc`, or `OK  grpc-status 0  end of stream`."""
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
    return (Span(clean(shortened(value, _LONGEST)) + (f" ({source})" if source else ""), tone),)


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
    method = clean(shortened(known.method, _LONGEST))
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
    """The gRPC status in the trailers of this very frame, or in the CONTINUATION of their last frame."""
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
    """Says so, if the frame is the last one of its sender."""
    return (Span("end of stream", tone),) if frame.ends_stream else ()
