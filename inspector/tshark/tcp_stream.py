"""Parses tshark's output about TCP connections: their packets, and their bytes as reassembled by tshark."""

from __future__ import annotations

import binascii
from collections.abc import Collection, Iterable
from typing import Final, NamedTuple

from inspector.tshark.binary import Decoding, Tshark

_TCP_ONLY: Final = (
    *("-d", "tcp.port==0-65535,data"),
    *("-o", "tcp.analyze_sequence_numbers:FALSE"),
    *("-o", "tcp.desegment_tcp_streams:FALSE"),
)
"""Neither dissectors above TCP nor the analysis of sequence numbers are needed."""
_FIELDS: Final = ("tcp.stream", "frame.number", "tcp.srcport", "tcp.len")
_MAX_LISTED: Final = 100
"""Connections that a display filter lists one by one."""


class Segment(NamedTuple):
    """One packet of a TCP connection."""

    connection: int
    number: int
    port: int
    """The sender's."""
    length: int
    """Bytes of payload; 0 for a bare acknowledgement."""


def segment_arguments(tshark: Tshark, connections: Collection[int], last: int | None = None) -> list[str]:
    """Return tshark's options for a line per packet of these connections, up to the packet `last`.

    With 100 connections or more, the lines include the packets of all connections between the lowest and highest.
    """
    numbers = ", ".join(map(str, sorted(connections)))
    span = f"tcp.stream >= {min(connections)} && tcp.stream <= {max(connections)}"
    wanted = f"tcp.stream in {{{numbers}}}" if len(connections) < _MAX_LISTED else span
    limit = () if last is None else ("-c", str(last))
    columns = [word for name in _FIELDS for word in ("-e", name)]
    return tshark.query_arguments(Decoding(), *_TCP_ONLY, *limit, "-Y", wanted, "-T", "fields", *columns)


def read_segment(line: bytes) -> Segment:
    """Parse such a line; for TCP within TCP, the innermost counts."""
    connection, number, port, length = (int(cell.rpartition(b",")[2] or 0) for cell in line.strip(b"\r\n").split(b"\t"))
    return Segment(connection, number, port, length)


MAX_STREAM_SIZE: Final = 1 << 24
"""Bytes of one stream that are kept."""


class TcpChunk(NamedTuple):
    """Consecutive bytes from one side."""

    packet: int
    time: float
    """Seconds since the epoch."""
    peer: int
    """0 for the side that opened the connection, where that is known; 1 for the other."""
    data: bytes


class TcpStream(NamedTuple):
    """The bytes of one TCP connection."""

    number: int
    peers: tuple[str, ...]
    """Address and port of both; empty where the capture has no such stream."""
    chunks: tuple[TcpChunk, ...]
    is_cut: bool
    """True when there is more than is kept."""

    @property
    def sizes(self) -> tuple[int, int]:
        """How many of the kept bytes each of the two sent."""
        first = sum(len(chunk.data) for chunk in self.chunks if chunk.peer == 0)
        return first, sum(len(chunk.data) for chunk in self.chunks) - first


class TcpFollow:
    """Parses the YAML of `-z follow,tcp,yaml` line by line, as it can be far larger than what is kept."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._hosts: list[str] = []
        self._ports: list[str] = []
        self._chunks: list[TcpChunk] = []
        self._packet, self._peer, self._time = 0, 0, 0.0
        self._data: list[bytes] = []
        self._kept = 0
        self._is_cut = False

    @property
    def stream(self) -> TcpStream:
        """The stream, according to the lines so far."""
        self._end_chunk()
        peers = tuple(
            f"{_bracketed(host)}:{port}" for host, port in zip(self._hosts, self._ports, strict=False) if host
        )
        return TcpStream(self._number, peers, tuple(self._chunks), self._is_cut)

    def take(self, lines: Iterable[bytes]) -> None:
        """Parse more lines."""
        for line in lines:
            self._take_line(line.strip())

    def _take_line(self, line: bytes) -> None:
        key, found, value = line.partition(b": ")
        match key if found else b"":
            case b"- packet":
                self._end_chunk()
                self._packet = int(value)
            case b"peer":
                self._peer = int(value)
            case b"timestamp":
                self._time = float(value)
            case b"host":
                self._hosts.append(value.decode(errors="replace"))
            case b"port":
                self._ports.append(value.decode(errors="replace"))
            case b"" if line and not line.endswith(b":") and self._packet:
                self._take_data(line)

    def _take_data(self, line: bytes) -> None:
        if self._kept >= MAX_STREAM_SIZE:
            self._is_cut = True
            return
        try:
            data = binascii.a2b_base64(line)
        except binascii.Error:
            return
        self._data.append(data)
        self._kept += len(data)

    def _end_chunk(self) -> None:
        if self._data:
            self._chunks.append(TcpChunk(self._packet, self._time, self._peer, b"".join(self._data)))
            self._data = []


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
