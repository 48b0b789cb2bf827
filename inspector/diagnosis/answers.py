"""Rules for calls that the server answered: with a status, without a readable one, or not with gRPC at all."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches
from itertools import islice
from typing import Final

from inspector.diagnosis.call_facts import content_type, details_in_short, status_details
from inspector.diagnosis.context import CallContext, FrameRef, detail, quoted
from inspector.http2.framings import framing_of, framing_of_call
from inspector.model.call import UNREAD_CODE, CallState, Status
from inspector.model.connection import Cause, Diagnosis
from inspector.model.frame import FrameType, HeaderSource, Side
from inspector.text import clean, shortened

_STATUS_OF_HTTP: Final = {
    400: "INTERNAL",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "UNIMPLEMENTED",
    429: "UNAVAILABLE",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "UNAVAILABLE",
}
"""HTTP to gRPC Status Code Mapping (gRPC core documentation); all other codes become UNKNOWN."""
_UNIMPLEMENTED: Final = 12
_MAX_BODY: Final = 400
"""Bytes that are read of a response that is not gRPC, to quote it."""
_MAX_CONNECT_ERROR: Final = 65_536
"""Bytes that are read of a unary error of the Connect protocol, which is JSON with details."""
_BODY_FRAMES: Final = 64
"""Frames of the server in which a body is searched for."""
_TAG: Final = re.compile(r"<[^>]*>")
_CALLS_SEARCHED: Final = 2_000
"""Other calls that are searched for methods that the server implements."""
_MIN_SIMILARITY: Final = 0.75
_MAX_SUGGESTIONS: Final = 3


def http_error(context: CallContext) -> Diagnosis | None:
    """Explain a response that is not gRPC."""
    call = context.call
    code = call.http_status
    is_error = code is not None and not 200 <= code < 400
    is_other = not context.is_grpc(Side.SERVER) and not context.may_not_be_grpc
    if call.status is not None or code is None or not (is_error or is_other):
        return None
    first = next((ref for ref in _of_server(context) if ref.frame.type == FrameType.HEADERS), None)
    if (error := _connect_error(context)) is not None:
        sentence = f"The server returned {error.name} in the Connect protocol (HTTP {code}, {first}){_message(error)}."
        return context.diagnosis(Cause.STATUS, sentence, first)
    media_type = content_type(call, Side.SERVER)
    is_shown = media_type and not framing_of(media_type).is_grpc
    shown_type = f", {clean(shortened(media_type, 60))}" if media_type and is_shown else ""
    response = f"HTTP {code}{shown_type} ({first}){quoted(_text(context))}"
    if context.may_not_be_grpc or not context.is_grpc(Side.CLIENT):
        return context.diagnosis(Cause.HTTP_ERROR, f"The server answered with {response}.", first)
    status_name = _STATUS_OF_HTTP.get(code, "UNKNOWN")
    sentence = f"The response is not gRPC: {response}; gRPC clients report {status_name}."
    return context.diagnosis(Cause.HTTP_ERROR, sentence, first)


def rejected(context: CallContext) -> Diagnosis | None:
    """Explain a response that is not gRPC and made the client reset the stream."""
    found, reset = http_error(context), context.reset()
    if found is None or reset is None or reset.side is not Side.CLIENT or not context.is_grpc(Side.CLIENT):
        return None
    sentence = f"{found.sentence} The client reset the stream with {detail(reset.frame, 'error')} ({reset})."
    return context.diagnosis(found.cause, sentence, *map(context.at, found.frames), reset)


def wrong_path(context: CallContext) -> Diagnosis | None:
    """Explain UNIMPLEMENTED for a method that is neither in the schema nor answered in another call."""
    call = context.call
    if call.status is None or call.status.code != _UNIMPLEMENTED or call.method is None:
        return None
    seen = set(_served(context))
    if context.catalog.method(call.method) is not None or call.method in seen:
        return None
    last, suggestion = context.last(Side.SERVER), _suggestion(call.method, {*context.catalog.methods, *seen})
    sentence = (
        f"The server reports that it does not implement {clean(shortened(call.method, 200))}: UNIMPLEMENTED"
        f"{quoted(call.status.message)} ({last}){suggestion}."
    )
    return context.diagnosis(Cause.WRONG_PATH, sentence, context.request(), last)


def status(context: CallContext) -> Diagnosis | None:
    """Repeat the status that the server sent, with its details."""
    call = context.call
    if call.status is None:
        return None
    envelope, details = _last_envelope(context), status_details(call, context.catalog)
    last = envelope or context.last(Side.SERVER)
    source = f" ({call.status_source})" if call.status_source is not None else ""
    more = f"; {details_in_short(details)}" if details else ""
    where = "trailers" if call.response_headers else "Trailers-Only"
    where = "last message of the Connect protocol" if envelope else where
    ended = "" if call.ended is None else context.after(call.ended)
    returned = "an error whose code cannot be read" if call.status.code == UNREAD_CODE else clean(call.status.name)
    sentence = f"The server returned {returned}{source}{ended} ({where}, {last}){_message(call.status)}{more}."
    return context.diagnosis(Cause.STATUS, sentence, last)


def no_status(context: CallContext) -> Diagnosis | None:
    """Explain a stream that the server ended without a readable status."""
    call, last = context.call, context.last(Side.SERVER)
    unread = [source for _, source in call.trailers.sources if source is HeaderSource.UNKNOWN] if call.trailers else []
    was_cut = last is not None and last.frame.length > 0 and call.trailers is not None and not call.trailers.headers
    if unread or was_cut:
        sentence = f"The server ended the stream ({last}), but the capture lacks what is needed to read its status."
        return context.diagnosis(Cause.BYTES_LOST, sentence, last)
    if not context.is_grpc(Side.CLIENT) or context.may_not_be_grpc or call.request_headers is None:
        return None
    what = "trailers contain no grpc-status" if call.trailers else "server ended the stream without trailers"
    return context.diagnosis(Cause.NO_STATUS, f"The {what} ({last}).", last)


def _suggestion(method: str, known: set[str]) -> str:
    """Return the methods that may have been meant: those of the same service, else those with a similar name."""
    service = method.rpartition("/")[0]
    of_service = sorted(path for path in known if path.rpartition("/")[0] == service)
    found = get_close_matches(method, of_service, n=len(of_service) or 1, cutoff=0) or get_close_matches(
        method, known, cutoff=_MIN_SIMILARITY
    )
    where = "this service has" if of_service else "there is"
    return f"; {where} {', '.join(clean(path) for path in found[:_MAX_SUGGESTIONS])}" if found else ""


def _message(status: Status) -> str:
    message = quoted(status.message)
    return f":{message}" if message else ""


def _last_envelope(context: CallContext) -> FrameRef | None:
    """Return the frame with the EndStreamResponse of the Connect protocol; None in other protocols."""
    if not framing_of(content_type(context.call, Side.SERVER)).end_has_status:
        return None
    refs = map(context.at, reversed(context.call.frames))
    return next((ref for ref in refs if ref.side is Side.SERVER and ref.frame.payload), None)


def _connect_error(context: CallContext) -> Status | None:
    """Return the status in the body of a unary error of the Connect protocol."""
    return framing_of_call(context.call.request_headers).read_error(_body(context, _MAX_CONNECT_ERROR))


def _of_server(context: CallContext) -> Iterator[FrameRef]:
    refs = map(context.at, context.call.frames)
    return (ref for ref in refs if ref.side is Side.SERVER)


def _text(context: CallContext) -> str:
    """Return the beginning of the server's body as text without tags; empty if it is not text."""
    text = _TAG.sub(" ", _body(context, _MAX_BODY).decode(errors="replace"))
    return text if " ".join(text.split()).isprintable() else ""


def _body(context: CallContext, limit: int) -> bytes:
    """Return the beginning of the server's body; empty if it is compressed."""
    headers = context.call.response_headers
    if headers is not None and headers.first("content-encoding") not in (None, "identity"):
        return b""
    body = b""
    for ref in islice(_of_server(context), _BODY_FRAMES):
        body += ref.frame.payload if ref.frame.type == FrameType.DATA else b""
        if len(body) >= limit:
            break
    return body[:limit]


def _served(context: CallContext) -> Iterator[str]:
    """Yield the methods of calls that the same server answered with another status than UNIMPLEMENTED."""
    store, server = context.store, context.connection.server
    for call in islice(reversed(store.calls.values()), _CALLS_SEARCHED):
        is_answered = (
            call.state is CallState.COMPLETE and call.status is not None and call.status.code != _UNIMPLEMENTED
        )
        if is_answered and call.method and store.connections[call.key.connection].server == server:
            yield call.method
