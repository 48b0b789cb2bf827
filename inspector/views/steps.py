"""One step of the follow view: its title, the facts beside it, and its body.

Draws up what `follow` has found to be a step; decides nothing about which steps there are.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Final, NamedTuple

from inspector.model.call import Call
from inspector.model.endpoint import Side
from inspector.model.frame import HEADER_TYPES, Frame, FrameType
from inspector.model.message import Message
from inspector.schema.catalog import Catalog
from inspector.schema.payload import Format, Reading, read_bytes
from inspector.store.store import Store
from inspector.views.data_info import IN_BODY, type_spans
from inspector.views.header_info import frame_status
from inspector.views.header_lines import header_lines
from inspector.views.headers import Block, block_of
from inspector.views.info import frame_info
from inspector.views.naming import content_type
from inspector.views.reading import read, trailers_in_body
from inspector.views.seen import Seen, seen
from inspector.views.spans import ARROWS, SIDE_TONES, Line, Span, Tone, dotted, joined
from inspector.views.status_details import detail_lines
from inspector.views.text import clean, counted, size
from inspector.views.times import clock, since
from inspector.views.values import pretty

LINES: Final = 40
"""Lines of a message that a step shows on the screen; the Message tab shows more."""
_LONGEST_STRING: Final = 1_000
EXCERPT: Final = 65_536
"""Bytes of a message that are read for a step: far more than fits into its lines."""


class Entry(NamedTuple):
    """What a step is about: a frame, or a message that ends in it."""

    position: int
    message: Message | None = None
    side: Side | None = None
    """Who sent the message; None for a frame."""
    frames: int = 1
    """How many DATA frames the message came in."""
    is_open: bool = False
    """True for the frames of a message whose end has not come."""


class Shown(NamedTuple):
    """How much of a message is shown, and in which form."""

    lines: int = LINES
    form: Format | None = None
    """None for the likeliest."""
    elsewhere: str = "the Message tab shows more"
    """Said where lines are left out."""


PRINTED: Final = Shown(1_000, elsewhere="calls --json has all of it")
"""Of a message that is printed, and goes by no tab: more than a screen holds."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step as it is shown: `title` and `facts` on one line, `body` below it."""

    position: int
    """The frame to which the step leads."""
    side: Side
    title: tuple[Span, ...]
    facts: tuple[Span, ...]
    body: tuple[Line, ...]


def step(store: Store, catalog: Catalog, call: Call, entry: Entry, before: Entry | None, shown: Shown) -> Step:
    """Draw a step up; `before` is the step it came after."""
    at = seen(store, catalog, entry.position)
    at = at._replace(call=call, side=entry.side or at.side)
    if entry.message is not None:
        title, facts, body = _message(at, call, entry, entry.message, shown)
    elif entry.is_open:
        title, facts, body = (Span("part of a message", Tone.DIM),), _frames(entry), ()
    elif at.frame.type == FrameType.DATA:
        title, facts, body = _plain_data(at, call, shown)
    elif at.frame.type in HEADER_TYPES:
        title, facts, body = _header_title(at), _header_facts(at), _header_body(at)
    else:
        title, facts, body = (), (), tuple(_info_line(at))
    previous = None if before is None else store.frames[before.position]
    when = _when(at.frame, previous)
    return Step(
        entry.position,
        at.side,
        _title(at, entry, title),
        dotted((f"packet {at.frame.packet}", *facts, *_end(at, call), when)),
        body,
    )


def _title(at: Seen, entry: Entry, more: tuple[Span, ...]) -> tuple[Span, ...]:
    # What was lost is told at a frame near the gap, which may be of any type and stream.
    name = at.frame.type_name if entry.message is None else "DATA"
    return joined(((Span(f"{ARROWS[at.side]} {name}", SIDE_TONES[at.side]),), more))


def _when(frame: Frame, previous: Frame | None) -> str:
    return clock(frame.time) if previous is None else since(frame.time - previous.time)


def _end(at: Seen, call: Call) -> Iterable[str]:
    return ("end of stream",) if at.frame.ends_stream and at.frame.stream == call.key.stream else ()


def _frames(entry: Entry) -> tuple[str, ...]:
    return (f"in {counted(entry.frames, 'frame')}",) if entry.frames > 1 else ()


def _header_title(at: Seen) -> tuple[Span, ...]:
    match block_of(at.frame, at.side):
        case Block.RESPONSE:
            return (Span(clean(at.frame.header(":status") or ""), SIDE_TONES[at.side]),)
        case Block.TRAILERS if (status := frame_status(at)) is not None:
            return (Span(clean(status.name), Tone.OK if status.code == 0 else Tone.ERROR),)
        case _:
            return ()


def _header_facts(at: Seen) -> tuple[str, ...]:
    is_trailers = block_of(at.frame, at.side) is Block.TRAILERS
    return (size(at.frame.length), "trailers" if is_trailers else "")


def _header_body(at: Seen) -> tuple[Line, ...]:
    return (*header_lines(at.frame), *islice(detail_lines(at.frame, at.catalog), LINES))


def _message(
    at: Seen, call: Call, entry: Entry, message: Message, shown: Shown
) -> tuple[tuple[Span, ...], tuple[str, ...], tuple[Line, ...]]:
    reading = read(call, at.side, message, at.catalog, EXCERPT, shown.form)
    name = type_spans(reading, call, at.catalog)
    title = tuple(Span(span.text, SIDE_TONES[at.side] if span.tone is Tone.PLAIN else span.tone) for span in name)
    encoding = "" if message.encoding is None else f"{clean(message.encoding)}, {_inflated(message.data)}"
    facts = (f"{size(message.length)} message", encoding, *_frames(entry))
    return title, facts, body(reading, shown, 0 if message.data is None else len(message.data))


def _inflated(data: bytes | None) -> str:
    return "not inflated" if data is None else f"{size(len(data))} inflated"


def body(reading: Reading, shown: Shown, whole: int) -> tuple[Line, ...]:
    """A reading's lines, as many as are shown; says how much is not. `whole` is the message's size in bytes."""
    lines = list(islice(pretty(reading, _LONGEST_STRING), 100_000))
    more = len(lines) - shown.lines
    if not reading.complete:
        note = f"… the beginning of {size(whole)}; {shown.elsewhere}"
    elif more > 0:
        note = f"… {counted(more, 'more line')}; {shown.elsewhere}"
    else:
        return tuple(lines)
    return (*lines[: shown.lines], Line((Span(note, Tone.DIM),)))


def _plain_data(at: Seen, call: Call, shown: Shown) -> tuple[tuple[Span, ...], tuple[str, ...], tuple[Line, ...]]:
    payload = at.frame.payload
    if not payload:
        return (), ("no data",), ()
    if (trailers := trailers_in_body(call, at.side, at.frame)) is not None:
        reading = read_bytes(trailers, None, at.catalog, limit=EXCERPT)
        return (Span(IN_BODY),), (size(len(payload)),), body(reading, shown, len(trailers))
    reading = read_bytes(payload, None, at.catalog, content_type(call, at.side), EXCERPT)
    return (Span(reading.format, Tone.DIM),), (size(len(payload)),), body(reading, shown, len(payload))


def _info_line(at: Seen) -> Iterable[Line]:
    spans = frame_info(at)
    return (Line(spans),) if spans else ()
