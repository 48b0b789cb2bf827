"""What a service says of a failed call beside its status: the details in the trailers, opened."""

from __future__ import annotations

from collections.abc import Iterator

from inspector.model.call import Call
from inspector.model.frame import Frame
from inspector.model.status import Status
from inspector.schema.catalog import Catalog, short_name
from inspector.schema.payload import Format, Reading
from inspector.schema.rich_status import HEADER, RichStatus, read_status
from inspector.views.spans import Line, Span, Tone
from inspector.views.text import clean, counted
from inspector.views.values import pretty


def status_details(call: Call, catalog: Catalog) -> list[object] | None:
    """The details of a call's status, JSON-ready; None where its trailers have none."""
    value = call.trailers.first(HEADER) if call.trailers else None
    found = read_status(value, catalog) if value else None
    return None if found is None else list(found.details)


def detail_lines(frame: Frame, catalog: Catalog) -> Iterator[Line]:
    """The details in a frame's own headers, a heading and pretty JSON for each; nothing where there are none."""
    value = frame.header(HEADER)
    found = read_status(value, catalog) if value else None
    if found is None:
        return
    yield Line((Span(f"status with {counted(len(found.details), 'detail')}", Tone.DIM), *_other_status(found, frame)))
    for each in found.details:
        yield Line((Span(clean(_type_name(each)), Tone.KEY),), 1)
        reading = Reading(Format.PROTOBUF, _without_type(each), None, "")
        yield from (Line(line.spans, line.indent + 1) for line in pretty(reading))


def _other_status(found: RichStatus, frame: Frame) -> tuple[Span, ...]:
    """What it says of code and message, where that is not what the trailers say."""
    if f"{found.code}" == frame.header("grpc-status"):
        return ()
    return (Span(clean(f": {Status.of(found.code).name} {found.message}".rstrip()), Tone.WARN),)


def _type_name(detail: object) -> str:
    url = detail.get("@type") if isinstance(detail, dict) else None
    return short_name(str(url).rpartition("/")[2]) if url else "of no type"


def _without_type(detail: object) -> object:
    return {key: each for key, each in detail.items() if key != "@type"} if isinstance(detail, dict) else detail
