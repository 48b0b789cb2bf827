"""Text with a tone: what every view is made of, for both front ends.

A tone is not a colour: each front end maps it to a style of its own. Text from the wire passes `text.clean` before it
becomes a span.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final, NamedTuple

from inspector.model.frame import Side


class Tone(StrEnum):
    """The role of a piece of text, from which a front end derives its style."""

    PLAIN = "plain"
    DIM = "dim"
    """Secondary information: facts beside a title, field names of a message on one line."""
    CLIENT = "client"
    SERVER = "server"
    OK = "ok"
    ERROR = "error"
    WARN = "warn"
    KEY = "key"
    """The name of a header or a field."""
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
    """A piece of text with a tone. It is drawn as it is, never interpreted as markup."""

    text: str
    tone: Tone = Tone.PLAIN
    headers: tuple[str, ...] = ()
    """The names of the headers whose values the text shows, so that exports can mask those of secrets."""


class Line(NamedTuple):
    """One line of a view; `indent` counts steps of two columns."""

    spans: tuple[Span, ...] = ()
    indent: int = 0

    @property
    def text(self) -> str:
        """The line without its tones and indent."""
        return plain(self.spans)


SIDE_TONES: Final = {Side.CLIENT: Tone.CLIENT, Side.SERVER: Tone.SERVER}
ARROWS: Final = {Side.CLIENT: "→", Side.SERVER: "←"}
"""Tell the two sides apart without colour."""

GAP: Final = Span("  ")
DOT: Final = Span(" · ", Tone.DIM)


def plain(spans: Iterable[Span]) -> str:
    """Return the text of spans without their tones."""
    return "".join(span.text for span in spans)


def joined(parts: Iterable[tuple[Span, ...]], between: Span = GAP) -> tuple[Span, ...]:
    """Return the parts that are not empty, with a separator between them."""
    spans: list[Span] = []
    for part in parts:
        if part:
            spans.extend((between, *part) if spans else part)
    return tuple(spans)


def dotted(facts: Iterable[str]) -> tuple[Span, ...]:
    """Return facts as subdued text: `packet 14 · 78 B`; empty ones are left out."""
    return (Span(text, Tone.DIM),) if (text := " · ".join(fact for fact in facts if fact)) else ()
