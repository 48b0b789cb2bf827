"""What stands above a call: who talks to whom, how it ended, and what is not certain about it."""

from __future__ import annotations

from typing import Final

from inspector.diagnosis import other_problems
from inspector.diagnosis.method_names import content_type, method_name
from inspector.http2.framings import is_stream, speaks_connect
from inspector.model.call import Call, MethodSource
from inspector.model.connection import Cause, Diagnosis
from inspector.model.frame import Side
from inspector.present.headers import call_status, named
from inspector.present.spans import Line, Span, Tone, joined
from inspector.schema.catalog import Catalog
from inspector.store.store import Store
from inspector.text import clean, duration

_WHY_TONES: Final = {Cause.STILL_OPEN: Tone.DIM, Cause.BYTES_LOST: Tone.WARN, Cause.CANCELLED: Tone.WARN}


def heading(store: Store, call: Call) -> tuple[Span, ...]:
    """`connection 0   [::1]:50316 → [::1]:37564   stream 1   OK   8.1 ms`."""
    connection = store.connections[call.key.connection]
    return joined(
        (
            (Span(f"connection {connection.index}", Tone.DIM),),
            (Span(f"{connection.client} → {connection.server}", Tone.DIM),),
            (Span(f"stream {call.key.stream}", Tone.DIM),),
            call_status(call),
            () if call.duration is None else (Span(duration(call.duration), Tone.DIM),),
        ),
        Span("   "),
    )


def notes(call: Call, catalog: Catalog, found: Diagnosis | None) -> tuple[Line, ...]:
    """Why it failed; a line for what is not gRPC, for a method that the wire did not tell, and for each problem."""
    reason = () if found is None else (why_line(found),)
    known = method_name(call, catalog)
    is_certain = known.source is MethodSource.WIRE or (known.method is None and call.request_headers is None)
    method = () if is_certain else (Line((Span("method: ", Tone.DIM), *named(known))),)
    other = (
        (Line((Span("protocol: ", Tone.DIM), Span(_connect(call)))),) if speaks_connect(call.request_headers) else ()
    )
    return (*reason, *other, *method, *(Line((Span(clean(each), Tone.WARN),)) for each in other_problems(call, found)))


def _connect(call: Call) -> str:
    if is_stream(content_type(call, Side.CLIENT)):
        return "Connect, streaming: messages in envelopes as gRPC's, status and trailers in the last one"
    return "Connect, unary: the body is the message, and there are no trailers"


def why_line(found: Diagnosis) -> Line:
    """Why a call, or a connection, failed."""
    return Line((Span("why: ", Tone.DIM), Span(clean(found.sentence), _WHY_TONES.get(found.cause, Tone.ERROR))))
