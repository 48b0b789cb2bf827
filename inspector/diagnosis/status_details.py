"""The details that a service puts beside the status of a failed call, decoded and in a few words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from inspector.model.call import Call
from inspector.schema.catalog import Catalog, short_name
from inspector.schema.decode import STATUS_DETAILS_HEADER, read_status
from inspector.text import clean, shortened

_MOST: Final = 5


_LONGEST: Final = 200


def status_details(call: Call, catalog: Catalog) -> list[object] | None:
    """The details of a call's status, JSON-ready; None where its trailers have none."""
    value = call.trailers.first(STATUS_DETAILS_HEADER) if call.trailers else None
    found = read_status(value, catalog) if value else None
    return None if found is None else list(found.details)


def details_in_short(details: list[object]) -> str:
    """What details say in a few words: their types, with reasons, fields and pauses; safe to look at."""
    return clean(shortened(", ".join(map(_in_short, details[:_MOST])), _LONGEST))


def _in_short(detail: object) -> str:
    name = type_name_of(detail)
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


def type_name_of(detail: object) -> str:
    """Return the short name of a detail's type."""
    url = detail.get("@type") if isinstance(detail, dict) else None
    return short_name(str(url).rpartition("/")[2]) if url else "of no type"
