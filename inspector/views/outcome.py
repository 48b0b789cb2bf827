"""How a call ended, in a word."""

from __future__ import annotations

from typing import Final

from inspector.model.call import Call, CallState
from inspector.model.status import Status
from inspector.views.spans import Span, Tone, joined
from inspector.views.text import clean, shortened

_STATE_TONES: Final = {
    CallState.OPEN: Tone.DIM,
    CallState.COMPLETE: Tone.PLAIN,
    CallState.CANCELLED: Tone.WARN,
    CallState.BROKEN: Tone.ERROR,
}


def status_spans(status: Status, longest: int = 200) -> tuple[Span, ...]:
    """A status by name: `OK`, or `NOT_FOUND  no such name` in the tone of an error."""
    if status.code == 0:
        return (Span("OK", Tone.OK),)
    message = clean(shortened(status.message, longest))
    return joined(((Span(clean(status.name), Tone.ERROR),), (Span(message, Tone.ERROR),) if message else ()))


def call_status(call: Call) -> tuple[Span, ...]:
    """The status by name: `OK`, `NOT_FOUND`; the state where the wire told no status: `open`, `cancelled`.

    How it is known stands beside it, where it was not plainly read.
    """
    if call.status is not None:
        source = call.status_source
        mark = (Span(f" ({source})", Tone(source.value)),) if source is not None else ()
        return (*status_spans(call.status._replace(message="")), *mark)
    if call.http_status not in (None, 200):
        return (Span(f"HTTP {call.http_status}", Tone.ERROR),)
    return (Span(call.state, _STATE_TONES[call.state]),)
