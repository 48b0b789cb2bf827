"""Which method a call is of, where the wire did not say: a guess from the schema, or the candidates.

The one method whose types fit all messages of the stream is a guess and is marked as one; where several fit, none is
guessed and they are listed. What the wire or the header recovery said always wins.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import islice
from typing import Final, NamedTuple

from inspector.http2.framings import framing_of
from inspector.model.call import MAX_SHARING_TRIED, Call, Message, MethodSource
from inspector.model.frame import Side
from inspector.model.retained_list import RetainedList
from inspector.schema.catalog import GREET_ORIGIN, Catalog, Method
from inspector.schema.typed import fits

_MESSAGES_TRIED: Final = 8
_LONGEST_TRIED: Final = 65_536


class MethodName(NamedTuple):
    """A call's method, how it is known, and what it may be where it is not."""

    method: str | None
    source: MethodSource | None
    candidates: tuple[str, ...] = ()


def method_name(call: Call, catalog: Catalog) -> MethodName:
    """The method of a call as far as it can be told."""
    if call.method is not None:
        return MethodName(call.method, call.method_source)
    if not is_grpc(call, Side.CLIENT):
        return MethodName(None, None)  # what is not gRPC has no method
    # One placeholder, one method: it must fit all the calls that share it.
    fitting = [found for each in (call, *call.same_method[:MAX_SHARING_TRIED]) if (found := _fitting(each, catalog))]
    candidates = tuple(path for path in fitting[0] if all(path in found for found in fitting)) if fitting else ()
    if len(candidates) == 1:
        return MethodName(candidates[0], MethodSource.GUESSED)
    return MethodName(None, None, candidates)


def _fitting(call: Call, catalog: Catalog) -> tuple[str, ...]:
    """The methods whose types fit a call's messages."""
    requests, responses = _samples(call.requests), _samples(call.responses)
    if not (any(requests) or any(responses)):
        return ()  # an empty message fits every type, so it tells nothing
    return _candidates(catalog, catalog.revision, requests, responses)


def content_type(call: Call, side: Side) -> str | None:
    """The content type of what a side sends: what it announced, else what the request did."""
    request, response = call.request_headers, call.response_headers or call.trailers
    blocks = (request,) if side is Side.CLIENT else (response, request)
    return next((found for block in blocks if block and (found := block.first("content-type"))), None)


def is_grpc(call: Call, side: Side) -> bool:
    """False only where a side says that its body is something else; streams of Connect carry messages as gRPC's do."""
    return framing_of(content_type(call, side)).has_messages


def _samples(messages: RetainedList[Message]) -> tuple[bytes, ...]:
    found = (each.data for each in islice(messages, _MESSAGES_TRIED))
    return tuple(data for data in found if data is not None and len(data) <= _LONGEST_TRIED)


@lru_cache(maxsize=512)
def _candidates(
    catalog: Catalog, _revision: int, requests: tuple[bytes, ...], responses: tuple[bytes, ...]
) -> tuple[str, ...]:
    # The greet service's own schema is always there, so that it fits says nothing of somebody else's service.
    named = ((path, method) for path, method in catalog.methods.items() if method.origin != GREET_ORIGIN)
    return tuple(path for path, method in named if _takes(catalog, method, requests, responses))


def _takes(catalog: Catalog, method: Method, requests: tuple[bytes, ...], responses: tuple[bytes, ...]) -> bool:
    sent = catalog.message_class(method.request_type, method.origin)
    returned = catalog.message_class(method.response_type, method.origin)
    if sent is None or returned is None:
        return False
    return all(fits(sent, data) for data in requests) and all(fits(returned, data) for data in responses)
