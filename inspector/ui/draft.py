"""A request as it is composed: method, messages, settings, and its form in the history."""

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
    """A request that is being written."""

    path: str
    """As in `:path`."""
    text: str = ""
    """One message, or for a method that takes several any number of JSON objects, one after the other."""
    settings: CallSettings = field(default=CallSettings())
    kind: CallKind | None = None
    """That of a method that no schema knows."""


class MessageText(NamedTuple):
    """The text of one message, and where in the whole text it begins."""

    text: str
    start: int = 0


def message_texts(text: str, kind: CallKind) -> list[MessageText]:
    """The messages of a text: one, or where the method takes several one for each JSON object, hex word or line."""
    if kind in TAKES_ONE or not text.strip():
        return [MessageText(text)]
    found, at = [], 0
    while (start := _next_word(text, at)) < len(text):
        at = _end_of_value(text, start)
        found.append(MessageText(text[start:at], start))
    return found


def method_of(draft: Draft, catalog: Catalog) -> Method:
    """The draft's method as the schema has it, or as one without a schema."""
    return catalog.method(draft.path) or untyped_method(draft.path, draft.kind or CallKind.UNARY)


def one_line(text: str) -> str:
    """A text for a box of one line: JSON without its line breaks, any other text with blanks for them.

    What cannot be printed is escaped in JSON, and a blank elsewhere: an input would send it to the terminal.
    """
    if not text.lstrip().startswith("{"):
        return "".join(each if each.isprintable() else " " for each in _flat(text))
    try:
        return json_text(json.loads(text)) if "\n" in text else _escaped(text)
    except (ValueError, RecursionError):
        return _escaped(_flat(text))


def json_text(value: object, indent: int | None = None) -> str:
    """JSON in which all that cannot be printed is escaped: nothing in it acts on a terminal."""
    return _escaped(json.dumps(value, indent=indent, ensure_ascii=False))


def _escaped(text: str) -> str:
    return "".join(each if each.isprintable() or each == "\n" else json.dumps(each)[1:-1] for each in text)


def _flat(text: str) -> str:
    return re.sub(r"\s*[\r\n]\s*", " ", text)


def _next_word(text: str, at: int) -> int:
    match = re.compile(r"[\s,]*").match(text, at)
    return at if match is None else match.end()


def _end_of_value(text: str, start: int) -> int:
    """Where the JSON value, hex word or line at `start` ends; the end of the text where JSON is broken."""
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


def entry_of(draft: Draft, texts: tuple[str, ...], *, target: str, status: str, sent_at: float) -> HistoryEntry:
    """What the history keeps of a call: the messages that it had in the end, and the draft's settings."""
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
    """What the history kept, as a draft again; metadata that is no base64 where it must be is left out."""
    settings = restored_settings(entry, tuple(_pairs(entry)))
    kind = next((kind for kind in CallKind if kind == entry.kind), None)
    return Draft(entry.method, "\n".join(entry.messages), settings, kind)


def metadata_lines(metadata: Metadata) -> str:
    """One `name: value` a line, bytes as base64."""
    return "\n".join(f"{name}: {shown_value(value)}" for name, value in metadata)


def is_blank(name: str, value: str | bytes) -> bool:
    """Return True for a value of a masked name that nobody has completed yet: empty, or the scheme alone."""
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
