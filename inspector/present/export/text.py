"""Exports rows and follow views as text, with ANSI colours, or as an HTML page, with secrets masked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from html import escape
from typing import Final

from inspector.model.call import Call
from inspector.model.frame import Side
from inspector.model.secrets import NO_MASK, Mask, Secrets
from inspector.present.columns import ColumnTable, Printed
from inspector.present.follow import PRINTED, Follow, Step
from inspector.present.spans import Line, Span, Tone, plain


def masked_spans(spans: Iterable[Span], mask: Mask) -> Iterator[Span]:
    """Yield spans with secrets masked; adjacent spans of the same secret become one."""
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
"""SGR codes. Only the eight basic colours are used, which every theme of a terminal makes readable."""


def painted(spans: Iterable[Span], *, colour: bool) -> str:
    """Return spans as text, with ANSI colours if `colour`."""
    if not colour:
        return plain(spans)
    return "".join(_paint(span) for span in spans)


def _paint(span: Span) -> str:
    code = _ANSI.get(span.tone)
    return span.text if code is None or not span.text else f"\x1b[{code}m{span.text}\x1b[0m"


def heading_line(table: ColumnTable) -> str:
    """Return the titles of a table, for above the lines of its rows."""
    return _aligned((printed.title or "", printed.title or "", printed) for _, printed in table.printed)


def row_line(table: ColumnTable, row: object, *, colour: bool = False) -> str:
    """Return a row as a line of text, with ANSI colours if `colour`."""
    return _aligned(_cells(table, row, colour=colour))


def _cells(table: ColumnTable, row: object, *, colour: bool) -> Iterator[tuple[str, str, Printed]]:
    for cell, printed in table.printed:
        spans = cell(row)
        text = plain(spans)
        yield text, printed.label.format(painted(spans, colour=True) if colour else text), printed


def _aligned(cells: Iterable[tuple[str, str, Printed]]) -> str:
    """Join cells: the text of each, which decides on its width, the same with its colours, and its layout."""
    line = ""
    for text, shown, printed in cells:
        if text or printed.width:
            padding = " " * (printed.width - len(text))
            line += printed.gap if line else ""
            line += padding + shown if printed.right else shown + padding
    return line.rstrip()


def follow_lines(view: Follow, *, colour: bool = False, mask: Mask = NO_MASK) -> Iterator[str]:
    """Yield the lines of a whole follow view with its secrets masked."""
    yield painted(view.heading(), colour=colour)
    for note in view.notes():
        yield text_line(note, colour=colour, mask=mask)
    for index in range(len(view)):
        yield from step_lines(masked_step(view.step(index, PRINTED), mask), colour=colour)


def step_lines(step: Step, *, colour: bool = False) -> Iterator[str]:
    """Yield the lines of a step after an empty line; what the server sent is indented."""
    before = "" if step.side is Side.CLIENT else _INDENT
    yield ""
    yield before + painted((*step.title, Span("   "), *step.facts), colour=colour)
    for line in step.body:
        yield before + _INDENT * 2 + text_line(line, colour=colour)


def text_line(line: Line, *, colour: bool = False, mask: Mask = NO_MASK) -> str:
    """Return an indented line of a view with its secrets masked."""
    return _INDENT * line.indent + painted(masked_line(line, mask).spans, colour=colour)


_CSS: Final[Mapping[Tone, str]] = {
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
_HTML_HEAD: Final = """\
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
    """Yield the lines of an HTML page of a call, with its secrets masked.

    The page loads and runs nothing, and all text from the wire is escaped.
    """
    tones = "\n".join(f".{tone} {{ {look} }}" for tone, look in _CSS.items())
    yield _HTML_HEAD.format(title=escape(f"Call {view.key}"), tones=tones)
    yield _html_paragraph(view.heading())
    for note in view.notes():
        yield _html_line(masked_line(note, mask))
    for index in range(len(view)):
        step = masked_step(view.step(index, PRINTED), mask)
        yield f'<section class="{"client" if step.side is Side.CLIENT else "server"}">'
        yield _html_paragraph((*step.title, Span("   "), *step.facts))
        yield from (_html_line(line) for line in step.body)
        yield "</section>"
    yield "</body></html>"


def _html_line(line: Line) -> str:
    return _html_paragraph(line.spans, line.indent + 1)


def _html_paragraph(spans: Iterable[Span], indent: int = 0) -> str:
    content = "".join(_html_span(span) for span in spans)
    return f'<p style="padding-left:{indent * 2}ch">{content or "&nbsp;"}</p>'


def _html_span(span: Span) -> str:
    text = escape(span.text)
    return text if span.tone is Tone.PLAIN else f'<span class="{span.tone}">{text}</span>'
