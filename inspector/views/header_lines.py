"""Headers one a line, with a mark on every value that was not plainly read from the wire."""

from __future__ import annotations

from typing import Final

from inspector.model.frame import Frame, HeaderNote, HeaderSource
from inspector.model.status import Status
from inspector.protocol.metadata import status_message
from inspector.views.headers import SOURCE_TONES
from inspector.views.spans import GAP, Line, Span, Tone
from inspector.views.text import clean, more_characters

LONGEST: Final = 1_000
"""Characters of a header's value that the follow view shows; the Frame tab shows all."""

_COLON: Final = Span(": ", Tone.DIM)
_EMPTY: Final = Span("(empty)", Tone.DIM)


def header_lines(frame: Frame, longest: int = LONGEST, *, is_raw: bool = False) -> tuple[Line, ...]:
    """A line for each header of a frame: its name, its value, and how that is known where it was not plainly read.

    A `grpc-message` is percent-decoded (gRPC over HTTP/2, Responses) unless it is asked for as it was sent.
    """
    sources, notes = dict(frame.header_sources), dict(frame.header_notes)
    headers = frame.headers or ()
    if not is_raw:
        headers = tuple((name, status_message(value) if name == "grpc-message" else value) for name, value in headers)
    return tuple(
        Line(
            (
                Span(clean(name) or "?", Tone.KEY),
                _COLON,
                *_value(name, value, sources.get(index), notes.get(index), longest),
            )
        )
        for index, (name, value) in enumerate(headers)
    )


def _value(
    name: str, value: str, source: HeaderSource | None, note: HeaderNote | None, longest: int
) -> tuple[Span, ...]:
    if source is not None:
        shown = Span(clean(value[:longest]), SOURCE_TONES[source], (name,)) if value else _unread(source)
        known = f"({source}: {note.reason})" if note else f"({source})"
        return (shown, GAP, Span(clean(known), SOURCE_TONES[source]))
    if not value:
        return (_EMPTY,)
    if name == "grpc-status":
        return _status(value)
    if len(value) <= longest:
        return (Span(clean(value), headers=(name,)),)
    # How much longer it is belongs to the value too: a masked one does not tell its length.
    more = Span(more_characters(value, longest), Tone.DIM, (name,))
    return (Span(clean(value[:longest]), headers=(name,)), more)


def _unread(source: HeaderSource) -> Span:
    return Span("?", SOURCE_TONES[source])


def _status(value: str) -> tuple[Span, ...]:
    if not (value.isascii() and value.isdigit() and len(value) < 10):
        return (Span(clean(value), Tone.ERROR),)
    status = Status.of(int(value))
    tone = Tone.OK if status.code == 0 else Tone.ERROR
    return (Span(value, tone), GAP, Span(status.name, tone))
