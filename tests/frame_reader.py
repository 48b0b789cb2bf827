"""Reads frames from the bytes of one direction (RFC 9113 §4.1), as a second opinion on those of tshark."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from inspector.model.frame import (
    ACK,
    FRAME_HEADER,
    HEADER_TYPES,
    PADDED,
    PRIORITY,
    SETTING_NAMES,
    Detail,
    Endpoint,
    Frame,
    FrameType,
    error_name,
)

CLIENT_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""RFC 9113 §3.4."""
_HEADER: Final = struct.Struct(">IBI")
"""Length and type, flags, stream."""
_STREAM: Final = 0x7FFF_FFFF
"""The highest bit is reserved."""
_SETTING: Final = struct.Struct(">HI")
_PRIORITY_LENGTH: Final = 5
_PADDED_TYPES: Final = frozenset({FrameType.DATA, FrameType.HEADERS, FrameType.PUSH_PROMISE})


class FrameError(ValueError):
    """A payload that its frame type does not allow; the sentence says why."""


class RawFrame(NamedTuple):
    """A frame as it is on the wire."""

    type: int
    flags: int
    stream: int
    payload: bytes
    """With padding and priority fields."""


class FrameReader:
    """Splits the bytes of one direction, given in order and without gaps."""

    __slots__ = ("_bytes",)

    def __init__(self) -> None:
        self._bytes = bytearray()

    @property
    def unfinished(self) -> int:
        """Bytes of the frame that is not complete yet."""
        return len(self._bytes)

    def feed(self, data: bytes) -> Iterator[RawFrame]:
        """Yield the frames that these bytes complete."""
        self._bytes += data
        start = 0
        while len(self._bytes) - start >= FRAME_HEADER:
            length_and_type, flags, stream = _HEADER.unpack_from(self._bytes, start)
            end = start + FRAME_HEADER + (length_and_type >> 8)
            if end > len(self._bytes):
                break
            payload = bytes(self._bytes[start + FRAME_HEADER : end])
            start = end
            yield RawFrame(length_and_type & 0xFF, flags, stream & _STREAM, payload)
        del self._bytes[:start]


def to_frame(raw: RawFrame, packet: int, time: float, connection: int, source: Endpoint) -> Frame:
    """Return the frame that a packet completed. The headers of a block are not decoded.

    Raises:
        FrameError: its payload is not valid for its type (RFC 9113 §6).
    """
    content = _content(raw)
    detail = _DETAILS[raw.type](content, raw.flags) if raw.type in _DETAILS else None
    if raw.type == FrameType.HEADERS and raw.flags & PRIORITY:
        detail, content = _priority(content, raw.flags), content[_PRIORITY_LENGTH:]
    elif raw.type == FrameType.PUSH_PROMISE:
        detail, content = {"promised_stream": _integer(content[:4]) & _STREAM}, content[4:]
    headers = () if raw.type in HEADER_TYPES else None
    payload = content if headers is not None or raw.type == FrameType.DATA else b""
    return Frame(
        *(packet, time, connection, source, raw.stream, raw.type, raw.flags, len(raw.payload)),
        *(headers, (), payload, detail),
    )


def _content(raw: RawFrame) -> bytes:
    """The payload without padding."""
    if raw.type not in _PADDED_TYPES or not raw.flags & PADDED:
        return raw.payload
    padding = 1 + _octet(raw.payload, 0)
    if padding > len(raw.payload):
        raise FrameError("Its padding is longer than the frame.")  # §6.1: a connection error
    return raw.payload[1 : len(raw.payload) - padding + 1]


def _octet(data: bytes, at: int) -> int:
    if at >= len(data):
        raise FrameError("It is shorter than its type requires.")
    return data[at]


def _integer(data: bytes) -> int:
    if len(data) < 4:
        raise FrameError("It is shorter than its type requires.")
    return int.from_bytes(data[:4], "big")


def _priority(content: bytes, _flags: int) -> Detail:
    dependency, weight = _integer(content), 1 + _octet(content, 4)
    return {"dependency": dependency & _STREAM, "weight": weight, "exclusive": dependency > _STREAM}


def _settings(content: bytes, flags: int) -> Detail:
    if len(content) % _SETTING.size:
        raise FrameError("Its length is not a multiple of six.")
    settings = {SETTING_NAMES.get(name) or f"0x{name:x}": value for name, value in _SETTING.iter_unpack(content)}
    return {"ack": bool(flags & ACK), "settings": settings}


def _goaway(content: bytes, _flags: int) -> Detail:
    last, error = _integer(content) & _STREAM, _integer(content[4:])
    return {"error": error_name(error), "last_stream": last, "debug": content[8:].decode(errors="replace")}


_DETAILS: Final[dict[int, Callable[[bytes, int], Detail]]] = {
    FrameType.PRIORITY: _priority,
    FrameType.RST_STREAM: lambda content, _flags: {"error": error_name(_integer(content))},
    FrameType.SETTINGS: _settings,
    FrameType.PING: lambda content, flags: {"ack": bool(flags & ACK), "opaque": content.hex()},
    FrameType.GOAWAY: _goaway,
    FrameType.WINDOW_UPDATE: lambda content, _flags: {"increment": _integer(content) & _STREAM},
}
