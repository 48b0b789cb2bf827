"""Causes that an answer tells: a status in the trailers, an answer that is not gRPC, or none that can be read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches
from itertools import islice
from typing import Final

from inspector.diagnosis.call_facts import content_type, details_in_short, status_details
from inspector.diagnosis.context import CallContext, FrameRef, detail, quoted
from inspector.http2.framings import is_stream, read_error, speaks_connect
from inspector.model.call import CallState, Status
from inspector.model.connection import Cause, Diagnosis
from inspector.model.frame import FrameType, HeaderSource, Side
from inspector.text import clean, shortened

_SEEN_AS: Final = {
    400: "INTERNAL",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "UNIMPLEMENTED",
    429: "UNAVAILABLE",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "UNAVAILABLE",
}
"""HTTP to gRPC Status Code Mapping; all others UNKNOWN."""
_UNIMPLEMENTED: Final = 12
_BODY: Final = 400
"""Bytes of an answer that is not gRPC that are read for its sentence."""
_CONNECT_ERROR: Final = 65_536
"""Bytes of a unary error of the Connect protocol, its details included."""
_TAG: Final = re.compile(r"<[^>]*>")
_CALLS_ASKED: Final = 2_000
"""Other calls that are looked at for methods that the server has."""
_LIKENESS: Final = 0.75
_OFFERED: Final = 3
"""Methods that are named in place of one that is not there."""


def http_error(story: CallContext) -> Diagnosis | None:
    """The answer is not gRPC."""
    call = story.call
    code = call.http_status
    is_odd = code is not None and not 200 <= code < 400
    is_other = not story.is_grpc(Side.SERVER) and not story.may_be_other
    if call.status is not None or code is None or not (is_odd or is_other):
        return None
    first = next((each for each in _of_server(story) if each.frame.type == FrameType.HEADERS), None)
    kind = content_type(call, Side.SERVER)
    sent = f", {clean(shortened(kind, 60))}" if kind and not kind.startswith("application/grpc") else ""
    said = f"HTTP {code}{sent} ({first}){quoted(_text(story))}"
    if (said_so := _connect_error(story)) is not None:
        words = f"The server says {said_so.name} by the Connect protocol (HTTP {code}, {first})"
        return story.proven(Cause.STATUS, f"{words}{_message(said_so)}.", first)
    if story.may_be_other or not story.is_grpc(Side.CLIENT):
        return story.proven(Cause.HTTP_ERROR, f"The server answered {said}.", first)
    seen = _SEEN_AS.get(code, "UNKNOWN")
    sentence = f"The answer is not gRPC: {said}; gRPC makes {seen} of it."
    return story.proven(Cause.HTTP_ERROR, sentence, first)


def rejected(story: CallContext) -> Diagnosis | None:
    """The answer is not gRPC, and the client reset the stream when it saw that."""
    found, reset = http_error(story), story.reset()
    if found is None or reset is None or reset.side is not Side.CLIENT or not story.is_grpc(Side.CLIENT):
        return None
    sentence = f"{found.sentence} The client reset the stream with {detail(reset.frame, 'error')} ({reset})."
    return story.proven(found.cause, sentence, *map(story.at, found.frames), reset)


def wrong_path(story: CallContext) -> Diagnosis | None:
    """UNIMPLEMENTED, for a method that neither a schema nor another call here knows."""
    call = story.call
    if call.status is None or call.status.code != _UNIMPLEMENTED or call.method is None:
        return None
    seen = set(_served(story))
    if story.catalog.method(call.method) is not None or call.method in seen:
        return None
    last, known = story.last(Side.SERVER), _alike(call.method, {*story.catalog.methods, *seen})
    sentence = (
        f"The server says that it does not implement {clean(shortened(call.method, 200))}: UNIMPLEMENTED"
        f"{quoted(call.status.message)} ({last}){known}."
    )
    return story.proven(Cause.WRONG_PATH, sentence, story.request(), last)


def status(story: CallContext) -> Diagnosis | None:
    """The trailers say so."""
    call = story.call
    if call.status is None:
        return None
    envelope, details = _last_envelope(story), status_details(call, story.catalog)
    last = envelope or story.last(Side.SERVER)
    source = f" ({call.status_source})" if call.status_source is not None else ""
    more = f"; {details_in_short(details)}" if details else ""
    where = "trailers" if call.response_headers else "trailers only"
    where = "the last envelope of the Connect protocol" if envelope else where
    ended = "" if call.ended is None else story.after(call.ended)
    sentence = (
        f"The server says {clean(call.status.name)}{source}{ended} ({where}, {last}){_message(call.status)}{more}."
    )
    return story.proven(Cause.STATUS, sentence, last)


def no_status(story: CallContext) -> Diagnosis | None:
    """The server ended the stream, and no status can be read."""
    call, last = story.call, story.last(Side.SERVER)
    unread = [source for _, source in call.trailers.sources if source is HeaderSource.UNKNOWN] if call.trailers else []
    was_cut = last is not None and last.frame.length > 0 and call.trailers is not None and not call.trailers.headers
    if unread or was_cut:
        sentence = f"The server ended the stream ({last}), and its status cannot be read: the capture lacks what tells."
        return story.proven(Cause.BYTES_LOST, sentence, last)
    if not story.is_grpc(Side.CLIENT) or story.may_be_other or call.request_headers is None:
        return None
    what = "trailers hold no grpc-status" if call.trailers else "server ended the stream without trailers"
    return story.proven(Cause.NO_STATUS, f"The {what} ({last}).", last)


def _alike(method: str, known: set[str]) -> str:
    """The methods that could have been meant: those of the same service, or with a name that is spelt alike."""
    service = method.rpartition("/")[0]
    of_service = sorted(path for path in known if path.rpartition("/")[0] == service)
    found = get_close_matches(method, of_service, n=len(of_service) or 1, cutoff=0) or get_close_matches(
        method, known, cutoff=_LIKENESS
    )
    words = "this service has" if of_service else "there is"
    return f"; {words} {', '.join(clean(path) for path in found[:_OFFERED])}" if found else ""


def _message(status: Status) -> str:
    said = quoted(status.message)
    return f":{said}" if said else ""


def _last_envelope(story: CallContext) -> FrameRef | None:
    """The frame with which a stream of the Connect protocol says how it ended."""
    if not is_stream(content_type(story.call, Side.SERVER)):
        return None
    placed = map(story.at, reversed(story.call.frames))
    return next((each for each in placed if each.side is Side.SERVER and each.frame.payload), None)


def _connect_error(story: CallContext) -> Status | None:
    """What the body of a unary error of the Connect protocol says."""
    return read_error(_body(story, _CONNECT_ERROR)) if speaks_connect(story.call.request_headers) else None


def _of_server(story: CallContext) -> Iterator[FrameRef]:
    placed = map(story.at, story.call.frames)
    return (each for each in placed if each.side is Side.SERVER)


def _text(story: CallContext) -> str:
    """The beginning of the server's body as text, without tags; empty where it is no text."""
    text = _TAG.sub(" ", _body(story, _BODY).decode(errors="replace"))
    return text if " ".join(text.split()).isprintable() else ""


def _body(story: CallContext, most: int) -> bytes:
    """The beginning of the server's body; empty where it is compressed."""
    headers = story.call.response_headers
    if headers is not None and headers.first("content-encoding") not in (None, "identity"):
        return b""
    body = b""
    for each in islice(_of_server(story), 64):
        body += each.frame.payload if each.frame.type == FrameType.DATA else b""
        if len(body) >= most:
            break
    return body[:most]


def _served(story: CallContext) -> Iterator[str]:
    """Methods that other calls on the same server had an answer from, other than UNIMPLEMENTED."""
    store, server = story.store, story.connection.server
    for call in islice(reversed(store.calls.values()), _CALLS_ASKED):
        is_answered = (
            call.state is CallState.COMPLETE and call.status is not None and call.status.code != _UNIMPLEMENTED
        )
        if is_answered and call.method and store.connections[call.key.connection].server == server:
            yield call.method
