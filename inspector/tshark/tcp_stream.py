"""The packets and bytes of a TCP connection, as tshark reassembled them."""

from __future__ import annotations

import binascii
from collections.abc import Collection, Iterable
from typing import Final, NamedTuple

from inspector.tshark.binary import Decoding, Tshark

_NO_FURTHER: Final = (
    *("-d", "tcp.port==0-65535,data"),
    *("-o", "tcp.analyze_sequence_numbers:FALSE"),
    *("-o", "tcp.desegment_tcp_streams:FALSE"),
)
_FIELDS: Final = ("tcp.stream", "frame.number", "tcp.srcport", "tcp.len")
_MANY: Final = 100
"""Connections that are no more named one by one."""


class Segment(NamedTuple):
    """One packet."""

    connection: int
    number: int
    port: int
    """The sender's."""
    length: int
    """Bytes that TCP carried; 0 for a mere acknowledgement."""


def segment_arguments(tshark: Tshark, connections: Collection[int], last: int | None = None) -> list[str]:
    """Tshark's options for the packets of these connections, a line each; where they are many, of others too.

    It looks no further than the packet `last`.
    """
    each = ", ".join(map(str, sorted(connections)))
    span = f"tcp.stream >= {min(connections)} && tcp.stream <= {max(connections)}"
    wanted = f"tcp.stream in {{{each}}}" if len(connections) < _MANY else span
    bound = () if last is None else ("-c", str(last))
    columns = [word for name in _FIELDS for word in ("-e", name)]
    return tshark.look_arguments(Decoding(), *_NO_FURTHER, *bound, "-Y", wanted, "-T", "fields", *columns)


def read_segment(line: bytes) -> Segment:
    """What such a line says; where TCP lies in TCP, the innermost counts."""
    connection, number, port, length = (int(cell.rpartition(b",")[2] or 0) for cell in line.strip(b"\r\n").split(b"\t"))
    return Segment(connection, number, port, length)


MOST_KEPT: Final = 1 << 24
"""Bytes of one stream."""


class TcpChunk(NamedTuple):
    """Bytes that came one after the other from one side."""

    packet: int
    time: float
    """Seconds since the epoch."""
    peer: int
    """0 for the one that opened the connection, as far as is known; 1 for the other."""
    data: bytes


class TcpStream(NamedTuple):
    """What is known of one stream."""

    number: int
    peers: tuple[str, ...]
    """Address and port of both; empty where the capture has no such stream."""
    stretches: tuple[TcpChunk, ...]
    is_cut: bool
    """True when there is more than is kept."""

    @property
    def sizes(self) -> tuple[int, int]:
        """How many bytes each of the two sent, as far as they are kept."""
        first = sum(len(each.data) for each in self.stretches if each.peer == 0)
        return first, sum(len(each.data) for each in self.stretches) - first


class TcpFollow:
    """Takes tshark's lines; `stream` has what they said."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._hosts: list[str] = []
        self._ports: list[str] = []
        self._stretches: list[TcpChunk] = []
        self._packet, self._peer, self._time = 0, 0, 0.0
        self._data: list[bytes] = []
        self._kept = 0
        self._is_cut = False

    @property
    def stream(self) -> TcpStream:
        """The stream as far as it was told."""
        self._end_stretch()
        peers = tuple(
            f"{_bracketed(host)}:{port}" for host, port in zip(self._hosts, self._ports, strict=False) if host
        )
        return TcpStream(self._number, peers, tuple(self._stretches), self._is_cut)

    def take(self, lines: Iterable[bytes]) -> None:
        """Take in what tshark printed."""
        for line in lines:
            self._take_line(line.strip())

    def _take_line(self, line: bytes) -> None:
        key, found, value = line.partition(b": ")
        match key if found else b"":
            case b"- packet":
                self._end_stretch()
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
        if self._kept >= MOST_KEPT:
            self._is_cut = True
            return
        try:
            data = binascii.a2b_base64(line)
        except binascii.Error:
            return
        self._data.append(data)
        self._kept += len(data)

    def _end_stretch(self) -> None:
        if self._data:
            self._stretches.append(TcpChunk(self._packet, self._time, self._peer, b"".join(self._data)))
            self._data = []


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
