"""Packets with their frames, made from the fields that tshark printed for them.

Pure: layers in, a value out. What each frame has of its own is dealt out by `capture.frame_parts`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from typing import Final

from inspector.capture.fields import Layers, entries, last
from inspector.capture.frame_parts import FrameParts
from inspector.capture.handover import Numbering
from inspector.model.endpoint import Endpoint
from inspector.model.frame import Frame, FrameType, Packet, TcpEvent

_TCP: Final = "6"
"""As `ip.proto` says it."""


def read_packet(layers: Layers, numbering: Numbering | None = None) -> Packet:
    """The packet that one line of tshark's output tells of; `numbering` is that of a tshark that began later.

    Raises:
        ValueError, IndexError: a field that every packet has is missing or is no number.
    """
    # Simple Packet Blocks of a pcapng have no time, nor has what tshark makes of a pcapng that ends in its header.
    number, time = int(layers.number), _seconds(layers.time) if layers.time else 0.0
    if numbering is not None:
        number = numbering.packet(number)
    length = int(layers.length or 0)
    if not layers.connection:
        return Packet(number, time, length)
    connection = int(last(layers.connection))
    is_ipv4 = not layers.ipv6_source or last(layers.ip_protocol) == _TCP  # where one lies in the other
    source = _endpoint(layers.ip_source if is_ipv4 else layers.ipv6_source, layers.source_port)
    destination = _endpoint(layers.ip_destination if is_ipv4 else layers.ipv6_destination, layers.destination_port)
    events = _tcp_events(layers.tcp_flags, layers.lost_segment, layers.out_of_order, layers.repeated, layers.preface)
    if numbering is not None:
        opens = events & (TcpEvent.SYN | TcpEvent.REPEATED) == TcpEvent.SYN
        connection = numbering.connection(connection, source, destination, opens=opens)
    frames: tuple[Frame, ...] = ()
    if layers.types:
        parts = FrameParts(layers)
        headings = zip(
            parts.types, entries(layers.flags), entries(layers.streams), entries(layers.lengths), strict=False
        )
        frames = tuple(
            Frame(number, time, connection, source, int(stream), *parts.deal(kind, int(flags, 16), int(size)))
            for kind, flags, stream, size in headings
        )
    problem = "tshark calls the packet malformed" if layers.malformed else None
    payload = int(last(layers.payload) or 0)
    cut = length - int(layers.captured or length)
    events |= TcpEvent.CUT if cut > 0 < payload and cut > _missing_data(frames) else 0
    return Packet(number, time, length, connection, source, destination, events, frames, problem, payload)


def _missing_data(frames: Iterable[Frame]) -> int:
    """Bytes of DATA frames that were not captured."""
    return sum(frame.length - len(frame.payload) for frame in frames if frame.type == FrameType.DATA)


@lru_cache(maxsize=1024)
def _tcp_events(tcp_flags: str, lost_segment: str, out_of_order: str, repeated: str, preface: str) -> int:
    flags = int(last(tcp_flags) or "0", 16)
    events = (flags & 0x12 == 0x02 and TcpEvent.SYN) | (flags & 0x01 and TcpEvent.FIN) | (flags & 0x04 and TcpEvent.RST)
    events |= (TcpEvent.GAP if lost_segment else 0) | (TcpEvent.OUT_OF_ORDER if out_of_order else 0)
    events |= TcpEvent.REPEATED if repeated else 0
    return int(events | (TcpEvent.PREFACE if preface else 0))


@lru_cache(maxsize=4096)
def _endpoint(address: str, port: str) -> Endpoint:
    return Endpoint(last(address), int(last(port)))


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:  # some versions print absolute times by ISO 8601, with nanoseconds
        whole, _, fraction = text.removesuffix("Z").partition(".")
        return datetime.fromisoformat(f"{whole}+00:00").timestamp() + float(f"0.{fraction or 0}")
