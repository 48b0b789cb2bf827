"""Records a call on the client's side, where its frames cannot be read on the wire, and formats that trace as lines.

It has messages, metadata and status as the client library reports them, and no frames. Its memory can be limited, as
a stream may go on for days.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from inspector.client.active_call import Outcome
from inspector.client.options import Metadata
from inspector.model.frame import Side
from inspector.present.follow import EXCERPT, Shown, body
from inspector.present.headers import lines_of_details
from inspector.present.spans import ARROWS, SIDE_TONES, Line, Span, Tone
from inspector.schema.catalog import Catalog, Method
from inspector.schema.decode import STATUS_DETAILS_HEADER, Format, Reading, read_bytes
from inspector.text import clean, counted, duration, size

WHY: Final = "The call went over TLS, so its frames cannot be read on the wire. This is the trace of the client."
_BODY_INDENT: Final = 2
"""Steps of indent from a title to the lines below."""


class TracedMessage(NamedTuple):
    """A message that was sent or received."""

    side: Side
    message: bytes
    time: float


@dataclass(slots=True, eq=False)
class ClientTrace:
    """The messages and the outcome of one call."""

    catalog: Catalog
    method: Method
    target: str
    metadata: Metadata = ()
    limit: int | None = None
    """Bytes of messages to keep, the latest; None for all."""
    passed: list[TracedMessage] = field(default_factory=list)
    left_out: int = 0
    """The number of messages that were dropped to keep the limit."""
    taken_back: int = 0
    """The number of messages that turned out not to be sent."""
    started: float = field(default_factory=time.time)
    outcome: Outcome | None = None
    _kept: int = 0

    def note(self, side: Side, message: bytes) -> TracedMessage:
        """Record a message."""
        traced = TracedMessage(side, message, time.time())
        self.passed.append(traced)
        self._kept += len(message)
        while self.limit is not None and self._kept > self.limit and len(self.passed) > 1:
            self._kept -= len(self.passed.pop(0).message)
            self.left_out += 1
        return traced

    def take_back(self, traced: TracedMessage) -> None:
        """Remove a message that was not sent, as the call had ended."""
        if traced in self.passed:
            self.passed.remove(traced)
            self.taken_back += 1

    def beginning(self) -> Iterator[Line]:
        """Yield the method, the target and the metadata."""
        title = Span(f"{ARROWS[Side.CLIENT]} {clean(self.method.path)}", SIDE_TONES[Side.CLIENT])
        yield Line((title, Span(f"   {self.target}", Tone.DIM)))
        yield from metadata_lines(self.metadata, _BODY_INDENT)
        if self.left_out:
            yield Line((Span(f"… {counted(self.left_out, 'earlier message')} not kept", Tone.WARN),))

    def message(self, traced: TracedMessage, shown: Shown = Shown()) -> Iterator[Line]:  # noqa: B008
        """Yield the lines of a message, as many and in the format that `shown` says."""
        side, indent = traced.side, _indent(traced.side)
        reading = self.reading(traced, EXCERPT, shown.form)
        name = clean(reading.type or reading.format)
        facts = f"   {size(len(traced.message))} message · +{duration(traced.time - self.started)}"
        yield Line((Span(f"{ARROWS[side]} {name}", SIDE_TONES[side]), Span(facts, Tone.DIM)), indent)
        for each in body(reading, shown, len(traced.message)):
            yield Line(each.spans, each.indent + indent + _BODY_INDENT)

    def reading(self, traced: TracedMessage, limit: int | None = None, form: Format | None = None) -> Reading:
        """Return a decoded message."""
        type_name = self.method.type_from(traced.side)
        return read_bytes(traced.message, type_name, self.catalog, limit=limit, form=form, origin=self.method.origin)

    def ending(self) -> Iterator[Line]:
        """Yield status, headers, trailers and status details; nothing while the call is open."""
        if (outcome := self.outcome) is None:
            return
        status, indent = outcome.status, _indent(Side.SERVER)
        message = f"  {clean(status.message)}" if status.message else ""
        name = Span(f"{ARROWS[Side.SERVER]} {clean(status.name)}", Tone.ERROR if status.code else Tone.OK)
        yield Line((name, Span(message), Span(f"   +{duration(outcome.seconds)}", Tone.DIM)), indent)
        rich = outcome.rich(self.catalog)
        trailers = tuple(each for each in outcome.trailers if rich is None or each[0] != STATUS_DETAILS_HEADER)
        for title, metadata in (("headers", outcome.initial), ("trailers", trailers)):
            if metadata:
                yield Line((Span(title, Tone.DIM),), indent + 1)
                yield from metadata_lines(metadata, indent + _BODY_INDENT)
        for each in lines_of_details(rich) if rich else ():
            yield Line(each.spans, each.indent + indent + 1)


def metadata_lines(metadata: Metadata, indent: int) -> Iterator[Line]:
    """Yield a line for each pair."""
    for name, value in metadata:
        yield Line((Span(f"{clean(name)}: ", Tone.KEY), Span(clean(shown_value(value)), headers=(name,))), indent)


def shown_value(value: str | bytes) -> str:
    """Return a value of metadata as text, bytes as base64."""
    return value if isinstance(value, str) else base64.b64encode(value).decode()


def _indent(side: Side) -> int:
    """Return the indent of a side; what the server sent is indented."""
    return 0 if side is Side.CLIENT else 1
