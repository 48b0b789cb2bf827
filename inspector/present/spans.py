"""Text with a meaning: what a row or a line says, and in which tone.

Owns the few words in which every view speaks to both front ends. Knows no colours: a front end maps a tone to a style
of its theme, or to nothing. Text that came from the wire has been through `text.clean` before it is a span.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final, NamedTuple

from inspector.model.frame import Side


class Tone(StrEnum):
    """What a piece of text is, for whoever draws it."""

    PLAIN = "plain"
    DIM = "dim"
    """What may be overlooked: facts beside the matter, keys of a one-line message."""
    CLIENT = "client"
    SERVER = "server"
    OK = "ok"
    ERROR = "error"
    WARN = "warn"
    KEY = "key"
    """A header's name or a field's name."""
    STRING = "string"
    NUMBER = "number"
    KEYWORD = "keyword"
    """true, false, null, and enum values."""
    PREFIX = "prefix"
    """The five bytes in front of a gRPC message."""
    RECOVERED = "recovered"
    GUESSED = "guessed"
    DOUBTFUL = "doubtful"
    UNKNOWN = "unknown"


class Span(NamedTuple):
    """A piece of text that is drawn as it stands, never read as markup."""

    text: str
    tone: Tone = Tone.PLAIN
    headers: tuple[str, ...] = ()
    """The names of the headers whose values the text shows; `masking` hides those of secrets."""


class Line(NamedTuple):
    """One line of a view; `indent` counts steps, of two columns each in the front ends so far."""

    spans: tuple[Span, ...] = ()
    indent: int = 0

    @property
    def text(self) -> str:
        """The line without its tones and indent."""
        return plain(self.spans)


SIDE_TONES: Final = {Side.CLIENT: Tone.CLIENT, Side.SERVER: Tone.SERVER}
ARROWS: Final = {Side.CLIENT: "→", Side.SERVER: "←"}
"""Requests go right, replies come back: the two sides differ without colour too."""

GAP: Final = Span("  ")
DOT: Final = Span(" · ", Tone.DIM)


def plain(spans: Iterable[Span]) -> str:
    """The text of spans, without their tones."""
    return "".join(span.text for span in spans)


def joined(parts: Iterable[tuple[Span, ...]], between: Span = GAP) -> tuple[Span, ...]:
    """The parts that say something, with a separator between each two."""
    spans: list[Span] = []
    for part in parts:
        if part:
            spans.extend((between, *part) if spans else part)
    return tuple(spans)


def dotted(facts: Iterable[str]) -> tuple[Span, ...]:
    """Facts beside the matter: `packet 14 · 78 B`; empty ones are left out."""
    return (Span(text, Tone.DIM),) if (text := " · ".join(fact for fact in facts if fact)) else ()
