"""Exports frames, calls and connections as the objects of `--json`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

import msgspec

from inspector.diagnosis import diagnose
from inspector.diagnosis.call_facts import method_name, status_details
from inspector.model.call import UNREAD_CODE, Call, CallState, HeaderBlock, Message, Status, StreamKey
from inspector.model.connection import Connection, Diagnosis, Goaway, Reset, RoundTrips, Stall, Traffic
from inspector.model.frame import FrameType, Header, Side, type_name
from inspector.model.secrets import NO_MASK, Mask
from inspector.present.messages import read
from inspector.schema.catalog import Catalog
from inspector.store.store import Store


def frame_object(store: Store, position: int, mask: Mask = NO_MASK) -> dict[str, object]:
    """Return the frame at a position as JSON values, with its secrets masked."""
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
    """Return a call with all its messages as JSON values, with its secrets masked."""
    call, connection = store.calls[key], store.connections[key.connection]
    known = method_name(call, catalog)
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
        "status": _status(call.status) if call.status else None,
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
        "why": _why(diagnose(store, catalog, key)),
    }


def message_objects(store: Store, catalog: Catalog, key: StreamKey) -> Iterator[dict[str, object]]:
    """Yield the messages of a call in the order of the wire as JSON values, each with its call and sender."""
    call = store.calls[key]
    call_fields = {"connection": key.connection, "stream": key.stream, "method": method_name(call, catalog).method}
    sent = [(side, each) for side in Side for each in call.messages(side)]
    for side, each in sorted(sent, key=lambda pair: pair[1].frame):
        yield {**call_fields, "sender": side.value, **_message(call, side, each, catalog)}


def json_line(value: object) -> bytes:
    """Return a value as one line of JSON in UTF-8 without a line end; unpaired surrogates are escaped."""
    try:
        return msgspec.json.encode(value, enc_hook=str)
    except UnicodeEncodeError:
        return json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace")


def _why(found: Diagnosis | None) -> dict[str, object] | None:
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


_ENDED: Final = (CallState.COMPLETE, CallState.CANCELLED, CallState.BROKEN)


def connection_object(store: Store, index: int) -> dict[str, object]:
    """Return a connection with its traffic as JSON values; those of each side are under its name."""
    connection, traffic = store.connections[index], store.traffic(index)
    return {
        "connection": index,
        "client": str(connection.client),
        "server": str(connection.server),
        "started": connection.started,
        "ended": connection.ended,
        "last": traffic.last,
        "joined_late": connection.joined_late,
        "tls_unread": connection.is_encrypted,
        "why": connection.diagnosis and connection.diagnosis.sentence,
        "calls": {"open": traffic.open, **{state.value: traffic.ended.get(state, 0) for state in _ENDED}},
        "handshake": traffic.handshake,
        "ping": _trips(traffic.ping_trips),
        "sides": {side.value: _side(connection, traffic, side) for side in Side},
        "stalls": [_stall(connection, each) for each in traffic.stalls],
        "goaways": [_goaway(connection, each) for each in traffic.goaways],
        "resets": [_reset(connection, each) for each in traffic.resets],
    }


def _side(connection: Connection, traffic: Traffic, side: Side) -> dict[str, object]:
    sent = traffic.sent[connection.client if side is Side.CLIENT else connection.server]
    is_read = any(each.frames for each in traffic.sent.values())
    return {
        "packets": sent.packets,
        "repeated": sent.repeated,
        "gaps": sent.gaps,
        "bytes": sent.wire,
        "data_bytes": sent.data,
        "frames": {type_name(kind): count for kind, count in sorted(sent.frames.items())},
        "settings": sent.settings,
        "window": sent.windows.connection() if is_read else None,
        "stream_window": sent.windows.initial if is_read and sent.windows.is_initial_known else None,
    }


def _trips(trips: RoundTrips) -> dict[str, object] | None:
    if not trips.count:
        return None
    return {"count": trips.count, "mean": trips.mean, "least": trips.least, "most": trips.most}


def _stall(connection: Connection, stall: Stall) -> dict[str, object]:
    return {
        "sender": connection.side(stall.sender),
        "stream": stall.stream,
        "began": stall.began,
        "ended": stall.ended,
        "broken_off": stall.broken_off,
        "resumed": stall.resumed,
    }


def _goaway(connection: Connection, goaway: Goaway) -> dict[str, object]:
    return {
        "sender": connection.side(goaway.sender),
        "time": goaway.time,
        "error": goaway.error,
        "last_stream": goaway.last_stream,
        "debug": goaway.debug,
        "refused": goaway.killed,
    }


def _reset(connection: Connection, reset: Reset) -> dict[str, object]:
    return {
        "sender": connection.side(reset.sender),
        "time": reset.time,
        "stream": reset.stream,
        "error": reset.error,
    }


def _status(status: Status) -> dict[str, object]:
    """Return the status; code and name are null for a call that failed with a code that cannot be read."""
    if status.code == UNREAD_CODE:
        return {"code": None, "name": None, "message": status.message}
    return status._asdict()
