"""Reads facts of a call from its headers and messages: its method, its content types, the details of its status.

A method that the wire does not name is guessed from the schema if exactly one has types that fit all messages. The
guess is marked as one; with several candidates nothing is guessed. What was read or recovered from headers always wins.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from itertools import islice
from typing import Any, Final, NamedTuple

from inspector.http2 import framings
from inspector.model.call import MAX_SHARING_TRIED, Call, Message, MethodSource
from inspector.model.frame import Side
from inspector.model.retained_list import RetainedList
from inspector.schema.catalog import GREET_ORIGIN, Catalog, Method, short_name
from inspector.schema.decode import STATUS_DETAILS_HEADER, read_status
from inspector.schema.typed import fits
from inspector.text import clean, shortened

_MESSAGES_TRIED: Final = 8
"""Messages of each side that a guess is made from."""
_LONGEST_TRIED: Final = 65_536
"""Bytes; longer messages are not tried."""


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
    # Calls whose `:path` is the same unknown HPACK entry have the same method, which must fit all of them.
    fitting = [found for each in (call, *call.same_method[:MAX_SHARING_TRIED]) if (found := _fitting(each, catalog))]
    candidates = tuple(path for path in fitting[0] if all(path in found for found in fitting)) if fitting else ()
    if len(candidates) == 1:
        return MethodName(candidates[0], MethodSource.GUESSED)
    return MethodName(None, None, candidates)


def _fitting(call: Call, catalog: Catalog) -> tuple[str, ...]:
    """Return the paths of the methods whose types fit a call's messages."""
    requests, responses = _samples(call.requests), _samples(call.responses)
    if not (any(requests) or any(responses)):
        return ()  # an empty message fits every type
    return _candidates(catalog, catalog.revision, requests, responses)


def content_type(call: Call, side: Side) -> str | None:
    """Return the content type that a side declares; for a server that declares none, that of the request."""
    request, response = call.request_headers, call.response_headers or call.trailers
    blocks = (request,) if side is Side.CLIENT else (response, request)
    return next((found for block in blocks if block and (found := block.first("content-type"))), None)


def is_grpc(call: Call, side: Side) -> bool:
    """Return False if a side declares that its body has no gRPC framing; Connect streams have the same framing."""
    declared = content_type(call, side)
    return framings.framing_of(declared).has_messages


def _samples(messages: RetainedList[Message]) -> tuple[bytes, ...]:
    found = (each.data for each in islice(messages, _MESSAGES_TRIED))
    return tuple(data for data in found if data is not None and len(data) <= _LONGEST_TRIED)


@lru_cache(maxsize=512)
def _candidates(
    catalog: Catalog, _revision: int, requests: tuple[bytes, ...], responses: tuple[bytes, ...]
) -> tuple[str, ...]:
    # The schema of the built-in greet service is always loaded, so it would fit calls of other services by chance.
    named = ((path, method) for path, method in catalog.methods.items() if method.origin != GREET_ORIGIN)
    return tuple(path for path, method in named if _fits(catalog, method, requests, responses))


def _fits(catalog: Catalog, method: Method, requests: tuple[bytes, ...], responses: tuple[bytes, ...]) -> bool:
    sent = catalog.message_class(method.request_type, method.origin)
    returned = catalog.message_class(method.response_type, method.origin)
    if sent is None or returned is None:
        return False
    return all(fits(sent, data) for data in requests) and all(fits(returned, data) for data in responses)


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
