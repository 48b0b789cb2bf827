"""Rules for calls that were cut off: by a reset, GOAWAY, the end of the connection, flow control or lost bytes."""

from __future__ import annotations

from typing import Final

from inspector.diagnosis.context import CallContext, FrameRef, Timeout, detail, ending_name, quoted
from inspector.model.call import CallState, Status
from inspector.model.connection import Cause, Diagnosis, Stall
from inspector.model.frame import FrameType, Side
from inspector.text import clean, duration

_INTERNAL: Final = "gRPC clients report INTERNAL"
_MEANINGS: Final = {
    "NO_ERROR": f"it sent no trailers; {_INTERNAL}",
    "PROTOCOL_ERROR": _INTERNAL,
    "INTERNAL_ERROR": _INTERNAL,
    "FLOW_CONTROL_ERROR": _INTERNAL,
    "SETTINGS_TIMEOUT": _INTERNAL,
    "FRAME_SIZE_ERROR": _INTERNAL,
    "COMPRESSION_ERROR": _INTERNAL,
    "CONNECT_ERROR": _INTERNAL,
    "REFUSED_STREAM": "it did not process the request, which may be sent again; gRPC clients report UNAVAILABLE",
    "CANCEL": "gRPC clients report CANCELLED",
    "ENHANCE_YOUR_CALM": "the client causes too much load; gRPC clients report RESOURCE_EXHAUSTED",
    "INADEQUATE_SECURITY": "gRPC clients report PERMISSION_DENIED",
}
"""What a reset by the server means (gRPC over HTTP/2, Errors)."""
_UNAVAILABLE: Final = 14
_DEADLINE_EXCEEDED: Final = 4
_CONTEXT_ENDED: Final = frozenset({1, 2})
"""The codes, besides DEADLINE_EXCEEDED, that servers return for an expired context: CANCELLED; UNKNOWN in older
grpc-go."""
_AT_DEADLINE: Final = {
    Side.CLIENT: frozenset({"CANCEL", "NO_ERROR", "INTERNAL_ERROR"}),
    Side.SERVER: frozenset({"CANCEL"}),
}
"""The error codes with which a stream is reset at its deadline. Clients of grpclib use NO_ERROR, those of Connect and
HAProxy use INTERNAL_ERROR."""
_CANCELLING: Final = frozenset({"CANCEL", "NO_ERROR"})
"""The error codes with which clients cancel a call."""


def never_spoke(context: CallContext) -> Diagnosis | None:
    """Explain a connection whose two sides speak different protocols."""
    why = context.connection.diagnosis
    return None if why is None else context.diagnosis(why.cause, why.sentence, context.request(), packets=why.packets)


def deadline_passed(context: CallContext) -> Diagnosis | None:
    """Explain a reset, or a status that servers return for an expired deadline, that is late enough for it."""
    timeout, call = context.timeout(), context.call
    if timeout is None or call.ended is None or not context.has_passed(timeout, call.ended):
        return None
    allowed = _deadline_name(context, timeout)
    reset = context.reset()
    if reset is not None and (error := detail(reset.frame, "error")) in _AT_DEADLINE[reset.side]:
        sentence = (
            f"The {reset.side} gave up at the {allowed}: RST_STREAM {error}{context.after(call.ended)} ({reset})."
        )
        return context.diagnosis(Cause.DEADLINE, sentence, context.request(), reset)
    if (status := _status_at_deadline(context, timeout)) is not None:
        last = context.last(Side.SERVER)
        message = "" if status.code == _DEADLINE_EXCEEDED else quoted(status.message)
        returned = f"{clean(status.name)}{message}{context.after(call.ended)} ({last})"
        sentence = f"The {allowed} passed: the server returned {returned}."
        return context.diagnosis(Cause.DEADLINE, sentence, context.request(), last)
    return None


def _status_at_deadline(context: CallContext, timeout: Timeout) -> Status | None:
    """Return the status if it is one that servers return for an expired deadline."""
    call = context.call
    if call.state is not CallState.COMPLETE or call.status is None or call.status.code == _DEADLINE_EXCEEDED:
        return call.status if call.state is CallState.COMPLETE else None
    elapsed = context.elapsed(call.ended or 0.0)
    is_late = elapsed is not None and elapsed >= timeout.seconds
    return call.status if is_late and call.status.code in _CONTEXT_ENDED else None


def reset_by_server(context: CallContext) -> Diagnosis | None:
    """Explain an RST_STREAM of the server."""
    reset = context.reset()
    if reset is None or reset.side is Side.CLIENT:
        return None
    error = detail(reset.frame, "error")
    meaning = f": {_MEANINGS[error]}" if error in _MEANINGS else ""
    sentence = f"The server reset the stream with {error}{context.after(reset.frame.time)} ({reset}){meaning}."
    return context.diagnosis(Cause.RESET, sentence, reset)


def reset_by_client(context: CallContext) -> Diagnosis | None:
    """Explain an RST_STREAM of the client that came before its deadline."""
    reset = context.reset()
    if reset is None:
        return None
    error, after = detail(reset.frame, "error"), context.after(reset.frame.time)
    if error not in _CANCELLING:
        sentence = f"The client reset the stream with {error}{after} ({reset})."
        return context.diagnosis(Cause.RESET, sentence, reset)
    timeout = context.timeout()
    left = f"; its deadline of {timeout.text} had not passed" if timeout else ""
    sentence = f"The client cancelled the call{after}: RST_STREAM {error} ({reset}){left}."
    return context.diagnosis(Cause.CANCELLED, sentence, reset)


def refused_by_goaway(context: CallContext) -> Diagnosis | None:
    """Explain a GOAWAY that names an earlier stream as the last one processed (RFC 9113 §6.8)."""
    goaway = next(iter(context.goaways()), None)
    last = (goaway.frame.detail or {}).get("last_stream") if goaway else None
    if goaway is None or not isinstance(last, int) or context.call.key.stream <= last:
        return None
    sentence = (
        f"The server refused the stream: {_goaway_text(goaway)} names {last} as the last stream that it processes "
        f"({goaway}); the request was not processed and may be sent again."
    )
    return context.diagnosis(Cause.GOAWAY, sentence, goaway)


def ended_with_goaway(context: CallContext) -> Diagnosis | None:
    """Explain UNAVAILABLE after a GOAWAY with an error code."""
    status, goaway, last = context.call.status, _most_informative(context.goaways()), context.last(Side.SERVER)
    if status is None or status.code != _UNAVAILABLE or goaway is None or detail(goaway.frame, "error") == "NO_ERROR":
        return None
    sentence = (
        f"The server shut the connection down with {_goaway_text(goaway)} ({goaway}) and ended the call with "
        f"{status.name}{quoted(status.message)} ({last})."
    )
    return context.diagnosis(Cause.GOAWAY, sentence, goaway, last)


def bytes_lost(context: CallContext) -> Diagnosis | None:
    """Explain a call whose end may lie in a gap of the capture."""
    is_reset = context.call.state is CallState.CANCELLED
    gap = next((each for each in context.call.gaps if not is_reset or each.side is Side.SERVER), None)
    endings = context.endings()
    if gap is None or (gap.is_captured and endings and endings[0].source == context.connection.server):
        return None
    what = (
        f"The bytes that the {gap.side} sent from packet {gap.packet} on cannot be read as HTTP/2."
        if gap.is_captured
        else f"The capture lacks bytes that the {gap.side} sent before packet {gap.packet}."
    )
    sentence = f"{what} They may include the end of this call, so its outcome is unknown."
    return context.diagnosis(Cause.BYTES_LOST, sentence, packets=(gap.packet,))


def connection_lost(context: CallContext) -> Diagnosis | None:
    """Explain a FIN or RST that came before the end of the call."""
    endings = context.endings()
    if not endings:
        return None
    ending, goaway = endings[0], _first_goaway(context)
    who = context.connection.side(ending.source)
    act = "reset the connection" if ending.is_reset else "closed the connection"
    closed = f"{act}{context.after(ending.time)} ({ending_name(ending)})"
    timeout = context.timeout()
    if who is Side.CLIENT and timeout is not None and context.has_passed(timeout, ending.time):
        sentence = f"The client gave up at the {_deadline_name(context, timeout)}: it {closed}."
        return context.diagnosis(Cause.DEADLINE, sentence, context.request(), packets=(ending.packet,))
    if goaway is None:
        sentence = f"The {who} {closed} before the call ended."
        return context.diagnosis(Cause.CONNECTION_LOST, sentence, packets=(ending.packet,))
    cause = Cause.GOAWAY if goaway.side is Side.SERVER else Cause.CONNECTION_LOST
    then = "it" if who is goaway.side else f"the {who}"
    sentence = f"The {goaway.side} sent {_goaway_text(goaway)} ({goaway}); then {then} {closed} before the call ended."
    return context.diagnosis(cause, sentence, goaway, packets=(ending.packet,))


def client_left(context: CallContext) -> Diagnosis | None:
    """Explain a response that came after the client had closed the connection."""
    if context.call.status is None:
        return None
    ending = next((e for e in context.endings() if context.connection.side(e.source) is Side.CLIENT), None)
    last = context.last(Side.SERVER)
    if ending is None or last is None or ending.packet >= last.frame.packet:
        return None
    goaway = next((each for each in reversed(context.goaways()) if each.frame.time <= ending.time), None)
    shutdown = f"The server sent {_goaway_text(goaway)} ({goaway}). " if goaway else ""
    closed = f"The client had closed the connection{context.after(ending.time)} ({ending_name(ending)})"
    sentence = f"{shutdown}{closed} when the server returned {context.call.status.name} ({last})."
    cause = Cause.GOAWAY if goaway else Cause.CONNECTION_LOST
    return context.diagnosis(cause, sentence, goaway, last, packets=(ending.packet,))


def still_open(context: CallContext) -> Diagnosis | None:
    """State that the end of the call was not captured."""
    frames = context.call.frames
    last = context.at(frames[-1]) if frames else None
    where = f"its last frame is {last.frame.type_name} from the {last.side} ({last})" if last else "it has no frames"
    return context.diagnosis(Cause.STILL_OPEN, f"The end of the call was not captured: {where}.", last)


def _most_informative(goaways: tuple[FrameRef, ...]) -> FrameRef | None:
    """Return the latest GOAWAY that gives a reason, else the latest; servers repeat a GOAWAY without the reason."""
    return next((each for each in goaways if detail(each.frame, "debug")), goaways[0] if goaways else None)


def _first_goaway(context: CallContext) -> FrameRef | None:
    """Return the GOAWAY of the side that sent one first; the other side often answers with one of its own."""
    sent = [goaways for side in Side if (goaways := context.goaways(side))]
    return _most_informative(min(sent, key=lambda goaways: goaways[-1].position, default=()))


def _deadline_name(context: CallContext, timeout: Timeout) -> str:
    return f"deadline of {timeout.text} ({timeout.header}, {context.request()})"


def _goaway_text(goaway: FrameRef) -> str:
    return f"GOAWAY {detail(goaway.frame, 'error')}{quoted(detail(goaway.frame, 'debug'))}"


_MIN_STALL: Final = 0.1
"""Seconds. Every bulk transfer waits about one round trip for window updates, which is shorter."""


def stalled(context: CallContext) -> Diagnosis | None:
    """Explain a call that ended while flow control kept one side from sending the rest of a message."""
    key, ended = context.call.key, context.call.ended
    if _was_answered(context):
        return None
    now = context.store.traffic(key.connection).last if ended is None else ended
    for stall in reversed(context.store.traffic(key.connection).stalls_of(key.stream)):
        side = context.connection.side(stall.sender)
        if (
            now - stall.began >= _MIN_STALL
            and _lasts(stall, ended)
            and (last := _unfinished(context, side)) is not None
        ):
            return _stall_diagnosis(context, stall, last, now)
    return None


def _was_answered(context: CallContext) -> bool:
    """Return True if the server gave a reason of its own, other than an expired deadline."""
    call, reset = context.call, context.reset()
    is_answered = call.state is CallState.COMPLETE or (reset is not None and reset.side is Side.SERVER)
    return is_answered and deadline_passed(context) is None


def _lasts(stall: Stall, ended: float | None) -> bool:
    """Return True if a stall still lasts, or lasted until the call ended."""
    if stall.broken_off is not None:
        return False
    return stall.ended is None or (ended is not None and stall.ended >= ended)


def _unfinished(context: CallContext, side: Side) -> FrameRef | None:
    """Return the last DATA frame of a side if a message goes on after it; None if nothing waits to be sent."""
    for position in reversed(context.call.frames):
        ref = context.at(position)
        if ref.side is side and ref.frame.type == FrameType.DATA:
            messages = context.call.messages(side)
            is_whole = bool(messages) and messages[-1].frame >= position
            return None if is_whole or ref.frame.ends_stream else ref
    return None


def _stall_diagnosis(context: CallContext, stall: Stall, last: FrameRef, now: float) -> Diagnosis:
    spent, reset = context.at(stall.position), context.reset()
    whose = "connection" if stall.stream == 0 else "stream"
    sentence = (
        f"The {last.side} was blocked for {duration(now - stall.began)} in the middle of a message: the flow-control "
        f"window of its {whose} was zero from {spent} on."
    )
    if reset is not None:
        at = " at its deadline" if deadline_passed(context) else ""
        sentence += f" Then the {reset.side} reset the stream{at} (RST_STREAM {detail(reset.frame, 'error')}, {reset})."
    return context.diagnosis(Cause.FLOW_CONTROL, sentence, spent, last, reset)
