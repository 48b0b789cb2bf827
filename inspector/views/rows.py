"""What a row of the Frames and of the Calls list says, and a line of the headless lists.

Plain values: the columns as text, the last one as spans. A row is made when it is looked at, from the store and the
catalog as they are then; nothing is kept.
"""

from __future__ import annotations

from dataclasses import dataclass

from inspector.model.call import Call, CallState, StreamKey
from inspector.model.endpoint import Side
from inspector.schema.catalog import Catalog
from inspector.store.store import Store
from inspector.views.header_info import named
from inspector.views.info import info
from inspector.views.naming import naming
from inspector.views.outcome import call_status
from inspector.views.seen import seen
from inspector.views.spans import Span, Tone, joined
from inspector.views.text import clean, counted, shortened
from inspector.views.times import Times, duration

_NO_TIMES = Times()


@dataclass(frozen=True, slots=True)
class FrameRow:
    """A row of the Frames list."""

    packet: int
    time: str
    """`2.4183` for frames that begin a call or have none, `+7.6 ms` for the later ones of a call."""
    stream: str
    """`0/1`: connection and stream."""
    side: Side
    type: str
    length: int
    info: tuple[Span, ...]
    """Begins with two spaces when the server sent the frame."""


def frame_row(
    store: Store, catalog: Catalog, position: int, times: Times = _NO_TIMES, previous: float | None = None
) -> FrameRow:
    """The row of the frame at a position of the store; `previous` is the time of the row before, if there is one."""
    at = seen(store, catalog, position)
    frame = at.frame
    return FrameRow(
        frame.packet,
        times.show(frame.time, at.call, previous),
        f"{frame.connection}/{frame.stream}",
        at.side,
        frame.type_name,
        frame.length,
        info(at),
    )


@dataclass(frozen=True, slots=True)
class CallRow:
    """A row of the Calls list."""

    key: StreamKey
    method: tuple[Span, ...]
    kind: str
    """Empty without a schema."""
    status: tuple[Span, ...]
    """The status by name, or the state of a call that has none."""
    state: CallState
    start: str
    duration: str
    """Empty while the call is open."""
    requests: int
    responses: int
    info: tuple[Span, ...]
    """The status message and the first problem."""


def call_row(store: Store, catalog: Catalog, key: StreamKey, times: Times = _NO_TIMES) -> CallRow:
    """The row of a call."""
    call = store.calls[key]
    known = naming(call, catalog)
    method = catalog.method(known.method)
    return CallRow(
        key,
        named(known),
        method.kind.replace("_", " ") if method else "",
        call_status(call),
        call.state,
        times.show(call.started),
        "" if call.duration is None else duration(call.duration),
        len(call.requests),
        len(call.responses),
        _call_info(call),
    )


def _call_info(call: Call) -> tuple[Span, ...]:
    message = clean(shortened(call.status.message, 200)) if call.status and call.status.code else ""
    problems = clean(shortened(call.problems[0], 200)) if call.problems else ""
    more = len(call.problems) - 1
    return joined(
        (
            (Span(message, Tone.PLAIN),) if message else (),
            (Span(problems, Tone.WARN),) if problems else (),
            (Span(f"and {counted(more, 'more problem')}", Tone.DIM),) if more > 0 else (),
        )
    )
