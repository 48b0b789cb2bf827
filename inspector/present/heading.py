"""What stands above a call: who talks to whom, how it ended, and what is not certain about it."""

from __future__ import annotations

from typing import Final

from inspector.diagnosis import other_problems
from inspector.diagnosis.method_names import method_name
from inspector.http2.framings import framing_of_call
from inspector.model.call import Call, MethodSource
from inspector.model.connection import Cause, Diagnosis
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
    protocol = framing_of_call(call.request_headers).note
    other = (Line((Span("protocol: ", Tone.DIM), Span(protocol))),) if protocol else ()
    return (*reason, *other, *method, *(Line((Span(clean(each), Tone.WARN),)) for each in other_problems(call, found)))


def why_line(found: Diagnosis) -> Line:
    """Why a call, or a connection, failed."""
    return Line((Span("why: ", Tone.DIM), Span(clean(found.sentence), _WHY_TONES.get(found.cause, Tone.ERROR))))
