"""Lines, steps and header blocks with their secrets masked, for text that leaves the screen.

`model.secrets` says what a secret is; here it is applied to what the other views draw. A view marks the spans that show
a header's value, and knows nothing of secrets.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from inspector.model.call import Call
from inspector.model.secrets import Mask, Secrets
from inspector.views.spans import Line, Span
from inspector.views.steps import Step


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
