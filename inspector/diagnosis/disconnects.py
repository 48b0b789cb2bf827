"""Causes that leave a call without an answer: resets, GOAWAY, lost bytes, closed windows."""

from __future__ import annotations

from typing import Final

from inspector.diagnosis.context import CallContext, FrameRef, Timeout, detail, ending_name, quoted
from inspector.model.call import CallState, Status
from inspector.model.connection import Cause, Diagnosis, Stall
from inspector.model.frame import FrameType, Side
from inspector.text import clean, duration

_INTERNAL: Final = "gRPC makes INTERNAL of it"
_MEANINGS: Final = {
    "NO_ERROR": f"without trailers; {_INTERNAL}",
    "PROTOCOL_ERROR": _INTERNAL,
    "INTERNAL_ERROR": _INTERNAL,
    "FLOW_CONTROL_ERROR": _INTERNAL,
    "SETTINGS_TIMEOUT": _INTERNAL,
    "FRAME_SIZE_ERROR": _INTERNAL,
    "COMPRESSION_ERROR": _INTERNAL,
    "CONNECT_ERROR": _INTERNAL,
    "REFUSED_STREAM": "it did not process the request, which may be sent again; gRPC makes UNAVAILABLE of it",
    "CANCEL": "gRPC makes CANCELLED of it",
    "ENHANCE_YOUR_CALM": "it finds that the client asks too much; gRPC makes RESOURCE_EXHAUSTED of it",
    "INADEQUATE_SECURITY": "gRPC makes PERMISSION_DENIED of it",
}
"""gRPC over HTTP/2, Errors."""
_UNAVAILABLE: Final = 14
_DEADLINE_EXCEEDED: Final = 4
_OF_ENDED_CONTEXTS: Final = frozenset({1, 2})
"""CANCELLED, and the UNKNOWN of older grpc-go."""
_AT_DEADLINE: Final = {
    Side.CLIENT: frozenset({"CANCEL", "NO_ERROR", "INTERNAL_ERROR"}),
    Side.SERVER: frozenset({"CANCEL"}),
}
"""With what a stream is reset at the deadline: grpclib's clients with NO_ERROR, those of Connect and HAProxy with
INTERNAL_ERROR."""
_QUIET: Final = frozenset({"CANCEL", "NO_ERROR"})
"""With which clients end what they want no more."""


def never_spoke(story: CallContext) -> Diagnosis | None:
    """The two sides of the connection do not speak the same."""
    why = story.connection.diagnosis
    return None if why is None else story.proven(why.cause, why.sentence, story.request(), packets=why.packets)


def deadline_passed(story: CallContext) -> Diagnosis | None:
    """A reset, or a status that servers give then, not earlier than the client's timeout allows."""
    timeout, call = story.timeout(), story.call
    if timeout is None or call.ended is None or not story.has_passed(timeout, call.ended):
        return None
    allowed = _allowed(story, timeout)
    reset = story.reset()
    if reset is not None and (error := detail(reset.frame, "error")) in _AT_DEADLINE[reset.side]:
        sentence = f"The {reset.side} gave up at the {allowed}: RST_STREAM {error}{story.after(call.ended)} ({reset})."
        return story.proven(Cause.DEADLINE, sentence, story.request(), reset)
    if (status := _status_at_deadline(story, timeout)) is not None:
        last = story.last(Side.SERVER)
        words = "" if status.code == _DEADLINE_EXCEEDED else quoted(status.message)
        said = f"{clean(status.name)}{words}{story.after(call.ended)} ({last})"
        sentence = f"The {allowed} passed: the server said {said}."
        return story.proven(Cause.DEADLINE, sentence, story.request(), last)
    return None


def _status_at_deadline(story: CallContext, timeout: Timeout) -> Status | None:
    """DEADLINE_EXCEEDED, or what else servers make of a context that has ended."""
    call = story.call
    if call.state is not CallState.COMPLETE or call.status is None or call.status.code == _DEADLINE_EXCEEDED:
        return call.status if call.state is CallState.COMPLETE else None
    elapsed = story.elapsed(call.ended or 0.0)
    is_late = elapsed is not None and elapsed >= timeout.seconds
    return call.status if is_late and call.status.code in _OF_ENDED_CONTEXTS else None


def reset_by_server(story: CallContext) -> Diagnosis | None:
    """RST_STREAM came from the server."""
    reset = story.reset()
    if reset is None or reset.side is Side.CLIENT:
        return None
    error = detail(reset.frame, "error")
    meaning = f": {_MEANINGS[error]}" if error in _MEANINGS else ""
    sentence = f"The server reset the stream with {error}{story.after(reset.frame.time)} ({reset}){meaning}."
    return story.proven(Cause.RESET, sentence, reset)


def reset_by_client(story: CallContext) -> Diagnosis | None:
    """RST_STREAM came from the client, before any deadline."""
    reset = story.reset()
    if reset is None:
        return None
    error, after = detail(reset.frame, "error"), story.after(reset.frame.time)
    if error not in _QUIET:
        sentence = f"The client reset the stream with {error}{after} ({reset})."
        return story.proven(Cause.RESET, sentence, reset)
    timeout = story.timeout()
    left = f"; its deadline of {timeout.text} had not passed" if timeout else ""
    sentence = f"The client cancelled the call{after}: RST_STREAM {error} ({reset}){left}."
    return story.proven(Cause.CANCELLED, sentence, reset)


def refused_by_goaway(story: CallContext) -> Diagnosis | None:
    """GOAWAY names an earlier stream as the last one that is served (RFC 9113 §6.8)."""
    goaway = next(iter(story.goaways()), None)
    last = (goaway.frame.detail or {}).get("last_stream") if goaway else None
    if goaway is None or not isinstance(last, int) or story.call.key.stream <= last:
        return None
    sentence = (
        f"The server refused the stream: {_said(goaway)} names {last} as the last stream that it serves ({goaway}); "
        "the request was not processed and may be sent again."
    )
    return story.proven(Cause.GOAWAY, sentence, goaway)


def ended_with_goaway(story: CallContext) -> Diagnosis | None:
    """UNAVAILABLE, behind a GOAWAY that complains of the client."""
    status, goaway, last = story.call.status, _most_said(story.goaways()), story.last(Side.SERVER)
    if status is None or status.code != _UNAVAILABLE or goaway is None or detail(goaway.frame, "error") == "NO_ERROR":
        return None
    sentence = (
        f"The server gave the connection up, with {_said(goaway)} ({goaway}), and the call with {status.name}"
        f"{quoted(status.message)} ({last})."
    )
    return story.proven(Cause.GOAWAY, sentence, goaway, last)


def bytes_lost(story: CallContext) -> Diagnosis | None:
    """The capture has a hole where the end of the call may have been."""
    is_reset = story.call.state is CallState.CANCELLED
    gap = next((each for each in story.call.gaps if not is_reset or each.side is Side.SERVER), None)
    endings = story.endings()
    if gap is None or (gap.is_captured and endings and endings[0].source == story.connection.server):
        return None
    what = (
        f"What the {gap.side} sent from packet {gap.packet} on cannot be read as HTTP/2, and in it is"
        if gap.is_captured
        else f"The capture lacks bytes of the {gap.side} before packet {gap.packet}, and with them"
    )
    sentence = f"{what} perhaps the end of this call: how it went cannot be told."
    return story.proven(Cause.BYTES_LOST, sentence, packets=(gap.packet,))


def connection_lost(story: CallContext) -> Diagnosis | None:
    """FIN or RST came before the call's end."""
    endings = story.endings()
    if not endings:
        return None
    ending, goaway = endings[0], _first_goaway(story)
    who = story.connection.side(ending.source)
    act = "broke the connection off" if ending.is_reset else "closed the connection"
    closed = f"{act}{story.after(ending.time)} ({ending_name(ending)})"
    timeout = story.timeout()
    if who is Side.CLIENT and timeout is not None and story.has_passed(timeout, ending.time):
        sentence = f"The client gave up at the {_allowed(story, timeout)}: it {closed}."
        return story.proven(Cause.DEADLINE, sentence, story.request(), packets=(ending.packet,))
    if goaway is None:
        sentence = f"The {who} {closed}, before the call was over."
        return story.proven(Cause.CONNECTION_LOST, sentence, packets=(ending.packet,))
    cause = Cause.GOAWAY if goaway.side is Side.SERVER else Cause.CONNECTION_LOST
    then = "it" if who is goaway.side else f"the {who}"
    sentence = f"The {goaway.side} sent {_said(goaway)} ({goaway}); then {then} {closed}, before the call was over."
    return story.proven(cause, sentence, goaway, packets=(ending.packet,))


def client_left(story: CallContext) -> Diagnosis | None:
    """The client had closed the connection when the server answered."""
    if story.call.status is None:
        return None
    ending = next((e for e in story.endings() if story.connection.side(e.source) is Side.CLIENT), None)
    last = story.last(Side.SERVER)
    if ending is None or last is None or ending.packet >= last.frame.packet:
        return None
    goaway = next((each for each in reversed(story.goaways()) if each.frame.time <= ending.time), None)
    begun = f"The server sent {_said(goaway)} ({goaway}). " if goaway else ""
    closed = f"The client had closed the connection{story.after(ending.time)} ({ending_name(ending)})"
    sentence = f"{begun}{closed} when the server said {story.call.status.name} ({last})."
    cause = Cause.GOAWAY if goaway else Cause.CONNECTION_LOST
    return story.proven(cause, sentence, goaway, last, packets=(ending.packet,))


def still_open(story: CallContext) -> Diagnosis | None:
    """Nothing tells of an end."""
    frames = story.call.frames
    last = story.at(frames[-1]) if frames else None
    where = f"its last frame is {last.frame.type_name} from the {last.side} ({last})" if last else "it has no frame"
    return story.proven(Cause.STILL_OPEN, f"No end of the call was captured: {where}.", last)


def _most_said(goaways: tuple[FrameRef, ...]) -> FrameRef | None:
    """The latest that gives a reason; servers repeat themselves without one."""
    return next((each for each in goaways if detail(each.frame, "debug")), goaways[0] if goaways else None)


def _first_goaway(story: CallContext) -> FrameRef | None:
    """What the side said that gave the connection up first; the other one often answers with a GOAWAY of its own."""
    said = [goaways for side in Side if (goaways := story.goaways(side))]
    return _most_said(min(said, key=lambda goaways: goaways[-1].position, default=()))


def _allowed(story: CallContext, timeout: Timeout) -> str:
    return f"deadline of {timeout.text} ({timeout.header}, {story.request()})"


def _said(goaway: FrameRef) -> str:
    return f"GOAWAY {detail(goaway.frame, 'error')}{quoted(detail(goaway.frame, 'debug'))}"


_NOTABLE: Final = 0.1
"""Seconds; less is a round trip that every bulk transfer waits for."""


def stalled(story: CallContext) -> Diagnosis | None:
    """One side could not send the rest of a message when the call ended."""
    key, ended = story.call.key, story.call.ended
    if _was_answered(story):
        return None
    now = story.store.traffic(key.connection).last if ended is None else ended
    for stall in reversed(story.store.traffic(key.connection).stalls_of(key.stream)):
        side = story.connection.side(stall.sender)
        if now - stall.began >= _NOTABLE and _lasts(stall, ended) and (last := _unfinished(story, side)) is not None:
            return _told(story, stall, last, now)
    return None


def _was_answered(story: CallContext) -> bool:
    """True where the server said itself what is wrong, and not only that the time is over."""
    call, reset = story.call, story.reset()
    said = call.state is CallState.COMPLETE or (reset is not None and reset.side is Side.SERVER)
    return said and deadline_passed(story) is None


def _lasts(stall: Stall, ended: float | None) -> bool:
    """True when it lasts still, or did when the call ended."""
    if stall.broken_off is not None:
        return False
    return stall.ended is None or (ended is not None and stall.ended >= ended)


def _unfinished(story: CallContext, side: Side) -> FrameRef | None:
    """The last DATA that a side sent, where it is no end of a message; None where nothing waits to be sent."""
    for position in reversed(story.call.frames):
        placed = story.at(position)
        if placed.side is side and placed.frame.type == FrameType.DATA:
            messages = story.call.messages(side)
            is_whole = bool(messages) and messages[-1].frame >= position
            return None if is_whole or placed.frame.ends_stream else placed
    return None


def _told(story: CallContext, stall: Stall, last: FrameRef, now: float) -> Diagnosis:
    spent, reset = story.at(stall.position), story.reset()
    whose = "connection" if stall.stream == 0 else "stream"
    sentence = (
        f"The {last.side} stood still for {duration(now - stall.began)} in the middle of a message: the flow-control "
        f"window of its {whose} was at zero from {spent} on."
    )
    if reset is not None:
        at = " at its deadline" if deadline_passed(story) else ""
        sentence += f" Then the {reset.side} reset the stream{at} (RST_STREAM {detail(reset.frame, 'error')}, {reset})."
    return story.proven(Cause.FLOW_CONTROL, sentence, spent, last, reset)
