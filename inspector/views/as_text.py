"""Rows and follow steps as lines of text, for the headless commands.

The same rows and steps that the screen draws; ANSI colours only where the caller says that a person is looking.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from inspector.model.endpoint import Side
from inspector.model.secrets import NO_MASK, Mask
from inspector.views.connections import ConnectionRow
from inspector.views.follow import Follow
from inspector.views.masking import masked_line, masked_step
from inspector.views.rows import CallRow, FrameRow
from inspector.views.spans import ARROWS, SIDE_TONES, Line, Span, Tone, plain
from inspector.views.steps import PRINTED, Step

FRAME_HEADING: Final = f"{'Packet':>7}  {'Time':>11}  {'Stream':>8}     {'Type':<13}  {'Len':>6}  Info"
CALL_HEADING: Final = f"{'Stream':>8}  {'Start':>10}  {'Duration':>9}  {'Sent':>4}  {'Got':>4}  {'Status':<18}  Method"
CONNECTION_HEADING: Final = (
    f"{'№':>4}  {'Start':>10}  {'Calls':>6}  {'Sent':>9}  {'Got':>9}  {'RTT':>8}  {'State':<6}  Client → Server"
)

_INDENT: Final = "  "
_ANSI: Final[Mapping[Tone, str]] = {
    Tone.DIM: "2",
    Tone.CLIENT: "33",
    Tone.SERVER: "36",
    Tone.OK: "32",
    Tone.ERROR: "31",
    Tone.WARN: "33",
    Tone.KEY: "35",
    Tone.STRING: "32",
    Tone.NUMBER: "34",
    Tone.KEYWORD: "34",
    Tone.PREFIX: "33",
    Tone.RECOVERED: "4",
    Tone.GUESSED: "3;33",
    Tone.DOUBTFUL: "3;31",
    Tone.UNKNOWN: "2;3",
}
"""SGR codes of the eight colours that every theme of a terminal gives a readable meaning."""


def painted(spans: Iterable[Span], *, colour: bool) -> str:
    """Spans as text, with ANSI colours if asked for."""
    if not colour:
        return plain(spans)
    return "".join(_paint(span) for span in spans)


def _paint(span: Span) -> str:
    code = _ANSI.get(span.tone)
    return span.text if code is None or not span.text else f"\x1b[{code}m{span.text}\x1b[0m"


def frame_line(row: FrameRow, *, colour: bool = False) -> str:
    """A line of `frames`."""
    kind = painted((Span(f"{ARROWS[row.side]} {row.type:<13}", SIDE_TONES[row.side]),), colour=colour)
    before = painted((Span(f"{row.packet:>7}  {row.time:>11}", Tone.DIM),), colour=colour)
    return f"{before}  {row.stream:>8}   {kind}  {row.length:>6}  {painted(row.info, colour=colour)}".rstrip()


def call_line(row: CallRow, *, colour: bool = False) -> str:
    """A line of `calls`."""
    before = f"{row.key!s:>8}  {row.start:>10}  {row.duration:>9}  {row.requests:>4}  {row.responses:>4}"
    padding = " " * max(18 - len(plain(row.status)), 0)
    after = f"  {painted(row.info, colour=colour)}" if row.info else ""
    return f"{before}  {painted(row.status, colour=colour)}{padding}  {painted(row.method, colour=colour)}{after}"


def connection_line(row: ConnectionRow, *, colour: bool = False) -> str:
    """A line of `connections`."""
    before = f"{row.index:>4}  {row.start:>10}  {row.calls:>6}  {row.sent:>9}  {row.got:>9}  {row.round_trip:>8}"
    state = painted(row.state, colour=colour) + " " * max(6 - len(plain(row.state)), 0)
    after = f"  {painted(row.info, colour=colour)}" if row.info else ""
    return f"{before}  {state}  {row.client} → {row.server}{after}"


def follow_lines(view: Follow, *, colour: bool = False, mask: Mask = NO_MASK) -> Iterator[str]:
    """Yield the whole follow view of a call as it is now, with its secrets masked."""
    yield painted(view.heading(), colour=colour)
    for note in view.notes():
        yield text_line(note, colour=colour, mask=mask)
    for index in range(len(view)):
        yield from step_lines(masked_step(view.step(index, PRINTED), mask), colour=colour)


def step_lines(step: Step, *, colour: bool = False) -> Iterator[str]:
    """A step with an empty line before it; what the server sent stands further to the right."""
    before = "" if step.side is Side.CLIENT else _INDENT
    yield ""
    yield before + painted((*step.title, Span("   "), *step.facts), colour=colour)
    for line in step.body:
        yield before + _INDENT * 2 + text_line(line, colour=colour)


def text_line(line: Line, *, colour: bool = False, mask: Mask = NO_MASK) -> str:
    """Return a line of a view with its indent, its secrets masked."""
    return _INDENT * line.indent + painted(masked_line(line, mask).spans, colour=colour)
