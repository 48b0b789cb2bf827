"""What ends a body of gRPC-Web or Connect: trailers, drawn as those of HTTP/2 are, and what else it tells.

So they are masked as headers are, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec

from inspector.diagnosis.method_names import content_type
from inspector.http2.framings import Base64Body, framing_of
from inspector.model.call import PREFIX_LENGTH, Call
from inspector.model.frame import Frame, Header, Side
from inspector.present.headers import header_lines
from inspector.present.messages import compact, pretty
from inspector.present.spans import Line, Span, Tone, joined
from inspector.schema.catalog import Catalog
from inspector.schema.decode import Reading, read_bytes
from inspector.text import clean, shortened

IN_BODY: Final = "trailers in the body"
_EXCERPT: Final = 65_536
"""Bytes of it that are read."""
_MOST: Final = 200
"""Trailers that are shown of one body."""
_LONGEST: Final = 200
"""Characters of a value in a row; more than the widest terminal shows."""


class BodyEnd(NamedTuple):
    """What the end of a body holds."""

    trailers: tuple[Header, ...]
    rest: bytes
    """What else it tells: the error of Connect, as JSON, or bytes that are no trailers."""

    def _reading(self, catalog: Catalog) -> Reading | None:
        return read_bytes(self.rest, None, catalog, limit=_EXCERPT) if self.rest else None

    def lines(self, frame: Frame, catalog: Catalog) -> Iterator[Line]:
        """Yield the lines of the frame that ends with it."""
        shown = self.trailers[:_MOST]
        yield from header_lines(msgspec.structs.replace(frame, headers=shown, header_sources=(), header_notes=()))
        if (reading := self._reading(catalog)) is not None:
            yield from pretty(reading)

    def spans(self, catalog: Catalog) -> tuple[Span, ...]:
        """Return all of it on one line."""
        pairs = [
            (Span(f"{clean(name)}: ", Tone.DIM), Span(clean(shortened(value, _LONGEST)), headers=(name,)))
            for name, value in self.trailers[:_MOST]
        ]
        reading = self._reading(catalog)
        return joined((*pairs, () if reading is None else compact(reading, _LONGEST)))


def body_end(call: Call, side: Side, frame: Frame) -> BodyEnd | None:
    """What ends a body of gRPC-Web or Connect, where that fills a frame; None for every other frame."""
    framing, payload = framing_of(content_type(call, side)), frame.payload
    if not framing.end_flag or not payload:
        return None
    if framing.is_base64:
        payload = Base64Body().feed(payload)
    is_such = len(payload) >= PREFIX_LENGTH and payload[0] == framing.end_flag
    if not is_such or int.from_bytes(payload[1:PREFIX_LENGTH], "big") != len(payload) - PREFIX_LENGTH:
        return None
    body = payload[PREFIX_LENGTH:]
    end = framing.read_end(body)
    return BodyEnd(() if end is None else end.trailers.headers, framing.rest_of_end(body))
