"""Makes packets with their frames from the fields that tshark printed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import lru_cache
from itertools import islice
from typing import Final, TypeAlias

from hpack.exceptions import HPACKError
from hpack.hpack import decode_integer

from inspector.http2.framings import BINARY_SUFFIX, binary_value
from inspector.model.frame import (
    ACK,
    END_HEADERS,
    HEADER_TYPES,
    PADDED,
    PRIORITY,
    SETTING_NAMES,
    Detail,
    Endpoint,
    Frame,
    FrameType,
    Header,
    HeaderSource,
    Packet,
    TcpEvent,
    error_name,
)
from inspector.tshark.fields import JOINT, UNKNOWN_NAME, Layers, entries, last
from inspector.tshark.rotation import ResumedNumbering

# tshark counts a dynamic table size update (RFC 7541 §6.3) as a header, though it prints no name for it.
_BEGINS_WITH_UPDATE: Final = re.compile(f"(?:^|{JOINT})[23]")
"""Updates are octets from 20 to 3f, and occur only at the beginning of a block."""
_UPDATE: Final = 0x20
_MASK: Final = 0xE0
_MAX_INTEGER: Final = 12
"""Octets that suffice for any meaningful HPACK integer."""


def header_counts(layers: Layers) -> str:
    """Return `layers.header_counts` without the table size updates that tshark counted."""
    if not _BEGINS_WITH_UPDATE.search(layers.blocks) and not _BEGINS_WITH_UPDATE.search(layers.promise_blocks):
        return layers.header_counts
    counts = [int(count) for count in entries(layers.header_counts) if count.isdigit()]
    updates = _updates(layers, len(counts))
    if len(updates) != len(counts) or sum(counts) - len(entries(layers.header_names)) < sum(updates):
        return layers.header_counts  # a packet that was cut, or a tshark that does not count them
    return JOINT.join(str(max(count - update, 0)) for count, update in zip(counts, updates, strict=True))


def _updates(layers: Layers, count: int) -> list[int]:
    """Return the number of updates in each of the `count` frames that have a header count."""
    kinds = [int(kind) for kind in entries(layers.types)]
    flags = [int(flag, 16) for flag in entries(layers.flags)]
    uncounted = sum(map(HEADER_TYPES.__contains__, kinds)) - count
    blocks = {
        FrameType.HEADERS: iter(entries(layers.blocks)),
        FrameType.PUSH_PROMISE: iter(entries(layers.promise_blocks)),
    }
    found: list[int] = []
    for kind, flag in zip(kinds, flags, strict=False):
        if kind not in HEADER_TYPES:
            continue
        block = next(blocks[FrameType(kind)], "") if kind in blocks else ""
        if uncounted > 0 and not flag & END_HEADERS:
            uncounted -= 1  # a fragment in which no header ended
        else:
            found.append(_leading_updates(block))
    return found


def _leading_updates(block: str) -> int:
    count, at = 0, 0
    try:
        while (octets := bytes.fromhex(block[at : at + 2 * _MAX_INTEGER])) and octets[0] & _MASK == _UPDATE:
            at += 2 * decode_integer(octets, 5)[1]
            count += 1
    except (HPACKError, ValueError):
        return count
    return count


_SETTING_LENGTH: Final = 6
_MISSING: Final = "<MISSING>"
"""What tshark prints for a field of zero bytes."""
_MAX_HEADERS: Final = 200
"""Headers of a block that tshark reads; its table is wrong from there on. The last of so many is marked as unknown,
so that this block and all later ones are read with our own table."""
_REPLACED: Final = "\ufffd"
"""What tshark prints for each byte of a header that is not ASCII."""
_CACHED_LISTS: Final = 4096
"""Packets whose headers are cached: the calls of one client repeat theirs."""
_MAX_CACHED_LENGTH: Final = 4096
"""Characters of the headers of a packet that is cached."""

_Headers: TypeAlias = tuple[tuple[Header, ...], tuple[tuple[int, HeaderSource], ...]]
_NO_HEADERS: Final[_Headers] = (), ()

Parts: TypeAlias = tuple[
    int, int, int, tuple[Header, ...] | None, tuple[tuple[int, HeaderSource], ...], bytes, Detail | None
]
"""Type, flags, length, headers, header sources, payload and detail: the last fields of `Frame`."""


class FrameParts:
    """Assigns the entries of one packet's fields to its frames; `next_frame` is called for each, in wire order."""

    __slots__ = ("_blocks", "_data", "_layers", "_missing_counts", "_queues", "types")

    def __init__(self, layers: Layers) -> None:
        self._layers = layers
        self._queues: dict[str, Iterator[str]] = {}
        self.types = [int(kind) for kind in entries(layers.types)]
        self._data = [entry for entry in entries(layers.data) if entry != _MISSING]
        lists = _header_lists(header_counts(layers), layers.header_names, layers.header_values)
        self._blocks = iter(lists)
        self._missing_counts = sum(map(HEADER_TYPES.__contains__, self.types)) - len(lists)

    def next_frame(self, kind: int, flags: int, length: int) -> Parts:
        """Return the parts of the next frame, which has this type, these flags and this length."""
        if kind == FrameType.DATA:
            padding = 1 + self.number("pad_lengths") if flags & PADDED else 0
            return kind, flags, length, None, (), self._data_of(length - padding), None
        if kind == FrameType.HEADERS:
            detail = _priority(self) if flags & PRIORITY else None
            return kind, flags, length, *self._headers(flags), self.octets("blocks"), detail
        if kind == FrameType.CONTINUATION:
            # tshark prints this fragment as text only, from which the bytes cannot be recovered.
            return kind, flags, length, *self._headers(flags), b"", None
        if kind == FrameType.PUSH_PROMISE:
            promised: Detail = {"promised_stream": self.number("promised_streams")}
            return kind, flags, length, *self._headers(flags), self.octets("promise_blocks"), promised
        make = _DETAILS.get(kind)
        return kind, flags, length, None, (), b"", make(self, flags, length) if make else None

    def text(self, attribute: str) -> str | None:
        """Return the next entry of a field that only some frames have; None when there are no more."""
        if (queue := self._queues.get(attribute)) is None:
            queue = self._queues[attribute] = iter(entries(getattr(self._layers, attribute)))
        return next(queue, None)

    def number(self, attribute: str) -> int:
        """Return the next entry as a number, from decimal or hex; 0 when there are no more, as in a cut packet."""
        text = self.text(attribute)
        return _number(text) if text else 0

    def octets(self, attribute: str) -> bytes:
        """Return the next entry as bytes; empty when there are no more, or for a field of zero bytes."""
        text = self.text(attribute)
        return bytes.fromhex(text) if text and text != _MISSING else b""

    def _data_of(self, length: int) -> bytes:
        """Return the next entry of this length: tshark adds empty ones, and whole bodies at the end of a stream."""
        if length <= 0:
            return b""
        for index, entry in enumerate(self._data):
            if len(entry) == 2 * length:
                del self._data[: index + 1]
                return bytes.fromhex(entry)
        return self._cut_data(2 * length)

    def _cut_data(self, hex_length: int) -> bytes:
        """Return the part of a DATA frame's bytes that a snap length left."""
        index = next((i for i, entry in enumerate(self._data) if 0 < len(entry) < hex_length), None)
        return bytes.fromhex(self._data.pop(index)) if index is not None else b""

    def _headers(self, flags: int) -> _Headers:
        if self._missing_counts > 0 and not flags & END_HEADERS:
            self._missing_counts -= 1  # a fragment in which no header ended
            return _NO_HEADERS
        return next(self._blocks, _NO_HEADERS)


def _header_lists(counts: str, names: str, values: str) -> tuple[_Headers, ...]:
    """Return the headers of each frame with the sources of those that are doubtful."""
    read = _read_lists if len(names) + len(values) <= _MAX_CACHED_LENGTH else _read_lists.__wrapped__
    return read(counts, names, values)


@lru_cache(maxsize=_CACHED_LISTS)
def _read_lists(counts: str, names: str, values: str) -> tuple[_Headers, ...]:
    sizes = [_number(count) for count in entries(counts)]
    all_names, all_values = entries(names), values.split(JOINT)
    is_clear = not any(sizes) or 0 < len(all_names) <= sum(sizes)  # a packet that was cut has fewer
    if not is_clear or (all_names and len(all_names) != len(all_values)):
        # A name or value contains the joint.
        return tuple(_with_sources(((UNKNOWN_NAME, ""),) * size) for size in sizes)
    # One byte of HPACK can repeat a long value, ten thousand times in a block: equal headers share one object.
    unique: dict[Header, Header] = {}
    headers = (unique.setdefault(header, header) for header in zip(all_names, all_values, strict=False))
    return tuple(_with_sources(tuple(islice(headers, size))) for size in sizes)


def _with_sources(headers: tuple[Header, ...]) -> _Headers:
    normalised = {header: _normalised(header) for header in set(headers)}
    sources = tuple((i, source) for i, header in enumerate(headers) if (source := _doubt(header)))
    if len(headers) >= _MAX_HEADERS and not sources:
        sources = ((len(headers) - 1, HeaderSource.UNKNOWN),)
    return tuple(normalised[header] for header in headers), sources


def _number(text: str) -> int:
    return int(text, 0) if text != _MISSING else 0


def _doubt(header: Header) -> HeaderSource | None:
    """Return why a header may differ from that on the wire, so that it is read from the header block instead.

    Unknown are HPACK entries that tshark never saw, binary metadata (printed as empty) and values that are not ASCII. A
    backslash may be tshark's escape for a control character.
    """
    name, value = header
    if name == UNKNOWN_NAME or (not value and name.endswith(BINARY_SUFFIX)) or _REPLACED in name + value:
        return HeaderSource.UNKNOWN
    return HeaderSource.DOUBTFUL if "\\" in name + value else None


def _normalised(header: Header) -> Header:
    name, value = header
    return (name, binary_value(value.encode())) if name.endswith(BINARY_SUFFIX) else header


def _priority(parts: FrameParts) -> Detail:
    exclusive = parts.text("exclusive") in ("1", "True", "true")
    return {"dependency": parts.number("dependencies"), "weight": parts.number("weights"), "exclusive": exclusive}


def _settings(parts: FrameParts, flags: int, length: int) -> Detail:
    settings: dict[str, int] = {}
    for _ in range(length // _SETTING_LENGTH):
        if (identifier := parts.text("setting_ids")) is None:
            break
        known = SETTING_NAMES.get(int(identifier))
        attribute = f"setting_{identifier}"
        value = parts.number(attribute if attribute in Layers._fields else "setting_unknown")
        settings[known or f"0x{int(identifier):x}"] = value
    return {"ack": bool(flags & ACK), "settings": settings}


def _rst_stream(parts: FrameParts, _flags: int, _length: int) -> Detail:
    return {"error": error_name(parts.number("rst_errors"))}


def _ping(parts: FrameParts, flags: int, _length: int) -> Detail:
    is_ack = bool(flags & ACK)
    return {"ack": is_ack, "opaque": parts.text("pongs" if is_ack else "pings") or ""}


def _goaway(parts: FrameParts, _flags: int, length: int) -> Detail:
    last, error = parts.number("goaway_last_streams"), error_name(parts.number("goaway_errors"))
    debug = parts.octets("goaway_debug") if length > 8 else b""
    return {"error": error, "last_stream": last, "debug": debug.decode(errors="replace")}


def _window_update(parts: FrameParts, _flags: int, _length: int) -> Detail:
    return _increment(parts.number("increments"))


@lru_cache(maxsize=4096)
def _increment(number: int) -> Detail:
    """Return one object per number: a third of all frames are updates, and most of them grant the same few sizes."""
    return {"increment": number}


_DETAILS: Final[dict[int, Callable[[FrameParts, int, int], Detail]]] = {
    FrameType.PRIORITY: lambda parts, _flags, _length: _priority(parts),
    FrameType.RST_STREAM: _rst_stream,
    FrameType.SETTINGS: _settings,
    FrameType.PING: _ping,
    FrameType.GOAWAY: _goaway,
    FrameType.WINDOW_UPDATE: _window_update,
}


_TCP: Final = "6"
"""The value of `ip.proto`."""


def read_packet(layers: Layers, numbering: ResumedNumbering | None = None) -> Packet:
    """Make the packet of one line of tshark's output; `numbering` is that of a tshark that resumed.

    Raises:
        ValueError, IndexError: A field that every packet has is missing or malformed.
    """
    # Simple Packet Blocks of a pcapng have no time, nor has the packet of a pcapng that ends within its header.
    number, time = int(layers.number), _seconds(layers.time) if layers.time else 0.0
    if numbering is not None:
        number = numbering.packet(number)
    length = int(layers.length or 0)
    if not layers.connection:
        return Packet(number, time, length)
    connection = int(last(layers.connection))
    is_ipv4 = not layers.ipv6_source or last(layers.ip_protocol) == _TCP  # one may be tunnelled in the other
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
            Frame(number, time, connection, source, int(stream), *parts.next_frame(kind, int(flags, 16), int(size)))
            for kind, flags, stream, size in headings
        )
    problem = "tshark calls the packet malformed" if layers.malformed else None
    payload = int(last(layers.payload) or 0)
    cut = length - int(layers.captured or length)
    events |= TcpEvent.CUT if cut > 0 < payload and cut > _missing_data(frames) else 0
    return Packet(number, time, length, connection, source, destination, events, frames, problem, payload)


def _missing_data(frames: Iterable[Frame]) -> int:
    """Return how many bytes of DATA frames were not captured."""
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
    except ValueError:  # some versions print absolute times in ISO 8601, with nanoseconds
        whole, _, fraction = text.removesuffix("Z").partition(".")
        return datetime.fromisoformat(f"{whole}+00:00").timestamp() + float(f"0.{fraction or 0}")
