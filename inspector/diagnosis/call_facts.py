"""Reads facts of a call from its headers and messages: its method, its content types, the details of its status.

A method that the wire does not name may be guessed from the schema. The guess is marked as one; with several candidates
nothing is guessed. What was read or recovered from headers always wins.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from inspector.diagnosis.method_inference import infer_method
from inspector.http2 import framings
from inspector.model.call import Call, MethodSource
from inspector.model.frame import Side
from inspector.schema.catalog import Catalog, short_name
from inspector.schema.decode import STATUS_DETAILS_HEADER, read_status
from inspector.text import clean, shortened


class MethodName(NamedTuple):
    """A call's method and how it is known, or the candidates for it."""

    method: str | None
    source: MethodSource | None
    candidates: tuple[str, ...] = ()


def method_name(call: Call, catalog: Catalog) -> MethodName:
    """Return the method of a call: from the wire, from recovered headers, or guessed from the schema."""
    if call.method is not None:
        return MethodName(call.method, call.method_source)
    if not is_grpc(call, Side.CLIENT):
        return MethodName(None, None)  # only gRPC has methods
    inferred = infer_method(call, catalog)
    if inferred.guess is not None:
        return MethodName(inferred.guess, MethodSource.GUESSED)
    return MethodName(None, None, inferred.candidates)


def content_type(call: Call, side: Side) -> str | None:
    """Return the content type that a side declares; for a server that declares none, that of the request."""
    request, response = call.request_headers, call.response_headers or call.trailers
    blocks = (request,) if side is Side.CLIENT else (response, request)
    return next((found for block in blocks if block and (found := block.first("content-type"))), None)


def is_grpc(call: Call, side: Side) -> bool:
    """Return False if a side declares that its body has no gRPC framing; Connect streams have the same framing."""
    declared = content_type(call, side)
    return framings.framing_of(declared).has_messages


_MAX_DETAILS: Final = 5
_MAX_LENGTH: Final = 200
"""Characters of all details together."""


def status_details(call: Call, catalog: Catalog) -> list[object] | None:
    """Return the details of a call's status (google.rpc.Status) as JSON values; None if its trailers have none."""
    value = call.trailers.first(STATUS_DETAILS_HEADER) if call.trailers else None
    found = read_status(value, catalog) if value else None
    return None if found is None else list(found.details)


def details_in_short(details: list[object]) -> str:
    """Return a summary of details, safe to display: their types with reason, field or retry delay."""
    return clean(shortened(", ".join(map(_in_short, details[:_MAX_DETAILS])), _MAX_LENGTH))


def _in_short(detail: object) -> str:
    name = type_name_of(detail)
    values = detail if isinstance(detail, dict) else {}
    summary = next((read(values) for key, read in _SUMMARIES.items() if key in values), "")
    return f"{name} {summary}".rstrip(" .")


def _first_violation(values: Mapping[str, Any]) -> str:
    found = [each for key in _VIOLATIONS for each in values.get(key) or () if isinstance(each, dict)]
    first = found[0] if found else {}
    return ": ".join(str(first[key]) for key in ("field", "subject", "description") if first.get(key))


_VIOLATIONS: Final = ("field_violations", "violations")


_SUMMARIES: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "reason": lambda values: f"{values['reason']} ({values.get('domain') or 'no domain'})",
    "retry_delay": lambda values: str(values["retry_delay"]),
    "field_violations": _first_violation,
    "violations": _first_violation,
    "resource_name": lambda values: str(values["resource_name"]),
    "detail": lambda values: str(values["detail"]),
    "message": lambda values: str(values["message"]),
}
"""How to summarise a detail, by the field that it has (google/rpc/error_details.proto)."""


def type_name_of(detail: object) -> str:
    """Return the name of a detail's type without its package."""
    url = detail.get("@type") if isinstance(detail, dict) else None
    return short_name(str(url).rpartition("/")[2]) if url else "of no type"
