"""The sentences about a capture as a whole: counts, and what stands in an empty list."""

from __future__ import annotations

from typing import Final

from inspector.session import Phase, SessionStatus
from inspector.ui.feed import Feed
from inspector.views.text import clean, counted

_NOTHING_YET: Final = {
    Phase.STARTING: ("Starting the capture…", "You can type already: what you send leaves as soon as it is live."),
    Phase.LIVE: ("Waiting for the first frame to or from {}.",),
    Phase.READING: ("Reading {}…",),
    Phase.STOPPED: ("The capture is stopped, and nothing was captured.", "Ctrl+E starts it again."),
    Phase.ENDED: ("There are no HTTP/2 frames in {}.", "--port N decodes a port that is not recognised by itself."),
    Phase.FAILED: ("There is nothing to show.",),
}


def counts(feed: Feed) -> str:
    """How many frames are shown, and how many of the others are control frames."""
    shown, total = len(feed.frames.positions), len(feed.store.frames)
    if not total:
        return ""
    text = f"{shown:,} of {counted(total, 'frame')}"
    if feed.frames.show_control:
        return f"{text} · control frames shown (h)"
    hidden = feed.frames.hidden_control
    return f"{text} · {counted(hidden, 'control frame')} hidden (h)" if hidden else text


def placeholder(feed: Feed, status: SessionStatus, *, can_send: bool) -> tuple[str, ...]:
    """What stands in place of rows while there are none."""
    if feed.store.frames:
        if feed.frames.filter.terms:
            return "No frame matches the filter.", "Press / to change it, Ctrl+U in it to clear it."
        return ("Only control frames so far.", "Press h to see them.")
    if status.phase is Phase.LIVE and can_send:
        return ("Waiting for the first frame.", "Type a name below and press Enter.")
    return tuple(line.format(clean(status.source)) for line in _NOTHING_YET[status.phase])
