"""Drafts from what is there already: a text in the box as JSON to be edited, a captured call to be sent again."""

from __future__ import annotations

import json
from dataclasses import replace

from inspector.client.running_call import TAKES_ONE
from inspector.errors import RequestError
from inspector.model.call import Call, CallKind
from inspector.schema.catalog import Catalog, Method
from inspector.schema.payload import Format, read_bytes
from inspector.schema.request import build
from inspector.schema.untyped import untyped_text
from inspector.ui.call_settings import Settings
from inspector.ui.draft import Draft, json_text
from inspector.views.as_sent import as_sent

_INDENT = 2
_KINDS = {
    (False, False): CallKind.UNARY,
    (True, False): CallKind.CLIENT_STREAMING,
    (False, True): CallKind.SERVER_STREAMING,
    (True, True): CallKind.BIDI_STREAMING,
}
"""By whether there are several requests, and several replies."""


def as_json(draft: Draft, method: Method, catalog: Catalog) -> Draft:
    """The draft with its text as indented JSON, where it is one message on one line; else as it is."""
    text = draft.text
    if not text.strip() or "\n" in text:
        return draft
    try:
        if text.lstrip().startswith("{"):
            return replace(draft, text=json_text(json.loads(text), _INDENT))
        return replace(draft, text=_message_text(build(text, method, catalog), method, catalog))
    except (RequestError, ValueError, RecursionError):
        return draft


def draft_of_call(call: Call, catalog: Catalog, target: str) -> Draft:
    """What the client of a captured call sent, to be sent to `target`; RequestError where it is not known well enough.

    What the client library and HTTP/2 write by themselves is left out, the authority of the target too.
    """
    sent = as_sent(call, catalog)
    method = catalog.method(sent.path)
    texts = [_message_text(message, method, catalog) for message in sent.messages]
    if method is not None and method.kind in TAKES_ONE and len(texts) > 1:
        raise RequestError(f"This call has {len(texts)} messages, and its method takes one.")
    authority = sent.authority if sent.authority and _host(sent.authority) != _host(target) else None
    if authority is not None and not (authority.isascii() and authority.isprintable()):
        raise RequestError("The authority of this call cannot be sent.")
    options = sent.options
    settings = Settings(options.metadata, options.deadline, options.deadline is None, authority)
    settings = replace(settings, is_compressed=options.is_compressed)
    kind = None if method is not None else seen_kind(call)
    return Draft(sent.path, "\n".join(texts), settings, kind)


def seen_kind(call: Call) -> CallKind:
    """The kind of call that a captured one can have been, the simplest first."""
    several = len(call.requests) > 1, len(call.responses) > 1
    return _KINDS[several]


def _message_text(message: bytes, method: Method | None, catalog: Catalog) -> str:
    if method is not None and method.request_type:
        reading = read_bytes(message, method.request_type, catalog, origin=method.origin)
        if reading.format is Format.PROTOBUF and reading.complete:
            return json_text(reading.value, _INDENT)
        raise RequestError(f"A message of this call is no {method.request_name}.", reading.reason)
    return json_text(json.loads(text), _INDENT) if (text := untyped_text(message)).startswith("{") else text


def _host(address: str) -> str:
    return address.rpartition(":")[0] or address
