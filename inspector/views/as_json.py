"""Frames and calls as the objects of `frames --json` and `calls --json`: a contract with whoever reads them.

Every key is always there, null where nothing is known. Types, flags and error codes go by their RFC 9113 names.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import msgspec

from inspector.model.call import Call, HeaderBlock, StreamKey
from inspector.model.endpoint import Side
from inspector.model.frame import FrameType, Header
from inspector.model.message import Message
from inspector.model.secrets import NO_MASK, Mask
from inspector.model.why import Why
from inspector.schema.catalog import Catalog
from inspector.store.store import Store
from inspector.views.naming import naming
from inspector.views.reading import read
from inspector.views.status_details import status_details
from inspector.views.why import why


def frame_object(store: Store, position: int, mask: Mask = NO_MASK) -> dict[str, object]:
    """Return the frame at a position, JSON-ready, with its secrets masked."""
    frame = store.frames[position]
    return {
        "packet": frame.packet,
        "time": frame.time,
        "connection": frame.connection,
        "stream": frame.stream,
        "sender": store.side(frame).value,
        "type": frame.type_name,
        "flags": list(frame.flag_names),
        "length": frame.length,
        "headers": None if frame.headers is None else _pairs(frame.headers, mask),
        "header_sources": {str(index): source.value for index, source in frame.header_sources},
        "data": frame.payload.hex() if frame.type == FrameType.DATA else None,
        "detail": frame.detail or None,
    }


def call_object(store: Store, catalog: Catalog, key: StreamKey, mask: Mask = NO_MASK) -> dict[str, object]:
    """Return a call with all its messages, JSON-ready, with its secrets masked."""
    call, connection = store.calls[key], store.connections[key.connection]
    known = naming(call, catalog)
    method = catalog.method(known.method)
    return {
        "connection": key.connection,
        "stream": key.stream,
        "client": str(connection.client),
        "server": str(connection.server),
        "method": known.method,
        "method_source": known.source,
        "authority": call.authority,
        "method_candidates": list(known.candidates),
        "kind": method.kind if method else None,
        "state": call.state.value,
        "status": call.status._asdict() if call.status else None,
        "http_status": call.http_status,
        "started": call.started,
        "duration": call.duration,
        "request_headers": _block(call.request_headers, mask) or [],
        "response_headers": _block(call.response_headers, mask),
        "trailers": _block(call.trailers, mask),
        "requests": [_message(call, Side.CLIENT, each, catalog) for each in call.requests],
        "responses": [_message(call, Side.SERVER, each, catalog) for each in call.responses],
        "problems": list(call.problems),
        "status_details": status_details(call, catalog),
        "status_source": call.status and (call.status_source.value if call.status_source else "wire"),
        "why": _why(why(store, catalog, key)),
    }


def message_objects(store: Store, catalog: Catalog, key: StreamKey) -> Iterator[dict[str, object]]:
    """The messages of a call, in the order of the wire, each with whose it is: JSON-ready."""
    call = store.calls[key]
    whose = {"connection": key.connection, "stream": key.stream, "method": naming(call, catalog).method}
    sent = [(side, each) for side in Side for each in call.messages(side)]
    for side, each in sorted(sent, key=lambda pair: pair[1].frame):
        yield {**whose, "sender": side.value, **_message(call, side, each, catalog)}


def line(value: object) -> bytes:
    """An object as one line of JSON in UTF-8, without the line end; an unpaired surrogate stays its escape."""
    try:
        return msgspec.json.encode(value, enc_hook=str)
    except UnicodeEncodeError:
        return json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace")


def _why(found: Why | None) -> dict[str, object] | None:
    if found is None:
        return None
    return {"cause": found.cause.value, "sentence": found.sentence, "packets": list(found.packets)}


def _message(call: Call, side: Side, message: Message, catalog: Catalog) -> dict[str, object]:
    reading = read(call, side, message, catalog)
    return {
        "packet": message.packet,
        "time": message.time,
        "length": message.length,
        "encoding": message.encoding,
        "type": reading.type,
        "format": reading.format.value,
        "value": reading.value,
    }


def _block(block: HeaderBlock | None, mask: Mask) -> list[list[str]] | None:
    return None if block is None else _pairs(block.headers, mask)


def _pairs(headers: tuple[Header, ...], mask: Mask) -> list[list[str]]:
    return [[name, mask.value(name, value)] for name, value in headers]
