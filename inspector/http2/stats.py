"""Counts what one connection carries, packet by packet, into its `Traffic`.

Runs for every frame of a capture, so the common frame types are handled inline and the others through a table. The
store calls it for every TCP connection, before that is known to carry HTTP/2.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from inspector.http2.flow_control import FlowControl
from inspector.model.connection import (
    MAX_GOAWAYS,
    MAX_KILLED,
    MAX_PINGS,
    MAX_RESET_KINDS,
    MAX_RESETS,
    OTHER_ERRORS,
    Goaway,
    Ping,
    Reset,
    SentCounts,
    Traffic,
    Windows,
    append_bounded,
)
from inspector.model.frame import ACK, Endpoint, Frame, FrameType, Packet, TcpEvent

_MAX_DEBUG: Final = 1_000
"""Characters of the debug data of a GOAWAY."""
_MAX_SETTINGS: Final = 64
"""Different settings of one end; any number may stand for one."""
_MAX_UNACKNOWLEDGED: Final = 1_000
"""SETTINGS of one end that wait for their ACK."""


class ConnectionStats:
    """The traffic of one connection, from its first packet on."""

    __slots__ = ("_ends", "_flow", "_handshake", "_latest", "_settings", "traffic")

    def __init__(self, index: int, ends: tuple[Endpoint, Endpoint], began: float, *, opens: bool = False) -> None:
        """Begin between two ends; the first counts as the client. `opens` is True when it sent a SYN at `began`."""
        self.traffic = Traffic(index, {}, began, began)
        self._flow = FlowControl(*ends, self.traffic.note_stall, from_start=opens)
        sent = {end: SentCounts(end, windows) for end, windows in self._flow.windows.items()}
        self._ends = {end: (each, each.windows, self._flow.other(end)) for end, each in sent.items()}
        self.traffic.sent.update(sent)
        self._latest = 0
        """The number of the latest packet."""
        self._handshake: float | None = began if opens else None
        """The time of the SYN, until its SYN-ACK is acknowledged."""
        self._settings: dict[Endpoint, list[float]] = {end: [] for end in sent}

    def is_between(self, one: Endpoint, other: Endpoint) -> bool:
        """Return True when these are the two ends."""
        return one in self._ends and other in self._ends

    def set_client(self, client: Endpoint) -> None:
        """Set which end is the client."""
        self._flow.client = client

    def count(self, packet: Packet, source: Endpoint, position: int) -> None:
        """Count a packet; `position` is that of its first frame in the store."""
        traffic = self.traffic
        sent, mine, theirs = self._ends.get(source) or self._tunnelled_sender(packet)
        self._latest = packet.number
        traffic.last = packet.time
        sent.packets += 1
        sent.wire += packet.length
        if packet.tcp or packet.problem is not None:
            self._on_tcp(packet, sent)
        if self._handshake is not None:
            self._on_handshake(packet, sent.end)
        counts, flow, payload = sent.frames, self._flow, 0
        for frame in packet.frames:
            kind = frame.type
            counts[kind] = counts.get(kind, 0) + 1
            payload += frame.length
            if kind == 8:  # WINDOW_UPDATE, HEADERS, DATA: nearly all frames are one of these
                flow.on_update(mine, theirs, frame, position)
            elif kind == 1:
                flow.on_headers(mine, theirs, frame, position)
            elif kind == 0:
                sent.data += frame.length
                flow.on_data(mine, theirs, frame, position)
            elif (handler := _HANDLERS.get(kind)) is not None:
                handler(self, frame, sent, position)
            position += 1
        sent.payload += payload

    def is_duplicate(self, packet: Packet) -> bool:
        """Return True where the connection is read again from its first packet, as its port is decoded only now."""
        return packet.number <= self._latest and not any(each.frames for each in self.traffic.sent.values())

    def note_refused(self, stream: int, time: float) -> None:
        """Count a broken call as refused by the latest GOAWAY, if that came at the same time."""
        goaways = self.traffic.goaways
        if goaways and goaways[-1].time == time and stream > goaways[-1].last_stream:
            killed = goaways[-1].killed
            if len(killed) < MAX_KILLED:
                killed.append(stream)

    def _tunnelled_sender(self, packet: Packet) -> tuple[SentCounts, Windows, Windows]:
        """Return the sender of a packet with other addresses, as in a tunnel: the end that is not its destination."""
        first, *others = self._ends.values()
        return others[0] if others and packet.destination == first[0].end else first

    def _on_tcp(self, packet: Packet, sent: SentCounts) -> None:
        tcp = packet.tcp
        if tcp & TcpEvent.SYN:
            self._handshake = packet.time
        if tcp & TcpEvent.PREFACE:
            self._flow.on_preface()
        if tcp & TcpEvent.GAP or packet.problem is not None:
            sent.gaps += bool(tcp & TcpEvent.GAP)
            self._flow.mark_gap(sent.end, packet.time)
        sent.out_of_order += bool(tcp & TcpEvent.OUT_OF_ORDER)
        sent.repeated += bool(tcp & TcpEvent.REPEATED)

    def _on_handshake(self, packet: Packet, source: Endpoint) -> None:
        traffic, started = self.traffic, self._handshake
        is_answered = traffic.sent[traffic.other(source)].packets > 0
        if started is not None and is_answered and not packet.tcp & TcpEvent.SYN and source == self._flow.client:
            traffic.handshake, self._handshake = packet.time - started, None

    def _on_settings(self, frame: Frame, sent: SentCounts, position: int) -> None:
        if frame.flags & ACK:
            waiting = self._settings[self.traffic.other(sent.end)]
            if waiting:
                self.traffic.settings_trips.add(frame.time - waiting.pop(0))
            return
        if len(self._settings[sent.end]) < _MAX_UNACKNOWLEDGED:
            self._settings[sent.end].append(frame.time)
        values = (frame.detail or {}).get("settings")
        for name, value in values.items() if isinstance(values, dict) else ():
            if name in sent.settings or len(sent.settings) < _MAX_SETTINGS:
                sent.settings[name] = value
        self._flow.on_settings(sent.windows, self._flow.other(sent.end), frame, position)

    def _on_ping(self, frame: Frame, sent: SentCounts, position: int) -> None:
        opaque, traffic = (frame.detail or {}).get("opaque"), self.traffic
        if not frame.flags & ACK:
            if len(traffic.waiting) >= MAX_PINGS:
                del traffic.waiting[next(iter(traffic.waiting))]
            traffic.waiting[sent.end, opaque] = frame.time, position
            return
        sender = traffic.other(sent.end)
        ping = traffic.waiting.pop((sender, opaque), None)
        if ping is not None:
            traffic.ping_trips.add(frame.time - ping[0])
            append_bounded(traffic.pings, Ping(sender, ping[0], ping[1], frame.time - ping[0]), MAX_PINGS)

    def _on_reset(self, frame: Frame, sent: SentCounts, position: int) -> None:
        error = str((frame.detail or {}).get("error", ""))
        append_bounded(self.traffic.resets, Reset(sent.end, frame.stream, frame.time, position, error), MAX_RESETS)
        counts = self.traffic.reset_counts
        if (sent.end, error) not in counts and len(counts) >= MAX_RESET_KINDS:
            error = OTHER_ERRORS
        counts[sent.end, error] = counts.get((sent.end, error), 0) + 1
        self._flow.on_reset(sent.windows, self._flow.other(sent.end), frame, position)

    def _on_goaway(self, frame: Frame, sent: SentCounts, position: int) -> None:
        detail = frame.detail or {}
        last, debug = detail.get("last_stream"), str(detail.get("debug", ""))
        goaway = Goaway(
            sent.end,
            frame.time,
            position,
            str(detail.get("error", "")),
            last if isinstance(last, int) else 0,
            debug[:_MAX_DEBUG],
        )
        append_bounded(self.traffic.goaways, goaway, MAX_GOAWAYS)


_HANDLERS: Final[dict[int, Callable[[ConnectionStats, Frame, SentCounts, int], None]]] = {
    FrameType.SETTINGS: ConnectionStats._on_settings,
    FrameType.PING: ConnectionStats._on_ping,
    FrameType.RST_STREAM: ConnectionStats._on_reset,
    FrameType.GOAWAY: ConnectionStats._on_goaway,
}
