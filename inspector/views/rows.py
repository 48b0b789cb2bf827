"""What a row of the Frames and of the Calls list says, and a line of the headless lists.

Plain values: the columns as text, the last one as spans. A row is made when it is looked at, from the store and the
catalog as they are then; nothing is kept.
"""

from __future__ import annotations

from dataclasses import dataclass

from inspector.model.call import Call, CallKind, CallState, StreamKey
from inspector.model.endpoint import Side
from inspector.model.why import Cause, Why
from inspector.schema.catalog import Catalog
from inspector.store.store import Store
from inspector.views.header_info import named
from inspector.views.info import info
from inspector.views.naming import naming
from inspector.views.outcome import call_status
from inspector.views.seen import seen
from inspector.views.spans import Span, Tone, joined
from inspector.views.status_details import details_in_short, status_details
from inspector.views.text import clean, counted, shortened
from inspector.views.times import Times, duration
from inspector.views.why import problems_beside, why

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
    delta: str = ""
    """Seconds since the frame of the row before, where there is one."""
    stream_delta: str = ""
    """Seconds since the frame before of the same stream, shown or not, where there is one."""


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
        (*comment_spans(store, frame.packet), *info(at)),
    )


def comment_spans(store: Store, packet: int) -> tuple[Span, ...]:
    """What people wrote of a packet, in front of what it says."""
    comments = store.comments.get(packet)
    return (Span(f"✎ {clean(shortened(' · '.join(comments), 200))}  ", Tone.WARN),) if comments else ()


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
    first_reply: str
    """From the start to the first message from the server; empty before it."""
    requests: int
    responses: int
    request_bytes: int
    response_bytes: int
    problems: int
    info: tuple[Span, ...]
    """Why it failed, else the status message; and the first problem."""


def call_row(store: Store, catalog: Catalog, key: StreamKey, times: Times = _NO_TIMES) -> CallRow:
    """The row of a call."""
    call = store.calls[key]
    return CallRow(
        key,
        named(naming(call, catalog)),
        (kind_of(call, catalog) or "").replace("_", " "),
        call_status(call),
        call.state,
        times.show(call.started),
        "" if call.duration is None else duration(call.duration),
        "" if call.first_reply is None else duration(call.first_reply),
        len(call.requests),
        len(call.responses),
        call.request_bytes,
        call.response_bytes,
        len(call.problems),
        _call_info(store, catalog, call),
    )


def kind_of(call: Call, catalog: Catalog) -> CallKind | None:
    """The kind of a call's method; None without a schema of it."""
    method = catalog.method(naming(call, catalog).method)
    return None if method is None else method.kind


def _call_info(store: Store, catalog: Catalog, call: Call) -> tuple[Span, ...]:
    found = why(store, catalog, call.key)
    reason = () if found is None else _reason(call, catalog, found)
    problems = problems_beside(call, found)
    first, more = clean(shortened(problems[0], 200)) if problems else "", len(problems) - 1
    return joined(
        (
            reason,
            (Span(first, Tone.WARN),) if first else (),
            (Span(f"and {counted(more, 'more problem')}", Tone.DIM),) if more > 0 else (),
        )
    )


def _reason(call: Call, catalog: Catalog, found: Why) -> tuple[Span, ...]:
    """Why it failed, without what other columns say; the kind of failure first, as there may be no room for more."""
    if found.cause is Cause.STILL_OPEN:
        return ()
    if found.cause is not Cause.STATUS or call.status is None:
        return (Span(found.cause.replace("_", " ")), Span(f"  {clean(found.sentence)}", Tone.DIM))
    details = status_details(call, catalog)
    said = (clean(shortened(call.status.message, 200)), details_in_short(details) if details else "")
    return tuple(Span(text) for text in ("; ".join(filter(None, said)),) if text)
