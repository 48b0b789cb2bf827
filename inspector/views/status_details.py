"""What a service says of a failed call beside its status: the details in the trailers, opened."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from inspector.model.call import Call
from inspector.model.frame import Frame
from inspector.model.status import Status
from inspector.schema.catalog import Catalog, short_name
from inspector.schema.payload import Format, Reading
from inspector.schema.rich_status import HEADER, RichStatus, read_status
from inspector.views.spans import Line, Span, Tone
from inspector.views.text import clean, counted, shortened
from inspector.views.values import pretty

_MOST: Final = 5
_LONGEST: Final = 200


def status_details(call: Call, catalog: Catalog) -> list[object] | None:
    """The details of a call's status, JSON-ready; None where its trailers have none."""
    value = call.trailers.first(HEADER) if call.trailers else None
    found = read_status(value, catalog) if value else None
    return None if found is None else list(found.details)


def details_in_short(details: list[object]) -> str:
    """What details say in a few words: their types, with reasons, fields and pauses; safe to look at."""
    return clean(shortened(", ".join(map(_in_short, details[:_MOST])), _LONGEST))


def _in_short(detail: object) -> str:
    name = _type_name(detail)
    values = detail if isinstance(detail, dict) else {}
    said = next((read(values) for key, read in _SHORT.items() if key in values), "")
    return f"{name} {said}".rstrip(" .")


def _first_violation(values: Mapping[str, Any]) -> str:
    found = [each for key in _VIOLATIONS for each in values.get(key) or () if isinstance(each, dict)]
    first = found[0] if found else {}
    return ": ".join(str(first[key]) for key in ("field", "subject", "description") if first.get(key))


_VIOLATIONS: Final = ("field_violations", "violations")
_SHORT: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "reason": lambda values: f"{values['reason']} ({values.get('domain') or 'no domain'})",
    "retry_delay": lambda values: str(values["retry_delay"]),
    "field_violations": _first_violation,
    "violations": _first_violation,
    "resource_name": lambda values: str(values["resource_name"]),
    "detail": lambda values: str(values["detail"]),
    "message": lambda values: str(values["message"]),
}
"""By a field of the types of google.rpc (google.aip.dev/193): what it says in a few words."""


def detail_lines(frame: Frame, catalog: Catalog) -> Iterator[Line]:
    """The details in a frame's own headers, a heading and pretty JSON for each; nothing where there are none."""
    value = frame.header(HEADER)
    found = read_status(value, catalog) if value else None
    if found is None:
        return
    yield Line((Span(f"status with {counted(len(found.details), 'detail')}", Tone.DIM), *_other_status(found, frame)))
    yield from lines_of_details(found)


def lines_of_details(status: RichStatus) -> Iterator[Line]:
    """A heading and pretty JSON for each detail."""
    for each in status.details:
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
