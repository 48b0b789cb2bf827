"""Drafts: requests as the user composes them, made from and turned into history entries and captured calls."""

from __future__ import annotations

import base64
import contextlib
import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from inspector.client.active_call import TAKES_ONE
from inspector.client.history import HistoryEntry, restored_settings, stored_settings
from inspector.client.options import CallSettings, ConnectionOptions, Metadata
from inspector.errors import RequestError
from inspector.model.call import Call, CallKind
from inspector.model.secrets import scheme_of
from inspector.present.client_trace import shown_value
from inspector.present.export.commands import resendable_call
from inspector.schema.catalog import Catalog, Method
from inspector.schema.decode import Format, read_bytes
from inspector.schema.encode import build
from inspector.schema.untyped import HEX, untyped_method, untyped_text

KIND_WORDS: Final = {
    CallKind.UNARY: "unary",
    CallKind.SERVER_STREAMING: "server stream",
    CallKind.CLIENT_STREAMING: "client stream",
    CallKind.BIDI_STREAMING: "bidi stream",
}


@dataclass(frozen=True, slots=True)
class Draft:
    """A request that is being composed, or was sent before."""

    path: str
    """The method as in `:path`."""
    text: str = ""
    """One message, or for a client-streaming method any number of JSON objects one after the other."""
    settings: CallSettings = field(default=CallSettings())
    kind: CallKind | None = None
    """The kind of a method without a schema."""


class MessageText(NamedTuple):
    """The text of one message, and where it starts in the whole text."""

    text: str
    start: int = 0


def message_texts(text: str, kind: CallKind) -> list[MessageText]:
    """Split a text into messages: one, or for client streaming one for each JSON object, hex word or line."""
    if kind in TAKES_ONE or not text.strip():
        return [MessageText(text)]
    messages, end = [], 0
    while (start := _next_value(text, end)) < len(text):
        end = _end_of_value(text, start)
        messages.append(MessageText(text[start:end], start))
    return messages


def method_of(draft: Draft, catalog: Catalog) -> Method:
    """Return the method of a draft as in the schema, else as one without a schema."""
    return catalog.method(draft.path) or untyped_method(draft.path, draft.kind or CallKind.UNARY)


def one_line(text: str) -> str:
    """Return a text for a box of one line: JSON without line breaks, other texts with spaces for them.

    Unprintable characters are escaped in JSON and replaced by spaces elsewhere, as an input would send them to the
    terminal.
    """
    if not text.lstrip().startswith("{"):
        return "".join(each if each.isprintable() else " " for each in _flat(text))
    try:
        return json_text(json.loads(text)) if "\n" in text else _escaped(text)
    except (ValueError, RecursionError):
        return _escaped(_flat(text))


def json_text(value: object, indent: int | None = None) -> str:
    """Return JSON with all unprintable characters escaped, so that it is safe on a terminal."""
    return _escaped(json.dumps(value, indent=indent, ensure_ascii=False))


def _escaped(text: str) -> str:
    return "".join(each if each.isprintable() or each == "\n" else json.dumps(each)[1:-1] for each in text)


def _flat(text: str) -> str:
    return re.sub(r"\s*[\r\n]\s*", " ", text)


def _next_value(text: str, start: int) -> int:
    match = re.compile(r"[\s,]*").match(text, start)
    return start if match is None else match.end()


def _end_of_value(text: str, start: int) -> int:
    """Return where the JSON value, hex word or line at `start` ends; the end of the text for invalid JSON."""
    if text.startswith(HEX, start):
        return start + len(text[start:].split(maxsplit=1)[0])
    if text[start] != "{":
        return end if (end := text.find("\n", start)) >= 0 else len(text)
    try:
        return json.JSONDecoder().raw_decode(text, start)[1]
    except (ValueError, RecursionError):
        return len(text)


_INDENT = 2
_KINDS = {
    (False, False): CallKind.UNARY,
    (True, False): CallKind.CLIENT_STREAMING,
    (False, True): CallKind.SERVER_STREAMING,
    (True, True): CallKind.BIDI_STREAMING,
}
"""By whether a call has several requests, and several responses."""


def as_json(draft: Draft, method: Method, catalog: Catalog) -> Draft:
    """Return a draft with its text as indented JSON if it is one valid message on one line, else the draft as it is."""
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
    """Return a draft that sends to `target` what the client of a captured call sent.

    Headers that the client library and HTTP/2 add by themselves are left out, and an authority that is the target's.

    Raises:
        RequestError: the capture does not hold enough of the call.
    """
    sent = resendable_call(call, catalog)
    method = catalog.method(sent.path)
    texts = [_message_text(message, method, catalog) for message in sent.messages]
    if method is not None and method.kind in TAKES_ONE and len(texts) > 1:
        raise RequestError(f"This call has {len(texts)} messages, and its method takes one.")
    authority = sent.authority if sent.authority and _host(sent.authority) != _host(target) else None
    if authority is not None and not (authority.isascii() and authority.isprintable()):
        raise RequestError("The authority of this call cannot be sent.")
    deadline = math.inf if sent.options.deadline is None else sent.options.deadline
    settings = replace(sent.options, deadline=deadline, connection=ConnectionOptions(authority=authority))
    kind = None if method is not None else captured_kind(call)
    return Draft(sent.path, "\n".join(texts), settings, kind)


def captured_kind(call: Call) -> CallKind:
    """Return the simplest kind of call that fits the captured messages."""
    several = len(call.requests) > 1, len(call.responses) > 1
    return _KINDS[several]


def _message_text(message: bytes, method: Method | None, catalog: Catalog) -> str:
    if method is not None and method.request_type:
        reading = read_bytes(message, method.request_type, catalog, origin=method.origin)
        if reading.format is Format.PROTOBUF and reading.complete:
            return json_text(reading.value, _INDENT)
        raise RequestError(f"A message of this call is not a {method.request_name}.", reading.reason)
    return json_text(json.loads(text), _INDENT) if (text := untyped_text(message)).startswith("{") else text


def _host(address: str) -> str:
    return address.rpartition(":")[0] or address


def entry_of(draft: Draft, texts: tuple[str, ...], *, target: str, status: str, sent_at: float) -> HistoryEntry:
    """Return the history entry of a call, with all messages that were sent in it and the settings of its draft."""
    return HistoryEntry(
        draft.path,
        texts,
        target,
        tuple((name, shown_value(value)) for name, value in draft.settings.metadata),
        status,
        sent_at,
        kind=None if draft.kind is None else draft.kind.value,
        **stored_settings(draft.settings),
    )


def draft_of(entry: HistoryEntry) -> Draft:
    """Return the draft of a history entry, without binary metadata that is not valid base64."""
    settings = restored_settings(entry, tuple(_pairs(entry)))
    kind = next((kind for kind in CallKind if kind == entry.kind), None)
    return Draft(entry.method, "\n".join(entry.messages), settings, kind)


def metadata_lines(metadata: Metadata) -> str:
    """Return one line `name: value` for each item, with bytes as base64."""
    return "\n".join(f"{name}: {shown_value(value)}" for name, value in metadata)


def is_blank(name: str, value: str | bytes) -> bool:
    """Return whether the value of a masked header is not entered yet: it is empty, or only the scheme."""
    if isinstance(value, bytes):
        return not value
    return not value.strip() or scheme_of(name, f"{value.strip()} x") == value.strip()


def _pairs(entry: HistoryEntry) -> Iterator[tuple[str, str | bytes]]:
    for name, value in entry.metadata:
        is_binary = name.endswith("-bin")
        if name in entry.masked and value:
            scheme = scheme_of(name, value)
            yield name, b"" if is_binary else f"{scheme} ".lstrip()
        elif not is_binary:
            yield name, value
        else:
            with contextlib.suppress(ValueError):
                yield name, base64.b64decode(value, validate=True)
