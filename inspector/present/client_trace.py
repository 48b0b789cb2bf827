"""The client's own account of a call whose frames cannot be read on the wire: messages, metadata and status, as lines.

Speaks as the client library has it, and never of frames; says of itself that it is no more than that. Both front ends
note in it what passes. Bounded where asked: a stream may go on for days.
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

WHY: Final = "The call went over TLS, so its frames are not to be read on the wire: this is what the client says of it."
_REST: Final = 2
"""Steps of indent between a title and what stands below it."""


class TracedMessage(NamedTuple):
    """A message that passed."""

    side: Side
    message: bytes
    time: float


@dataclass(slots=True, eq=False)
class ClientTrace:
    """What passed in one call."""

    catalog: Catalog
    method: Method
    target: str
    metadata: Metadata = ()
    most: int | None = None
    """Bytes of messages that are kept, the latest; None for all."""
    passed: list[TracedMessage] = field(default_factory=list)
    left_out: int = 0
    """Messages that are kept no more."""
    taken_back: int = 0
    """Messages that did not pass after all."""
    started: float = field(default_factory=time.time)
    outcome: Outcome | None = None
    _kept: int = 0

    def note(self, side: Side, message: bytes) -> TracedMessage:
        """A message passes."""
        passed = TracedMessage(side, message, time.time())
        self.passed.append(passed)
        self._kept += len(message)
        while self.most is not None and self._kept > self.most and len(self.passed) > 1:
            self._kept -= len(self.passed.pop(0).message)
            self.left_out += 1
        return passed

    def take_back(self, passed: TracedMessage) -> None:
        """A message did not pass after all: the call was over."""
        if passed in self.passed:
            self.passed.remove(passed)
            self.taken_back += 1

    def beginning(self) -> Iterator[Line]:
        """Which call it is, and its metadata."""
        title = Span(f"{ARROWS[Side.CLIENT]} {clean(self.method.path)}", SIDE_TONES[Side.CLIENT])
        yield Line((title, Span(f"   {self.target}", Tone.DIM)))
        yield from metadata_lines(self.metadata, _REST)
        if self.left_out:
            yield Line((Span(f"… {counted(self.left_out, 'earlier message')} not kept", Tone.WARN),))

    def message(self, passed: TracedMessage, shown: Shown = Shown()) -> Iterator[Line]:  # noqa: B008
        """A message, in the likeliest form or in the one asked for; what is longer is cut."""
        side, indent = passed.side, _indent(passed.side)
        reading = self.reading(passed, EXCERPT, shown.form)
        name = clean(reading.type or reading.format)
        facts = f"   {size(len(passed.message))} message · +{duration(passed.time - self.started)}"
        yield Line((Span(f"{ARROWS[side]} {name}", SIDE_TONES[side]), Span(facts, Tone.DIM)), indent)
        for each in body(reading, shown, len(passed.message)):
            yield Line(each.spans, each.indent + indent + _REST)

    def reading(self, passed: TracedMessage, limit: int | None = None, form: Format | None = None) -> Reading:
        """How a message reads."""
        type_name = self.method.type_from(passed.side)
        return read_bytes(passed.message, type_name, self.catalog, limit=limit, form=form, origin=self.method.origin)

    def ending(self) -> Iterator[Line]:
        """Status, headers, trailers and what the status' details say; nothing while the call runs."""
        if (outcome := self.outcome) is None:
            return
        status, indent = outcome.status, _indent(Side.SERVER)
        said = f"  {clean(status.message)}" if status.message else ""
        name = Span(f"{ARROWS[Side.SERVER]} {clean(status.name)}", Tone.ERROR if status.code else Tone.OK)
        yield Line((name, Span(said), Span(f"   +{duration(outcome.seconds)}", Tone.DIM)), indent)
        rich = outcome.rich(self.catalog)
        trailers = tuple(each for each in outcome.trailers if rich is None or each[0] != STATUS_DETAILS_HEADER)
        for words, metadata in (("headers", outcome.initial), ("trailers", trailers)):
            if metadata:
                yield Line((Span(words, Tone.DIM),), indent + 1)
                yield from metadata_lines(metadata, indent + _REST)
        for each in lines_of_details(rich) if rich else ():
            yield Line(each.spans, each.indent + indent + 1)


def metadata_lines(metadata: Metadata, indent: int) -> Iterator[Line]:
    """A line for each pair."""
    for name, value in metadata:
        yield Line((Span(f"{clean(name)}: ", Tone.KEY), Span(clean(shown_value(value)), headers=(name,))), indent)


def shown_value(value: str | bytes) -> str:
    """A value of metadata as text, bytes as base64."""
    return value if isinstance(value, str) else base64.b64encode(value).decode()


def _indent(side: Side) -> int:
    """What the server sent stands further to the right."""
    return 0 if side is Side.CLIENT else 1
