"""A connection as the object of `connections --json`: every key is always there, null where nothing is known."""

from __future__ import annotations

from typing import Final

from inspector.model.call import CallState
from inspector.model.connection import Connection
from inspector.model.endpoint import Side
from inspector.model.frame import type_name
from inspector.model.traffic import Goaway, Reset, RoundTrips, Traffic
from inspector.model.window import Stall
from inspector.store.store import Store

_ENDED: Final = (CallState.COMPLETE, CallState.CANCELLED, CallState.BROKEN)


def connection_object(store: Store, index: int) -> dict[str, object]:
    """A connection with what it carried, JSON-ready; what each side did stands under its name."""
    connection, traffic = store.connections[index], store.traffic(index)
    return {
        "connection": index,
        "client": str(connection.client),
        "server": str(connection.server),
        "started": connection.started,
        "ended": connection.ended,
        "last": traffic.last,
        "joined_late": connection.joined_late,
        "tls_unread": connection.is_sealed,
        "why": connection.why and connection.why.sentence,
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


def _goaway(connection: Connection, said: Goaway) -> dict[str, object]:
    return {
        "sender": connection.side(said.sender),
        "time": said.time,
        "error": said.error,
        "last_stream": said.last_stream,
        "debug": said.debug,
        "refused": said.killed,
    }


def _reset(connection: Connection, reset: Reset) -> dict[str, object]:
    return {
        "sender": connection.side(reset.sender),
        "time": reset.time,
        "stream": reset.stream,
        "error": reset.error,
    }
