"""The cause that no frame names: a sender stood at a window of zero, in the middle of a message, to the call's end."""

from __future__ import annotations

from typing import Final

from inspector.model.call import CallState
from inspector.model.endpoint import Side
from inspector.model.frame import FrameType
from inspector.model.why import Cause, Why
from inspector.model.window import Stall
from inspector.views.times import duration
from inspector.views.why.cut_off import deadline_passed
from inspector.views.why.story import Placed, Story, detail

_NOTABLE: Final = 0.1
"""Seconds; less is a round trip that every bulk transfer waits for."""


def stalled(story: Story) -> Why | None:
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


def _was_answered(story: Story) -> bool:
    """True where the server said itself what is wrong, and not only that the time is over."""
    call, reset = story.call, story.reset()
    said = call.state is CallState.COMPLETE or (reset is not None and reset.side is Side.SERVER)
    return said and deadline_passed(story) is None


def _lasts(stall: Stall, ended: float | None) -> bool:
    """True when it lasts still, or did when the call ended."""
    if stall.broken_off is not None:
        return False
    return stall.ended is None or (ended is not None and stall.ended >= ended)


def _unfinished(story: Story, side: Side) -> Placed | None:
    """The last DATA that a side sent, where it is no end of a message; None where nothing waits to be sent."""
    for position in reversed(story.call.frames):
        placed = story.at(position)
        if placed.side is side and placed.frame.type == FrameType.DATA:
            messages = story.call.messages(side)
            is_whole = bool(messages) and messages[-1].frame >= position
            return None if is_whole or placed.frame.ends_stream else placed
    return None


def _told(story: Story, stall: Stall, last: Placed, now: float) -> Why:
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
