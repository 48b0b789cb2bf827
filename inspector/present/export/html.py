"""The follow view of a call as one HTML page that needs nothing else: for a report, or a colleague without a terminal.

Text from the wire is escaped, always; the page runs nothing and loads nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from html import escape
from typing import Final

from inspector.model.frame import Side
from inspector.model.secrets import NO_MASK, Mask
from inspector.present.export.text import masked_line, masked_step
from inspector.present.follow import PRINTED, Follow
from inspector.present.spans import Line, Span, Tone

_COLOURS: Final[Mapping[Tone, str]] = {
    Tone.DIM: "color:#6b7280",
    Tone.CLIENT: "color:#b45309",
    Tone.SERVER: "color:#0369a1",
    Tone.OK: "color:#15803d",
    Tone.ERROR: "color:#b91c1c",
    Tone.WARN: "color:#a16207",
    Tone.KEY: "color:#7e22ce",
    Tone.STRING: "color:#15803d",
    Tone.NUMBER: "color:#9a3412",
    Tone.KEYWORD: "color:#1d4ed8",
    Tone.PREFIX: "color:#7e22ce",
    Tone.RECOVERED: "font-style:italic",
    Tone.GUESSED: "color:#a16207;font-style:italic",
    Tone.DOUBTFUL: "color:#a16207;text-decoration:underline",
    Tone.UNKNOWN: "color:#b91c1c;font-style:italic",
}
_HEAD: Final = """\
<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
body {{ font: 14px/1.5 monospace; margin: 2em; color: #111827; background: #fff }}
p {{ margin: 0; white-space: pre-wrap; overflow-wrap: anywhere }}
section {{ margin: 1em 0; padding-left: 1em; border-left: 3px solid #b45309 }}
section.server {{ margin-left: 3em; border-color: #0369a1 }}
section > p:first-child {{ font-weight: bold }}
{tones}
</style></head><body>
"""


def follow_page(view: Follow, mask: Mask = NO_MASK) -> Iterator[str]:
    """Yield the lines of the page, with the secrets of the call masked."""
    tones = "\n".join(f".{tone} {{ {look} }}" for tone, look in _COLOURS.items())
    yield _HEAD.format(title=escape(f"Call {view.key}"), tones=tones)
    yield _paragraph(view.heading())
    for note in view.notes():
        yield _line(masked_line(note, mask))
    for index in range(len(view)):
        step = masked_step(view.step(index, PRINTED), mask)
        yield f'<section class="{"client" if step.side is Side.CLIENT else "server"}">'
        yield _paragraph((*step.title, Span("   "), *step.facts))
        yield from (_line(line) for line in step.body)
        yield "</section>"
    yield "</body></html>"


def _line(line: Line) -> str:
    return _paragraph(line.spans, line.indent + 1)


def _paragraph(spans: Iterable[Span], indent: int = 0) -> str:
    words = "".join(_span(span) for span in spans)
    return f'<p style="padding-left:{indent * 2}ch">{words or "&nbsp;"}</p>'


def _span(span: Span) -> str:
    text = escape(span.text)
    return text if span.tone is Tone.PLAIN else f'<span class="{span.tone}">{text}</span>'
