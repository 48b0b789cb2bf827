"""Rows and follow steps as lines of text, with secrets masked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from inspector.model.call import Call
from inspector.model.frame import Side
from inspector.model.secrets import NO_MASK, Mask, Secrets
from inspector.present.connections import ConnectionRow
from inspector.present.follow import PRINTED, Follow, Step
from inspector.present.rows import CallRow, FrameRow
from inspector.present.spans import ARROWS, SIDE_TONES, Line, Span, Tone, plain


def masked_spans(spans: Iterable[Span], mask: Mask) -> Iterator[Span]:
    """Yield the spans; of those next to each other that show the same secret, one with its masked form."""
    before: tuple[str, ...] = ()
    for span in spans:
        if span.headers and any(mask.secrets.covers(name, span.text) for name in span.headers):
            if span.headers != before:
                yield span._replace(text=mask.text(span.headers, span.text))
            before = span.headers
        else:
            yield span
            before = ()


def masked_line(line: Line, mask: Mask) -> Line:
    """Return a line with its secrets masked."""
    if not any(span.headers for span in line.spans):
        return line
    return line._replace(spans=tuple(masked_spans(line.spans, mask)))


def masked_lines(lines: Iterable[Line], mask: Mask) -> tuple[Line, ...]:
    """Return lines with their secrets masked."""
    return tuple(masked_line(line, mask) for line in lines)


def masked_step(step: Step, mask: Mask) -> Step:
    """Return a step with its secrets masked."""
    return replace(step, body=masked_lines(step.body, mask))


def has_secrets(call: Call, secrets: Secrets) -> bool:
    """Return True where a header of a call, of either side, is masked."""
    blocks = (call.request_headers, call.response_headers, call.trailers)
    return any(secrets.covers(name, value) for block in blocks if block for name, value in block.headers)


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
